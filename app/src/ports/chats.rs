//! Chats, their members and the changes to them.

use async_trait::async_trait;

use crate::{
    domain::{
        AttachmentId, Blocking, ChatId, ChatKind, ChatState, GroupName, Ordinal, Role, Seq, Timestamp, UserId,
    },
    error::AppResult,
    protocol::{EventBody, Heads, LogEvent, MemberView, MessageView, MyChatView},
};

/// A direct chat to be opened between two people.
pub struct NewDirectChat {
    /// The id that it gets if there is none yet.
    pub id: ChatId,
    /// Who opens it and whom they open it with: different people. Which way round does not matter for which
    /// chat it is, only for whose it counts.
    pub pair: [UserId; 2],
    /// When.
    pub created_at: Timestamp,
}

/// A group to be made.
pub struct NewGroupChat {
    /// Its id.
    pub id: ChatId,
    /// Its name.
    pub name: GroupName,
    /// All its members and roles, each person once, in the order in which they count as having joined; first
    /// who makes it.
    pub members: Vec<(UserId, Role)>,
    /// When.
    pub created_at: Timestamp,
}

/// A chat as one of its members finds it in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatRecord {
    /// Who sees it so.
    pub viewer_id: UserId,
    /// Which.
    pub id: ChatId,
    /// Of which kind.
    pub kind: ChatKind,
    /// A group's name.
    pub name: Option<String>,
    /// What a group says about itself; may be empty.
    pub description: String,
    /// The picture that stands for a group.
    pub avatar: Option<AttachmentId>,
    /// The first members, longest-standing first, as many as were asked for; with how far those have read who let
    /// others see it.
    pub members: Vec<MemberView>,
    /// How many members there are.
    pub member_count: u64,
    /// The viewer's role.
    pub my_role: Role,
    /// Whether one of the two people of a direct chat has blocked the other, as the viewer sees it.
    pub blocking: Blocking,
    /// What it is to the viewer alone.
    pub mine: MyChatView,
    /// The unread messages of others that mention the viewer: the newest
    /// [`MENTIONS_PER_CHAT`](crate::domain::limits::MENTIONS_PER_CHAT), by ascending ordinal.
    pub mentioned: Vec<Ordinal>,
    /// The last event.
    pub head: Seq,
    /// The last message's ordinal.
    pub head_ordinal: Ordinal,
    /// The last message.
    pub last_message: Option<MessageView>,
    /// Since when.
    pub created_at: Timestamp,
}

/// Decides, from the state that the change will be committed on, what happens: a pure function that an
/// adapter may call more than once, if somebody else's change came between. No event means no change.
pub type Decide = Box<dyn Fn(&ChatState) -> AppResult<Vec<EventBody>> + Send + Sync>;

/// Chats.
#[async_trait]
pub trait ChatStore: Send + Sync {
    /// Opens the one direct chat of a pair. Returns its id and whether this call made it; however many
    /// calls race, one makes it and all return the same id. Fails with `unknown_member` if a person does
    /// not exist, and, unless there is the chat already, with `too_many_chats` if who opens it is in
    /// [`CHATS_MADE_PER_USER`](crate::domain::limits::CHATS_MADE_PER_USER) chats that they made, with
    /// `you_blocked_them` if they have blocked the other, and with `cannot_message` if the other has blocked them.
    async fn create_direct_chat(&self, chat: NewDirectChat) -> AppResult<(ChatId, bool)>;

    /// Makes a group. Fails with `unknown_member` if a person does not exist, and with `too_many_chats` if
    /// who makes it is in [`CHATS_MADE_PER_USER`](crate::domain::limits::CHATS_MADE_PER_USER) chats that they
    /// made. How many chats the others are in does not matter.
    async fn create_group_chat(&self, chat: NewGroupChat) -> AppResult<()>;

    /// Loads the chat's state, lets `decide` look at it, and appends what it decided to the log with all
    /// that follows from it (members, roles, name, description, avatar), as one atomic write. Messages change by
    /// [`MessageStore::change_message`](super::MessageStore::change_message). The outer error is a fault; a
    /// refusal of `decide` comes back as it is. `None` if there is no such chat. Fails with `unknown_member`
    /// if somebody who is to be added does not exist, and with `unavailable` if what is to be the avatar is no arriving
    /// file of the actor's.
    async fn change_chat(
        &self,
        chat: ChatId,
        actor: UserId,
        at: Timestamp,
        decide: Decide,
    ) -> AppResult<Option<Vec<LogEvent>>>;

    /// The viewer's role in the chat, or `None` if they are not in it or it does not exist.
    async fn role(&self, chat: ChatId, viewer: UserId) -> AppResult<Option<Role>>;

    /// The chat with up to `members` of its members, or `None` if the viewer is not in it.
    async fn chat(&self, chat: ChatId, viewer: UserId, members: usize) -> AppResult<Option<ChatRecord>>;

    /// The viewer's chats, last active first, at most `limit`, each with up to `members` members and
    /// otherwise as [`Self::chat`] gives it. Asks the store a fixed number of questions, each about all of
    /// the chats at once: somebody may be in a thousand.
    async fn chats_of(&self, viewer: UserId, limit: usize, members: usize) -> AppResult<Vec<ChatRecord>>;

    /// The head of every chat that the viewer is in, however many these are: what a node takes for who is in
    /// what.
    async fn heads_of(&self, viewer: UserId) -> AppResult<Heads>;

    /// The heads of these chats, whoever is in them; what is not found is left out. One look-up for each: what a
    /// node compares its rooms with, and never an answer to somebody.
    async fn heads(&self, chats: &[ChatId]) -> AppResult<Heads>;

    /// The ids of all members of the chat.
    async fn member_ids(&self, chat: ChatId) -> AppResult<Vec<UserId>>;

    /// Everybody who shares a chat of at most `largest` members with this person, without them; at most
    /// `limit`.
    async fn contacts_of(&self, user: UserId, largest: usize, limit: usize) -> AppResult<Vec<UserId>>;

    /// The chats of at most `largest` members that the person is in.
    async fn small_chats_of(&self, user: UserId, largest: usize) -> AppResult<Vec<ChatId>>;
}
