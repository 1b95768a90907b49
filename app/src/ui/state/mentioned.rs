//! Which messages of a chat mention the reader, from everything that tells of it, in whichever order it comes: pure.

use std::collections::BTreeMap;

use crate::{
    domain::{Ordinal, Seq, UserId, limits},
    protocol::{ChatView, EventBody, LogEvent, MyChatView},
};

/// Messages that something is remembered of; of more the oldest are forgotten.
const REMEMBERED: usize = 5 * limits::MENTIONS_PER_CHAT;

/// Which messages of one chat mention the reader.
#[derive(Clone, Debug, Default)]
pub(super) struct Mentioned {
    /// What was last said of a message, and by which event of the log. Also that one mentions them no longer: what was
    /// said before that may come later.
    marks: BTreeMap<Ordinal, Mark>,
    /// The latest answer: of the messages from the first to the last ordinal it tells everything up to this event.
    answered: Option<(Seq, Ordinal, Ordinal)>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    seq: Seq,
    on: bool,
}

impl Mentioned {
    /// The messages, by ascending ordinal.
    pub fn ordinals(&self) -> Vec<Ordinal> {
        self.marks.iter().filter(|(_, mark)| mark.on).map(|(ordinal, _)| *ordinal).collect()
    }

    /// Takes in what a view of the chat says, of the messages that are unread in it.
    pub fn answer(&mut self, view: &ChatView) {
        let MyChatView { read, unread_from, .. } = view.mine;
        let unread = unread_from.map_or(read.next(), |mark| mark.min(read.next()));
        let is_cut = view.mentioned.len() >= limits::MENTIONS_PER_CHAT;
        let first = view.mentioned.first().filter(|_| is_cut).map_or(unread, |first| unread.max(*first));
        let answer = (view.head, first, view.head_ordinal);
        if self.answered.is_some_and(|last| last.0 > view.head || last == answer) {
            return;
        }
        self.answered = Some(answer);
        let is_told = |ordinal: &Ordinal| (first..=view.head_ordinal).contains(ordinal);
        self.marks.retain(|ordinal, mark| mark.seq > view.head || !is_told(ordinal));
        for ordinal in view.mentioned.iter().filter(|ordinal| is_told(ordinal)) {
            self.marks.entry(*ordinal).or_insert(Mark { seq: view.head, on: true });
        }
        self.forget();
    }

    /// Takes in what an event says.
    ///
    /// What those say whom the reader has blocked (`is_heard` is false) mentions nobody.
    pub fn hear(&mut self, event: &LogEvent, me: Option<UserId>, is_heard: bool) {
        let Some(me) = me else { return };
        match &event.body {
            EventBody::NewMessage { message } if is_heard && message.mentions_reader(me) => {
                self.mark(message.ordinal, event.seq, true);
            }
            EventBody::MessageEdited { ordinal, mentions, .. } => {
                let on = is_heard && event.actor_id != me && mentions.include(me);
                self.mark(*ordinal, event.seq, on);
            }
            EventBody::MessageDeleted { ordinal, .. } => self.mark(*ordinal, event.seq, false),
            _ => {}
        }
    }

    /// Whom the reader hears has changed: the next answer counts, whatever the last one was.
    pub fn doubt(&mut self) {
        self.answered = None;
    }

    fn mark(&mut self, ordinal: Ordinal, seq: Seq, on: bool) {
        let is_told =
            self.answered.is_some_and(|(head, first, last)| seq <= head && (first..=last).contains(&ordinal));
        // An old log does not say which message it was.
        if is_told || ordinal == Ordinal(0) {
            return;
        }
        let mark = self.marks.entry(ordinal).or_insert(Mark { seq, on });
        if seq > mark.seq {
            *mark = Mark { seq, on };
        }
        self.forget();
    }

    fn forget(&mut self) {
        while self.marks.len() > REMEMBERED {
            self.marks.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::{
        protocol::{MentionsView, MessageView},
        ui::state::testing::{ADA, BEN, CHAT, group, message},
    };

    const ME: UserId = ADA;

    #[derive(Clone, Debug)]
    enum Deed {
        Send { mine: bool, mention: bool },
        Edit(usize, bool),
        Delete(usize),
        Read(u64),
    }

    #[derive(Clone, Debug)]
    enum Told {
        Event(Box<LogEvent>),
        Answer(Box<ChatView>),
    }

    fn deed() -> impl Strategy<Value = Deed> {
        prop_oneof![
            3 => (any::<bool>(), any::<bool>()).prop_map(|(mine, mention)| Deed::Send { mine, mention }),
            3 => (0..8_usize, any::<bool>()).prop_map(|(which, mention)| Deed::Edit(which, mention)),
            1 => (0..8_usize).prop_map(Deed::Delete),
            1 => (0..8_u64).prop_map(Deed::Read),
        ]
    }

    fn mentions(on: bool) -> MentionsView {
        MentionsView { all: on, ..MentionsView::default() }
    }

    /// Everything that a server tells of these deeds, each event and after each an answer, and what it has at the end.
    fn serve(deeds: &[Deed]) -> (Vec<Told>, Vec<Ordinal>) {
        let (mut view, mut log) = (ChatView { mentioned: Vec::new(), ..group() }, Vec::<LogEvent>::new());
        let (mut messages, mut told) = (Vec::<MessageView>::new(), Vec::new());
        for deed in deeds {
            let seq = view.head.next();
            let body = match *deed {
                Deed::Send { mine, mention } => {
                    let ordinal = view.head_ordinal.next();
                    let sender = if mine { ME } else { BEN };
                    let mentions = mentions(mention);
                    Some(EventBody::NewMessage {
                        message: MessageView { seq, ordinal, mentions, ..message(ordinal.0, sender, "hi") },
                    })
                }
                Deed::Edit(which, on) => {
                    messages.get(which).filter(|one| one.deleted_at.is_none()).map(|one| {
                        let (message_id, ordinal) = (one.id, one.ordinal);
                        EventBody::MessageEdited {
                            message_id,
                            ordinal,
                            body: "ha".into(),
                            mentions: mentions(on),
                        }
                    })
                }
                Deed::Delete(which) => messages
                    .get(which)
                    .filter(|one| one.deleted_at.is_none())
                    .map(|one| EventBody::MessageDeleted { message_id: one.id, ordinal: one.ordinal }),
                Deed::Read(ordinal) => {
                    view.mine.mark_read(Ordinal(ordinal), view.head_ordinal);
                    None
                }
            };
            if let Some(body) = body {
                let actor_id = body
                    .message_id()
                    .and_then(|id| messages.iter().find(|one| one.id == id))
                    .map_or(BEN, |one| one.sender_id);
                let event = LogEvent {
                    chat_id: CHAT,
                    seq,
                    at: Default::default(),
                    named: Default::default(),
                    actor_id,
                    body,
                };
                messages.iter_mut().for_each(|one| {
                    one.apply(&event, None);
                });
                if let EventBody::NewMessage { message } = &event.body {
                    messages.push(message.clone());
                    view.head_ordinal = message.ordinal;
                }
                view.head = seq;
                log.push(event.clone());
                told.push(Told::Event(Box::new(event)));
            }
            let unread = |one: &&MessageView| one.mentions_reader(ME) && one.ordinal > view.mine.read;
            view.mentioned = messages.iter().filter(unread).map(|one| one.ordinal).collect();
            told.push(Told::Answer(Box::new(view.clone())));
        }
        (told, view.mentioned)
    }

    proptest! {
        #[test]
        fn whatever_comes_in_whichever_order_the_unread_ones_are_known(
            (order, last, read) in vec(deed(), 0..14).prop_flat_map(|deeds| {
                let (told, last) = serve(&deeds);
                let read = told.iter().rev().find_map(|told| match told {
                    Told::Answer(view) => Some(view.mine.read),
                    Told::Event(_) => None,
                });
                // Each event comes, and comes again; of the answers some do.
                let answers = told.iter().filter(|told| matches!(told, Told::Answer(_))).cloned();
                let events: Vec<_> =
                    told.iter().filter(|told| matches!(told, Told::Event(_))).cloned().collect();
                let some = proptest::sample::subsequence(answers.collect::<Vec<_>>(), 0..=deeds.len());
                let all = some.prop_map(move |some| [events.clone(), events.clone(), some].concat());
                (all.prop_shuffle(), Just(last), Just(read.unwrap_or_default()))
            })
        ) {
            let mut known = Mentioned::default();
            for told in &order {
                match told {
                    Told::Event(event) => known.hear(event, Some(ME), true),
                    Told::Answer(view) => known.answer(view),
                }
            }
            let unread: Vec<_> = known.ordinals().into_iter().filter(|ordinal| *ordinal > read).collect();
            prop_assert_eq!(unread, last);
        }
    }

    #[test]
    fn an_answer_that_is_cut_says_nothing_of_what_is_before_it() {
        let mut known = Mentioned::default();
        let event = |seq: u64| {
            let message = MessageView { mentions: mentions(true), ..message(seq, BEN, "hi") };
            let body = EventBody::NewMessage { message };
            LogEvent {
                chat_id: CHAT,
                seq: Seq(seq),
                at: Default::default(),
                named: Default::default(),
                actor_id: BEN,
                body,
            }
        };
        (1..=150).for_each(|seq| known.hear(&event(seq), Some(ME), true));
        let (head, head_ordinal) = (Seq(150), Ordinal(150));
        let mentioned = (51..=150).map(Ordinal).collect();
        known.answer(&ChatView { head, head_ordinal, mentioned, ..group() });
        assert_eq!(known.ordinals().len(), 150);
        // That none is unread any longer is the business of the read marker.
        known.answer(&ChatView { head: Seq(151), head_ordinal, ..group() });
        assert!(known.ordinals().is_empty());
    }
}
