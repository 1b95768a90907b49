//! The one judge of every fault: evidence in, verdict out. Pure.
//!
//! | rule | violation |
//! | --- | --- |
//! | what was acknowledged is in the final log, where the answer said | [`Lost`], [`Moved`] |
//! | what was refused is not | [`Refused`] |
//! | nothing is there twice, what is unknown included | [`Doubled`] |
//! | nothing is there that nobody sent, and everything as it was sent | [`Unsent`], [`Altered`] |
//! | `seq` and ordinals are dense, and the head and the pages of history agree with the log | [`Gap`], [`Head`], [`Pages`] |
//! | one sender's sends that did not overlap are in order | [`OutOfOrder`] |
//! | every device's log is the final one from where it joined | [`Lacks`], [`Surplus`], [`Behind`] |
//! | no reader noticed anything while it ran | [`Noticed`] |
//! | all of this was put to the test | [`Vacuous`] |
//!
//! [`Lost`]: Violation::Lost
//! [`Moved`]: Violation::Moved
//! [`Refused`]: Violation::Refused
//! [`Doubled`]: Violation::Doubled
//! [`Unsent`]: Violation::Unsent
//! [`Altered`]: Violation::Altered
//! [`Gap`]: Violation::Gap
//! [`Head`]: Violation::Head
//! [`Pages`]: Violation::Pages
//! [`OutOfOrder`]: Violation::OutOfOrder
//! [`Lacks`]: Violation::Lacks
//! [`Surplus`]: Violation::Surplus
//! [`Behind`]: Violation::Behind
//! [`Noticed`]: Violation::Noticed
//! [`Vacuous`]: Violation::Vacuous

use std::collections::{BTreeMap, BTreeSet};

use app::domain::{ChatId, ClientId, Ordinal, Seq, UserId};

use crate::evidence::{DeviceLog, Evidence, FinalLog, Message, Outcome, Place, Sent};

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// It was acknowledged and is not in the final log.
    Lost { chat: ChatId, client_id: ClientId },
    /// It was acknowledged at another place than it stands.
    Moved { chat: ChatId, client_id: ClientId, told: Place, stands: Place },
    /// It was refused, and is stored all the same.
    Refused { chat: ChatId, client_id: ClientId },
    /// It is stored more than once.
    Doubled { client_id: ClientId, at: Vec<(ChatId, Seq)> },
    /// Nobody sent what is stored.
    Unsent { chat: ChatId, seq: Seq, client_id: ClientId },
    /// It is stored in another chat, under another sender or with another text than it was sent.
    Altered { chat: ChatId, client_id: ClientId },
    /// After this place of the log, or of its messages, another follows than the next.
    Gap { chat: ChatId, after: Place },
    /// The chat's record tells another head than the log has.
    Head { chat: ChatId, told: Seq, last: Seq },
    /// The pages of history are not the log's messages.
    Pages { chat: ChatId, seq: Seq },
    /// The later one was sent after the earlier one had been acknowledged, and stands before it.
    OutOfOrder { chat: ChatId, earlier: ClientId, later: ClientId },
    /// A device does not have a message of the final log.
    Lacks { device: String, chat: ChatId, seq: Seq },
    /// A device has a message that is not in the final log, or not so, or twice.
    Surplus { device: String, chat: ChatId, seq: Seq },
    /// A device has not applied the log to its end.
    Behind { device: String, chat: ChatId, applied: Seq, head: Seq },
    /// A reader would have noticed this while it ran.
    Noticed(String),
    /// The run proves nothing, for this reason.
    Vacuous(String),
}

/// Into which column of the table a violation counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Lost,
    Doubled,
    OutOfOrder,
    Other,
}

impl Violation {
    /// Into which column of the table it counts.
    pub fn column(&self) -> Column {
        match self {
            Self::Lost { .. } | Self::Lacks { .. } | Self::Behind { .. } => Column::Lost,
            Self::Doubled { .. } | Self::Surplus { .. } => Column::Doubled,
            Self::Moved { .. } | Self::OutOfOrder { .. } | Self::Gap { .. } => Column::OutOfOrder,
            _ => Column::Other,
        }
    }
}

/// Everything that is wrong; nothing, if all is well.
pub fn check(evidence: &Evidence) -> Vec<Violation> {
    let mut found = Vec::new();
    let places = places(evidence);
    sends(evidence, &places, &mut found);
    stored(evidence, &places, &mut found);
    for (chat, log) in &evidence.finals {
        dense(*chat, log, &mut found);
        pages(*chat, log, &mut found);
    }
    order(evidence, &mut found);
    for device in &evidence.devices {
        match evidence.finals.get(&device.chat) {
            Some(log) => compare(device, log, &mut found),
            None => found.push(Violation::Vacuous(format!("no final log of {}", device.chat))),
        }
    }
    found.extend(evidence.noticed.iter().cloned().map(Violation::Noticed));
    found.extend(vacuous(evidence).into_iter().map(Violation::Vacuous));
    found
}

type Stored<'a> = BTreeMap<ClientId, Vec<(ChatId, &'a Message)>>;

fn places(evidence: &Evidence) -> Stored<'_> {
    let mut places = Stored::new();
    for (chat, log) in &evidence.finals {
        for message in log.entries.iter().filter_map(|entry| entry.message.as_ref()) {
            places.entry(message.client_id).or_default().push((*chat, message));
        }
    }
    places
}

fn sends(evidence: &Evidence, places: &Stored<'_>, found: &mut Vec<Violation>) {
    for Sent { client_id, chat, sender, body, outcome, .. } in &evidence.sends {
        let (client_id, chat) = (*client_id, *chat);
        let stands = places.get(&client_id).map_or(&[][..], Vec::as_slice);
        match outcome {
            Outcome::Ok(_) if stands.is_empty() => found.push(Violation::Lost { chat, client_id }),
            Outcome::Ok(told) => {
                for &told in told {
                    let stands = stands.iter().map(|(_, message)| message.place);
                    if let Some(stands) =
                        stands.clone().next().filter(|_| !stands.clone().any(|at| at == told))
                    {
                        found.push(Violation::Moved { chat, client_id, told, stands });
                    }
                }
            }
            Outcome::Failed(_) if !stands.is_empty() => found.push(Violation::Refused { chat, client_id }),
            Outcome::Failed(_) | Outcome::Unknown => {}
        }
        let differs = |(at, message): &(ChatId, &Message)| {
            *at != chat || message.sender != *sender || message.body != *body
        };
        if stands.iter().any(differs) {
            found.push(Violation::Altered { chat, client_id });
        }
    }
}

fn stored(evidence: &Evidence, places: &Stored<'_>, found: &mut Vec<Violation>) {
    let sent: BTreeSet<ClientId> = evidence.sends.iter().map(|sent| sent.client_id).collect();
    for (client_id, stands) in places {
        if stands.len() > 1 {
            let at = stands.iter().map(|(chat, message)| (*chat, message.place.seq)).collect();
            found.push(Violation::Doubled { client_id: *client_id, at });
        }
        if !sent.contains(client_id) {
            let (chat, seq) = (stands[0].0, stands[0].1.place.seq);
            found.push(Violation::Unsent { chat, seq, client_id: *client_id });
        }
    }
}

fn dense(chat: ChatId, log: &FinalLog, found: &mut Vec<Violation>) {
    let mut last = Place { seq: Seq(0), ordinal: Ordinal(0) };
    for entry in &log.entries {
        let ordinal = match &entry.message {
            // A message tells its own place, which has to be its event's.
            Some(message) if message.place.seq != entry.seq => None,
            Some(message) if message.place.ordinal.0 != last.ordinal.0 + 1 => None,
            Some(message) => Some(message.place.ordinal),
            None => Some(last.ordinal),
        };
        let Some(ordinal) = ordinal.filter(|_| entry.seq.0 == last.seq.0 + 1) else {
            // All that follows would be wrong for the same reason.
            return found.push(Violation::Gap { chat, after: last });
        };
        last = Place { seq: entry.seq, ordinal };
    }
    if log.head != last.seq {
        found.push(Violation::Head { chat, told: log.head, last: last.seq });
    }
}

fn pages(chat: ChatId, log: &FinalLog, found: &mut Vec<Violation>) {
    let messages: Vec<_> = log.entries.iter().filter_map(|entry| entry.message.as_ref()).collect();
    for place in 0..messages.len().max(log.history.len()) {
        let (event, page) = (messages.get(place).copied(), log.history.get(place));
        if event != page {
            let seq = event.or(page).map_or(Seq(0), |message| message.place.seq);
            return found.push(Violation::Pages { chat, seq });
        }
    }
}

/// By the sender's clock: what began after the end of another stands after it, on whatever devices and nodes.
fn order(evidence: &Evidence, found: &mut Vec<Violation>) {
    type Told = (u64, u64, Seq, ClientId);
    let mut lanes: BTreeMap<(UserId, ChatId), Vec<Told>> = BTreeMap::new();
    for sent in &evidence.sends {
        if let (Outcome::Ok(told), Some(ended)) = (&sent.outcome, sent.ended)
            && let Some(place) = told.first()
        {
            let lane = lanes.entry((sent.sender, sent.chat)).or_default();
            lane.push((sent.began, ended, place.seq, sent.client_id));
        }
    }
    for ((_, chat), mut lane) in lanes {
        let mut ended: Vec<_> = lane.iter().map(|(_, ended, seq, id)| (*ended, *seq, *id)).collect();
        ended.sort_unstable();
        lane.sort_unstable();
        let mut before = ended.into_iter().peekable();
        let mut highest: Option<(Seq, ClientId)> = None;
        for (began, _, seq, later) in lane {
            while let Some((_, seq, id)) = before.next_if(|(ended, ..)| *ended < began) {
                highest = highest.max(Some((seq, id)));
            }
            if let Some((_, earlier)) = highest.filter(|(highest, _)| *highest > seq) {
                found.push(Violation::OutOfOrder { chat, earlier, later });
            }
        }
    }
}

fn compare(device: &DeviceLog, log: &FinalLog, found: &mut Vec<Violation>) {
    let (chat, name) = (device.chat, &device.device);
    let messages = log.entries.iter().filter_map(|entry| entry.message.as_ref());
    let due: BTreeMap<Seq, &Message> = messages
        .filter(|message| message.place.seq >= device.joined)
        .map(|message| (message.place.seq, message))
        .collect();
    let mut has = BTreeSet::new();
    let mut last = Seq(0);
    for message in &device.messages {
        let seq = message.place.seq;
        if due.get(&seq) != Some(&message) || seq <= last {
            found.push(Violation::Surplus { device: name.clone(), chat, seq });
        }
        has.insert(seq);
        last = seq;
    }
    if let Some(seq) = due.keys().find(|seq| !has.contains(seq)) {
        found.push(Violation::Lacks { device: name.clone(), chat, seq: *seq });
    }
    let head = log.entries.last().map_or(Seq(0), |entry| entry.seq);
    if device.applied != head {
        found.push(Violation::Behind { device: name.clone(), chat, applied: device.applied, head });
    }
}

/// Why the run would prove nothing even if nothing was wrong.
fn vacuous(evidence: &Evidence) -> Vec<String> {
    let Evidence { expected, sends, faults, .. } = evidence;
    let mut reasons = Vec::new();
    let mut at_least = |what: &str, wanted: u64, there: u64| {
        if there < wanted {
            reasons.push(format!("{there} {what}, not {wanted}"));
        }
    };
    at_least("sends acknowledged", expected.acknowledged as u64, evidence.acknowledged() as u64);
    let refused = sends.iter().filter(|sent| matches!(sent.outcome, Outcome::Failed(_))).count();
    at_least("sends refused", expected.refused as u64, refused as u64);
    at_least("connections made anew", expected.reconnections, evidence.reconnections);
    at_least("faults injected", expected.faults as u64, faults.len() as u64);
    at_least("devices", 1, evidence.devices.len() as u64);
    for fault in faults {
        let until = fault.healed.unwrap_or(fault.began);
        let hit = |sent: &&Sent| sent.began <= until && sent.ended.is_none_or(|ended| ended >= fault.began);
        if !sends.iter().any(|sent| hit(&sent)) {
            reasons.push(format!("nobody was sending when this happened: {}", fault.what));
        }
        if !sends.iter().any(|sent| sent.began > until && matches!(sent.outcome, Outcome::Ok(_))) {
            reasons.push(format!("nothing was acknowledged after this: {}", fault.what));
        }
    }
    reasons
}
