//! A store that breaks one promise.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use app::{
    domain::{ChatId, ClientId, MessageId, Ordinal, Seq, Timestamp, UserId},
    error::{AppError, AppResult},
    ports::{Appended, DecideMessage, MessageChange, MessageStore, NewMessage, PageQuery, Store},
    protocol::{EditView, EventBody, HistoryPage, LogEvent, MessageView},
};
use async_trait::async_trait;
use tokio::sync::mpsc;

use super::Sabotage;
use crate::support::Random;

/// After how many milliseconds what was acknowledged early is written.
const LATE: std::ops::Range<u64> = 100..200;
/// Writes that may be late in one chat.
const MOST_LATE: usize = 4_096;

/// A store whose messages are not treated as they should be; all else is left to the one inside.
pub struct Sabotaged {
    pub(super) inner: Arc<dyn Store>,
    sabotage: Sabotage,
    lanes: Mutex<HashMap<ChatId, Lane>>,
}

/// A chat's log as it will be, once everything is written.
#[derive(Clone)]
struct Lane {
    seq: Seq,
    ordinal: Ordinal,
    known: HashMap<(UserId, ClientId), MessageView>,
    late: mpsc::Sender<NewMessage>,
}

impl Sabotaged {
    /// Around a store that keeps its promises.
    pub fn around(inner: Arc<dyn Store>, sabotage: Sabotage) -> Self {
        Self { inner, sabotage, lanes: Mutex::default() }
    }

    /// Gives a message the id back under which it was sent: its text begins with it.
    pub(super) fn restore(&self, message: &mut MessageView) {
        if self.sabotage == Sabotage::DeduplicationOff
            && let Some(Ok(id)) = message.body.split(' ').next().map(str::parse)
        {
            message.client_id = id;
        }
    }

    fn restore_event(&self, event: &mut LogEvent) {
        if let EventBody::NewMessage { message } = &mut event.body {
            self.restore(message);
        }
    }

    /// Appends each message as if it had never been sent before.
    async fn append_again(&self, chat: ChatId, mut batch: Vec<NewMessage>) -> AppResult<Vec<Appended>> {
        for message in &mut batch {
            message.client_id = ClientId::random();
        }
        let mut outcomes = self.inner.append_messages(chat, batch).await?;
        for outcome in &mut outcomes {
            if let Appended::New(event) = outcome {
                self.restore_event(event);
            }
        }
        Ok(outcomes)
    }

    /// Says what the messages will be, and writes them later.
    async fn append_late(&self, chat: ChatId, batch: Vec<NewMessage>) -> AppResult<Vec<Appended>> {
        let mut outcomes = Vec::new();
        for message in batch {
            outcomes.push(self.promise(chat, message).await?);
        }
        Ok(outcomes)
    }

    async fn promise(&self, chat: ChatId, new: NewMessage) -> AppResult<Appended> {
        if self.inner.role(chat, new.sender_id).await?.is_none() {
            return Ok(Appended::NotMember);
        }
        if let Some(original) = self.inner.message_by_client_id(new.sender_id, new.client_id).await? {
            return Ok(Appended::Duplicate(original));
        }
        let sender = self.inner.user(new.sender_id).await?.ok_or_else(AppError::not_found)?;
        // The sequencer appends to one chat from one task.
        let mut lane = match self.lane(chat) {
            Some(lane) => lane,
            None => self.open_lane(chat, new.sender_id).await?,
        };
        if let Some(original) = lane.known.get(&(new.sender_id, new.client_id)) {
            return Ok(Appended::Duplicate(original.clone()));
        }
        (lane.seq, lane.ordinal) = (lane.seq.next(), Ordinal(lane.ordinal.0 + 1));
        let message = MessageView {
            id: new.id,
            chat_id: chat,
            seq: lane.seq,
            ordinal: lane.ordinal,
            sender_id: new.sender_id,
            sender_name: sender.display_name.as_str().to_owned(),
            client_id: new.client_id,
            body: new.body.as_str().to_owned(),
            created_at: new.created_at,
            ..MessageView::default()
        };
        lane.known.insert((new.sender_id, new.client_id), message.clone());
        let event = LogEvent {
            chat_id: chat,
            seq: lane.seq,
            at: new.created_at,
            actor_id: new.sender_id,
            named: Default::default(),
            body: EventBody::NewMessage { message },
        };
        lane.late.send(new).await.map_err(AppError::unavailable)?;
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).insert(chat, lane);
        Ok(Appended::New(event))
    }

    fn lane(&self, chat: ChatId) -> Option<Lane> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).get(&chat).cloned()
    }

    async fn open_lane(&self, chat: ChatId, viewer: UserId) -> AppResult<Lane> {
        let seq = self.inner.heads(&[chat]).await?.get(&chat).copied().unwrap_or_default();
        let page = self.inner.history(chat, viewer, PageQuery::Latest, 1).await?;
        let ordinal = page.messages.last().map_or(Ordinal(0), |message| message.ordinal);
        let (late, mut waiting) = mpsc::channel::<NewMessage>(MOST_LATE);
        let inner = Arc::clone(&self.inner);
        // Ends with the lane; what it has not written by then is lost, as it is meant to be.
        tokio::spawn(async move {
            let mut random = Random::of(seq.0);
            let mut batch = Vec::new();
            while waiting.recv_many(&mut batch, 64).await > 0 {
                tokio::time::sleep(Duration::from_millis(random.within(LATE))).await;
                drop(inner.append_messages(chat, std::mem::take(&mut batch)).await);
            }
        });
        Ok(Lane { seq, ordinal, known: HashMap::new(), late })
    }
}

#[async_trait]
impl MessageStore for Sabotaged {
    async fn append_messages(&self, chat: ChatId, batch: Vec<NewMessage>) -> AppResult<Vec<Appended>> {
        match self.sabotage {
            Sabotage::DeduplicationOff => self.append_again(chat, batch).await,
            Sabotage::AcknowledgedEarly => self.append_late(chat, batch).await,
        }
    }

    async fn message_by_client_id(&self, sender: UserId, id: ClientId) -> AppResult<Option<MessageView>> {
        self.inner.message_by_client_id(sender, id).await
    }

    async fn change_message(
        &self,
        chat: ChatId,
        id: MessageId,
        actor: UserId,
        at: Timestamp,
        decide: DecideMessage,
    ) -> AppResult<MessageChange> {
        let mut change = self.inner.change_message(chat, id, actor, at, decide).await?;
        self.restore(&mut change.message);
        Ok(change)
    }

    async fn message(&self, chat: ChatId, viewer: UserId, id: MessageId) -> AppResult<Option<MessageView>> {
        let mut message = self.inner.message(chat, viewer, id).await?;
        message.iter_mut().for_each(|message| self.restore(message));
        Ok(message)
    }

    async fn message_at(&self, chat: ChatId, at: Timestamp) -> AppResult<Option<Seq>> {
        self.inner.message_at(chat, at).await
    }

    async fn pinned(&self, chat: ChatId, viewer: UserId) -> AppResult<Vec<MessageView>> {
        let mut pinned = self.inner.pinned(chat, viewer).await?;
        pinned.iter_mut().for_each(|message| self.restore(message));
        Ok(pinned)
    }

    async fn edits(&self, chat: ChatId, id: MessageId) -> AppResult<Vec<EditView>> {
        self.inner.edits(chat, id).await
    }

    async fn history(
        &self,
        chat: ChatId,
        viewer: UserId,
        page: PageQuery,
        limit: usize,
    ) -> AppResult<HistoryPage> {
        let mut page = self.inner.history(chat, viewer, page, limit).await?;
        page.messages.iter_mut().for_each(|message| self.restore(message));
        Ok(page)
    }

    async fn events_after(&self, chat: ChatId, seq: Seq, limit: usize) -> AppResult<Vec<LogEvent>> {
        let mut events = self.inner.events_after(chat, seq, limit).await?;
        events.iter_mut().for_each(|event| self.restore_event(event));
        Ok(events)
    }
}
