//! A store in memory that knows sessions, chats and their logs: as much as a socket asks for. Whatever
//! else is asked of it fails, and with it the test.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use app::{
    domain::{
        About, AttachmentId, ChatId, ChatKind, ChatState, ClientId, DisplayName, Email, InviteId, MessageId,
        Ordinal, Role, Seq, SessionId, Timestamp, UserId,
    },
    error::{AppError, AppResult, ErrorCode},
    ports::{
        AccountStore, Appended, AttachmentRecord, AttachmentStore, AvatarStore, ChatRecord, ChatStore,
        Decide, DecideMessage, DecideMine, DraftStore, GroupStore, InvitedTo, MentionStore, MessageChange,
        MessageStore, MineChange, NamedMember, NewAttachment, NewDirectChat, NewDraft, NewGroupChat,
        NewInvite, NewMessage, NewSession, NewUser, PageQuery, Place, Places, PushAudience, PushQuery,
        PushStore, PushSubscription, ReadingStore, RefreshOutcome, RefreshToken, SessionRecord, Store,
        UserRecord,
    },
    protocol::{
        DraftView, EditView, EventBody, Heads, HistoryPage, InviteView, LogEvent, MemberView, MembersPage,
        MessageView, MyChatView,
    },
};
use async_trait::async_trait;

use super::model::Chance;
use appending::{Appendings, Fate};

mod appending;
mod people;

#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    single_sessions: AtomicUsize,
    broken_logs: AtomicBool,
    stuck_contacts: AtomicBool,
    /// How often the heads of somebody's chats can be read until that fails, if it does.
    reads_left: Mutex<Option<usize>>,
    /// How long answers take and what becomes of writes, if chance decides that.
    chance: OnceLock<Chance>,
    /// Reads of heads that go on, and the most that ever did.
    reading: AtomicUsize,
    most_reading: AtomicUsize,
    appended: Mutex<Appendings>,
}

#[derive(Default)]
struct State {
    sessions: BTreeMap<SessionId, UserId>,
    chats: BTreeMap<ChatId, (BTreeSet<UserId>, Vec<LogEvent>)>,
    mine: BTreeMap<(ChatId, UserId), MyChatView>,
}

impl State {
    fn mine_of(&self, chat: ChatId, user: UserId) -> MyChatView {
        self.mine.get(&(chat, user)).cloned().unwrap_or_default()
    }
}

fn not_asked<T>() -> AppResult<T> {
    Err(AppError::internal("a socket does not ask for this"))
}

impl MemoryStore {
    pub fn sign_in(&self, user: UserId, session: SessionId) {
        self.state.lock().unwrap().sessions.insert(session, user);
    }

    pub fn sign_out(&self, session: SessionId) {
        self.state.lock().unwrap().sessions.remove(&session);
    }

    /// How often a session was asked for by itself.
    pub fn single_sessions(&self) -> usize {
        self.single_sessions.load(Ordering::Relaxed)
    }

    /// From now on no log can be read.
    pub fn break_logs(&self) {
        self.broken_logs.store(true, Ordering::Relaxed);
    }

    /// From now on the question who somebody shares a chat with is never answered.
    pub fn hold_back_contacts(&self) {
        self.stuck_contacts.store(true, Ordering::Relaxed);
    }

    /// The heads of somebody's chats can be read this often from now on, and then no more.
    pub fn limit_reads(&self, times: usize) {
        *self.reads_left.lock().unwrap() = Some(times);
    }

    /// Where the logs of somebody's chats stand.
    pub fn heads_now(&self, viewer: UserId) -> Heads {
        let state = self.state.lock().unwrap();
        let of = |(members, _): &(BTreeSet<UserId>, Vec<LogEvent>)| members.contains(&viewer);
        let head = |(_, log): &(_, Vec<LogEvent>)| Seq(log.len() as u64);
        state.chats.iter().filter(|(_, chat)| of(chat)).map(|(id, chat)| (*id, head(chat))).collect()
    }

    /// The most questions for the heads of somebody's chats that were ever asked at once.
    pub fn most_reading(&self) -> usize {
        self.most_reading.load(Ordering::Relaxed)
    }

    pub fn add(&self, chat: ChatId, user: UserId) {
        self.state.lock().unwrap().chats.entry(chat).or_default().0.insert(user);
    }

    pub fn remove(&self, chat: ChatId, user: UserId) {
        self.state.lock().unwrap().chats.entry(chat).or_default().0.remove(&user);
    }

    /// What the chat is to the person alone from now on.
    pub fn set_mine(&self, chat: ChatId, user: UserId, mine: MyChatView) {
        self.state.lock().unwrap().mine.insert((chat, user), mine);
    }

    /// Appends an event. Returns it.
    pub fn rename(&self, chat: ChatId, name: &str) -> LogEvent {
        let mut state = self.state.lock().unwrap();
        let log = &mut state.chats.entry(chat).or_default().1;
        let event = LogEvent {
            chat_id: chat,
            seq: Seq(log.len() as u64 + 1),
            at: Timestamp::from_millis(0),
            actor_id: UserId::from_bytes([1; 12]),
            named: BTreeMap::new(),
            body: EventBody::ChatRenamed { name: name.to_owned() },
        };
        log.push(event.clone());
        event
    }
}

#[async_trait]
impl AccountStore for MemoryStore {
    async fn create_user(&self, _: NewUser) -> AppResult<()> {
        not_asked()
    }
    async fn user(&self, _: UserId) -> AppResult<Option<UserRecord>> {
        not_asked()
    }
    async fn user_by_email(&self, _: &Email) -> AppResult<Option<UserRecord>> {
        not_asked()
    }
    async fn users(&self, _: &[UserId]) -> AppResult<Vec<UserRecord>> {
        not_asked()
    }
    async fn search_users(
        &self,
        _: &[String],
        _: Option<&Email>,
        _: UserId,
        _: usize,
    ) -> AppResult<Vec<UserRecord>> {
        not_asked()
    }
    async fn update_profile(&self, _: UserId, _: DisplayName, _: About) -> AppResult<bool> {
        not_asked()
    }
    async fn replace_password(&self, _: UserId, _: &str, _: String) -> AppResult<bool> {
        not_asked()
    }
    async fn create_session(&self, _: NewSession) -> AppResult<Vec<SessionId>> {
        not_asked()
    }
    async fn session(&self, id: SessionId, now: Timestamp) -> AppResult<Option<SessionRecord>> {
        self.single_sessions.fetch_add(1, Ordering::Relaxed);
        Ok(self.sessions(&[id], now).await?.pop())
    }
    async fn sessions(&self, ids: &[SessionId], now: Timestamp) -> AppResult<Vec<SessionRecord>> {
        let state = self.state.lock().unwrap();
        let found = ids.iter().filter_map(|id| Some((*id, *state.sessions.get(id)?)));
        let record = |(id, user_id)| SessionRecord {
            id,
            user_id,
            user_agent: String::new(),
            address: String::new(),
            created_at: now,
            last_used_at: now,
            expires_at: now.plus_seconds(60),
        };
        Ok(found.map(record).collect())
    }
    async fn session_by_refresh(&self, _: &[u8; 32]) -> AppResult<Option<SessionId>> {
        not_asked()
    }
    async fn rotate_refresh(&self, _: RefreshToken) -> AppResult<RefreshOutcome> {
        not_asked()
    }
    async fn sessions_of(&self, _: UserId, _: Timestamp) -> AppResult<Vec<SessionRecord>> {
        not_asked()
    }
    async fn end_session(&self, _: UserId, _: SessionId) -> AppResult<bool> {
        not_asked()
    }
    async fn end_other_sessions(&self, _: UserId, _: SessionId) -> AppResult<Vec<SessionId>> {
        not_asked()
    }
}

#[async_trait]
impl AttachmentStore for MemoryStore {
    async fn expect_attachment(&self, _: NewAttachment) -> AppResult<()> {
        not_asked()
    }
    async fn attached_bytes(&self, _: UserId) -> AppResult<u64> {
        not_asked()
    }
    async fn attachment(&self, _: AttachmentId) -> AppResult<Option<AttachmentRecord>> {
        not_asked()
    }
    async fn give_up_attachments(&self, _: &[AttachmentId], _: Timestamp) -> AppResult<()> {
        not_asked()
    }
    async fn collect_attachments(&self, _: Timestamp, _: usize) -> AppResult<Vec<AttachmentId>> {
        not_asked()
    }
    async fn forget_attachments(&self, _: &[AttachmentId]) -> AppResult<()> {
        not_asked()
    }
}

#[async_trait]
impl AvatarStore for MemoryStore {
    async fn set_avatar(&self, _: UserId, _: Option<AttachmentId>, _: Timestamp) -> AppResult<bool> {
        not_asked()
    }
    async fn is_avatar(&self, _: AttachmentId) -> AppResult<bool> {
        not_asked()
    }
}

#[async_trait]
impl ChatStore for MemoryStore {
    async fn create_direct_chat(&self, _: NewDirectChat) -> AppResult<(ChatId, bool)> {
        not_asked()
    }
    async fn create_group_chat(&self, _: NewGroupChat) -> AppResult<()> {
        not_asked()
    }
    async fn change_chat(
        &self,
        id: ChatId,
        actor_id: UserId,
        at: Timestamp,
        decide: Decide,
    ) -> AppResult<Option<Vec<LogEvent>>> {
        let fate = self.fate().await;
        if matches!(fate, Fate::Refused) {
            return Err(AppError::unavailable("refused"));
        }
        let events: Vec<LogEvent> = {
            let mut state = self.state.lock().unwrap();
            let Some((_, log)) = state.chats.get_mut(&id) else { return Ok(None) };
            let head = Seq(log.len() as u64);
            let bodies =
                decide(&ChatState { id, kind: ChatKind::Group, head, avatar: None, members: Vec::new() })?;
            let seqs = (head.0 + 1..).map(Seq);
            let new = bodies.into_iter().zip(seqs);
            let new = new
                .map(|(body, seq)| LogEvent {
                    chat_id: id,
                    seq,
                    at,
                    actor_id,
                    named: Default::default(),
                    body,
                })
                .collect();
            log.extend(Vec::clone(&new));
            new
        };
        self.pause().await;
        if matches!(fate, Fate::AnswerLost) {
            return Err(AppError::unavailable("the answer was lost"));
        }
        self.appended.lock().unwrap().told.extend(events.iter().map(|event| (id, event.seq)));
        Ok(Some(events))
    }
    async fn role(&self, chat: ChatId, user: UserId) -> AppResult<Option<Role>> {
        self.pause().await;
        let state = self.state.lock().unwrap();
        let is_in = state.chats.get(&chat).is_some_and(|(members, _)| members.contains(&user));
        Ok(is_in.then_some(Role::Member))
    }
    async fn chat(&self, id: ChatId, viewer: UserId, _: usize) -> AppResult<Option<ChatRecord>> {
        let state = self.state.lock().unwrap();
        let found = state.chats.get(&id).filter(|(members, _)| members.contains(&viewer));
        Ok(found.map(|(members, log)| ChatRecord {
            viewer_id: viewer,
            id,
            kind: ChatKind::Group,
            name: None,
            description: String::new(),
            avatar: None,
            members: Vec::new(),
            member_count: members.len() as u64,
            my_role: Role::Member,
            blocking: Default::default(),
            mine: state.mine_of(id, viewer),
            mentioned: Vec::new(),
            head: Seq(log.len() as u64),
            head_ordinal: Ordinal(0),
            last_message: None,
            created_at: Timestamp::from_millis(0),
        }))
    }
    async fn chats_of(&self, _: UserId, _: usize, _: usize) -> AppResult<Vec<ChatRecord>> {
        not_asked()
    }
    async fn heads_of(&self, viewer: UserId) -> AppResult<Heads> {
        if let Some(left) = &mut *self.reads_left.lock().unwrap() {
            *left = left.checked_sub(1).ok_or(ErrorCode::Unavailable)?;
        }
        let reading = self.reading.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_reading.fetch_max(reading, Ordering::Relaxed);
        self.pause().await;
        let heads = self.heads_now(viewer);
        self.pause().await;
        self.reading.fetch_sub(1, Ordering::Relaxed);
        Ok(heads)
    }
    async fn heads(&self, chats: &[ChatId]) -> AppResult<Heads> {
        let state = self.state.lock().unwrap();
        let head = |chat: &ChatId| Some((*chat, Seq(state.chats.get(chat)?.1.len() as u64)));
        Ok(chats.iter().filter_map(head).collect())
    }
    async fn member_ids(&self, chat: ChatId) -> AppResult<Vec<UserId>> {
        Ok(self.state.lock().unwrap().chats[&chat].0.iter().copied().collect())
    }
    async fn contacts_of(&self, user: UserId, largest: usize, limit: usize) -> AppResult<Vec<UserId>> {
        if self.stuck_contacts.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let chats = self.small_chats_of(user, largest).await?;
        let state = self.state.lock().unwrap();
        let members: BTreeSet<_> = chats.iter().flat_map(|chat| state.chats[chat].0.clone()).collect();
        Ok(members.into_iter().filter(|other| *other != user).take(limit).collect())
    }
    async fn small_chats_of(&self, user: UserId, largest: usize) -> AppResult<Vec<ChatId>> {
        let state = self.state.lock().unwrap();
        let small = state.chats.iter().filter(|(_, (members, _))| members.len() <= largest);
        Ok(small.filter(|(_, (members, _))| members.contains(&user)).map(|(id, _)| *id).collect())
    }
}

#[async_trait]
impl GroupStore for MemoryStore {
    async fn search_members(&self, _: ChatId, _: &[String], _: usize) -> AppResult<Vec<MemberView>> {
        not_asked()
    }
    async fn members_from(&self, _: ChatId, _: u64, _: usize) -> AppResult<MembersPage> {
        not_asked()
    }
    async fn create_invite(&self, _: NewInvite) -> AppResult<()> {
        not_asked()
    }
    async fn invites(&self, _: ChatId, _: Timestamp) -> AppResult<Vec<InviteView>> {
        not_asked()
    }
    async fn revoke_invite(&self, _: ChatId, _: InviteId) -> AppResult<bool> {
        not_asked()
    }
    async fn invite(&self, _: &[u8; 32], _: UserId, _: Timestamp) -> AppResult<Option<InvitedTo>> {
        not_asked()
    }
    async fn join_by_invite(
        &self,
        _: ChatId,
        _: [u8; 32],
        _: UserId,
        _: Timestamp,
        _: Decide,
    ) -> AppResult<Option<Vec<LogEvent>>> {
        not_asked()
    }
}

#[async_trait]
impl MessageStore for MemoryStore {
    async fn append_messages(&self, chat: ChatId, batch: Vec<NewMessage>) -> AppResult<Vec<Appended>> {
        let fate = self.fate().await;
        if matches!(fate, Fate::Refused) {
            return Err(AppError::unavailable("refused"));
        }
        let size = batch.len();
        let outcomes: Vec<_> = batch.into_iter().map(|message| self.append(chat, message)).collect();
        self.pause().await;
        if matches!(fate, Fate::AnswerLost) {
            return Err(AppError::unavailable("the answer was lost"));
        }
        let mut appended = self.appended.lock().unwrap();
        appended.largest = appended.largest.max(size);
        appended.told.extend(outcomes.iter().filter_map(|outcome| match outcome {
            Appended::New(event) => Some((chat, event.seq)),
            _ => None,
        }));
        Ok(outcomes)
    }
    async fn message_by_client_id(&self, _: UserId, _: ClientId) -> AppResult<Option<MessageView>> {
        not_asked()
    }
    async fn change_message(
        &self,
        _: ChatId,
        _: MessageId,
        _: UserId,
        _: Timestamp,
        _: DecideMessage,
    ) -> AppResult<MessageChange> {
        not_asked()
    }
    async fn message(&self, _: ChatId, _: UserId, _: MessageId) -> AppResult<Option<MessageView>> {
        not_asked()
    }
    async fn history(&self, _: ChatId, _: UserId, _: PageQuery, _: usize) -> AppResult<HistoryPage> {
        not_asked()
    }
    async fn message_at(&self, _: ChatId, _: Timestamp) -> AppResult<Option<Seq>> {
        not_asked()
    }
    async fn pinned(&self, _: ChatId, _: UserId) -> AppResult<Vec<MessageView>> {
        not_asked()
    }
    async fn edits(&self, _: ChatId, _: MessageId) -> AppResult<Vec<EditView>> {
        not_asked()
    }
    async fn events_after(&self, chat: ChatId, seq: Seq, limit: usize) -> AppResult<Vec<LogEvent>> {
        if self.broken_logs.load(Ordering::Relaxed) {
            return Err(AppError::unavailable("broken"));
        }
        let state = self.state.lock().unwrap();
        Ok(state.chats[&chat].1.iter().filter(|event| event.seq > seq).take(limit).cloned().collect())
    }
}

#[async_trait]
impl MentionStore for MemoryStore {
    async fn members_named(
        &self,
        _: ChatId,
        _: &[String],
        _: usize,
    ) -> AppResult<Option<(ChatKind, Vec<NamedMember>)>> {
        not_asked()
    }
}

#[async_trait]
impl DraftStore for MemoryStore {
    async fn save_draft(&self, _: ChatId, _: UserId, _: NewDraft) -> AppResult<Option<DraftView>> {
        not_asked()
    }
    async fn draft(&self, _: ChatId, _: UserId) -> AppResult<Option<DraftView>> {
        not_asked()
    }
    async fn drafts_of(&self, _: UserId, _: usize) -> AppResult<BTreeMap<ChatId, DraftView>> {
        not_asked()
    }
}

#[async_trait]
impl PushStore for MemoryStore {
    async fn set_push(&self, _: SessionId, _: PushSubscription) -> AppResult<bool> {
        not_asked()
    }
    async fn has_push(&self, _: SessionId) -> AppResult<bool> {
        not_asked()
    }
    async fn remove_push(&self, _: SessionId) -> AppResult<()> {
        not_asked()
    }
    async fn forget_endpoint(&self, _: &str) -> AppResult<()> {
        not_asked()
    }
    async fn push_audience(&self, _: PushQuery) -> AppResult<Option<PushAudience>> {
        not_asked()
    }
}

#[async_trait]
impl ReadingStore for MemoryStore {
    async fn change_mine(&self, _: ChatId, _: UserId, _: DecideMine) -> AppResult<Option<MineChange>> {
        not_asked()
    }
    async fn places_of(&self, person: UserId) -> AppResult<Places> {
        let heads = self.heads_of(person).await?;
        let state = self.state.lock().unwrap();
        let place = |(chat, head)| {
            let member_count = state.chats[&chat].0.len() as u64;
            (chat, Place { head, member_count, mine: state.mine_of(chat, person) })
        };
        Ok(heads.into_iter().map(place).collect())
    }
    async fn set_read_receipts(&self, _: UserId, _: bool) -> AppResult<bool> {
        not_asked()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn check(&self) -> AppResult<()> {
        Ok(())
    }
    async fn purge(&self, _: Timestamp) -> AppResult<u64> {
        not_asked()
    }
    async fn close(&self) -> AppResult<()> {
        Ok(())
    }
}

#[async_trait]
impl app::ports::SearchStore for MemoryStore {
    async fn search_messages(
        &self,
        _: UserId,
        _: app::ports::SearchRequest,
        _: Option<app::ports::SearchCursor>,
        _: usize,
    ) -> AppResult<app::ports::SearchPage> {
        not_asked()
    }
}
