//! What a reader of the device would notice, looked at after every step.

use std::collections::{BTreeMap, HashSet};

use app::{
    domain::{ChatId, ClientId, Seq},
    ui::state::timeline::Timeline,
};

use crate::evidence::Recorder;

/// What was shown before.
pub struct Reader {
    device: String,
    shown: BTreeMap<ChatId, Shown>,
}

#[derive(Default)]
struct Shown {
    messages: Vec<(Seq, ClientId)>,
    ids: HashSet<ClientId>,
}

impl Reader {
    /// Somebody who has seen nothing yet.
    pub fn new(device: &str) -> Self {
        Self { device: device.to_owned(), shown: BTreeMap::new() }
    }

    /// Looks at all timelines: each is strictly ascending, shows nothing twice, and what was shown stays as it was.
    pub fn look(&mut self, timelines: &BTreeMap<ChatId, Timeline>, recorder: &Recorder) {
        for (chat, timeline) in timelines {
            let shown = self.shown.entry(*chat).or_default();
            let messages = timeline.messages();
            let last = messages.last().map(|message| (message.seq, message.client_id));
            // Nothing is ever exchanged, so that a list of the same length with the same end is the same list.
            if shown.messages.len() == messages.len() && shown.messages.last().copied() == last {
                continue;
            }
            let notice = |what: &str| {
                recorder.notice(format!("{}, chat {chat}, of {}: {what}", self.device, messages.len()));
            };
            let (mut before, mut last) = (0, Seq(0));
            for message in messages {
                if message.seq <= last {
                    notice("messages out of order");
                }
                last = message.seq;
                if shown.messages.get(before) == Some(&(message.seq, message.client_id)) {
                    before += 1;
                } else if !shown.ids.insert(message.client_id) {
                    notice(&format!("the message at {:?} is there a second time", message.seq));
                }
            }
            if let Some((seq, _)) = shown.messages.get(before) {
                notice(&format!("what was shown at {seq:?} went away or is another one now"));
                // From here on it is another list.
                shown.ids = messages.iter().map(|message| message.client_id).collect();
            }
            shown.messages.clear();
            shown.messages.extend(messages.iter().map(|message| (message.seq, message.client_id)));
        }
    }
}
