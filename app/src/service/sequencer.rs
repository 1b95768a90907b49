//! One writer task per chat and node: gathers the sends that wait, commits them together, and publishes what
//! was committed in the order of the log.
//!
//! Each chat that is written to has a task of its own, which ends when nothing has come for a while. The
//! caller's future may be dropped at any time; the write is carried out all the same.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::push::Telling;
use crate::{
    domain::{ChatId, MessageId, Role, Seq, Timestamp, UserId, limits},
    error::{AppError, AppResult, ErrorCode},
    ports::{Appended, Bus, BusMessage, Decide, DecideMessage, Frame, NewMessage, Store},
    protocol::{ChatView, EventBody, LogEvent, MessageView, MyChatView, Notice, ServerFrame},
};

/// Writes that may wait for one chat.
const WAITING: usize = 256;
/// Messages that are committed together.
const BATCH: usize = 64;
/// Bytes of their texts, unless a single one has more: what messages are found by is written with them, and grows with
/// their length.
const BATCH_BYTES: usize = 64 * 1024;
/// After how long without a write a chat's task ends.
const IDLE: Duration = Duration::from_secs(30);
/// How long a caller waits for its write: longer than a store tries one, and so much less than the half minute within
/// which everything is answered that there is room for what comes before it.
const PATIENCE: Duration = Duration::from_secs(27);

/// The writers of all chats on this node.
#[derive(Clone)]
pub struct Sequencer {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    telling: Telling,
    writers: Mutex<HashMap<ChatId, Writer>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A chat's writer, as callers see it.
struct Writer {
    commands: mpsc::Sender<Command>,
    /// Cancelled when the task is over. One that ends still carries out what reached it last, and the next one
    /// waits for that: two at once would publish out of order.
    over: CancellationToken,
}

enum Command {
    Append {
        message: NewMessage,
        reply: oneshot::Sender<AppResult<MessageView>>,
    },
    Change {
        actor: UserId,
        at: Timestamp,
        decide: Decide,
        /// The hash of an invitation that it goes by.
        invite: Option<[u8; 32]>,
        reply: oneshot::Sender<AppResult<bool>>,
    },
    ChangeMessage {
        id: MessageId,
        actor: UserId,
        at: Timestamp,
        decide: DecideMessage,
        reply: oneshot::Sender<AppResult<MessageView>>,
    },
    Announce {
        users: Vec<UserId>,
        reply: oneshot::Sender<AppResult<()>>,
    },
}

impl Sequencer {
    /// Writers over this store and bus. Their tasks live in `tasks` and end after `stop`, when everything
    /// that was accepted has been written. Who has no page open is told of messages by `telling`.
    pub fn new(
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        telling: Telling,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        Self { shared: Arc::new(Shared { store, bus, telling, writers: Mutex::default(), tasks, stop }) }
    }

    /// Appends a message. Returns it as stored, or the original if its `client_id` was stored before.
    pub async fn append(&self, chat: ChatId, message: NewMessage) -> AppResult<MessageView> {
        let (reply, answer) = oneshot::channel();
        self.submit(chat, Command::Append { message, reply }, answer).await
    }

    /// Lets `decide` choose what happens to the chat and commits it. False if it chose nothing. Fails with
    /// `not_found` if there is no such chat, and with whatever `decide` refused.
    pub async fn change(
        &self,
        chat: ChatId,
        actor: UserId,
        at: Timestamp,
        decide: Decide,
    ) -> AppResult<bool> {
        let (reply, answer) = oneshot::channel();
        self.submit(chat, Command::Change { actor, at, decide, invite: None, reply }, answer).await
    }

    /// As [`Self::change`], by an invitation with this hash, of which it is a use. Fails with `invite_invalid` if that
    /// is not good for the actor.
    pub async fn join(
        &self,
        chat: ChatId,
        token_hash: [u8; 32],
        actor: UserId,
        at: Timestamp,
        decide: Decide,
    ) -> AppResult<bool> {
        let (reply, answer) = oneshot::channel();
        let invite = Some(token_hash);
        self.submit(chat, Command::Change { actor, at, decide, invite, reply }, answer).await
    }

    /// Lets `decide` choose what happens to a message and commits it. Returns the message as the actor sees it then.
    /// Fails with `not_found` if the actor is not in the chat or the message is not, and with whatever `decide`
    /// refused.
    pub async fn change_message(
        &self,
        chat: ChatId,
        id: MessageId,
        actor: UserId,
        at: Timestamp,
        decide: DecideMessage,
    ) -> AppResult<MessageView> {
        let (reply, answer) = oneshot::channel();
        self.submit(chat, Command::ChangeMessage { id, actor, at, decide, reply }, answer).await
    }

    /// Tells people that they are in the chat, in order with whatever else happens to it.
    pub async fn announce(&self, chat: ChatId, users: Vec<UserId>) -> AppResult<()> {
        let (reply, answer) = oneshot::channel();
        self.submit(chat, Command::Announce { users, reply }, answer).await
    }

    async fn submit<T>(
        &self,
        chat: ChatId,
        command: Command,
        answer: oneshot::Receiver<AppResult<T>>,
    ) -> AppResult<T> {
        let wait = async {
            let mut command = command;
            // A writer that ended between being looked up and being written to hands the command back.
            while let Err(mpsc::error::SendError(back)) = self.writer(chat)?.send(command).await {
                command = back;
            }
            // The writer dropped the answer: it failed in the middle, and what became of the write is
            // unknown here.
            answer.await.map_err(AppError::unavailable)?
        };
        tokio::time::timeout(PATIENCE, wait).await.map_err(AppError::unavailable)?
    }

    fn writer(&self, chat: ChatId) -> AppResult<mpsc::Sender<Command>> {
        let mut writers = self.shared.writers.lock().unwrap_or_else(PoisonError::into_inner);
        let last = writers.get(&chat);
        if let Some(writer) = last.filter(|writer| !writer.commands.is_closed()) {
            return Ok(writer.commands.clone());
        }
        if self.shared.stop.is_cancelled() {
            return Err(AppError::unavailable("the server is shutting down"));
        }
        let before = last.map(|last| last.over.clone());
        let (writer, commands) = mpsc::channel(WAITING);
        let over = CancellationToken::new();
        writers.insert(chat, Writer { commands: writer.clone(), over: over.clone() });
        let write = Arc::clone(&self.shared).write(chat, commands);
        // However the task ends: also by a panic, or without ever having begun.
        let over = over.drop_guard();
        let task = async move {
            let _over = over;
            if let Some(before) = before {
                before.cancelled().await;
            }
            write.await;
        };
        self.shared.tasks.spawn(async move {
            if let Err(panic) = tokio::spawn(task).await {
                tracing::error!(%chat, error = %panic, "a chat's writer failed; the next write starts another");
            }
        });
        Ok(writer)
    }
}

impl Shared {
    async fn write(self: Arc<Self>, chat: ChatId, mut commands: mpsc::Receiver<Command>) {
        let mut waiting = Vec::with_capacity(BATCH);
        loop {
            let next = tokio::select! {
                biased;
                count = commands.recv_many(&mut waiting, BATCH) => count,
                () = tokio::time::sleep(IDLE) => 0,
                () = self.stop.cancelled() => 0,
            };
            if next == 0 {
                // From here on nothing new comes in; what is already waiting is still carried out.
                commands.close();
                if commands.recv_many(&mut waiting, WAITING).await == 0 {
                    break;
                }
            }
            self.carry_out(chat, &mut waiting).await;
        }
        let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
        if writers.get(&chat).is_some_and(|writer| writer.commands.is_closed()) {
            writers.remove(&chat);
        }
    }

    /// Carries the commands out in order, messages that stand side by side in one write.
    async fn carry_out(&self, chat: ChatId, waiting: &mut Vec<Command>) {
        let (mut batch, mut replies, mut bytes) = (Vec::new(), Vec::new(), 0);
        for command in waiting.drain(..) {
            let more = match &command {
                Command::Append { message, .. } => message.body.as_str().len(),
                _ => BATCH_BYTES + 1,
            };
            if bytes + more > BATCH_BYTES {
                self.append(chat, std::mem::take(&mut batch), std::mem::take(&mut replies)).await;
                bytes = 0;
            }
            bytes += more;
            // A caller that has gone away does not need the answer.
            match command {
                Command::Append { message, reply } => {
                    batch.push(message);
                    replies.push(reply);
                }
                Command::Change { actor, at, decide, invite, reply } => {
                    let _ = reply.send(self.change(chat, actor, at, decide, invite).await);
                }
                Command::ChangeMessage { id, actor, at, decide, reply } => {
                    let _ = reply.send(self.change_message(chat, id, actor, at, decide).await);
                }
                Command::Announce { users, reply } => {
                    self.announce(chat, &users).await;
                    let _ = reply.send(Ok(()));
                }
            }
        }
        self.append(chat, batch, replies).await;
    }

    async fn append(
        &self,
        chat: ChatId,
        batch: Vec<NewMessage>,
        replies: Vec<oneshot::Sender<AppResult<MessageView>>>,
    ) {
        if batch.is_empty() {
            return;
        }
        let outcomes = match self.store.append_messages(chat, batch).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                for reply in replies {
                    let _ = reply.send(Err(error.clone()));
                }
                return;
            }
        };
        for (outcome, reply) in outcomes.into_iter().zip(replies) {
            let answer = match outcome {
                Appended::New(event) => self.publish_message(event).await,
                Appended::Duplicate(original) => Ok(original),
                Appended::ClientIdReused => Err(ErrorCode::ClientIdReused.into()),
                Appended::NotMember => Err(AppError::not_found()),
                Appended::Refused(code) => Err(code.into()),
                Appended::UnknownReply => Err(ErrorCode::UnknownReply.into()),
                Appended::QuotaExceeded => Err(ErrorCode::QuotaExceeded.into()),
                Appended::AttachmentsGone => Err(AppError::unavailable("the files were collected")),
            };
            let _ = reply.send(answer);
        }
    }

    async fn publish_message(&self, event: LogEvent) -> AppResult<MessageView> {
        self.publish_event(&event).await;
        match event.body {
            EventBody::NewMessage { message } => {
                self.telling.note(&message);
                Ok(message)
            }
            _ => Err(AppError::internal("an appended message has the event of something else")),
        }
    }

    async fn change(
        &self,
        chat: ChatId,
        actor: UserId,
        at: Timestamp,
        decide: Decide,
        invite: Option<[u8; 32]>,
    ) -> AppResult<bool> {
        let (events, absent) = match invite {
            None => (self.store.change_chat(chat, actor, at, decide).await?, ErrorCode::NotFound),
            Some(hash) => {
                (self.store.join_by_invite(chat, hash, actor, at, decide).await?, ErrorCode::InviteInvalid)
            }
        };
        let events = events.ok_or(absent)?;
        let added: Vec<UserId> = events
            .iter()
            .filter_map(|event| match &event.body {
                EventBody::MemberAdded { member } => Some(member.user.id),
                _ => None,
            })
            .collect();
        for event in &events {
            self.publish_event(event).await;
            match event.body {
                EventBody::MemberRemoved { user_id } => {
                    let frame = removed_frame(chat)?;
                    self.publish(BusMessage::Left { chat_id: chat, user_id, frame }).await;
                }
                EventBody::ChatDeleted {} => {
                    let frame = removed_frame(chat)?;
                    self.publish(BusMessage::Deleted { chat_id: chat, frame }).await;
                }
                _ => {}
            }
        }
        if !added.is_empty() {
            self.announce(chat, &added).await;
        }
        Ok(!events.is_empty())
    }

    async fn change_message(
        &self,
        chat: ChatId,
        id: MessageId,
        actor: UserId,
        at: Timestamp,
        decide: DecideMessage,
    ) -> AppResult<MessageView> {
        let change = self.store.change_message(chat, id, actor, at, decide).await?;
        if let Some(event) = &change.event {
            self.publish_event(event).await;
        }
        Ok(change.message)
    }

    /// Tells people that they are in the chat, each as they see it. All see the same but for their role.
    /// They are in it, whether they hear of it or not: a fault is logged, and they find the chat among
    /// their heads.
    async fn announce(&self, chat: ChatId, users: &[UserId]) {
        let mut as_role: HashMap<Role, (Frame, Seq, u64)> = HashMap::new();
        for user in users {
            if let Err(error) = self.announce_to(chat, *user, &mut as_role).await {
                tracing::warn!(%chat, %user, error = error.chain(), "somebody was not told of their new chat");
            }
        }
    }

    async fn announce_to(
        &self,
        chat: ChatId,
        user: UserId,
        as_role: &mut HashMap<Role, (Frame, Seq, u64)>,
    ) -> AppResult<()> {
        // They may be out of it again.
        let Some(role) = self.store.role(chat, user).await? else { return Ok(()) };
        let (frame, head, members) = match as_role.get(&role) {
            Some((frame, head, members)) => (Arc::clone(frame), *head, *members),
            None => {
                let record = self.store.chat(chat, user, limits::MEMBERS_IN_LIST).await?;
                let Some(record) = record else { return Ok(()) };
                let (head, members) = (record.head, record.member_count);
                let mut chat = ChatView::from(record);
                // Which reactions are somebody's own differs even then, and is found out with the history.
                chat.last_message.iter_mut().for_each(MessageView::disown);
                // Who joins has read everything, so that nothing of it is an unread mention.
                chat.mentioned.clear();
                // All of them have read as far, but each has revisions of their own: any of those is the later state.
                chat.mine = MyChatView { read: chat.mine.read, ..MyChatView::default() };
                let frame = encode(&Notice::ChatAdded { chat: Box::new(chat) }.into())?;
                as_role.insert(role, (Arc::clone(&frame), head, members));
                (frame, head, members)
            }
        };
        self.publish(BusMessage::Joined { chat_id: chat, user_id: user, head, members, frame }).await;
        Ok(())
    }

    async fn publish_event(&self, event: &LogEvent) {
        match encode(&ServerFrame::Event(event.clone())) {
            Ok(frame) => {
                let (chat_id, seq) = (event.chat_id, event.seq);
                self.publish(BusMessage::Event { chat_id, seq, frame }).await;
            }
            Err(error) => tracing::error!(error = error.chain(), "an event could not be encoded"),
        }
    }

    async fn publish(&self, message: BusMessage) {
        publish(&*self.bus, message).await;
    }
}

/// What is committed stays committed: news that do not get through are found by comparing heads.
pub(super) async fn publish(bus: &dyn Bus, message: BusMessage) {
    if let Err(error) = bus.publish(message).await {
        tracing::warn!(error = error.chain(), "news did not reach every node");
    }
}

/// The frame as every socket gets it.
pub(super) fn encode(frame: &ServerFrame) -> AppResult<Frame> {
    Ok(serde_json::to_string(frame).map_err(AppError::internal)?.into())
}

fn removed_frame(chat_id: ChatId) -> AppResult<Frame> {
    encode(&Notice::ChatRemoved { chat_id }.into())
}
