//! What was recorded while faults were injected: plain data, from which the checker judges.
//!
//! Times are microseconds since the trial began.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use app::{
    domain::{ChatId, ClientId, Ordinal, Seq, UserId},
    error::ErrorCode,
};

/// Where a message stands: what an answer or an event said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub seq: Seq,
    pub ordinal: Ordinal,
}

/// How a send ended, as its sender knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored: every place that an answer, or the event that came before the answer, told.
    Ok(BTreeSet<Place>),
    /// It was refused at its first try: it is not stored.
    Failed(ErrorCode),
    /// Nobody said.
    Unknown,
}

/// One message that somebody sent, all its tries together.
#[derive(Clone, Debug)]
pub struct Sent {
    pub client_id: ClientId,
    pub sender: UserId,
    pub chat: ChatId,
    pub body: String,
    /// When the first try began.
    pub began: u64,
    /// When it was first known to be stored, or known to be refused; of what nobody told, when the last try came to
    /// its end.
    pub ended: Option<u64>,
    pub tries: u32,
    pub outcome: Outcome,
}

/// One entry of a chat's final log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub seq: Seq,
    /// `None` for what is no message.
    pub message: Option<Message>,
}

/// A message as it is stored, or as a device shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub place: Place,
    pub client_id: ClientId,
    pub sender: UserId,
    pub body: String,
}

/// The final state of a chat, read when everything was over.
#[derive(Clone, Debug, Default)]
pub struct FinalLog {
    /// The head that the chat's own record tells.
    pub head: Seq,
    /// The log's events.
    pub entries: Vec<Entry>,
    /// The pages of history, which are stored beside the log.
    pub history: Vec<Message>,
}

/// What one device has of one chat at the end.
#[derive(Clone, Debug)]
pub struct DeviceLog {
    pub device: String,
    pub chat: ChatId,
    /// From which event on it is to have everything.
    pub joined: Seq,
    /// Up to where it applied the log.
    pub applied: Seq,
    pub messages: Vec<Message>,
}

/// A fault that was injected.
#[derive(Clone, Debug)]
pub struct Injected {
    pub what: String,
    pub began: u64,
    /// When its cause was gone. What died and is not missed is gone at once.
    pub healed: Option<u64>,
    /// When everybody was connected and knew everything again.
    pub recovered: Option<u64>,
}

/// What must have happened for a verdict to mean anything.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Sends that were acknowledged, at least.
    pub acknowledged: usize,
    /// Faults that were injected, at least, each while somebody was sending.
    pub faults: usize,
    /// Connections that devices made anew, at least, in all.
    pub reconnections: u64,
    /// Sends that were refused, at least.
    pub refused: usize,
}

/// Everything that was recorded.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub sends: Vec<Sent>,
    pub devices: Vec<DeviceLog>,
    /// What a reader would have noticed while it ran.
    pub noticed: Vec<String>,
    pub faults: Vec<Injected>,
    pub reconnections: u64,
    /// From when to when nobody was to write.
    pub pauses: Vec<(u64, u64)>,
    pub finals: BTreeMap<ChatId, FinalLog>,
    pub expected: Expected,
}

/// Records while a trial runs.
pub struct Recorder {
    origin: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sends: BTreeMap<ClientId, Sent>,
    unsure: BTreeSet<ClientId>,
    faults: Vec<Injected>,
    noticed: Vec<String>,
    reconnections: u64,
    acknowledged: usize,
    /// When the last of those that are acknowledged began.
    latest: u64,
    under_way: usize,
    pauses: Vec<(u64, u64)>,
}

impl Recorder {
    /// From now on.
    pub fn new() -> Self {
        Self { origin: Instant::now(), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Microseconds since the trial began.
    pub fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// A try of a message begins. It is under way until what this returns is dropped.
    pub fn tries(
        self: &Arc<Self>,
        client_id: ClientId,
        sender: UserId,
        chat: ChatId,
        body: &str,
    ) -> UnderWay {
        let began = self.now();
        let fresh = || Sent {
            client_id,
            sender,
            chat,
            body: body.to_owned(),
            began,
            ended: None,
            tries: 0,
            outcome: Outcome::Unknown,
        };
        let mut state = self.state();
        let sent = state.sends.entry(client_id).or_insert_with(fresh);
        sent.tries += 1;
        if sent.outcome == Outcome::Unknown {
            sent.ended = None;
        }
        state.under_way += 1;
        UnderWay { recorder: Arc::clone(self), client_id }
    }

    /// An answer or an event says where the message is stored. Of one that was refused the refusal stays, for the
    /// checker to find both.
    pub fn stored(&self, client_id: ClientId, place: Place) {
        let now = self.now();
        let mut state = self.state();
        let Some(sent) = state.sends.get_mut(&client_id) else { return };
        match &mut sent.outcome {
            Outcome::Ok(places) => {
                places.insert(place);
            }
            Outcome::Failed(_) => {}
            Outcome::Unknown => {
                (sent.ended, sent.outcome) = (Some(now), Outcome::Ok(BTreeSet::from([place])));
                let began = sent.began;
                state.acknowledged += 1;
                state.latest = state.latest.max(began);
            }
        }
    }

    /// A try did not work. Only a refusal of the first try says that nothing is stored.
    pub fn failed(&self, client_id: ClientId, code: ErrorCode) {
        let now = self.now();
        let mut state = self.state();
        let is_definite = !code.is_retryable() && code != ErrorCode::Unauthenticated;
        if !is_definite {
            state.unsure.insert(client_id);
        } else if !state.unsure.contains(&client_id)
            && let Some(sent) = state.sends.get_mut(&client_id)
            && sent.outcome == Outcome::Unknown
        {
            (sent.ended, sent.outcome) = (Some(now), Outcome::Failed(code));
        }
    }

    /// Sends that are known to be stored so far.
    pub fn acknowledged(&self) -> usize {
        self.state().acknowledged
    }

    /// Whether a send that began later than that is known to be stored.
    pub fn is_acknowledged_since(&self, since: u64) -> bool {
        self.state().latest > since
    }

    /// Nobody is to write from now on.
    pub fn paused(&self) {
        let now = self.now();
        self.state().pauses.push((now, u64::MAX));
    }

    /// Everybody may write again.
    pub fn resumed(&self) {
        let now = self.now();
        if let Some((_, until)) = self.state().pauses.last_mut() {
            *until = now.min(*until);
        }
    }

    /// Whether somebody's request is on its way at this moment.
    pub fn is_amid(&self) -> bool {
        self.state().under_way > 0
    }

    /// A reader would notice this.
    pub fn notice(&self, what: String) {
        let mut state = self.state();
        // The first few tell what is wrong.
        if state.noticed.len() < 50 {
            state.noticed.push(what);
        }
    }

    /// A device is connected anew.
    pub fn reconnected(&self) {
        self.state().reconnections += 1;
    }

    /// A fault begins. Returns its number.
    pub fn fault(&self, what: impl Into<String>) -> usize {
        let began = self.now();
        let mut state = self.state();
        state.faults.push(Injected { what: what.into(), began, healed: None, recovered: None });
        state.faults.len() - 1
    }

    /// A fault's cause is gone.
    pub fn healed(&self, fault: usize) {
        let now = self.now();
        self.state().faults[fault].healed = Some(now);
    }

    /// Everything is as if the fault had not been.
    pub fn recovered(&self, fault: usize) {
        let now = self.now();
        self.state().faults[fault].recovered = Some(now);
    }

    /// How long ago a fault began.
    pub fn since(&self, fault: usize) -> Duration {
        Duration::from_micros(self.now() - self.state().faults[fault].began)
    }

    /// What was recorded so far, without what devices and the store hold.
    pub fn evidence(&self) -> Evidence {
        let state = self.state();
        Evidence {
            sends: state.sends.values().cloned().collect(),
            noticed: state.noticed.clone(),
            faults: state.faults.clone(),
            reconnections: state.reconnections,
            pauses: state.pauses.clone(),
            ..Evidence::default()
        }
    }
}

/// A try of a message that is on its way. Ends with this.
#[must_use = "a try ends when this is dropped"]
pub struct UnderWay {
    recorder: Arc<Recorder>,
    client_id: ClientId,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let now = self.recorder.now();
        let mut state = self.recorder.state();
        state.under_way -= 1;
        if let Some(sent) = state.sends.get_mut(&self.client_id)
            && sent.outcome == Outcome::Unknown
        {
            sent.ended = Some(now);
        }
    }
}

impl Evidence {
    /// The longest time in which no send to one chat was acknowledged though somebody was at one, between the first
    /// and the last that were, and without those times in which nobody was to write. Of the chat where it is worst.
    pub fn longest_gap(&self) -> Duration {
        let mut chats: BTreeMap<ChatId, Vec<(u64, u64)>> = BTreeMap::new();
        for sent in &self.sends {
            if let (Outcome::Ok(_), Some(ended)) = (&sent.outcome, sent.ended) {
                chats.entry(sent.chat).or_default().push((ended, sent.began));
            }
        }
        let longest = chats.into_values().filter_map(|sends| self.longest_gap_among(sends)).max();
        Duration::from_micros(longest.unwrap_or_default())
    }

    /// The same of one chat, by when its sends ended and began.
    fn longest_gap_among(&self, mut sends: Vec<(u64, u64)>) -> Option<u64> {
        sends.sort_unstable();
        let is_pause = |from: u64, to: u64| self.pauses.iter().any(|(begin, end)| from < *end && *begin < to);
        let (mut longest, mut earliest) = (None, u64::MAX);
        // From the end: who was waiting in a gap is among those that were answered after it.
        for pair in sends.windows(2).rev() {
            let [(last, _), (next, began)] = [pair[0], pair[1]];
            earliest = earliest.min(began);
            let since = last.max(earliest);
            if !is_pause(since, next) {
                longest = longest.max(Some(next.saturating_sub(since)));
            }
        }
        longest
    }

    /// The longest time from the end of a fault's cause until everything was as before.
    pub fn recovery(&self) -> Duration {
        let took = self
            .faults
            .iter()
            .filter_map(|fault| Some(fault.recovered?.saturating_sub(fault.healed.unwrap_or(fault.began))));
        Duration::from_micros(took.max().unwrap_or_default())
    }

    /// How many sends are known to be stored.
    pub fn acknowledged(&self) -> usize {
        self.sends.iter().filter(|sent| matches!(sent.outcome, Outcome::Ok(_))).count()
    }
}
