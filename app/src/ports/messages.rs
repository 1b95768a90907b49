//! Messages and the log they are appended to.

use async_trait::async_trait;

use crate::{
    domain::{Blocking, Body, ChatId, ChatKind, ClientId, MessageId, Role, Seq, Timestamp, UserId},
    error::{AppResult, ErrorCode},
    protocol::{AttachmentView, EditView, EventBody, HistoryPage, LogEvent, MentionsView, MessageView},
};

/// A message to be appended.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The id that it gets unless it has been stored before.
    pub id: MessageId,
    /// Who sends it.
    pub sender_id: UserId,
    /// The sender's own id for it, unique per sender.
    pub client_id: ClientId,
    /// The text.
    pub body: Body,
    /// Whom it mentions: members of the chat, as far as they were when they were looked for.
    pub mentions: MentionsView,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// Its files, which have arrived and whose contents are kept.
    pub attachments: Vec<AttachmentView>,
    /// Bytes that all files of the sender may have together, these among them.
    pub user_bytes: u64,
    /// When.
    pub created_at: Timestamp,
}

/// What became of one message of a batch.
#[derive(Clone, Debug)]
pub enum Appended {
    /// It is stored: this is its event, to be published.
    New(LogEvent),
    /// It had been stored before; this is the original.
    Duplicate(MessageView),
    /// The sender had used the `client_id` in another chat.
    ClientIdReused,
    /// The sender is not a member, or there is no such chat.
    NotMember,
    /// One of the two people of a direct chat has blocked the other: why the sender cannot write.
    Refused(ErrorCode),
    /// What it answers is not in this chat.
    UnknownReply,
    /// With its files the sender would have more than they may.
    QuotaExceeded,
    /// One of its files is not arriving any longer: it was collected, or another message has got it.
    AttachmentsGone,
}

/// Which page of history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageQuery {
    /// The last messages.
    Latest,
    /// The messages right before this event.
    Before(Seq),
    /// The messages right after this event.
    After(Seq),
    /// Messages on both sides of this event, the event's own included.
    Around(Seq),
}

impl PageQuery {
    /// From which event to which a page reaches that has these messages: what happens between two pages that are read
    /// one beside the other belongs to one of them.
    pub fn reach(self, page: &HistoryPage) -> (Seq, Seq) {
        let edge = |message: Option<&MessageView>| message.map(|message| message.seq);
        let first = match self {
            _ if !page.has_older => Seq(0),
            Self::After(seq) => seq.next(),
            _ => edge(page.messages.first()).unwrap_or_default(),
        };
        let last = match self {
            _ if !page.has_newer => Seq(u64::MAX),
            Self::Before(seq) => Seq(seq.0.saturating_sub(1)),
            _ => edge(page.messages.last()).unwrap_or_default(),
        };
        (first, last)
    }

    /// Of what happened in a page, beyond what it can tell, the last is kept, or what is next to the page before.
    pub fn is_forward(self) -> bool {
        matches!(self, Self::After(_))
    }
}

/// A message at one point of its chat's log, as the rules of [`crate::domain::policy`] look at it.
#[derive(Clone, Debug)]
pub struct MessageState {
    /// Of which kind its chat is.
    pub kind: ChatKind,
    /// What the actor is in the chat.
    pub role: Role,
    /// The message, as the actor sees it.
    pub message: MessageView,
    /// Whether one of the two people of a direct chat has blocked the other, as the actor sees it.
    pub blocking: Blocking,
    /// How often its text has been changed.
    pub edits: usize,
    /// How many messages are pinned in the chat.
    pub pinned: usize,
}

/// Decides, from the state that the change will be committed on, what happens to one message: a pure function
/// that an adapter may call more than once, if somebody else's change came between. No event means no change.
pub type DecideMessage = Box<dyn Fn(&MessageState) -> AppResult<Option<EventBody>> + Send + Sync>;

/// What became of a change of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageChange {
    /// The message as the actor sees it now.
    pub message: MessageView,
    /// What was appended to the log, to be published; `None` if nothing changed.
    pub event: Option<LogEvent>,
}

/// Messages and events.
///
/// What a message answers is read with it, wherever it comes from ([`crate::protocol::QuoteView`]). Who views it
/// only matters for which reactions are theirs.
#[async_trait]
pub trait MessageStore: Send + Sync {
    /// Appends messages to one chat's log, in order, as one atomic and durable write: when this returns, all of the
    /// batch has survived whatever may happen to the process. One outcome per message, in order. Membership is
    /// checked, in a direct chat that nobody has blocked the other, and the files become attached, in the same write.
    /// Each sender has then read up to their own last message, without a new revision: the log tells it.
    async fn append_messages(&self, chat: ChatId, batch: Vec<NewMessage>) -> AppResult<Vec<Appended>>;

    /// The message that this sender sent under this id, in any chat.
    async fn message_by_client_id(&self, sender: UserId, id: ClientId) -> AppResult<Option<MessageView>>;

    /// Loads what one change of one message is decided on, lets `decide` look at it, and appends the one event that
    /// it decided, with all that follows from it, as one atomic and durable write. What the store shows of the
    /// message is what [`MessageView::apply`] makes of it. Deleting it also takes its texts from the events that
    /// brought them, and releases its files. Fails with `not_found` if the actor is not in the chat or the message
    /// is not; a refusal of `decide` comes back as it is.
    async fn change_message(
        &self,
        chat: ChatId,
        id: MessageId,
        actor: UserId,
        at: Timestamp,
        decide: DecideMessage,
    ) -> AppResult<MessageChange>;

    /// The message with this id, deleted or not; `None` if it is not in this chat, and if the chat is deleted.
    async fn message(&self, chat: ChatId, viewer: UserId, id: MessageId) -> AppResult<Option<MessageView>>;

    /// A page of history, oldest first, at most `limit` messages. Costs the same however long the chat.
    async fn history(
        &self,
        chat: ChatId,
        viewer: UserId,
        page: PageQuery,
        limit: usize,
    ) -> AppResult<HistoryPage>;

    /// The first message that was stored at this time or after it. Costs the same however long the chat.
    async fn message_at(&self, chat: ChatId, at: Timestamp) -> AppResult<Option<Seq>>;

    /// The pinned messages of the chat, last pinned first: at most
    /// [`PINS_PER_CHAT`](crate::domain::limits::PINS_PER_CHAT).
    async fn pinned(&self, chat: ChatId, viewer: UserId) -> AppResult<Vec<MessageView>>;

    /// The texts that the message has had, oldest first, the current one last; none if it is deleted or not in this
    /// chat.
    async fn edits(&self, chat: ChatId, id: MessageId) -> AppResult<Vec<EditView>>;

    /// The events after `seq`, in order, at most `limit`.
    async fn events_after(&self, chat: ChatId, seq: Seq, limit: usize) -> AppResult<Vec<LogEvent>>;
}
