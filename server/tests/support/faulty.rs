//! The embedded store with a hand on it: single operations can be made to fail.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use app::{
    domain::{
        About, AttachmentId, ChatId, ChatKind, ClientId, DisplayName, Email, InviteId, MessageId, Role, Seq,
        SessionId, Timestamp, UserId,
    },
    error::{AppError, AppResult},
    ports::*,
    protocol::{
        DraftView, EditView, Heads, HistoryPage, InviteView, LogEvent, MemberView, MembersPage, MessageView,
    },
};
use async_trait::async_trait;
use server::store::embedded::EmbeddedStore;

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A fault of ours in the middle of a request.
    Panic,
    /// The store is away; nothing was done.
    Unavailable,
    /// It was done, but nobody hears of that.
    AnswerLost,
    /// The store is there and never answers. For readiness alone.
    Silent,
    /// Something that should not be, with a cause that nobody outside may read.
    Broken,
}

/// A store whose operations fail when a test says so, and work as ever otherwise.
pub struct FaultyStore {
    inner: Arc<EmbeddedStore>,
    faults: Mutex<HashMap<&'static str, Fault>>,
}

impl FaultyStore {
    /// Around a store that works.
    pub fn around(inner: Arc<EmbeddedStore>) -> Self {
        Self { inner, faults: Mutex::default() }
    }

    /// From now on the operation fails like this.
    pub fn fail(&self, operation: &'static str, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).insert(operation, fault);
    }

    /// Everything works again.
    pub fn mend(&self) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn fault(&self, operation: &str) -> Option<Fault> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).get(operation).copied()
    }

    fn before(&self, operation: &str) -> AppResult<()> {
        match self.fault(operation) {
            Some(Fault::Panic) => panic!("a fault that the test asked for"),
            Some(Fault::Unavailable) => Err(AppError::unavailable("no store: sesame-7141")),
            Some(Fault::Broken) => Err(AppError::internal("a broken row: sesame-7141")),
            Some(Fault::AnswerLost | Fault::Silent) | None => Ok(()),
        }
    }

    fn after(&self, operation: &str) -> AppResult<()> {
        match self.fault(operation) {
            Some(Fault::AnswerLost) => Err(AppError::unavailable("the answer was lost: sesame-7141")),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl AccountStore for FaultyStore {
    async fn create_user(&self, user: NewUser) -> AppResult<()> {
        self.before("create_user")?;
        let done = self.inner.create_user(user).await;
        self.after("create_user")?;
        done
    }

    async fn user(&self, id: UserId) -> AppResult<Option<UserRecord>> {
        self.before("user")?;
        let done = self.inner.user(id).await;
        self.after("user")?;
        done
    }

    async fn user_by_email(&self, email: &Email) -> AppResult<Option<UserRecord>> {
        self.before("user_by_email")?;
        let done = self.inner.user_by_email(email).await;
        self.after("user_by_email")?;
        done
    }

    async fn users(&self, ids: &[UserId]) -> AppResult<Vec<UserRecord>> {
        self.before("users")?;
        let done = self.inner.users(ids).await;
        self.after("users")?;
        done
    }

    async fn search_users(
        &self,
        words: &[String],
        email: Option<&Email>,
        except: UserId,
        limit: usize,
    ) -> AppResult<Vec<UserRecord>> {
        self.before("search_users")?;
        let done = self.inner.search_users(words, email, except, limit).await;
        self.after("search_users")?;
        done
    }

    async fn update_profile(&self, id: UserId, name: DisplayName, about: About) -> AppResult<bool> {
        self.before("update_profile")?;
        let done = self.inner.update_profile(id, name, about).await;
        self.after("update_profile")?;
        done
    }

    async fn replace_password(&self, id: UserId, expected: &str, new: String) -> AppResult<bool> {
        self.before("replace_password")?;
        let done = self.inner.replace_password(id, expected, new).await;
        self.after("replace_password")?;
        done
    }

    async fn create_session(&self, session: NewSession) -> AppResult<Vec<SessionId>> {
        self.before("create_session")?;
        let done = self.inner.create_session(session).await;
        self.after("create_session")?;
        done
    }

    async fn session(&self, id: SessionId, now: Timestamp) -> AppResult<Option<SessionRecord>> {
        self.before("session")?;
        let done = self.inner.session(id, now).await;
        self.after("session")?;
        done
    }

    async fn sessions(&self, ids: &[SessionId], now: Timestamp) -> AppResult<Vec<SessionRecord>> {
        self.before("sessions")?;
        let done = self.inner.sessions(ids, now).await;
        self.after("sessions")?;
        done
    }

    async fn session_by_refresh(&self, hash: &[u8; 32]) -> AppResult<Option<SessionId>> {
        self.before("session_by_refresh")?;
        let done = self.inner.session_by_refresh(hash).await;
        self.after("session_by_refresh")?;
        done
    }

    async fn rotate_refresh(&self, token: RefreshToken) -> AppResult<RefreshOutcome> {
        self.before("rotate_refresh")?;
        let done = self.inner.rotate_refresh(token).await;
        self.after("rotate_refresh")?;
        done
    }

    async fn sessions_of(&self, user: UserId, now: Timestamp) -> AppResult<Vec<SessionRecord>> {
        self.before("sessions_of")?;
        let done = self.inner.sessions_of(user, now).await;
        self.after("sessions_of")?;
        done
    }

    async fn end_session(&self, user: UserId, session: SessionId) -> AppResult<bool> {
        self.before("end_session")?;
        let done = self.inner.end_session(user, session).await;
        self.after("end_session")?;
        done
    }

    async fn end_other_sessions(&self, user: UserId, keep: SessionId) -> AppResult<Vec<SessionId>> {
        self.before("end_other_sessions")?;
        let done = self.inner.end_other_sessions(user, keep).await;
        self.after("end_other_sessions")?;
        done
    }
}

#[async_trait]
impl AttachmentStore for FaultyStore {
    async fn expect_attachment(&self, attachment: NewAttachment) -> AppResult<()> {
        self.before("expect_attachment")?;
        let done = self.inner.expect_attachment(attachment).await;
        self.after("expect_attachment")?;
        done
    }

    async fn attached_bytes(&self, user: UserId) -> AppResult<u64> {
        self.before("attached_bytes")?;
        let done = self.inner.attached_bytes(user).await;
        self.after("attached_bytes")?;
        done
    }

    async fn attachment(&self, id: AttachmentId) -> AppResult<Option<AttachmentRecord>> {
        self.before("attachment")?;
        let done = self.inner.attachment(id).await;
        self.after("attachment")?;
        done
    }

    async fn give_up_attachments(&self, ids: &[AttachmentId], now: Timestamp) -> AppResult<()> {
        self.before("give_up_attachments")?;
        let done = self.inner.give_up_attachments(ids, now).await;
        self.after("give_up_attachments")?;
        done
    }

    async fn collect_attachments(&self, now: Timestamp, limit: usize) -> AppResult<Vec<AttachmentId>> {
        self.before("collect_attachments")?;
        let done = self.inner.collect_attachments(now, limit).await;
        self.after("collect_attachments")?;
        done
    }

    async fn forget_attachments(&self, ids: &[AttachmentId]) -> AppResult<()> {
        self.before("forget_attachments")?;
        let done = self.inner.forget_attachments(ids).await;
        self.after("forget_attachments")?;
        done
    }
}

#[async_trait]
impl AvatarStore for FaultyStore {
    async fn set_avatar(&self, user: UserId, avatar: Option<AttachmentId>, at: Timestamp) -> AppResult<bool> {
        self.before("set_avatar")?;
        let done = self.inner.set_avatar(user, avatar, at).await;
        self.after("set_avatar")?;
        done
    }

    async fn is_avatar(&self, id: AttachmentId) -> AppResult<bool> {
        self.before("is_avatar")?;
        let done = self.inner.is_avatar(id).await;
        self.after("is_avatar")?;
        done
    }
}

#[async_trait]
impl ChatStore for FaultyStore {
    async fn create_direct_chat(&self, chat: NewDirectChat) -> AppResult<(ChatId, bool)> {
        self.before("create_direct_chat")?;
        let done = self.inner.create_direct_chat(chat).await;
        self.after("create_direct_chat")?;
        done
    }

    async fn create_group_chat(&self, chat: NewGroupChat) -> AppResult<()> {
        self.before("create_group_chat")?;
        let done = self.inner.create_group_chat(chat).await;
        self.after("create_group_chat")?;
        done
    }

    async fn change_chat(
        &self,
        chat: ChatId,
        actor: UserId,
        at: Timestamp,
        decide: Decide,
    ) -> AppResult<Option<Vec<LogEvent>>> {
        self.before("change_chat")?;
        let done = self.inner.change_chat(chat, actor, at, decide).await;
        self.after("change_chat")?;
        done
    }

    async fn role(&self, chat: ChatId, viewer: UserId) -> AppResult<Option<Role>> {
        self.before("role")?;
        let done = self.inner.role(chat, viewer).await;
        self.after("role")?;
        done
    }

    async fn chat(&self, chat: ChatId, viewer: UserId, members: usize) -> AppResult<Option<ChatRecord>> {
        self.before("chat")?;
        let done = self.inner.chat(chat, viewer, members).await;
        self.after("chat")?;
        done
    }

    async fn chats_of(&self, viewer: UserId, limit: usize, members: usize) -> AppResult<Vec<ChatRecord>> {
        self.before("chats_of")?;
        let done = self.inner.chats_of(viewer, limit, members).await;
        self.after("chats_of")?;
        done
    }

    async fn heads(&self, chats: &[ChatId]) -> AppResult<Heads> {
        self.before("heads")?;
        let done = self.inner.heads(chats).await;
        self.after("heads")?;
        done
    }

    async fn heads_of(&self, viewer: UserId) -> AppResult<Heads> {
        self.before("heads_of")?;
        let done = self.inner.heads_of(viewer).await;
        self.after("heads_of")?;
        done
    }

    async fn member_ids(&self, chat: ChatId) -> AppResult<Vec<UserId>> {
        self.before("member_ids")?;
        let done = self.inner.member_ids(chat).await;
        self.after("member_ids")?;
        done
    }

    async fn contacts_of(&self, user: UserId, largest: usize, limit: usize) -> AppResult<Vec<UserId>> {
        self.before("contacts_of")?;
        let done = self.inner.contacts_of(user, largest, limit).await;
        self.after("contacts_of")?;
        done
    }

    async fn small_chats_of(&self, user: UserId, largest: usize) -> AppResult<Vec<ChatId>> {
        self.before("small_chats_of")?;
        let done = self.inner.small_chats_of(user, largest).await;
        self.after("small_chats_of")?;
        done
    }
}

#[async_trait]
impl MessageStore for FaultyStore {
    async fn append_messages(&self, chat: ChatId, batch: Vec<NewMessage>) -> AppResult<Vec<Appended>> {
        self.before("append_messages")?;
        let done = self.inner.append_messages(chat, batch).await;
        self.after("append_messages")?;
        done
    }

    async fn message_by_client_id(&self, sender: UserId, id: ClientId) -> AppResult<Option<MessageView>> {
        self.before("message_by_client_id")?;
        let done = self.inner.message_by_client_id(sender, id).await;
        self.after("message_by_client_id")?;
        done
    }

    async fn change_message(
        &self,
        chat: ChatId,
        id: MessageId,
        actor: UserId,
        at: Timestamp,
        decide: DecideMessage,
    ) -> AppResult<MessageChange> {
        self.before("change_message")?;
        let done = self.inner.change_message(chat, id, actor, at, decide).await;
        self.after("change_message")?;
        done
    }

    async fn message(&self, chat: ChatId, viewer: UserId, id: MessageId) -> AppResult<Option<MessageView>> {
        self.before("message")?;
        let done = self.inner.message(chat, viewer, id).await;
        self.after("message")?;
        done
    }

    async fn message_at(&self, chat: ChatId, at: Timestamp) -> AppResult<Option<Seq>> {
        self.before("message_at")?;
        let done = self.inner.message_at(chat, at).await;
        self.after("message_at")?;
        done
    }

    async fn pinned(&self, chat: ChatId, viewer: UserId) -> AppResult<Vec<MessageView>> {
        self.before("pinned")?;
        let done = self.inner.pinned(chat, viewer).await;
        self.after("pinned")?;
        done
    }

    async fn edits(&self, chat: ChatId, id: MessageId) -> AppResult<Vec<EditView>> {
        self.before("edits")?;
        let done = self.inner.edits(chat, id).await;
        self.after("edits")?;
        done
    }

    async fn history(
        &self,
        chat: ChatId,
        viewer: UserId,
        page: PageQuery,
        limit: usize,
    ) -> AppResult<HistoryPage> {
        self.before("history")?;
        let done = self.inner.history(chat, viewer, page, limit).await;
        self.after("history")?;
        done
    }

    async fn events_after(&self, chat: ChatId, seq: Seq, limit: usize) -> AppResult<Vec<LogEvent>> {
        self.before("events_after")?;
        let done = self.inner.events_after(chat, seq, limit).await;
        self.after("events_after")?;
        done
    }
}

#[async_trait]
impl MentionStore for FaultyStore {
    async fn members_named(
        &self,
        chat: ChatId,
        keys: &[String],
        limit: usize,
    ) -> AppResult<Option<(ChatKind, Vec<NamedMember>)>> {
        self.before("members_named")?;
        let done = self.inner.members_named(chat, keys, limit).await;
        self.after("members_named")?;
        done
    }
}

#[async_trait]
impl GroupStore for FaultyStore {
    async fn search_members(
        &self,
        chat: ChatId,
        words: &[String],
        limit: usize,
    ) -> AppResult<Vec<MemberView>> {
        self.before("search_members")?;
        let done = self.inner.search_members(chat, words, limit).await;
        self.after("search_members")?;
        done
    }

    async fn members_from(&self, chat: ChatId, from: u64, limit: usize) -> AppResult<MembersPage> {
        self.before("members_from")?;
        let done = self.inner.members_from(chat, from, limit).await;
        self.after("members_from")?;
        done
    }

    async fn create_invite(&self, invite: NewInvite) -> AppResult<()> {
        self.before("create_invite")?;
        let done = self.inner.create_invite(invite).await;
        self.after("create_invite")?;
        done
    }

    async fn invites(&self, chat: ChatId, now: Timestamp) -> AppResult<Vec<InviteView>> {
        self.before("invites")?;
        let done = self.inner.invites(chat, now).await;
        self.after("invites")?;
        done
    }

    async fn revoke_invite(&self, chat: ChatId, invite: InviteId) -> AppResult<bool> {
        self.before("revoke_invite")?;
        let done = self.inner.revoke_invite(chat, invite).await;
        self.after("revoke_invite")?;
        done
    }

    async fn invite(
        &self,
        token_hash: &[u8; 32],
        viewer: UserId,
        now: Timestamp,
    ) -> AppResult<Option<InvitedTo>> {
        self.before("invite")?;
        let done = self.inner.invite(token_hash, viewer, now).await;
        self.after("invite")?;
        done
    }

    async fn join_by_invite(
        &self,
        chat: ChatId,
        token_hash: [u8; 32],
        actor: UserId,
        at: Timestamp,
        decide: Decide,
    ) -> AppResult<Option<Vec<LogEvent>>> {
        self.before("join_by_invite")?;
        let done = self.inner.join_by_invite(chat, token_hash, actor, at, decide).await;
        self.after("join_by_invite")?;
        done
    }
}

#[async_trait]
impl DraftStore for FaultyStore {
    async fn save_draft(&self, chat: ChatId, person: UserId, new: NewDraft) -> AppResult<Option<DraftView>> {
        self.before("save_draft")?;
        let done = self.inner.save_draft(chat, person, new).await;
        self.after("save_draft")?;
        done
    }

    async fn draft(&self, chat: ChatId, person: UserId) -> AppResult<Option<DraftView>> {
        self.inner.draft(chat, person).await
    }

    async fn drafts_of(
        &self,
        person: UserId,
        limit: usize,
    ) -> AppResult<std::collections::BTreeMap<ChatId, DraftView>> {
        self.inner.drafts_of(person, limit).await
    }
}

#[async_trait]
impl PushStore for FaultyStore {
    async fn set_push(&self, session: SessionId, subscription: PushSubscription) -> AppResult<bool> {
        self.before("set_push")?;
        let done = self.inner.set_push(session, subscription).await;
        self.after("set_push")?;
        done
    }

    async fn has_push(&self, session: SessionId) -> AppResult<bool> {
        self.inner.has_push(session).await
    }

    async fn remove_push(&self, session: SessionId) -> AppResult<()> {
        self.inner.remove_push(session).await
    }

    async fn forget_endpoint(&self, endpoint: &str) -> AppResult<()> {
        self.inner.forget_endpoint(endpoint).await
    }

    async fn push_audience(&self, query: PushQuery) -> AppResult<Option<PushAudience>> {
        self.before("push_audience")?;
        self.inner.push_audience(query).await
    }
}

#[async_trait]
impl ReadingStore for FaultyStore {
    async fn change_mine(
        &self,
        chat: ChatId,
        member: UserId,
        decide: DecideMine,
    ) -> AppResult<Option<MineChange>> {
        self.before("change_mine")?;
        let done = self.inner.change_mine(chat, member, decide).await;
        self.after("change_mine")?;
        done
    }

    async fn places_of(&self, person: UserId) -> AppResult<Places> {
        self.before("places_of")?;
        let done = self.inner.places_of(person).await;
        self.after("places_of")?;
        done
    }

    async fn set_read_receipts(&self, person: UserId, on: bool) -> AppResult<bool> {
        self.before("set_read_receipts")?;
        let done = self.inner.set_read_receipts(person, on).await;
        self.after("set_read_receipts")?;
        done
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn check(&self) -> AppResult<()> {
        if self.fault("check") == Some(Fault::Silent) {
            std::future::pending::<()>().await;
        }
        self.before("check")?;
        let done = self.inner.check().await;
        self.after("check")?;
        done
    }

    async fn purge(&self, now: Timestamp) -> AppResult<u64> {
        self.before("purge")?;
        let done = self.inner.purge(now).await;
        self.after("purge")?;
        done
    }

    async fn close(&self) -> AppResult<()> {
        self.before("close")?;
        let done = self.inner.close().await;
        self.after("close")?;
        done
    }
}

#[async_trait]
impl app::ports::SearchStore for FaultyStore {
    async fn search_messages(
        &self,
        viewer: UserId,
        request: app::ports::SearchRequest,
        after: Option<app::ports::SearchCursor>,
        limit: usize,
    ) -> AppResult<app::ports::SearchPage> {
        self.before("search_messages")?;
        let done = self.inner.search_messages(viewer, request, after, limit).await;
        self.after("search_messages")?;
        done
    }
}

#[async_trait]
impl PeopleStore for FaultyStore {
    async fn note_last_seen(&self, people: &[UserId], at: Timestamp) -> AppResult<()> {
        self.before("note_last_seen")?;
        let done = self.inner.note_last_seen(people, at).await;
        self.after("note_last_seen")?;
        done
    }

    async fn set_show_last_seen(&self, person: UserId, on: bool) -> AppResult<bool> {
        self.before("set_show_last_seen")?;
        let done = self.inner.set_show_last_seen(person, on).await;
        self.after("set_show_last_seen")?;
        done
    }

    async fn privacy_of(&self, person: UserId) -> AppResult<Privacy> {
        self.before("privacy_of")?;
        let done = self.inner.privacy_of(person).await;
        self.after("privacy_of")?;
        done
    }

    async fn shared_chats(&self, viewer: UserId, other: UserId, groups: usize) -> AppResult<SharedChats> {
        self.before("shared_chats")?;
        let done = self.inner.shared_chats(viewer, other, groups).await;
        self.after("shared_chats")?;
        done
    }

    async fn block(&self, blocker: UserId, blocked: UserId, at: Timestamp) -> AppResult<()> {
        self.before("block")?;
        let done = self.inner.block(blocker, blocked, at).await;
        self.after("block")?;
        done
    }

    async fn unblock(&self, blocker: UserId, blocked: UserId) -> AppResult<()> {
        self.before("unblock")?;
        let done = self.inner.unblock(blocker, blocked).await;
        self.after("unblock")?;
        done
    }

    async fn blockers_among(&self, person: UserId, people: &[UserId]) -> AppResult<Vec<UserId>> {
        self.before("blockers_among")?;
        let done = self.inner.blockers_among(person, people).await;
        self.after("blockers_among")?;
        done
    }
}
