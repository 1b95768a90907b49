//! What the page does with what it is answered, and with what the model asks for.

use std::sync::Arc;

use super::{
    page::{Page, Then},
    world::{Answer, Ask, Server},
};
use crate::{
    domain::Seq,
    error::AppResult,
    ui::state::{
        effects::Effects,
        timeline::{Phase, Timeline},
    },
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
                self.model.fetched(view, &mut effects);
            }
            (Then::Fetched(id), _) => {
                self.fetching.retain(|chat| *chat != id);
                self.model.fetch_failed(id);
            }
            (Then::Restarted(id), Ok(Answer::Chat(view))) => {
                let is_new = self.model.restarted(view, &mut effects);
                assert!(!is_new, "the log of {id} never went back");
            }
            (Then::Restarted(id) | Then::Missed { chat: id, .. }, Err(_)) => self.model.catch_up_failed(id),
            (Then::Known { chat, opening }, Ok(Answer::Chat(view))) => {
                self.model.welcome(view, &mut effects);
                self.ask(Ask::Newest(chat), Then::Loaded { chat, opening });
            }
            (Then::Loaded { chat, opening }, Ok(Answer::Page(page))) => {
                self.with_open(chat, opening, |open| open.load(page));
                self.heal(chat);
            }
            (Then::Known { chat, opening } | Then::Loaded { chat, opening }, Err(error)) => {
                self.with_open(chat, opening, |open| open.fail(error));
            }
            (Then::Older { chat, opening }, Ok(Answer::Page(page))) => {
                self.with_open(chat, opening, |open| open.prepend(page));
            }
            (Then::Older { chat, opening }, Err(error)) => {
                self.with_open(chat, opening, |open| open.set_older(Phase::Failed(error)));
            }
            (Then::Missed { chat, after }, Ok(Answer::Chat(view))) => {
                self.append_after(chat, after, Some(Box::new(view)), &mut effects);
            }
            (Then::Appended { chat, opening, after, then }, Ok(Answer::Page(page))) => {
                let last = page.messages.last().map(|message| message.seq);
                let more = page.has_newer && last > Some(after);
                let mut still_open = false;
                if last.is_some() {
                    self.with_open(chat, opening, |open| {
                        still_open = true;
                        open.append(page);
                    });
                }
                match last {
                    Some(last) if more && still_open => {
                        self.ask(Ask::After(chat, last), Then::Appended { chat, opening, after: last, then });
                    }
                    _ => self.caught_up(chat, then, &mut effects),
                }
            }
            (Then::Appended { chat, then, .. }, Err(_)) => {
                if then.is_some() {
                    self.model.catch_up_failed(chat);
                }
            }
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
        for (chat, id, at) in effects.deleted {
            if let Some(open) = self.timeline.as_mut().filter(|open| open.chat_id() == chat) {
                open.delete(id, at);
            }
        }
        for chat in effects.refetch {
            let applied = self.model.applied(chat).unwrap_or_default();
            let open = self.timeline.as_ref().filter(|open| open.chat_id() == chat);
            let shown = open.and_then(Timeline::first_seq).map(|first| Seq(first.0 - 1));
            let after = shown.unwrap_or(applied).min(applied);
            self.ask(Ask::Chat(chat), Then::Missed { chat, after });
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
                self.load(chat);
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
