//! What the page does with what it is answered, and with what the model asks for.

use std::sync::Arc;

use super::{
    page::{Page, Then},
    world::{Answer, Ask, ME, Server},
};
use crate::{
    domain::Seq,
    error::AppResult,
    ui::state::{effects::Effects, timeline::Phase},
};

impl Page {
    /// Goes on after a request.
    pub fn go_on(&mut self, then: Then, answer: AppResult<Answer>, server: &mut Server) {
        let mut effects = Effects::default();
        match (then, answer) {
            (Then::Listed, Ok(Answer::Chats(list))) => {
                self.is_listing = false;
                self.model.listed(list, &mut effects);
            }
            (Then::Listed, _) => {
                self.is_listing = false;
                self.model.list_failed();
            }
            (Then::Fetched(id), Ok(Answer::Chat(view))) => {
                self.fetching.retain(|chat| *chat != id);
                self.model.fetched(*view, &mut effects);
            }
            (Then::Fetched(id), _) => {
                self.fetching.retain(|chat| *chat != id);
                self.model.fetch_failed(id);
            }
            (Then::Restarted(id), Ok(Answer::Chat(view))) => {
                let is_new = self.model.restarted(*view, &mut effects);
                assert!(!is_new, "the log of {id} never went back");
            }
            (Then::Restarted(id) | Then::Missed(id), Err(_)) => self.model.catch_up_failed(id),
            (Then::Known { chat, opening, around }, Ok(Answer::Chat(view))) => {
                self.model.welcome(*view, &mut effects);
                self.load_part(chat, opening, around);
            }
            (Then::Loaded { chat, opening, around, passed_over }, answer)
                if self.passed_over(chat, opening).is_some_and(|now| now != passed_over) =>
            {
                drop(answer);
                self.load_part(chat, opening, around);
            }
            (Then::More { chat, opening, newer, at, passed_over }, answer)
                if self.passed_over(chat, opening).is_some_and(|now| now != passed_over) =>
            {
                drop(answer);
                let passed_over = self.passed_over(chat, opening).unwrap_or_default();
                self.load_more(chat, opening, newer, at, passed_over);
            }
            (Then::Loaded { chat, opening, .. }, Ok(Answer::Page(page))) => {
                self.with_open(chat, opening, |open| open.load(page));
                self.heal(chat);
            }
            (Then::Known { chat, opening, .. } | Then::Loaded { chat, opening, .. }, Err(error)) => {
                self.with_open(chat, opening, |open| open.fail(error));
            }
            (Then::More { chat, opening, newer, .. }, Ok(Answer::Page(page))) => {
                self.with_open(
                    chat,
                    opening,
                    |open| {
                        if newer { open.append(page) } else { open.prepend(page) }
                    },
                );
                self.heal(chat);
            }
            (Then::More { chat, opening, newer, .. }, Err(error)) => {
                self.with_open(chat, opening, |open| {
                    let failed = Phase::Failed(error);
                    if newer { open.set_newer(failed) } else { open.set_older(failed) }
                });
            }
            (Then::Missed(chat), Ok(Answer::Chat(view))) => {
                let applied = self.model.applied(chat).unwrap_or_default();
                let open = self.timeline.as_mut().filter(|open| open.chat_id() == chat);
                let shown = open.and_then(|open| {
                    open.pass_over();
                    Some(Seq(open.first_seq()?.0.saturating_sub(1)))
                });
                let after = shown.unwrap_or(applied).min(applied);
                self.append_after(chat, after, Some(view), &mut effects);
            }
            (Then::Appended { chat, opening, passed_over, then, .. }, Ok(_))
                if self.passed_over(chat, opening) != Some(passed_over) =>
            {
                self.heal(chat);
                self.caught_up(chat, then, &mut effects);
            }
            (Then::Appended { chat, opening, after, end, passed_over, then }, Ok(Answer::Page(page))) => {
                let last = page.messages.last().map(|message| message.seq);
                let more = page.has_newer && last > Some(after) && end.is_none_or(|end| last < Some(end));
                if last.is_some() {
                    self.with_open(chat, opening, |open| open.refresh(page, end));
                }
                match last {
                    Some(after) if more => {
                        let then = Then::Appended { chat, opening, after, end, passed_over, then };
                        self.ask(Ask::After(chat, after), then);
                    }
                    _ => self.caught_up(chat, then, &mut effects),
                }
            }
            (Then::Appended { chat, then, .. }, Err(_)) => {
                if then.is_some() {
                    self.model.catch_up_failed(chat);
                }
            }
            (Then::Changed, Ok(Answer::Changed(message))) => {
                self.model.note_changed(&message);
                if let Some(open) = self.timeline.as_mut().filter(|open| open.chat_id() == message.chat_id) {
                    open.renew(&message);
                }
            }
            (Then::Changed, Err(_)) => {}
            (Then::Marked, Ok(Answer::Mine(chat, mine))) => {
                self.model.take_mine(chat, mine);
                self.marks.answered(false);
                self.pump_marks();
            }
            // It is told again after a while.
            (Then::Marked, Err(_)) => self.marks.answered(true),
            (Then::Mine, Ok(Answer::Mine(chat, mine))) => self.model.take_mine(chat, mine),
            (Then::Mine, Err(_)) => {}
            (Then::Sent(client_id), Ok(Answer::Stored(message))) => {
                self.model.note(&message);
                if let Some(open) = &mut self.timeline {
                    open.arrive(Arc::new(message));
                }
                self.take_out(client_id);
                self.pump();
            }
            (Then::Sent(client_id), Err(error)) => {
                let delay = self.outbox.failed(client_id, &error, 0.0);
                if delay.is_none() {
                    self.note_change(client_id);
                }
                self.pump();
            }
            (then, answer) => panic!("{answer:?} is no answer for {then:?}"),
        }
        self.carry_out(effects, server);
    }

    pub(super) fn carry_out(&mut self, effects: Effects, server: &mut Server) {
        self.show(effects.shown);
        for event in effects.changed {
            if let Some(open) = self.timeline.as_mut().filter(|open| open.chat_id() == event.chat_id) {
                open.change(event, Some(ME));
            }
        }
        for chat in effects.refetch {
            self.ask(Ask::Chat(chat), Then::Missed(chat));
        }
        for chat in effects.restart {
            self.ask(Ask::Chat(chat), Then::Restarted(chat));
        }
        for chat in effects.fetch {
            if !self.fetching.contains(&chat) {
                self.fetching.push(chat);
                self.ask(Ask::Chat(chat), Then::Fetched(chat));
            }
        }
        for chat in effects.returned {
            if self.timeline.as_ref().is_some_and(|open| open.chat_id() == chat) {
                self.load(chat, None);
            }
        }
        if effects.refetch_list && !self.is_listing {
            self.is_listing = true;
            self.ask(Ask::Chats, Then::Listed);
        }
        if server.is_connected {
            server.resume(&effects.resume);
        }
    }
}
