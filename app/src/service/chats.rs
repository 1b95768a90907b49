//! Chats and their members.

mod avatar;
mod invites;
mod members;

use std::sync::Arc;

use super::{Actor, Errands, Sequencer, drafts};
use crate::{
    domain::{
        ChatId, ChatKind, ChatState, Description, GroupName, Role, UserId, limits,
        policy::{self, MemberChange},
    },
    error::{AppError, AppResult, ErrorCode, FieldError},
    ports::{ChatRecord, Clock, IdSource, Limit, Limiter, NewDirectChat, NewGroupChat, Store, UserRecord},
    protocol::{ChatView, EventBody, MemberView, UserView},
};

const CREATIONS: Limit = Limit { name: "create_chat", burst: 200, period_ms: 1000 };
const CHANGES: Limit = Limit { name: "change_chat", burst: 200, period_ms: 200 };

/// Each may bring up to 1,000 chats or 20,000 members.
const READS: Limit = Limit { name: "read_chats", burst: 300, period_ms: 50 };

/// Chats.
pub struct Chats {
    store: Arc<dyn Store>,
    errands: Errands,
    sequencer: Sequencer,
    limiter: Arc<dyn Limiter>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl Chats {
    /// Chats over these ports.
    pub fn new(
        store: Arc<dyn Store>,
        errands: Errands,
        sequencer: Sequencer,
        limiter: Arc<dyn Limiter>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self { store, errands, sequencer, limiter, clock, ids }
    }

    /// Opens the one direct chat with somebody. Fails with `cannot_chat_with_self`, with `not_found` if there is
    /// no such person, and, unless there is the chat already, with `you_blocked_them` or `cannot_message`.
    pub async fn create_direct(&self, actor: Actor, other: UserId) -> AppResult<ChatView> {
        policy::open_direct_chat(actor.user_id, other)?;
        self.limiter.take(CREATIONS, &actor.user_id.to_string()).await?;
        let now = self.clock.now();
        let pair = [actor.user_id, other];
        let chat = NewDirectChat { id: ChatId::from_bytes(self.ids.id(now)), pair, created_at: now };
        let (store, sequencer) = (Arc::clone(&self.store), self.sequencer.clone());
        let made = self.errands.run(async move {
            let (id, created) = store.create_direct_chat(chat).await?;
            if created {
                told(sequencer.announce(id, pair.to_vec()).await);
            }
            Ok(id)
        });
        let id = made.await.map_err(|error| match error.code {
            ErrorCode::UnknownMember => AppError::not_found(),
            _ => error,
        })?;
        self.get(actor, id).await
    }

    /// Makes a group whose admin is the caller. Duplicates, the caller among them, are folded. Fails with
    /// `cannot_message` if one of them has blocked the caller.
    pub async fn create_group(&self, actor: Actor, name: &str, members: &[UserId]) -> AppResult<ChatView> {
        let name = GroupName::parse(name)?;
        let mut roles = vec![(actor.user_id, Role::Admin)];
        let others = self.known(members, "member_ids").await?;
        roles.extend(
            others.iter().filter(|user| user.id != actor.user_id).map(|user| (user.id, Role::Member)),
        );
        self.limiter.take(CREATIONS, &actor.user_id.to_string()).await?;
        let users: Vec<UserId> = roles.iter().map(|(user, _)| *user).collect();
        if !self.store.blockers_among(actor.user_id, &users).await?.is_empty() {
            return Err(ErrorCode::CannotMessage.into());
        }
        let now = self.clock.now();
        let id = ChatId::from_bytes(self.ids.id(now));
        let chat = NewGroupChat { id, name, members: roles, created_at: now };
        let (store, sequencer) = (Arc::clone(&self.store), self.sequencer.clone());
        let made = self.errands.run(async move {
            store.create_group_chat(chat).await?;
            told(sequencer.announce(id, users).await);
            Ok(())
        });
        made.await?;
        self.get(actor, id).await
    }

    /// The caller's chats, last active first.
    pub async fn list(&self, actor: Actor) -> AppResult<Vec<ChatView>> {
        self.limiter.take(READS, &actor.user_id.to_string()).await?;
        let chats =
            self.store.chats_of(actor.user_id, limits::CHATS_IN_LIST, limits::MEMBERS_IN_LIST).await?;
        drafts::with_drafts(&*self.store, actor, chats.into_iter().map(ChatView::from).collect()).await
    }

    /// A chat with all its members. Fails with `not_found` for who is not one of them.
    pub async fn get(&self, actor: Actor, chat: ChatId) -> AppResult<ChatView> {
        self.limiter.take(READS, &actor.user_id.to_string()).await?;
        self.view(actor, chat, limits::GROUP_MEMBERS).await
    }

    /// A chat as a page shows it, with its first members. Fails with `not_found` for who is not one of them.
    pub async fn shown(&self, actor: Actor, chat: ChatId) -> AppResult<ChatView> {
        self.limiter.take(READS, &actor.user_id.to_string()).await?;
        self.view(actor, chat, limits::MEMBERS_AT_ONCE).await
    }

    async fn view(&self, actor: Actor, chat: ChatId, members: usize) -> AppResult<ChatView> {
        let record = self.store.chat(chat, actor.user_id, members).await?;
        let view = record.map(ChatView::from).ok_or_else(AppError::not_found)?;
        drafts::with_draft(&*self.store, actor, view).await
    }

    /// Gives a group another name.
    pub async fn rename(&self, actor: Actor, chat: ChatId, name: &str) -> AppResult<ChatView> {
        // Who may not even know of the chat learns nothing from how a bad name is refused.
        policy::read(self.store.role(chat, actor.user_id).await?)?;
        let name = GroupName::parse(name)?.into_string();
        self.change(actor, chat, move |state| {
            policy::rename(state, actor.user_id)?;
            Ok(vec![EventBody::ChatRenamed { name: name.clone() }])
        })
        .await?;
        self.shown(actor, chat).await
    }

    /// Has a group say something about itself.
    pub async fn describe(&self, actor: Actor, chat: ChatId, description: &str) -> AppResult<ChatView> {
        policy::read(self.store.role(chat, actor.user_id).await?)?;
        let description = Description::parse(description)?.into_string();
        self.change(actor, chat, move |state| {
            policy::describe(state, actor.user_id)?;
            Ok(vec![EventBody::ChatDescribed { description: description.clone() }])
        })
        .await?;
        self.shown(actor, chat).await
    }

    /// Adds people to a group. Fails with `cannot_message` if one of them has blocked the caller and is not in it yet.
    pub async fn add_members(&self, actor: Actor, chat: ChatId, users: &[UserId]) -> AppResult<ChatView> {
        policy::read(self.store.role(chat, actor.user_id).await?)?;
        let users = self.known(users, "user_ids").await?;
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        let blockers = self.store.blockers_among(actor.user_id, &ids).await?;
        let joined_at = self.clock.now();
        self.change(actor, chat, move |state| {
            let changes = policy::add_members(state, actor.user_id, &ids)?;
            if changes.iter().any(|change| matches!(change, MemberChange::Add(id) if blockers.contains(id))) {
                return Err(ErrorCode::CannotMessage.into());
            }
            Ok(changes
                .into_iter()
                .filter_map(|change| match change {
                    MemberChange::Add(id) => users.iter().find(|user| user.id == id),
                    _ => None,
                })
                .map(|user| {
                    let member =
                        MemberView { user: UserView::from(user), role: Role::Member, joined_at, read: None };
                    EventBody::MemberAdded { member }
                })
                .collect())
        })
        .await?;
        self.shown(actor, chat).await
    }

    /// Removes somebody from a group.
    pub async fn remove_member(&self, actor: Actor, chat: ChatId, user: UserId) -> AppResult<()> {
        self.change_members(actor, chat, move |state| policy::remove_member(state, actor.user_id, user)).await
    }

    /// Makes a member an admin or a plain member.
    pub async fn set_role(
        &self,
        actor: Actor,
        chat: ChatId,
        user: UserId,
        role: Role,
    ) -> AppResult<ChatView> {
        self.change_members(actor, chat, move |state| policy::set_role(state, actor.user_id, user, role))
            .await?;
        self.shown(actor, chat).await
    }

    /// Leaves a group.
    pub async fn leave(&self, actor: Actor, chat: ChatId) -> AppResult<()> {
        self.change_members(actor, chat, move |state| policy::leave(state, actor.user_id)).await
    }

    /// Deletes a group for everybody.
    pub async fn delete(&self, actor: Actor, chat: ChatId) -> AppResult<()> {
        self.change_members(actor, chat, move |state| policy::delete(state, actor.user_id)).await
    }

    async fn change_members(
        &self,
        actor: Actor,
        chat: ChatId,
        rule: impl Fn(&ChatState) -> AppResult<Vec<MemberChange>> + Send + Sync + 'static,
    ) -> AppResult<()> {
        self.change(actor, chat, move |state| {
            Ok(rule(state)?
                .into_iter()
                .filter_map(|change| match change {
                    MemberChange::Remove(user_id) => Some(EventBody::MemberRemoved { user_id }),
                    MemberChange::SetRole(user_id, role) => Some(EventBody::RoleChanged { user_id, role }),
                    MemberChange::Delete => Some(EventBody::ChatDeleted {}),
                    // Adding needs the person's name and has a way of its own.
                    MemberChange::Add(_) => None,
                })
                .collect())
        })
        .await
    }

    async fn change(
        &self,
        actor: Actor,
        chat: ChatId,
        decide: impl Fn(&ChatState) -> AppResult<Vec<EventBody>> + Send + Sync + 'static,
    ) -> AppResult<()> {
        self.limiter.take(CHANGES, &actor.user_id.to_string()).await?;
        self.sequencer.change(chat, actor.user_id, self.clock.now(), Box::new(decide)).await?;
        Ok(())
    }

    /// The people with these ids, each once, in the order given. Fails with `unknown_member` if one of
    /// them does not exist.
    async fn known(&self, ids: &[UserId], field: &'static str) -> AppResult<Vec<UserRecord>> {
        if ids.len() > limits::USERS_PER_REQUEST {
            return Err(AppError::field(field, FieldError::TooMany));
        }
        let mut wanted: Vec<UserId> = Vec::with_capacity(ids.len());
        let mut seen = std::collections::HashSet::new();
        wanted.extend(ids.iter().filter(|id| seen.insert(**id)));
        let mut found: std::collections::HashMap<UserId, UserRecord> =
            self.store.users(&wanted).await?.into_iter().map(|user| (user.id, user)).collect();
        wanted.iter().map(|id| found.remove(id).ok_or_else(|| ErrorCode::UnknownMember.into())).collect()
    }
}

/// The chat is made, whether everybody hears of it at once or not.
fn told(announced: AppResult<()>) {
    if let Err(error) = announced {
        tracing::warn!(error = error.chain(), "a new chat could not be announced");
    }
}

impl From<ChatRecord> for ChatView {
    fn from(chat: ChatRecord) -> Self {
        let mut members = chat.members;
        let has_many = chat.member_count > limits::RECEIPT_MEMBERS as u64;
        // Of who has blocked the viewer nothing is told, as if they let nobody see it.
        let is_hidden = |user: UserId| has_many || chat.blocking.by_them && user != chat.viewer_id;
        for member in members.iter_mut().filter(|member| is_hidden(member.user.id)) {
            member.read = None;
        }
        Self {
            id: chat.id,
            kind: chat.kind,
            name: chat.name.filter(|_| chat.kind == ChatKind::Group),
            description: chat.description,
            avatar: chat.avatar.filter(|_| chat.kind == ChatKind::Group),
            members,
            member_count: chat.member_count,
            my_role: chat.my_role,
            mine: chat.mine,
            mentioned: chat.mentioned,
            draft: None,
            head: chat.head,
            head_ordinal: chat.head_ordinal,
            last_message: chat.last_message,
            created_at: chat.created_at,
        }
    }
}

impl From<&UserRecord> for UserView {
    fn from(user: &UserRecord) -> Self {
        Self {
            id: user.id,
            display_name: user.display_name.as_str().to_owned(),
            about: user.about.as_str().to_owned(),
            avatar: user.avatar,
        }
    }
}
