//! What a sabotaged store leaves to the one inside.

use std::collections::BTreeMap;

use app::{
    domain::*,
    error::AppResult,
    ports::*,
    protocol::{DraftView, Heads, InviteView, LogEvent, MemberView, MembersPage},
};
use async_trait::async_trait;

use super::Sabotaged;

#[async_trait]
impl AccountStore for Sabotaged {
    async fn create_user(&self, user: NewUser) -> AppResult<()> {
        self.inner.create_user(user).await
    }

    async fn user(&self, id: UserId) -> AppResult<Option<UserRecord>> {
        self.inner.user(id).await
    }

    async fn user_by_email(&self, email: &Email) -> AppResult<Option<UserRecord>> {
        self.inner.user_by_email(email).await
    }

    async fn users(&self, ids: &[UserId]) -> AppResult<Vec<UserRecord>> {
        self.inner.users(ids).await
    }

    async fn search_users(
        &self,
        words: &[String],
        email: Option<&Email>,
        except: UserId,
        limit: usize,
    ) -> AppResult<Vec<UserRecord>> {
        self.inner.search_users(words, email, except, limit).await
    }

    async fn update_profile(&self, id: UserId, name: DisplayName, about: About) -> AppResult<bool> {
        self.inner.update_profile(id, name, about).await
    }

    async fn replace_password(&self, id: UserId, expected: &str, new: String) -> AppResult<bool> {
        self.inner.replace_password(id, expected, new).await
    }

    async fn create_session(&self, session: NewSession) -> AppResult<Vec<SessionId>> {
        self.inner.create_session(session).await
    }

    async fn session(&self, id: SessionId, now: Timestamp) -> AppResult<Option<SessionRecord>> {
        self.inner.session(id, now).await
    }

    async fn sessions(&self, ids: &[SessionId], now: Timestamp) -> AppResult<Vec<SessionRecord>> {
        self.inner.sessions(ids, now).await
    }

    async fn session_by_refresh(&self, hash: &[u8; 32]) -> AppResult<Option<SessionId>> {
        self.inner.session_by_refresh(hash).await
    }

    async fn rotate_refresh(&self, token: RefreshToken) -> AppResult<RefreshOutcome> {
        self.inner.rotate_refresh(token).await
    }

    async fn sessions_of(&self, user: UserId, now: Timestamp) -> AppResult<Vec<SessionRecord>> {
        self.inner.sessions_of(user, now).await
    }

    async fn end_session(&self, user: UserId, session: SessionId) -> AppResult<bool> {
        self.inner.end_session(user, session).await
    }

    async fn end_other_sessions(&self, user: UserId, keep: SessionId) -> AppResult<Vec<SessionId>> {
        self.inner.end_other_sessions(user, keep).await
    }
}

#[async_trait]
impl AvatarStore for Sabotaged {
    async fn set_avatar(&self, user: UserId, avatar: Option<AttachmentId>, at: Timestamp) -> AppResult<bool> {
        self.inner.set_avatar(user, avatar, at).await
    }

    async fn is_avatar(&self, id: AttachmentId) -> AppResult<bool> {
        self.inner.is_avatar(id).await
    }
}

#[async_trait]
impl AttachmentStore for Sabotaged {
    async fn expect_attachment(&self, attachment: NewAttachment) -> AppResult<()> {
        self.inner.expect_attachment(attachment).await
    }

    async fn attached_bytes(&self, user: UserId) -> AppResult<u64> {
        self.inner.attached_bytes(user).await
    }

    async fn attachment(&self, id: AttachmentId) -> AppResult<Option<AttachmentRecord>> {
        self.inner.attachment(id).await
    }

    async fn give_up_attachments(&self, ids: &[AttachmentId], now: Timestamp) -> AppResult<()> {
        self.inner.give_up_attachments(ids, now).await
    }

    async fn collect_attachments(&self, now: Timestamp, limit: usize) -> AppResult<Vec<AttachmentId>> {
        self.inner.collect_attachments(now, limit).await
    }

    async fn forget_attachments(&self, ids: &[AttachmentId]) -> AppResult<()> {
        self.inner.forget_attachments(ids).await
    }
}

#[async_trait]
impl ChatStore for Sabotaged {
    async fn create_direct_chat(&self, chat: NewDirectChat) -> AppResult<(ChatId, bool)> {
        self.inner.create_direct_chat(chat).await
    }

    async fn create_group_chat(&self, chat: NewGroupChat) -> AppResult<()> {
        self.inner.create_group_chat(chat).await
    }

    async fn change_chat(
        &self,
        chat: ChatId,
        actor: UserId,
        at: Timestamp,
        decide: Decide,
    ) -> AppResult<Option<Vec<LogEvent>>> {
        self.inner.change_chat(chat, actor, at, decide).await
    }

    async fn role(&self, chat: ChatId, viewer: UserId) -> AppResult<Option<Role>> {
        self.inner.role(chat, viewer).await
    }

    async fn chat(&self, chat: ChatId, viewer: UserId, members: usize) -> AppResult<Option<ChatRecord>> {
        let mut found = self.inner.chat(chat, viewer, members).await?;
        found.iter_mut().filter_map(|chat| chat.last_message.as_mut()).for_each(|last| self.restore(last));
        Ok(found)
    }

    async fn chats_of(&self, viewer: UserId, limit: usize, members: usize) -> AppResult<Vec<ChatRecord>> {
        let mut found = self.inner.chats_of(viewer, limit, members).await?;
        found.iter_mut().filter_map(|chat| chat.last_message.as_mut()).for_each(|last| self.restore(last));
        Ok(found)
    }

    async fn heads(&self, chats: &[ChatId]) -> AppResult<Heads> {
        self.inner.heads(chats).await
    }

    async fn heads_of(&self, viewer: UserId) -> AppResult<Heads> {
        self.inner.heads_of(viewer).await
    }

    async fn member_ids(&self, chat: ChatId) -> AppResult<Vec<UserId>> {
        self.inner.member_ids(chat).await
    }

    async fn contacts_of(&self, user: UserId, largest: usize, limit: usize) -> AppResult<Vec<UserId>> {
        self.inner.contacts_of(user, largest, limit).await
    }

    async fn small_chats_of(&self, user: UserId, largest: usize) -> AppResult<Vec<ChatId>> {
        self.inner.small_chats_of(user, largest).await
    }
}

#[async_trait]
impl GroupStore for Sabotaged {
    async fn search_members(
        &self,
        chat: ChatId,
        words: &[String],
        limit: usize,
    ) -> AppResult<Vec<MemberView>> {
        self.inner.search_members(chat, words, limit).await
    }

    async fn members_from(&self, chat: ChatId, from: u64, limit: usize) -> AppResult<MembersPage> {
        self.inner.members_from(chat, from, limit).await
    }

    async fn create_invite(&self, invite: NewInvite) -> AppResult<()> {
        self.inner.create_invite(invite).await
    }

    async fn invites(&self, chat: ChatId, now: Timestamp) -> AppResult<Vec<InviteView>> {
        self.inner.invites(chat, now).await
    }

    async fn revoke_invite(&self, chat: ChatId, invite: InviteId) -> AppResult<bool> {
        self.inner.revoke_invite(chat, invite).await
    }

    async fn invite(
        &self,
        token_hash: &[u8; 32],
        viewer: UserId,
        now: Timestamp,
    ) -> AppResult<Option<InvitedTo>> {
        self.inner.invite(token_hash, viewer, now).await
    }

    async fn join_by_invite(
        &self,
        chat: ChatId,
        token_hash: [u8; 32],
        actor: UserId,
        at: Timestamp,
        decide: Decide,
    ) -> AppResult<Option<Vec<LogEvent>>> {
        self.inner.join_by_invite(chat, token_hash, actor, at, decide).await
    }
}

#[async_trait]
impl DraftStore for Sabotaged {
    async fn save_draft(&self, chat: ChatId, person: UserId, new: NewDraft) -> AppResult<Option<DraftView>> {
        self.inner.save_draft(chat, person, new).await
    }

    async fn draft(&self, chat: ChatId, person: UserId) -> AppResult<Option<DraftView>> {
        self.inner.draft(chat, person).await
    }

    async fn drafts_of(&self, person: UserId, limit: usize) -> AppResult<BTreeMap<ChatId, DraftView>> {
        self.inner.drafts_of(person, limit).await
    }
}

#[async_trait]
impl PushStore for Sabotaged {
    async fn set_push(&self, session: SessionId, subscription: PushSubscription) -> AppResult<bool> {
        self.inner.set_push(session, subscription).await
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
        self.inner.push_audience(query).await
    }
}

#[async_trait]
impl ReadingStore for Sabotaged {
    async fn change_mine(
        &self,
        chat: ChatId,
        member: UserId,
        decide: DecideMine,
    ) -> AppResult<Option<MineChange>> {
        self.inner.change_mine(chat, member, decide).await
    }

    async fn places_of(&self, person: UserId) -> AppResult<Places> {
        self.inner.places_of(person).await
    }

    async fn set_read_receipts(&self, person: UserId, on: bool) -> AppResult<bool> {
        self.inner.set_read_receipts(person, on).await
    }
}

#[async_trait]
impl Store for Sabotaged {
    async fn check(&self) -> AppResult<()> {
        self.inner.check().await
    }

    async fn purge(&self, now: Timestamp) -> AppResult<u64> {
        self.inner.purge(now).await
    }

    async fn close(&self) -> AppResult<()> {
        self.inner.close().await
    }
}

#[async_trait]
impl SearchStore for Sabotaged {
    async fn search_messages(
        &self,
        viewer: UserId,
        request: SearchRequest,
        after: Option<SearchCursor>,
        limit: usize,
    ) -> AppResult<SearchPage> {
        self.inner.search_messages(viewer, request, after, limit).await
    }
}

#[async_trait]
impl MentionStore for Sabotaged {
    async fn members_named(
        &self,
        chat: ChatId,
        keys: &[String],
        limit: usize,
    ) -> AppResult<Option<(ChatKind, Vec<NamedMember>)>> {
        self.inner.members_named(chat, keys, limit).await
    }
}

#[async_trait]
impl PeopleStore for Sabotaged {
    async fn note_last_seen(&self, people: &[UserId], at: Timestamp) -> AppResult<()> {
        self.inner.note_last_seen(people, at).await
    }

    async fn set_show_last_seen(&self, person: UserId, on: bool) -> AppResult<bool> {
        self.inner.set_show_last_seen(person, on).await
    }

    async fn privacy_of(&self, person: UserId) -> AppResult<Privacy> {
        self.inner.privacy_of(person).await
    }

    async fn shared_chats(&self, viewer: UserId, other: UserId, groups: usize) -> AppResult<SharedChats> {
        self.inner.shared_chats(viewer, other, groups).await
    }

    async fn block(&self, blocker: UserId, blocked: UserId, at: Timestamp) -> AppResult<()> {
        self.inner.block(blocker, blocked, at).await
    }

    async fn unblock(&self, blocker: UserId, blocked: UserId) -> AppResult<()> {
        self.inner.unblock(blocker, blocked).await
    }

    async fn blockers_among(&self, person: UserId, people: &[UserId]) -> AppResult<Vec<UserId>> {
        self.inner.blockers_among(person, people).await
    }
}
