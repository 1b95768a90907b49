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

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    domain::{ChatId, Ordinal, Seq, UserId, limits},
    error::AppResult,
    markdown::plain_text,
    ports::{
        Clock, Presence, PushAudience, PushNote, PushOutcome, PushQuery, PushService, PushTarget, Store,
    },
    protocol::MessageView,
};

/// Messages that wait to be looked at.
const QUEUE: usize = 1_024;
/// Chats whose last message waits for its moment.
const CHATS: usize = 1_024;
/// How long a message waits before anybody is told of it.
const MOMENT: Duration = Duration::from_secs(2);
/// Requests to push services at once.
const REQUESTS: usize = 8;
/// Notes that wait for their request or for another try.
const NOTES: usize = 4_096;
/// How often a note is tried.
const TRIES: u32 = 3;
/// The pause before the second try. It doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that a push service is granted.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long push services keep a note.
const KEEP_FOR: Duration = Duration::from_secs(24 * 3600);
/// How long notes may still take when the node stops.
const FAREWELL: Duration = Duration::from_secs(3);
/// How often it is said what was lost.
const SAID_EVERY: Duration = Duration::from_secs(60);
/// Characters of a text that are read to say it on one line.
const READ_CHARS: usize = 600;
/// Characters of a text that are told.
const TOLD_CHARS: usize = 300;

/// A message that was written, as far as people are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    chat: ChatId,
    seq: Seq,
    ordinal: Ordinal,
    sender: UserId,
    sender_name: String,
    /// The beginning of its text, as it was typed.
    text: String,
    files: usize,
}

impl From<&MessageView> for Written {
    fn from(message: &MessageView) -> Self {
        Self {
            chat: message.chat_id,
            seq: message.seq,
            ordinal: message.ordinal,
            sender: message.sender_id,
            sender_name: message.sender_name.clone(),
            text: message.body.chars().take(READ_CHARS).collect(),
            files: message.attachments.len(),
        }
    }
}

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
            sending: Arc::new(Sending { ports, requests: Semaphore::new(REQUESTS) }),
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

/// The last message of each chat, and when it has waited long enough: its moment begins with the first of them.
#[derive(Default)]
struct Waiting {
    order: VecDeque<(Instant, ChatId)>,
    last: HashMap<ChatId, Written>,
}

impl Waiting {
    fn add(&mut self, message: Written, now: Instant) {
        if let Some(before) = self.last.get_mut(&message.chat) {
            // Whoever is told of the one is told of the other: its writer has read the earlier one.
            if before.ordinal < message.ordinal {
                *before = message;
            }
            return;
        }
        self.order.push_back((now + MOMENT, message.chat));
        self.last.insert(message.chat, message);
    }

    fn next_at(&self) -> Option<Instant> {
        self.order.front().map(|(at, _chat)| *at)
    }

    fn take(&mut self) -> Option<Written> {
        let (_at, chat) = self.order.pop_front()?;
        self.last.remove(&chat)
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
                Some(message) = messages.recv(), if self.waiting.last.len() < CHATS => {
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
            while !self.waiting.last.is_empty() {
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

    /// Decides who is told of the message that has waited longest, and hands out what they are told.
    async fn tell_next(&mut self) {
        let Some(message) = self.waiting.take() else { return };
        let told = match self.sending.audience(&message).await {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(chat = %message.chat, error = error.chain(), "nobody is told of a message by push");
                return;
            }
        };
        let Some(PushAudience { group, targets }) = told else { return };
        let note = Arc::new(note(&message, group.as_deref()));
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
    requests: Semaphore,
}

impl Sending {
    /// The browsers that are told of the message: nobody's who has a page open somewhere.
    async fn audience(&self, message: &Written) -> AppResult<Option<PushAudience>> {
        let now = self.ports.clock.now();
        let query = PushQuery {
            chat: message.chat,
            seq: message.seq,
            ordinal: message.ordinal,
            except: message.sender,
            now,
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
            let Ok(request) = self.requests.acquire().await else { return };
            let outcome = self.ports.service.send(&target.subscription, note).await;
            drop(request);
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

/// What browsers are told of a message in this group, or in a direct chat.
fn note(message: &Written, group: Option<&str>) -> PushNote {
    let Written { chat, seq, .. } = message;
    let name = &message.sender_name;
    let title = group.map_or_else(|| name.clone(), |group| format!("{name} in {group}"));
    // One for each chat: the next one takes its place, at the push service as on the screen.
    let topic = topic(*chat);
    let payload = json!({
        "v": 1,
        "chat_id": chat,
        "seq": seq,
        "title": title,
        "body": words(message),
        "url": format!("/c/{chat}/{seq}#m{seq}", seq = seq.0),
        "tag": topic,
    });
    PushNote {
        payload: payload.to_string().into_bytes(),
        topic,
        is_urgent: group.is_none(),
        keep_for: KEEP_FOR,
    }
}

/// The push service sees it, so it does not tell which chat it is.
fn topic(chat: ChatId) -> String {
    let mut hash = Sha256::new();
    hash.update(b"samvad push topic");
    hash.update(chat.as_bytes());
    BASE64.encode(&hash.finalize()[..24])
}

fn words(message: &Written) -> String {
    let said = plain_text(&message.text);
    if said.is_empty() {
        return match message.files {
            0 => "wrote something".to_owned(),
            1 => "sent a file".to_owned(),
            files => format!("sent {files} files"),
        };
    }
    match said.char_indices().nth(TOLD_CHARS) {
        Some((end, _)) => format!("{}…", &said[..end]),
        None => said,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::Value;

    use super::*;

    fn message(text: &str, files: usize) -> Written {
        Written {
            chat: ChatId::from_bytes([0xab; 12]),
            seq: Seq(7),
            ordinal: Ordinal(5),
            sender: UserId::from_bytes([1; 12]),
            sender_name: "Ada".into(),
            text: text.into(),
            files,
        }
    }

    fn payload(note: &PushNote) -> Value {
        serde_json::from_slice(&note.payload).unwrap()
    }

    #[test]
    fn a_note_says_who_wrote_what_and_where_it_is() {
        let direct = note(&message("**hello** [you](https://x.example)", 0), None);
        let chat = "abababababababababababab";
        assert_eq!(
            payload(&direct),
            json!({
                "v": 1, "chat_id": chat, "seq": 7, "title": "Ada", "body": "hello you",
                "url": format!("/c/{chat}/7#m7"), "tag": direct.topic,
            })
        );
        assert!(direct.is_urgent);
        let group = note(&message("", 2), Some("Team"));
        assert_eq!(
            (&payload(&group)["title"], &payload(&group)["body"]),
            (&json!("Ada in Team"), &json!("sent 2 files"))
        );
        assert!(!group.is_urgent);
        assert_eq!(group.topic, direct.topic);
        assert!(group.topic.len() <= 32 && !group.topic.contains(chat));
        assert!(group.topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    }

    #[test]
    fn whatever_was_written_fits() {
        for text in [
            "\"".repeat(READ_CHARS),
            "😀".repeat(READ_CHARS),
            "\\\n".repeat(READ_CHARS / 2),
            "a".repeat(READ_CHARS),
        ] {
            let mut long = message(&text, 0);
            long.sender_name = "\"😀".repeat(limits::DISPLAY_NAME_CHARS / 2);
            let note = note(&long, Some(&"😀".repeat(limits::GROUP_NAME_CHARS)));
            assert!(note.payload.len() <= limits::PUSH_BYTES, "{}", note.payload.len());
            assert!(payload(&note)["body"].as_str().unwrap().chars().count() <= TOLD_CHARS + 1);
        }
    }

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
        assert_eq!(waiting.take().unwrap().text, "last");
        assert_eq!(waiting.next_at(), Some(start + MOMENT / 4 + MOMENT));
        assert_eq!(waiting.take().unwrap().text, "elsewhere");
        assert!(waiting.take().is_none() && waiting.next_at().is_none());
    }
}
