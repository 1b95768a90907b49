//! What the scenarios share: people, chats and messages made in one line.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use app::{
    domain::{
        Body, ChatId, ChatState, ClientId, DisplayName, Email, GroupName, MessageId, Role, SessionId,
        Timestamp, UserId, policy::MemberChange,
    },
    error::{AppResult, ErrorCode},
    ports::{
        Appended, Decide, DecideMessage, MessageChange, NewDirectChat, NewGroupChat, NewMessage, NewSession,
        NewUser, RefreshToken, SessionRecord, Store,
    },
    protocol::{EventBody, LogEvent, MemberView, MentionView, MentionsView, MessageView, UserView},
};

pub type TheStore = Arc<dyn Store>;

/// An adapter under test.
pub trait Fixture: Sized {
    /// Opens a store of its own, empty.
    fn open() -> impl Future<Output = Self> + Send;
    /// The store.
    fn store(&self) -> TheStore;
    /// Closes the store and opens the same data again.
    fn reopen(&mut self) -> impl Future<Output = ()> + Send;
}

/// Somebody who has nothing and is in no chat.
pub const NOBODY: UserId = UserId::from_bytes([0; 12]);

/// So many seconds after the scenario began.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_754_500_000_000).plus_seconds(seconds)
}

/// Twelve bytes that no other call gives.
pub fn id() -> [u8; 12] {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let mut bytes = [7; 12];
    bytes[4..].copy_from_slice(&LAST.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes
}

pub fn code<T>(result: AppResult<T>) -> Option<ErrorCode> {
    result.err().map(|error| error.code)
}

pub fn new_user(name: &str, email: &str) -> NewUser {
    NewUser {
        id: UserId::from_bytes(id()),
        email: Email::parse(email).unwrap(),
        display_name: DisplayName::parse(name).unwrap(),
        password_hash: "$argon2id$first".into(),
        created_at: at(0),
    }
}

/// Registers somebody; their address is their name in lower case, with dots, at example.org.
pub async fn person(store: &TheStore, name: &str) -> UserId {
    let user = new_user(name, &format!("{}@example.org", name.to_lowercase().replace(' ', ".")));
    let id = user.id;
    store.create_user(user).await.unwrap();
    id
}

pub async fn people<const N: usize>(store: &TheStore) -> [UserId; N] {
    let mut all = [UserId::from_bytes([0; 12]); N];
    for (number, one) in all.iter_mut().enumerate() {
        *one = person(store, &format!("Person {number}")).await;
    }
    all
}

pub async fn direct(store: &TheStore, pair: [UserId; 2], created_at: Timestamp) -> ChatId {
    let chat = NewDirectChat { id: ChatId::from_bytes(id()), pair, created_at };
    store.create_direct_chat(chat).await.unwrap().0
}

pub fn new_group(members: &[UserId], created_at: Timestamp) -> NewGroupChat {
    let role = |place| if place == 0 { Role::Admin } else { Role::Member };
    NewGroupChat {
        id: ChatId::from_bytes(id()),
        name: GroupName::parse("Team").unwrap(),
        members: members.iter().enumerate().map(|(place, user)| (*user, role(place))).collect(),
        created_at,
    }
}

/// Makes a group; the first member is its admin.
pub async fn group(store: &TheStore, members: &[UserId]) -> ChatId {
    let chat = new_group(members, at(0));
    let id = chat.id;
    store.create_group_chat(chat).await.unwrap();
    id
}

pub fn text(sender_id: UserId, body: &str, created_at: Timestamp) -> NewMessage {
    NewMessage {
        id: MessageId::from_bytes(id()),
        sender_id,
        client_id: ClientId::random(),
        body: Body::parse(body).unwrap(),
        mentions: MentionsView::default(),
        reply_to: None,
        attachments: Vec::new(),
        user_bytes: u64::MAX,
        created_at,
    }
}

/// The message of an outcome that has to be a new one.
pub fn stored(outcome: &Appended) -> &MessageView {
    match outcome {
        Appended::New(LogEvent { body: EventBody::NewMessage { message }, .. }) => message,
        other => panic!("expected a new message: {other:?}"),
    }
}

pub async fn append(store: &TheStore, chat: ChatId, message: NewMessage) -> Appended {
    let mut outcomes = store.append_messages(chat, vec![message]).await.unwrap();
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

pub async fn send(store: &TheStore, chat: ChatId, sender: UserId, body: &str, when: i64) -> MessageView {
    stored(&append(store, chat, text(sender, body, at(when))).await).clone()
}

/// What a service makes of a rule's decision.
pub fn by_policy(
    rule: impl Fn(&ChatState) -> AppResult<Vec<MemberChange>> + Send + Sync + 'static,
) -> Decide {
    Box::new(move |state| Ok(rule(state)?.into_iter().map(event).collect()))
}

pub fn always(bodies: Vec<EventBody>) -> Decide {
    Box::new(move |_state| Ok(bodies.clone()))
}

pub fn renamed(name: &str) -> EventBody {
    EventBody::ChatRenamed { name: name.into() }
}

pub fn added(user: UserId, role: Role, joined_at: Timestamp) -> EventBody {
    let user = UserView { id: user, display_name: "Somebody".into(), ..UserView::default() };
    EventBody::MemberAdded { member: MemberView { user, role, joined_at, read: None } }
}

fn event(change: MemberChange) -> EventBody {
    match change {
        MemberChange::Add(user) => added(user, Role::Member, at(100)),
        MemberChange::Remove(user_id) => EventBody::MemberRemoved { user_id },
        MemberChange::SetRole(user_id, role) => EventBody::RoleChanged { user_id, role },
        MemberChange::Delete => EventBody::ChatDeleted {},
    }
}

/// Has this happen to a message, whatever the rules say of it.
pub async fn amend(
    store: &TheStore,
    message: &MessageView,
    actor: UserId,
    when: i64,
    body: EventBody,
) -> MessageChange {
    try_amend(store, message, actor, when, body).await.unwrap()
}

pub async fn try_amend(
    store: &TheStore,
    message: &MessageView,
    actor: UserId,
    when: i64,
    body: EventBody,
) -> AppResult<MessageChange> {
    let decide: DecideMessage = Box::new(move |_state| Ok(Some(body.clone())));
    store.change_message(message.chat_id, message.id, actor, at(when), decide).await
}

pub fn edited(message: &MessageView, body: &str) -> EventBody {
    edited_naming(message, body, MentionsView::default())
}

pub fn edited_naming(message: &MessageView, body: &str, mentions: MentionsView) -> EventBody {
    let (message_id, ordinal) = (message.id, message.ordinal);
    EventBody::MessageEdited { message_id, ordinal, body: body.into(), mentions }
}

/// Mentions of these people, and of all, whatever they are called.
pub fn mentioning(all: bool, people: &[UserId]) -> MentionsView {
    let name = |user: &UserId| MentionView { user_id: *user, name: format!("name of {user}") };
    MentionsView { all, people: people.iter().map(name).collect() }
}

pub fn reacted(message: &MessageView, emoji: &str, on: bool) -> EventBody {
    EventBody::ReactionChanged { message_id: message.id, emoji: emoji.into(), on }
}

pub fn pinned(message: &MessageView, on: bool) -> EventBody {
    EventBody::PinChanged { message_id: message.id, on }
}

/// Seconds.
pub const DAY: i64 = 24 * 60 * 60;

/// A session to be made that begins at `start` and lasts for `seconds`.
pub fn new_session(user_id: UserId, start: i64, seconds: i64) -> NewSession {
    let session = SessionRecord {
        id: SessionId::from_bytes(id()),
        user_id,
        user_agent: "Mozilla/5.0".into(),
        address: "192.0.2.1".into(),
        created_at: at(start),
        last_used_at: at(start),
        expires_at: at(start + seconds),
    };
    NewSession { session, refresh_hash: hash(), most: 100 }
}

/// A session that begins at `start` and lasts for `seconds`, and its first token's hash.
pub async fn session(
    store: &TheStore,
    user_id: UserId,
    start: i64,
    seconds: i64,
) -> (SessionRecord, [u8; 32]) {
    let new = new_session(user_id, start, seconds);
    let made = (new.session.clone(), new.refresh_hash);
    store.create_session(new).await.unwrap();
    made
}

/// A token that is exchanged, within a grace of 30 seconds.
pub fn refresh(presented: [u8; 32], now: i64) -> RefreshToken {
    RefreshToken {
        presented,
        successor: hash(),
        now: at(now),
        grace_seconds: 30,
        idle_seconds: DAY,
        absolute_seconds: 30 * DAY,
        address: "192.0.2.2".into(),
    }
}

/// The hash of a token that no other call gives.
pub fn hash() -> [u8; 32] {
    let mut bytes = [9; 32];
    bytes[..12].copy_from_slice(&id());
    bytes
}

/// All that is in a chat's log, checked to be without a hole.
pub async fn log(store: &TheStore, chat: ChatId) -> Vec<LogEvent> {
    let events = store.events_after(chat, app::domain::Seq(0), 100_000).await.unwrap();
    for (event, seq) in events.iter().zip(1..) {
        assert_eq!(event.seq.0, seq, "the log has a hole");
        assert_eq!(event.chat_id, chat);
    }
    events
}

/// Of three messages the second has become something that a newer version wrote.
pub fn passes_on_what_is_newer(events: &[LogEvent]) {
    let kinds: Vec<_> = events.iter().map(|event| serde_json::to_value(event).unwrap()).collect();
    let kinds: Vec<_> = kinds.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["new_message", "poll_opened", "new_message"]);
    let sent = serde_json::to_value(&events[1]).unwrap();
    assert_eq!(sent["poll"], serde_json::json!({ "question": "When?", "choices": ["now", 2, null] }));
}

pub fn bodies(messages: &[MessageView]) -> Vec<&str> {
    messages.iter().map(|message| message.body.as_str()).collect()
}
