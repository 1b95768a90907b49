//! One worker of the node that tells browsers of messages.
//!
//! What was written waits for a moment first: a page that is open marks it as read meanwhile, and of what is written to
//! a chat one message after the other the last one is told. Everything here is lossy: a message is in its chat whether
//! anybody was told of it or not.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    note::{Written, note},
    turns::Turns,
};
use crate::{
    domain::{ChatId, UserId, limits},
    error::AppResult,
    ports::{
        Clock, Presence, PushAudience, PushNote, PushOutcome, PushQuery, PushService, PushTarget, Store,
    },
    protocol::MessageView,
};

/// Messages that wait to be looked at.
const QUEUE: usize = 1_024;
/// Chats whose last message waits for its moment.
const CHATS: usize = 1_024;
/// Earlier messages of a chat that wait beside the last one, because they mention somebody.
const CALLS: usize = 8;
/// How long a message waits before anybody is told of it.
const MOMENT: Duration = Duration::from_secs(2);
/// Notes that wait for their request or for another try.
const NOTES: usize = 4_096;
/// How often a note is tried.
const TRIES: u32 = 3;
/// The pause before the second try. It doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that a push service is granted.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long notes may still take when the node stops.
const FAREWELL: Duration = Duration::from_secs(3);
/// How often it is said what was lost.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// What the worker needs.
#[derive(Clone)]
pub struct PushPorts {
    /// Who is subscribed.
    pub store: Arc<dyn Store>,
    /// Who is online, and sees messages by themselves.
    pub presence: Arc<dyn Presence>,
    /// Where notes are sent.
    pub service: Arc<dyn PushService>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Takes messages for the worker. Where nobody is told anything it takes none.
#[derive(Clone, Default)]
pub struct Telling {
    worker: Option<(mpsc::Sender<Written>, Arc<AtomicU64>)>,
}

impl Telling {
    /// Starts the worker, which lives in `tasks` and ends soon after `stop`.
    pub fn start(ports: PushPorts, tasks: &TaskTracker, stop: CancellationToken) -> Self {
        if ports.service.public_key().is_none() {
            return Self::default();
        }
        let (sender, messages) = mpsc::channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let worker = Worker {
            sending: Arc::new(Sending { ports, turns: Turns::default() }),
            waiting: Waiting::default(),
            notes: JoinSet::new(),
            lost: Arc::clone(&lost),
            said_at: None,
        };
        tasks.spawn(async move {
            if let Err(panic) = tokio::spawn(worker.run(messages, stop)).await {
                tracing::error!(error = %panic, "nobody is told by push any longer: its worker failed");
            }
        });
        Self { worker: Some((sender, lost)) }
    }

    /// Notes a message that was stored. Never waits: where too many wait already, nobody is told of it.
    pub fn note(&self, message: &MessageView) {
        let Some((sender, lost)) = &self.worker else { return };
        if let Err(mpsc::error::TrySendError::Full(_message)) = sender.try_send(message.into()) {
            lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What waits in one chat.
struct Said {
    /// The last message.
    last: Written,
    /// Messages before it that mention somebody: whom nothing else notifies is told of these.
    calls: VecDeque<Written>,
}

/// What waits in each chat, and when it has waited long enough: its moment begins with the first message.
#[derive(Default)]
struct Waiting {
    order: VecDeque<(Instant, ChatId)>,
    said: HashMap<ChatId, Said>,
}

impl Waiting {
    fn add(&mut self, message: Written, now: Instant) {
        let Some(said) = self.said.get_mut(&message.chat) else {
            self.order.push_back((now + MOMENT, message.chat));
            self.said.insert(message.chat, Said { last: message, calls: VecDeque::new() });
            return;
        };
        // Whoever is told of the one is told of the other: its writer has read the earlier one.
        let is_later = said.last.ordinal < message.ordinal;
        let earlier = if is_later { std::mem::replace(&mut said.last, message) } else { message };
        if earlier.calls {
            said.calls.truncate(CALLS - 1);
            said.calls.push_front(earlier);
        }
    }

    fn next_at(&self) -> Option<Instant> {
        self.order.front().map(|(at, _chat)| *at)
    }

    fn take(&mut self) -> Option<Said> {
        let (_at, chat) = self.order.pop_front()?;
        self.said.remove(&chat)
    }
}

struct Worker {
    sending: Arc<Sending>,
    waiting: Waiting,
    notes: JoinSet<()>,
    /// Messages and notes that there was no room for.
    lost: Arc<AtomicU64>,
    said_at: Option<Instant>,
}

impl Worker {
    async fn run(mut self, mut messages: mpsc::Receiver<Written>, stop: CancellationToken) {
        loop {
            let next = self.waiting.next_at();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = wait_until(next), if next.is_some() => self.tell_next().await,
                Some(message) = messages.recv(), if self.waiting.said.len() < CHATS => {
                    self.waiting.add(message, Instant::now());
                }
                Some(done) = self.notes.join_next(), if !self.notes.is_empty() => note_failure(done),
                else => break,
            }
            self.say_what_was_lost();
        }
        // What was written in the last moments is told at once, for as long as there is time for it.
        messages.close();
        let farewell = async {
            while let Some(message) = messages.recv().await {
                self.waiting.add(message, Instant::now());
            }
            while !self.waiting.said.is_empty() {
                self.tell_next().await;
            }
            while let Some(done) = self.notes.join_next().await {
                note_failure(done);
            }
        };
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            tracing::info!(left = self.notes.len(), "some notes to push services were given up");
        }
    }

    /// In one line for all of a minute.
    fn say_what_was_lost(&mut self) {
        let is_due = self.said_at.is_none_or(|at| at.elapsed() >= SAID_EVERY);
        if !is_due || self.lost.load(Ordering::Relaxed) == 0 {
            return;
        }
        self.said_at = Some(Instant::now());
        let lost = self.lost.swap(0, Ordering::Relaxed);
        tracing::warn!(lost, "too much is written: some people are not told of messages by push");
    }

    /// Tells of the chat that has waited longest.
    async fn tell_next(&mut self) {
        let Some(Said { last, mut calls }) = self.waiting.take() else { return };
        // The last one comes last: it takes the place of what was told before it.
        while let Some(message) = calls.pop_back() {
            self.tell(message, true).await;
        }
        self.tell(last, false).await;
    }

    /// Decides who is told of the message, and hands out what they are told.
    async fn tell(&mut self, message: Written, called_only: bool) {
        let told = match self.sending.audience(&message, called_only).await {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(chat = %message.chat, error = error.chain(), "nobody is told of a message by push");
                return;
            }
        };
        let Some(PushAudience { group, targets }) = told else { return };
        let note = Arc::new(note(&message, group.as_deref()));
        // Those that are done have not been looked at while there was more to tell.
        while let Some(done) = self.notes.try_join_next() {
            note_failure(done);
        }
        for target in targets {
            if self.notes.len() >= NOTES {
                self.lost.fetch_add(1, Ordering::Relaxed);
                return;
            }
            let (sending, note) = (Arc::clone(&self.sending), Arc::clone(&note));
            self.notes.spawn(async move { sending.deliver(target, &note).await });
        }
    }
}

async fn wait_until(at: Option<Instant>) {
    if let Some(at) = at {
        tokio::time::sleep_until(at).await;
    }
}

fn note_failure(done: Result<(), tokio::task::JoinError>) {
    if let Err(panic) = done {
        tracing::error!(error = %panic, "a note to a push service failed");
    }
}

/// What sends notes.
struct Sending {
    ports: PushPorts,
    turns: Turns,
}

impl Sending {
    /// The browsers that are told of the message: nobody's who has a page open somewhere.
    async fn audience(&self, message: &Written, called_only: bool) -> AppResult<Option<PushAudience>> {
        let now = self.ports.clock.now();
        let query = PushQuery {
            chat: message.chat,
            seq: message.seq,
            ordinal: message.ordinal,
            except: message.sender,
            now,
            called_only,
            most_members: limits::PUSH_MEMBERS,
            most_targets: limits::PUSH_TARGETS,
        };
        let Some(mut audience) = self.ports.store.push_audience(query).await? else { return Ok(None) };
        let people: BTreeSet<UserId> = audience.targets.iter().map(|target| target.user_id).collect();
        let people: Vec<UserId> = people.into_iter().collect();
        match self.ports.presence.online(&people, now).await {
            Ok(online) => audience.targets.retain(|target| !online.people.contains(&target.user_id)),
            // Rather told twice than not at all.
            Err(error) => tracing::debug!(error = error.chain(), "who is online is not known"),
        }
        Ok((!audience.targets.is_empty()).then_some(audience))
    }

    async fn deliver(&self, target: PushTarget, note: &PushNote) {
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=TRIES {
            // Held for the request alone: pauses keep nobody from theirs.
            let Some(turn) = self.turns.next(&target.subscription.endpoint).await else { return };
            let outcome = self.ports.service.send(&target.subscription, note).await;
            drop(turn);
            match outcome {
                PushOutcome::Taken | PushOutcome::Refused(_) => return,
                PushOutcome::Gone => return self.forget(&target).await,
                PushOutcome::Again(asked) if attempt < TRIES => {
                    tokio::time::sleep(asked.unwrap_or(pause).clamp(pause, LONGEST_PAUSE)).await;
                    pause *= 2;
                }
                PushOutcome::Again(_) => {
                    tracing::info!(user = %target.user_id, "a push service did not take a note");
                }
            }
        }
    }

    async fn forget(&self, target: &PushTarget) {
        if let Err(error) = self.ports.store.forget_endpoint(&target.subscription.endpoint).await {
            tracing::warn!(error = error.chain(), "a subscription that is gone could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{domain::Ordinal, service::push::note::tests::message};

    #[test]
    fn of_what_is_written_to_a_chat_at_once_the_last_one_is_told() {
        let mut waiting = Waiting::default();
        let start = Instant::now();
        let other = ChatId::from_bytes([2; 12]);
        waiting.add(message("first", 0), start);
        waiting.add(Written { chat: other, ..message("elsewhere", 0) }, start + MOMENT / 4);
        waiting.add(Written { ordinal: Ordinal(6), ..message("last", 0) }, start + MOMENT / 2);
        waiting.add(message("late", 0), start + MOMENT / 2);
        assert_eq!(waiting.next_at(), Some(start + MOMENT), "its moment does not begin anew");
        assert_eq!(waiting.take().unwrap().last.text, "last");
        assert_eq!(waiting.next_at(), Some(start + MOMENT / 4 + MOMENT));
        assert_eq!(waiting.take().unwrap().last.text, "elsewhere");
        assert!(waiting.take().is_none() && waiting.next_at().is_none());
    }

    #[test]
    fn what_mentions_somebody_is_not_lost_behind_what_comes_after_it() {
        let mut waiting = Waiting::default();
        let start = Instant::now();
        let said =
            |text: &str, ordinal, calls| Written { ordinal: Ordinal(ordinal), calls, ..message(text, 0) };
        waiting.add(said("plain", 1, false), start);
        waiting.add(said("@Asha", 2, true), start);
        waiting.add(said("last", 4, true), start);
        waiting.add(said("@Chen, late", 3, true), start);
        let Said { last, calls } = waiting.take().unwrap();
        let calls: Vec<&str> = calls.iter().map(|call| call.text.as_str()).collect();
        assert_eq!((last.text.as_str(), calls), ("last", vec!["@Chen, late", "@Asha"]));
        for ordinal in 1..=20 {
            waiting.add(said("@Asha", ordinal, true), start);
        }
        assert_eq!(waiting.take().unwrap().calls.len(), CALLS);
    }
}
