//! Making chats, and changing them through their log.

use std::collections::BTreeMap;

use app::{
    domain::{Blocking, ChatId, ChatKind, ChatState, Membership, Role, Seq, Timestamp, UserId, limits},
    error::ErrorCode,
    ports::{Decide, NewDirectChat, NewGroupChat},
    protocol::{EventBody, LogEvent},
};
use futures::TryStreamExt;
use mongodb::{
    bson::{Document, doc, oid::ObjectId},
    options::ReadConcern,
};

use super::{
    MongoStore, accounts, avatars,
    documents::{
        ChatDocument, IdDocument, MemberDocument, PairDocument, attachment, attachment_oid, chat_oid, date,
        role_text, time, user, user_oid,
    },
    fault::Fault,
    log::EventDocument,
    migrations::index,
    people::{self, BlockedDocument},
    transaction::{Attempted, COMMAND, Transaction},
};

pub(super) async fn create_direct(store: &MongoStore, chat: &NewDirectChat) -> Result<(ChatId, bool), Fault> {
    let [one, other] = chat.pair;
    if one == other {
        return Err(ErrorCode::CannotChatWithSelf.into());
    }
    let pair = (one.min(other), one.max(other));
    if let Some(existing) = of_pair(store, pair).await? {
        return Ok((existing, false));
    }
    let by_me = people::has_blocked(store, one, other);
    let (by_me, by_them) = tokio::try_join!(by_me, people::has_blocked(store, other, one))?;
    if let Some(code) = (Blocking { by_me, by_them }).refusal() {
        return Err(code.into());
    }
    let members = chat.pair.map(|user| (user, Role::Member));
    let pair = PairDocument { low: user_oid(pair.0), high: user_oid(pair.1) };
    let document = new_chat(chat.id, None, Some(pair), members.len(), chat.created_at);
    match create(store, document, &members, chat.created_at).await {
        // The other one was faster; there is one by now.
        Err(fault) if fault.duplicate() == Some(index::CHATS_BY_PAIR) => Err(Fault::Lost),
        outcome => outcome.map(|()| (chat.id, true)),
    }
}

/// The direct chat of these two, of whom the first has the lower id.
pub(super) async fn of_pair(
    store: &MongoStore,
    (low, high): (UserId, UserId),
) -> Result<Option<ChatId>, Fault> {
    let chats = store.chats.clone_with_type::<IdDocument>();
    let filter = doc! { "pair.low": user_oid(low), "pair.high": user_oid(high) };
    let found = store.first(chats.find_one(filter).projection(doc! { "_id": 1 })).await?;
    Ok(found.map(|chat| ChatId::from_bytes(chat.id.bytes())))
}

pub(super) async fn create_group(store: &MongoStore, chat: &NewGroupChat) -> Result<(), Fault> {
    let name = chat.name.as_str().to_owned();
    let document = new_chat(chat.id, Some(name), None, chat.members.len(), chat.created_at);
    create(store, document, &chat.members, chat.created_at).await
}

fn new_chat(
    id: ChatId,
    name: Option<String>,
    pair: Option<PairDocument>,
    members: usize,
    at: Timestamp,
) -> ChatDocument {
    let members = i64::try_from(members).unwrap_or(i64::MAX);
    ChatDocument {
        id: chat_oid(id),
        kind: if pair.is_some() { ChatKind::Direct } else { ChatKind::Group },
        name,
        pair,
        blocked: None,
        description: String::new(),
        avatar: None,
        created_at: date(at),
        head: 0,
        head_ordinal: 0,
        last_message_id: None,
        member_count: members,
        last_position: members,
        last_activity_at: date(at),
        deleted_at: None,
    }
}

async fn create(
    store: &MongoStore,
    chat: ChatDocument,
    members: &[(UserId, Role)],
    at: Timestamp,
) -> Result<(), Fault> {
    let maker = members.first().map(|(maker, _)| *maker);
    let people = members.iter().map(|(user, _)| user_oid(*user)).collect();
    let pair = chat.pair.as_ref().map(|pair| (user(pair.low), user(pair.high)));
    tokio::try_join!(exist(store, people), may_make(store, maker))?;
    let members: Vec<_> = members
        .iter()
        .zip(1..)
        .map(|((user, role), position)| MemberDocument::joining(chat.id, *user, *role, at, position, 0))
        .collect();
    let mut transaction = Transaction::begin(store).await?;
    store.chats.insert_one(chat).session(transaction.session()).await?;
    if let Some((one, other)) = pair {
        people::meet(store, &mut transaction, one, other, at).await?;
    }
    if !members.is_empty() {
        store.members.insert_many(members).session(transaction.session()).await?;
    }
    transaction.commit().await
}

/// Whether these people exist. Accounts are never deleted: who is there before the transaction is there in it.
async fn exist(store: &MongoStore, people: Vec<ObjectId>) -> Result<(), Fault> {
    if people.is_empty() {
        return Ok(());
    }
    let profiles = accounts::profiles(store, people.clone()).await?;
    let all = people.iter().all(|user| profiles.contains_key(user));
    if all { Ok(()) } else { Err(ErrorCode::UnknownMember.into()) }
}

/// Whether somebody may make one more chat. Who made a chat is its first member, and nobody else ever gets that
/// position. Two chats that are made at the same moment do not count each other, so that somebody may come to
/// have made a few more than [`limits::CHATS_MADE_PER_USER`].
async fn may_make(store: &MongoStore, maker: Option<UserId>) -> Result<(), Fault> {
    let Some(maker) = maker else { return Ok(()) };
    let limit = u64::try_from(limits::CHATS_MADE_PER_USER).unwrap_or(u64::MAX);
    // Counted in the index alone.
    let made = doc! { "user_id": user_oid(maker), "position": 1 };
    let made = store.count(store.members.count_documents(made).limit(limit)).await?;
    if made < limit { Ok(()) } else { Err(ErrorCode::TooManyChats.into()) }
}

/// Changes a chat; if it goes by an invitation, as a use of that, which is found by `its_use` while it is as it was read.
pub(super) async fn change(
    store: &MongoStore,
    id: ChatId,
    actor: UserId,
    at: Timestamp,
    decide: &Decide,
    attempted: &Attempted<Vec<LogEvent>>,
    its_use: Option<Document>,
) -> Result<Option<Vec<LogEvent>>, Fault> {
    let _turn = store.turn(id).await;
    let Some((chat, members)) = state(store, id).await? else { return Ok(None) };
    let head = Seq::from_i64(chat.head);
    let membership = |member: &MemberDocument| Membership {
        user_id: user(member.user_id),
        role: member.role,
        joined_at: time(member.joined_at),
    };
    let state = ChatState {
        id,
        kind: chat.kind,
        head,
        avatar: chat.avatar.map(attachment),
        members: members.iter().map(membership).collect(),
    };
    let bodies = decide(&state)?;
    let mut seq = head;
    let events: Vec<_> = bodies
        .into_iter()
        .map(|body| {
            seq = seq.next();
            LogEvent { chat_id: id, seq, at, actor_id: actor, named: Default::default(), body }
        })
        .collect();
    if events.is_empty() {
        return Ok(Some(events));
    }
    let mut outcome = Outcome::of(&chat, members);
    for event in &events {
        outcome.apply(event)?;
    }
    exist(store, outcome.added()).await?;
    // Read before the commit: after it nothing may fail any more.
    let people = events.iter().flat_map(|event| event.body.people(actor)).map(user_oid).collect();
    let profiles = accounts::profiles(store, people).await?;
    attempted.note(events.clone());
    commit(store, &chat, &events, outcome, its_use).await?;
    let name = |user: UserId| Some((user, profiles.get(&user_oid(user))?.display_name.clone()));
    let mut events = events;
    for event in &mut events {
        event.named = event.body.people(actor).into_iter().filter_map(name).collect();
    }
    Ok(Some(events))
}

/// What became of a change that nobody confirmed: its events are in the log, each in its place, or others are.
pub(super) async fn look_up(
    store: &MongoStore,
    id: ChatId,
    attempted: &Attempted<Vec<LogEvent>>,
) -> Result<Option<Option<Vec<LogEvent>>>, Fault> {
    let Some(events) = attempted.take() else { return Ok(None) };
    let places: Vec<i64> = events.iter().map(|event| event.seq.as_i64()).collect();
    // Asked of the log alone: the change may have been the end of the chat.
    let these = doc! { "chat_id": chat_oid(id), "seq": { "$in": places } };
    let stored = store.all(store.events.find(these).sort(doc! { "seq": 1 })).await?;
    let people = stored.iter().flat_map(EventDocument::people).collect();
    let profiles = accounts::profiles(store, people).await?;
    let stored: Vec<LogEvent> = stored.into_iter().map(|event| event.into_event(&profiles)).collect();
    // What was attempted names nobody yet.
    let unnamed = stored.iter().map(|event| LogEvent { named: Default::default(), ..event.clone() });
    Ok(unnamed.eq(events).then_some(Some(stored)))
}

/// The chat and its members, in the order of joining. The head is read first: whatever happens to the
/// members afterwards moves it, and this change is then refused and decided anew.
async fn state(store: &MongoStore, id: ChatId) -> Result<Option<(ChatDocument, Vec<MemberDocument>)>, Fault> {
    // What is not yet on a majority is good to build upon: a commit that follows it is on none without it.
    let chat = store
        .chats
        .find_one(doc! { "_id": chat_oid(id), "deleted_at": null })
        .read_concern(ReadConcern::local())
        .max_time(COMMAND);
    let mut session = store.causal().await?;
    let Some(chat) = chat.session(&mut session).await? else { return Ok(None) };
    let members = store
        .members
        .find(doc! { "chat_id": chat.id })
        .projection(doc! { "draft": 0 })
        .sort(doc! { "position": 1 })
        .read_concern(ReadConcern::local())
        .max_time(COMMAND);
    let mut members = members.session(&mut session).await?;
    Ok(Some((chat, members.stream(&mut session).try_collect().await?)))
}

/// What becomes of a chat by its events.
struct Outcome {
    /// By their place in the order of joining.
    members: BTreeMap<i64, MemberDocument>,
    before: BTreeMap<i64, MemberDocument>,
    last_position: i64,
    head_ordinal: i64,
    is_group: bool,
    /// What stood for it, and what does afterwards.
    avatar: (Option<ObjectId>, Option<ObjectId>),
    set: Document,
    unset: Document,
}

impl Outcome {
    fn of(chat: &ChatDocument, members: Vec<MemberDocument>) -> Self {
        let before: BTreeMap<_, _> = members.into_iter().map(|member| (member.position, member)).collect();
        Self {
            members: before.clone(),
            before,
            last_position: chat.last_position,
            head_ordinal: chat.head_ordinal,
            is_group: chat.kind == ChatKind::Group,
            avatar: (chat.avatar, chat.avatar),
            set: Document::new(),
            unset: Document::new(),
        }
    }

    /// Brings members, roles, name and avatar to where the event says they are.
    fn apply(&mut self, event: &LogEvent) -> Result<(), Fault> {
        match &event.body {
            EventBody::MemberAdded { member } => {
                if self.position_of(member.user.id).is_some() {
                    return Err(Fault::broken_rule("an event adds somebody who is a member"));
                }
                self.last_position += 1;
                let document = MemberDocument::joining(
                    chat_oid(event.chat_id),
                    member.user.id,
                    member.role,
                    member.joined_at,
                    self.last_position,
                    self.head_ordinal,
                );
                self.members.insert(self.last_position, document);
            }
            EventBody::MemberRemoved { user_id } => {
                let position = self.position_of(*user_id);
                if position.and_then(|position| self.members.remove(&position)).is_none() {
                    return Err(Fault::broken_rule("an event removes somebody who is not a member"));
                }
            }
            EventBody::RoleChanged { user_id, role } => {
                let position = self.position_of(*user_id);
                match position.and_then(|position| self.members.get_mut(&position)) {
                    Some(member) => member.role = *role,
                    None => {
                        let rule = "an event gives a role to somebody who is not a member";
                        return Err(Fault::broken_rule(rule));
                    }
                }
            }
            EventBody::ChatRenamed { name } if self.is_group => {
                self.set.insert("name", name);
            }
            EventBody::ChatRenamed { .. } => {
                return Err(Fault::broken_rule("an event renames what is not a group"));
            }
            EventBody::ChatDescribed { description } if self.is_group => {
                self.set.insert("description", description);
            }
            EventBody::ChatDescribed { .. } => {
                return Err(Fault::broken_rule("an event describes what is not a group"));
            }
            EventBody::ChatAvatarChanged { avatar } if self.is_group => self.show(avatar.map(attachment_oid)),
            EventBody::ChatAvatarChanged { .. } => {
                return Err(Fault::broken_rule("an event gives an avatar to what is not a group"));
            }
            EventBody::ChatDeleted {} => {
                self.members.clear();
                self.show(None);
                self.set.insert("deleted_at", date(event.at));
                self.unset.insert("pair", "");
            }
            EventBody::NewMessage { .. }
            | EventBody::MessageEdited { .. }
            | EventBody::ReactionChanged { .. }
            | EventBody::PinChanged { .. }
            | EventBody::MessageDeleted { .. } => {
                return Err(Fault::broken_rule("messages have ways of their own"));
            }
            EventBody::Unknown(_) => {
                return Err(Fault::broken_rule("nobody decides what this version does not know"));
            }
        }
        Ok(())
    }

    fn show(&mut self, avatar: Option<ObjectId>) {
        self.avatar.1 = avatar;
        self.set.remove("avatar");
        self.unset.remove("avatar");
        match (self.avatar.0, avatar) {
            (_, Some(id)) => self.set.insert("avatar", id),
            (Some(_before), None) => self.unset.insert("avatar", ""),
            (None, None) => None,
        };
    }

    fn position_of(&self, who: UserId) -> Option<i64> {
        let who = user_oid(who);
        self.members.values().find(|member| member.user_id == who).map(|member| member.position)
    }

    /// The members that were not there before: a place is given once.
    fn joined(&self) -> impl Iterator<Item = &MemberDocument> {
        self.members.values().filter(|member| !self.before.contains_key(&member.position))
    }

    fn added(&self) -> Vec<ObjectId> {
        self.joined().map(|member| member.user_id).collect()
    }
}

/// What counts is committed with the events that it follows from, or not at all.
async fn commit(
    store: &MongoStore,
    chat: &ChatDocument,
    events: &[LogEvent],
    mut outcome: Outcome,
    its_use: Option<Document>,
) -> Result<(), Fault> {
    let removed: Vec<i64> =
        outcome.before.keys().filter(|position| !outcome.members.contains_key(position)).copied().collect();
    let new: Vec<MemberDocument> = outcome.joined().cloned().collect();
    let count = i64::try_from(outcome.members.len()).unwrap_or(i64::MAX);
    let head = events.last().map_or(chat.head, |event| event.seq.as_i64());
    outcome.set.extend(doc! { "head": head, "member_count": count, "last_position": outcome.last_position });
    let mut update = doc! { "$set": outcome.set };
    if !outcome.unset.is_empty() {
        update.insert("$unset", outcome.unset);
    }

    let mut transaction = Transaction::begin(store).await?;
    move_head(store, &mut transaction, unmoved(chat.id, chat.head), update).await?;
    if let Some(invite) = its_use {
        let used = doc! { "$inc": { "uses": 1_i64 } };
        let used = store.invites.update_one(invite, used).session(transaction.session()).await?;
        if used.matched_count != 1 {
            return Err(Fault::Lost);
        }
    }
    if let Some(last) = events.last().filter(|_| outcome.avatar.0 != outcome.avatar.1) {
        let actor = user_oid(last.actor_id);
        avatars::replace(store, &mut transaction, actor, outcome.avatar, last.at).await?;
    }
    let documents: Vec<_> = events.iter().map(EventDocument::from).collect();
    store.events.insert_many(documents).session(transaction.session()).await?;
    if !removed.is_empty() {
        let mut gone = doc! { "chat_id": chat.id };
        if count > 0 || !new.is_empty() {
            gone.insert("position", doc! { "$in": removed });
        }
        store.members.delete_many(gone).session(transaction.session()).await?;
    }
    for (position, member) in &outcome.members {
        if outcome.before.get(position).is_some_and(|before| before.role != member.role) {
            let which = doc! { "chat_id": chat.id, "position": *position };
            let role = doc! { "$set": { "role": role_text(member.role) } };
            store.members.update_one(which, role).session(transaction.session()).await?;
        }
    }
    if !new.is_empty() {
        store.members.insert_many(new).session(transaction.session()).await?;
    }
    transaction.commit().await
}

/// The first command of every write to a chat: moves its head from where it was read, or not at all.
pub(super) async fn move_head(
    store: &MongoStore,
    transaction: &mut Transaction<'_>,
    unmoved: Document,
    update: Document,
) -> Result<(), Fault> {
    let moved = store.chats.update_one(unmoved, update).session(transaction.session()).await?;
    if moved.matched_count == 1 { Ok(()) } else { Err(Fault::Lost) }
}

/// Finds the chat while its head is where it was read.
pub(super) fn unmoved(chat: ObjectId, head: i64) -> Document {
    doc! { "_id": chat, "head": head }
}

/// The same of one to whose people something is written: as long as nobody of them blocks the other, or no longer does.
pub(super) fn unmoved_and(chat: ObjectId, head: i64, blocked: BlockedDocument) -> Document {
    let mut which = unmoved(chat, head);
    which.extend(blocked.as_read());
    which
}
