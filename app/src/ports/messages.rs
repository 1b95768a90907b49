//! Messages and the log they are appended to.

use async_trait::async_trait;

use crate::{
    domain::{Body, ChatId, ClientId, MessageId, Seq, Timestamp, UserId},
    error::AppResult,
    protocol::{AttachmentView, HistoryPage, LogEvent, MessageView},
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

/// Messages and events.
#[async_trait]
pub trait MessageStore: Send + Sync {
    /// Appends messages to one chat's log, in order, as one atomic and durable write: when this returns,
    /// all of the batch has survived whatever may happen to the process. One outcome per message, in
    /// order. Membership is checked, and the files become attached, in the same write.
    async fn append_messages(&self, chat: ChatId, batch: Vec<NewMessage>) -> AppResult<Vec<Appended>>;

    /// The message that this sender sent under this id, in any chat.
    async fn message_by_client_id(&self, sender: UserId, id: ClientId) -> AppResult<Option<MessageView>>;

    /// The message with this id, deleted or not; `None` if it is not in this chat, and if the chat is deleted.
    async fn message(&self, chat: ChatId, id: MessageId) -> AppResult<Option<MessageView>>;

    /// A page of history, oldest first, at most `limit` messages. Costs the same however long the chat.
    async fn history(&self, chat: ChatId, page: PageQuery, limit: usize) -> AppResult<HistoryPage>;

    /// The events after `seq`, in order, at most `limit`.
    async fn events_after(&self, chat: ChatId, seq: Seq, limit: usize) -> AppResult<Vec<LogEvent>>;
}
