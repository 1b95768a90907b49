//! One person's devices, in random interleavings: nothing that was written is lost, and in the end all show the same.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use super::syncing::{Base, Save, Syncing};
use crate::{
    domain::{ClientId, DraftBody, Timestamp},
    ports::{KeptDraft, NewDraft},
    protocol::DraftView,
};

const DEVICES: usize = 3;

fn id(text: usize) -> ClientId {
    ClientId::from_bytes((text as u128 + 1).to_be_bytes())
}

fn draft(text: usize, body: &str, revision: u64, since: u64) -> DraftView {
    DraftView { body: body.into(), revision, since, ..DraftView::none(id(text)) }
}

/// What happens next. A number chooses among what is there, round and round.
#[derive(Clone, Copy, Debug)]
enum Step {
    Type(usize),
    Clear(usize),
    Send(usize),
    /// A message that was sent is stored, and everybody is told.
    Store(usize),
    Save(usize),
    /// A request comes to the server, perhaps long after its page gave it up.
    Arrive(usize),
    Answer(usize),
    LoseAnswer(usize),
    Hear(usize, usize),
    Lose(usize, usize),
    List(usize),
    Reload(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (device, any) = (0..DEVICES, 0..64_usize);
    prop_oneof![
        4 => device.clone().prop_map(Step::Type),
        1 => device.clone().prop_map(Step::Clear),
        1 => device.clone().prop_map(Step::Send),
        1 => any.clone().prop_map(Step::Store),
        4 => device.clone().prop_map(Step::Save),
        4 => any.clone().prop_map(Step::Arrive),
        4 => device.clone().prop_map(Step::Answer),
        1 => device.clone().prop_map(Step::LoseAnswer),
        4 => (device.clone(), any.clone()).prop_map(|(device, any)| Step::Hear(device, any)),
        1 => (device.clone(), any).prop_map(|(device, any)| Step::Lose(device, any)),
        1 => device.clone().prop_map(Step::List),
        1 => device.prop_map(Step::Reload),
    ]
}

/// What a device is told.
#[derive(Clone, Debug)]
enum Told {
    Draft(DraftView),
    Sent(usize),
}

/// A save on its way.
#[derive(Clone, Debug)]
struct Request {
    device: usize,
    number: usize,
    save: Save,
    /// The text; nothing if the draft is to be taken away.
    text: Option<usize>,
}

#[derive(Clone, Debug, Default)]
struct Device {
    here: Option<usize>,
    syncing: Syncing,
    inbox: Vec<Told>,
    /// Messages that are written and not stored.
    outbox: Vec<usize>,
    /// Messages that are known to be stored.
    sent: BTreeSet<usize>,
    /// The number of the request that is waited for, and its answer.
    waits: Option<usize>,
    answer: Option<DraftView>,
}

impl Device {
    fn here(&self) -> Option<ClientId> {
        self.here.map(id)
    }
}

#[derive(Default)]
struct World {
    /// Of which text each was made, and on which device.
    texts: Vec<(Option<usize>, usize)>,
    /// What the person has sent or taken away, and what that was made of.
    over: BTreeSet<usize>,
    kept: Option<DraftView>,
    messages: BTreeSet<usize>,
    on_the_way: Vec<Request>,
    unstored: Vec<usize>,
    requests: usize,
    devices: [Device; DEVICES],
}

impl World {
    fn new_text(&mut self, made_of: Option<usize>, device: usize) -> usize {
        self.texts.push((made_of, device));
        self.texts.len() - 1
    }

    fn number(&self, wanted: ClientId) -> Option<usize> {
        (0..self.texts.len()).find(|text| id(*text) == wanted)
    }

    fn is_made_of(&self, text: usize, earlier: usize) -> bool {
        let mut at = Some(text);
        while let Some(text) = at {
            if text == earlier {
                return true;
            }
            at = self.texts[text].0;
        }
        false
    }

    /// The person is done with this text.
    fn finish(&mut self, text: usize) {
        let mut at = Some(text);
        while let Some(text) = at {
            self.over.insert(text);
            at = self.texts[text].0;
        }
    }

    fn go(&mut self, step: Step) {
        match step {
            Step::Type(device) => {
                let text = self.new_text(self.devices[device].here, device);
                self.devices[device].here = Some(text);
            }
            Step::Clear(device) => {
                if let Some(text) = self.devices[device].here.take() {
                    self.finish(text);
                }
            }
            Step::Send(device) => {
                if let Some(text) = self.devices[device].here.take() {
                    self.finish(text);
                    self.devices[device].outbox.push(text);
                    self.unstored.push(text);
                }
            }
            Step::Store(any) => self.store(any),
            Step::Save(device) => self.save(device),
            Step::Arrive(any) => {
                if !self.on_the_way.is_empty() {
                    let request = self.on_the_way.remove(any % self.on_the_way.len());
                    self.serve(request);
                }
            }
            Step::Answer(device) => self.answer(device),
            Step::LoseAnswer(device) => {
                let it = &mut self.devices[device];
                if it.waits.take().is_some() {
                    it.answer = None;
                    it.syncing.failed(it.here());
                }
            }
            Step::Hear(device, any) => {
                let inbox = &mut self.devices[device].inbox;
                if !inbox.is_empty() {
                    let told = inbox.remove(any % inbox.len());
                    self.tell(device, told);
                }
            }
            Step::Lose(device, any) => {
                let inbox = &mut self.devices[device].inbox;
                // Events are never lost for good.
                if !inbox.is_empty() && matches!(inbox[any % inbox.len()], Told::Draft(_)) {
                    inbox.remove(any % inbox.len());
                }
            }
            Step::List(device) => {
                if let Some(kept) = self.kept.clone() {
                    self.tell(device, Told::Draft(kept));
                }
            }
            Step::Reload(device) => {
                let it = &mut self.devices[device];
                it.syncing = Syncing::new(it.syncing.base());
                (it.waits, it.answer) = (None, None);
                self.go(Step::List(device));
            }
        }
    }

    fn store(&mut self, any: usize) {
        if self.unstored.is_empty() {
            return;
        }
        let text = self.unstored.remove(any % self.unstored.len());
        self.messages.insert(text);
        if let Some(kept) = self.kept.as_mut().filter(|kept| kept.id == id(text)) {
            kept.take_away();
        }
        for device in &mut self.devices {
            device.inbox.push(Told::Sent(text));
        }
    }

    fn save(&mut self, device: usize) {
        let new = self.new_text(None, device);
        let it = &mut self.devices[device];
        let waits = it.here.is_none() && it.outbox.iter().any(|text| Some(id(*text)) == it.syncing.base().id);
        if waits {
            return;
        }
        let before = it.clone();
        if it.syncing.look(before.here()) {
            return self.take(device, &before, true);
        }
        if let Some(save) = it.syncing.begin(it.here(), id(new)) {
            self.requests += 1;
            let number = self.requests;
            it.waits = Some(number);
            self.on_the_way.push(Request { device, number, save, text: it.here });
        }
    }

    /// As the server does it.
    fn serve(&mut self, Request { device, number, save, text }: Request) {
        let kept = self.kept.as_ref().map(|kept| KeptDraft {
            id: kept.id,
            is_empty: kept.is_empty(),
            revision: kept.revision,
            since: kept.since,
        });
        let body = text.map(|text| text.to_string()).unwrap_or_default();
        let new = NewDraft {
            id: save.id,
            body: DraftBody::from_stored(body.clone()),
            reply_to: None,
            base: save.base,
            saved_at: Timestamp::default(),
        };
        let is_message = self.number(save.id).is_some_and(|text| self.messages.contains(&text));
        if let Some((revision, since)) = new.places(kept.as_ref(), 1).filter(|_| !is_message) {
            self.kept = Some(DraftView { body, revision, since, ..DraftView::none(save.id) });
        }
        let answer = self.kept.clone().unwrap_or_else(|| DraftView::none(save.id));
        if answer.id == save.id && answer.revision > 0 {
            for (other, it) in self.devices.iter_mut().enumerate() {
                if other != device {
                    it.inbox.push(Told::Draft(answer.clone()));
                }
            }
        }
        if self.devices[device].waits == Some(number) {
            self.devices[device].answer = Some(answer);
        }
    }

    fn answer(&mut self, device: usize) {
        let Some(mut told) = self.devices[device].answer.take() else { return };
        let before = self.devices[device].clone();
        let text = self.number(told.id);
        let it = &mut self.devices[device];
        it.waits = None;
        if text.is_some_and(|text| it.sent.contains(&text)) {
            told.take_away();
        }
        let takes = it.syncing.answered(told, before.here()).takes;
        self.take(device, &before, takes);
    }

    /// As the page does it.
    fn tell(&mut self, device: usize, told: Told) {
        let before = self.devices[device].clone();
        let takes = match told {
            Told::Draft(mut told) => {
                let text = self.number(told.id);
                let it = &mut self.devices[device];
                if text.is_some_and(|text| it.sent.contains(&text) || it.outbox.contains(&text)) {
                    told.take_away();
                }
                it.syncing.hear(told, before.here())
            }
            Told::Sent(text) => {
                let it = &mut self.devices[device];
                it.outbox.retain(|other| *other != text);
                it.sent.insert(text);
                let takes = it.syncing.sent(id(text), before.here());
                if takes && before.here == Some(text) {
                    it.here = None;
                    return;
                }
                takes
            }
        };
        self.take(device, &before, takes);
    }

    /// Something takes the place of what stands here: only what is safe may go.
    fn take(&mut self, device: usize, before: &Device, takes: bool) {
        if !takes {
            return;
        }
        let known = self.devices[device].syncing.known().unwrap().clone();
        let comes = self.number(known.id).filter(|_| !known.is_empty());
        if let Some(text) = before.here {
            let is_safe =
                self.over.contains(&text) || comes.is_some_and(|comes| self.is_made_of(comes, text));
            let is_own = self.texts[text].1 == device;
            assert!(is_safe || !is_own, "{text} was written on {device}, and {known:?} is not made of it");
            let is_saved = !before.syncing.is_open(before.here());
            assert!(is_saved || self.messages.contains(&text), "{text} is not saved, and goes for {known:?}");
        }
        self.devices[device].here = comes;
    }

    /// Everything arrives, and everybody saves what they have.
    fn settle(&mut self) {
        for _ in 0..40 {
            while !self.unstored.is_empty() {
                self.store(0);
            }
            while !self.on_the_way.is_empty() {
                self.go(Step::Arrive(0));
            }
            for device in 0..DEVICES {
                self.go(Step::Answer(device));
                while !self.devices[device].inbox.is_empty() {
                    self.go(Step::Hear(device, 0));
                }
                self.go(Step::List(device));
                self.save(device);
            }
            let is_quiet = |it: &Device| it.inbox.is_empty() && it.waits.is_none();
            if self.on_the_way.is_empty() && self.devices.iter().all(is_quiet) {
                return;
            }
        }
        panic!("it never ends");
    }

    fn judge(&self) {
        let kept = self.kept.as_ref().filter(|kept| !kept.is_empty());
        let text = kept.and_then(|kept| self.number(kept.id));
        assert!(text.is_none_or(|text| !self.messages.contains(&text)), "a draft of what was sent is left");
        for (number, device) in self.devices.iter().enumerate() {
            let Some(here) = device.here else {
                assert_eq!(text, None, "{number} does not show what is kept");
                continue;
            };
            assert!(!self.messages.contains(&here), "{number} shows what was sent");
            // Who wrote something else goes on with that.
            let is_own = (self.texts[here].1 == number || device.syncing.base().typed) && text.is_some();
            assert!(text == Some(here) || is_own, "{number} shows {here}, and {text:?} is kept");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_was_written_is_lost_and_all_devices_come_to_show_the_same(steps in vec(step(), 1..60)) {
        let mut world = World::default();
        for step in steps {
            world.go(step);
        }
        world.settle();
        world.judge();
    }
}

fn at(text: usize, revision: u64, typed: bool) -> Syncing {
    Syncing::new(Base { id: Some(id(text)), revision, typed })
}

#[test]
fn an_empty_box_takes_over_what_another_device_saved() {
    let mut syncing = Syncing::default();
    assert!(syncing.hear(draft(1, "half", 5, 5), None));
    assert_eq!(syncing.base(), Base { id: Some(id(1)), revision: 5, typed: false });
    assert!(!syncing.is_open(Some(id(1))));
    assert!(!syncing.hear(draft(2, "earlier", 4, 4), Some(id(1))), "it was told late");
    assert!(syncing.hear(draft(1, "", 5, 5), Some(id(1))), "its message is stored");
}

#[test]
fn what_is_not_saved_stays_and_is_saved_in_the_place_of_the_other() {
    let mut syncing = at(1, 5, true);
    assert!(!syncing.hear(draft(9, "elsewhere", 6, 5), Some(id(2))));
    assert_eq!(syncing.begin(Some(id(2)), id(7)), Some(Save { id: id(2), base: 5 }));
    assert_eq!(syncing.begin(Some(id(2)), id(7)), None, "one at a time");
    let after = syncing.answered(draft(2, "here", 7, 7), Some(id(2)));
    assert!(!after.takes && !after.again);
    assert!(!syncing.is_open(Some(id(2))));
}

#[test]
fn what_was_written_here_gives_way_only_to_what_was_made_of_it() {
    assert!(at(1, 5, true).hear(draft(2, "made of it", 6, 5), Some(id(1))));
    assert!(!at(1, 5, true).hear(draft(2, "beside it", 6, 6), Some(id(1))));
    assert!(at(1, 5, false).hear(draft(2, "beside it", 6, 6), Some(id(1))), "it was not written here");
}

#[test]
fn what_is_sent_elsewhere_goes_here_unless_it_was_changed() {
    assert!(at(1, 5, true).sent(id(1), Some(id(1))));
    let mut changed = at(1, 5, true);
    assert!(!changed.sent(id(1), Some(id(2))));
    assert!(changed.is_open(Some(id(2))));
    assert!(at(1, 5, true).hear(draft(3, "", 6, 5), Some(id(1))), "it was taken away");
    let mut other = at(1, 5, true);
    assert!(!other.hear(draft(3, "", 7, 6), Some(id(1))), "something else was taken away");
    assert!(other.is_open(Some(id(1))), "nothing of it is kept: it is saved anew");
}

#[test]
fn a_save_whose_answer_was_lost_is_known_again() {
    let mut syncing = Syncing::default();
    syncing.begin(Some(id(1)), id(7)).unwrap();
    assert!(syncing.failed(None), "something else is to be saved by now");
    // Sent meanwhile, with other words.
    assert!(!syncing.hear(draft(1, "hel", 1, 1), None));
    assert_eq!(syncing.begin(None, id(8)), Some(Save { id: id(8), base: 1 }), "it is taken away");
}
