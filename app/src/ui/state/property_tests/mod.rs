//! Whatever happens in whatever order, between a server, a line that loses, doubles and reorders, and a page that
//! is reloaded: what is shown is right at every step, and all of it once everything has come.
//!
//! A case is a list of steps and nothing else, so a failing one is printed as the shortest list that fails, and
//! can be given to [`run`] as it stands. The seeds of failures are kept beside this file and tried first.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | `steps` | what can happen, and how often it does |
//! | `world` | the server, and what is on its way to the page |
//! | `page` | the page as `Store` drives it |
//! | `answers` | what it does with what it is answered |

#![allow(clippy::unwrap_used)]

mod answers;
mod page;
mod steps;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*};

use self::{
    page::{Page, is_aside, lost},
    steps::{Step, step},
    world::{Answer, Ask, CHATS, ME, Server},
};
use super::{
    listing::Listing,
    testing::BEN,
    timeline::{Phase, Timeline},
};
use crate::{
    domain::{ChatId, ClientId, Ordinal, Seq},
    protocol::{ChatView, HistoryPage, Notice, ServerFrame},
};

/// Everything there is, and what has been promised.
struct World {
    server: Server,
    page: Page,
    /// Requests that nobody waits for and that the server may still get.
    ghosts: Vec<Ask>,
    /// What the server has read for the next page.
    rendered: Option<(ChatId, Vec<ChatView>)>,
    /// What was written, by number, and what of it was given up.
    written: BTreeMap<u32, (ChatId, ClientId)>,
    given_up: BTreeSet<u32>,
    /// How far each chat's log was applied in this page.
    applied: BTreeMap<ChatId, Seq>,
}

impl World {
    fn new() -> Self {
        let server = Server::new();
        let page = Page::new(server.views(), CHATS[0], HistoryPage::default());
        Self {
            server,
            page,
            ghosts: Vec::new(),
            rendered: None,
            written: BTreeMap::new(),
            given_up: BTreeSet::new(),
            applied: BTreeMap::new(),
        }
    }

    fn step(&mut self, step: Step) {
        let (server, page) = (&mut self.server, &mut self.page);
        match step {
            Step::Say(chat, answers) => server.say(CHATS[chat], BEN, answers),
            Step::SayElsewhere(chat) => server.say(CHATS[chat], ME, None),
            Step::MineElsewhere(chat, deed) => drop(server.set_mine(CHATS[chat], deed)),
            Step::MarkRead(chat, ordinal) => page.mark_read(CHATS[chat], ordinal),
            Step::Mine(chat, deed) => page.set_mine(CHATS[chat], deed),
            Step::Change(chat, which, change) => {
                if let Some(id) = server.one_of(CHATS[chat], which) {
                    server.change(CHATS[chat], BEN, id, change);
                }
            }
            Step::Alter(chat, rename) => server.alter(CHATS[chat], rename),
            Step::Delete(chat, which) => server.delete(CHATS[chat], which),
            Step::Alike(chat, which, change) => {
                if let Some(id) = server.one_of(CHATS[chat], which) {
                    page.change(CHATS[chat], id, change);
                }
            }
            Step::Write(chat, answers) => {
                let reply_to = answers.and_then(|which| server.one_of(CHATS[chat], which));
                // Where one writes is what is open, as a rule; what waits in another chat goes out all the same.
                if let Some(number) = page.write(CHATS[chat], reply_to) {
                    let id = page.unwritten.last().unwrap().client_id;
                    self.written.insert(number, (CHATS[chat], id));
                }
            }
            Step::Open(chat) => page.open(CHATS[chat]),
            Step::Around(chat, which) => {
                // Also further back than what is shown.
                let at = server.chat(CHATS[chat]).view.head.0.saturating_sub(4 * which as u64);
                page.load(CHATS[chat], Some(Seq(at)));
            }
            Step::Older => page.load_older(),
            Step::Newer => page.load_newer(),
            Step::TryAgain(which) => {
                if let Some((_, id)) = self.waiting(which, true) {
                    self.page.try_again(id);
                }
            }
            Step::Discard(which) => {
                if let Some((number, id)) = self.waiting(which, false) {
                    self.given_up.insert(number);
                    self.ghosts.extend(self.page.discard(id));
                }
            }
            Step::DiscardElsewhere(which) => {
                let kept: Vec<_> = page.records.keys().copied().collect();
                if let Some(id) = kept.get(which % kept.len().max(1)) {
                    page.records.remove(id);
                    self.given_up.extend(self.written.iter().filter(|(_, of)| of.1 == *id).map(|(n, _)| *n));
                }
            }
            Step::Commit(in_time) => page.commit(in_time),
            Step::Read => page.read(),
            Step::TakeUp => page.take_up(),
            Step::Resend => page.resend(),
            Step::AskAgain => page.ask_again(server),
            Step::Serve(which) => {
                let mut open: Vec<_> = page.requests.iter_mut().filter(|r| r.answer.is_none()).collect();
                let count = open.len().max(1);
                if let Some(request) = open.get_mut(which % count) {
                    request.answer = Some(server.answer(request.ask));
                }
            }
            Step::Answer(which) => {
                let done: Vec<_> =
                    (0..page.requests.len()).filter(|place| page.requests[*place].answer.is_some()).collect();
                if let Some(place) = done.get(which % done.len().max(1)) {
                    let request = page.requests.remove(*place);
                    page.go_on(request.then, request.answer.unwrap(), server);
                }
            }
            Step::Break(which) | Step::GiveUp(which) => {
                if !page.requests.is_empty() {
                    let request = page.requests.remove(which % page.requests.len());
                    let is_late = matches!(step, Step::GiveUp(_)) && request.answer.is_none();
                    self.ghosts.extend(is_late.then_some(request.ask));
                    page.go_on(request.then, lost(), server);
                }
            }
            Step::Ghost(which) => {
                if !self.ghosts.is_empty() {
                    let ghost = self.ghosts.remove(which % self.ghosts.len());
                    // Nobody hears what it is answered.
                    let _ = server.answer(ghost);
                }
            }
            Step::Refuse => server.refuses = true,
            Step::Frame => {
                if let Some(frame) = server.line.pop_front() {
                    page.receive(frame, server);
                }
            }
            Step::Lose | Step::Double | Step::Swap if server.line.iter().take(2).any(is_greeting) => {}
            Step::Lose => drop(server.line.pop_front()),
            Step::Double => server.line.extend(server.line.front().cloned()),
            Step::Swap if server.line.len() > 1 => server.line.swap(0, 1),
            Step::Swap => {}
            Step::Beat => server.beat(),
            Step::Connect => server.connect(),
            Step::Disconnect => server.disconnect(),
            Step::Render { open } => {
                self.rendered = Some((CHATS[open], server.views()));
            }
            Step::Reload { all, from_middle } => {
                let Some((open, mut views)) = self.rendered.take() else { return };
                let middle = Seq(server.chat(open).view.head.0 / 2 + 1);
                let ask = if from_middle { Ask::Before(open, middle) } else { Ask::Newest(open) };
                let Ok(Answer::Page(history)) = server.answer(ask) else { return };
                views.retain(|view| all || view.id == open);
                server.disconnect();
                let is_send = |ask: &Ask| matches!(ask, Ask::Send(..) | Ask::Change(..) | Ask::Mine(..));
                let late = page.requests.drain(..).filter(|request| request.answer.is_none());
                self.ghosts.extend(late.map(|request| request.ask).filter(is_send));
                self.ghosts.extend(page.last_word());
                let nothing = Page::new(Vec::new(), open, HistoryPage::default());
                self.page = std::mem::replace(page, nothing).reloaded(views, open, history);
                self.applied.clear();
            }
        }
    }

    /// One of the messages that wait, or of those that wait for their writer.
    fn waiting(&self, which: usize, aside: bool) -> Option<(u32, ClientId)> {
        let waits = |id: &ClientId| self.page.outbox.get(*id).is_some_and(|entry| !aside || is_aside(entry));
        let all: Vec<_> =
            self.written.iter().map(|(number, (_, id))| (*number, *id)).filter(|(_, id)| waits(id)).collect();
        all.get(which % all.len().max(1)).copied()
    }

    /// What holds at every moment.
    fn check(&mut self) {
        for chat in CHATS {
            let Some(applied) = self.page.model.applied(chat) else { continue };
            let before = self.applied.insert(chat, applied).unwrap_or_default();
            assert!(before <= applied, "the log of {chat} went back from {before:?} to {applied:?}");
            assert!(applied <= self.server.chat(chat).view.head, "what has not happened was applied");
        }
        let Some(open) = &self.page.timeline else { return };
        let shown: Vec<_> = open.messages().iter().map(|message| message.seq).collect();
        assert!(shown.is_sorted_by(|one, next| one < next), "out of order, or twice: {shown:?}");
        let stored = self.server.messages(open.chat_id());
        for message in open.messages() {
            let found = stored.iter().find(|stored| stored.seq == message.seq);
            let same =
                found.is_some_and(|found| found.id == message.id && found.client_id == message.client_id);
            assert!(same, "{message:?} is not in the log");
        }
        let listing = Listing::new(Some(ME), open.rows(0), self.page.outbox.standing(open.chat_id()), 0);
        let keys = listing.keys();
        assert_eq!(keys.iter().collect::<std::collections::HashSet<_>>().len(), keys.len(), "one row each");
        let place = |number: &u32| {
            let (_, id) = self.written[number];
            keys.iter().position(|key| *key == super::listing::RowKey::Own(id))
        };
        let own: Vec<_> =
            self.written.keys().filter(|number| !self.given_up.contains(number)).filter_map(place).collect();
        assert!(own.is_sorted(), "not in the order they were written: {own:?}");
    }

    /// Everything comes that has not come, and nothing new happens.
    fn come_to_rest(&mut self) {
        self.server.refuses = false;
        if !self.server.is_connected {
            self.step(Step::Connect);
        }
        for _ in 0..3 {
            self.drain();
            for step in [Step::Resend, Step::AskAgain, Step::Beat] {
                self.step(step);
            }
            // Who sees that a chat could not be loaded tries again.
            let open = self.page.timeline.as_ref();
            let failed = open.filter(|open| matches!(open.phase(), Phase::Failed(_))).map(Timeline::chat_id);
            if let Some(chat) = failed {
                self.page.open(chat);
            }
        }
        self.server.audit();
        self.drain();
    }

    fn drain(&mut self) {
        for _ in 0..1_000 {
            for step in [Step::Frame, Step::Ghost(0), Step::Commit(true), Step::Serve(0), Step::Answer(0)] {
                self.step(step);
                self.check();
            }
            let (server, page) = (&self.server, &self.page);
            if server.line.is_empty()
                && page.requests.is_empty()
                && page.unwritten.is_empty()
                && self.ghosts.is_empty()
            {
                return;
            }
        }
        panic!("it never comes to rest: {:?}, {:?}", self.server.line, self.page.requests);
    }

    /// What holds when everything has come.
    fn check_at_rest(&self) {
        for chat in CHATS {
            let Some(known) = self.page.model.chat(chat) else { panic!("{chat} is not known") };
            assert_eq!(unread_mentions(known), unread_mentions(&self.server.view(chat)));
            assert_eq!(self.page.model.applied(chat), Some(known.head));
            let (mine, head) = (&self.server.chat(chat).view.mine, known.head_ordinal);
            let counts =
                |ordinal| ordinal > mine.read || mine.unread_from.is_some_and(|from| ordinal >= from);
            let stored = self.server.messages(chat);
            let recount = stored.iter().filter(|message| counts(message.ordinal)).count() as u64;
            assert_eq!(self.page.marks.over(chat, &known.mine, head).unread(head), recount);
            let mut is_behind = false;
            for entry in self.page.outbox.of(chat) {
                is_behind |= is_aside(entry);
                assert!(is_behind, "{entry:?} waits for nothing");
            }
        }
        for (number, (chat, id)) in &self.written {
            let times = self.server.messages(*chat).iter().filter(|message| message.client_id == *id).count();
            assert!(times <= 1, "mine {number} was stored {times} times");
            let waits = self.page.outbox.get(*id);
            // One that was refused, and stored by an earlier request that was given up, is found to be stored
            // where it is seen, or when it is tried again.
            let mut shown = self.page.timeline.iter().flat_map(|open| open.messages());
            let is_shown = shown.any(|message| message.client_id == *id);
            let may_be_both = waits.is_some_and(is_aside) && !is_shown;
            let is_one = self.given_up.contains(number) || waits.is_some() != (times == 1);
            assert!(is_one || may_be_both, "mine {number} was stored {times} times, and is {waits:?}");
        }
        let Some(open) = &self.page.timeline else { return };
        let stored = self.server.messages(open.chat_id());
        let shown: Vec<_> = open.messages().iter().map(|message| (**message).clone()).collect();
        let first = open.first_seq().unwrap_or_default();
        let mut expected: Vec<_> = stored.iter().filter(|message| message.seq >= first).cloned().collect();
        if open.has_newer() {
            expected.truncate(shown.len());
        }
        assert_eq!(shown, expected);
        let is_whole = stored.first().is_none_or(|oldest| oldest.seq >= first);
        assert!(open.has_older() || is_whole, "there is something before {first:?}");
    }
}

/// The view with the mentions that are unread in it: of what was read before nothing is asked.
fn unread_mentions(view: &ChatView) -> ChatView {
    let unread = |ordinal: &&Ordinal| **ordinal > view.mine.read;
    ChatView { mentioned: view.mentioned.iter().filter(unread).copied().collect(), ..view.clone() }
}

fn is_greeting(frame: &ServerFrame) -> bool {
    matches!(frame, ServerFrame::Notice(Notice::Hello { .. }))
}

/// Takes the steps, looking at the page after each of them, and lets everything come to rest.
fn run(steps: &[Step]) {
    let mut world = World::new();
    for step in steps {
        world.step(*step);
        world.check();
    }
    world.come_to_rest();
    world.check_at_rest();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]

    #[test]
    fn in_any_interleaving_what_is_shown_is_right_and_in_the_end_all_of_it(steps in vec(step(), 1..140)) {
        run(&steps);
    }
}

#[test]
fn a_page_that_was_read_before_a_part_of_the_log_was_passed_over_is_asked_for_anew() {
    use Step::*;

    let first = |change| Change(0, 5, change);
    let said = [Say(0, None); 6];
    let shown = [Render { open: 0 }, Reload { all: true, from_middle: false }, Connect, Frame];
    // The first messages are read, and their page is on its way when more happens to them than a resume brings.
    let read = [Older, Serve(0), Disconnect];
    let react = |which| world::Change::React(which, true);
    let missed =
        [first(world::Change::Edit), first(react(0)), first(react(1)), first(world::Change::Pin(true))];
    let caught_up = [Connect, Frame, Frame, Serve(0), Answer(1), Serve(0), Answer(1), Answer(0)];
    run(&[&said[..], &shown, &read, &missed, &caught_up].concat());
}
