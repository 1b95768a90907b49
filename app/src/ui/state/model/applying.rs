//! Each frame of the socket, applied: a chat's events in their order, what stands before a hole at once and what is behind
//! it once it is filled.

use std::sync::Arc;

use super::Model;
use crate::{
    domain::{ChatId, Seq},
    error::ErrorCode,
    protocol::{EventBody, Heads, LogEvent, Notice},
    ui::state::{
        effects::Effects,
        known::{Known, change},
    },
};

impl Model {
    pub(super) fn apply_event(&mut self, event: LogEvent, out: &mut Effects) {
        let id = event.chat_id;
        let is_heard = !self.people.is_blocked(event.actor_id);
        let Some(known) = self.chats.get_mut(&id) else {
            if !self.gone.contains(&id) {
                self.meet(id, event.seq, out);
            }
            return;
        };
        if known.restarting {
            known.hold(event);
        } else if event.seq <= known.applied {
            known.hear(&event, self.me, is_heard);
            // The timeline tells repeated messages apart, and may have been opened since.
            show(event, out);
        } else if event.seq == known.applied.next() {
            self.take(event, out);
            self.drain(id, out);
        } else {
            known.hold(event);
            if known.asked != Some(known.applied) {
                self.ask(id, out);
            }
        }
    }

    pub(super) fn apply_notice(&mut self, notice: Notice, out: &mut Effects) {
        match notice {
            Notice::Hello { user_id, heads, online, heartbeat_ms, session_id: _, mine, blocked } => {
                out.heartbeat_ms = Some(heartbeat_ms);
                if self.me.is_some_and(|me| me != user_id) {
                    out.other_account = true;
                    return;
                }
                self.online = online.into_iter().collect();
                self.people.doubt_seen();
                if self.people.take_blocked(blocked.into_iter().collect()) {
                    self.hear_anew(out);
                }
                self.compare(heads, out);
                for (id, mine) in mine {
                    self.take_mine(id, mine);
                }
            }
            Notice::ChatAdded { chat } => self.welcome(*chat, out),
            Notice::ChatRemoved { chat_id } => self.remove(chat_id),
            Notice::UserStatusChanged { user_id, status, last_seen } => {
                self.note_presence(user_id, status, last_seen);
            }
            Notice::BlockedChanged { user_id, blocked } => self.set_blocked(user_id, blocked, out),
            Notice::Heads { heads } => {
                for (id, head) in heads {
                    match self.chats.get(&id) {
                        Some(known) if head > known.applied => self.ask(id, out),
                        Some(_) => {}
                        None => {
                            // Also if one was told to be out of it: this was said later.
                            if self.gone.remove(&id) {
                                out.returned.insert(id);
                            }
                            self.meet(id, head, out);
                        }
                    }
                }
            }
            Notice::Limited { chat_id, head } => {
                if let Some(known) = self.chats.get_mut(&chat_id)
                    && !known.catching_up
                {
                    if known.asked.is_some_and(|asked| head < asked) {
                        // The log was put back to an earlier state, and may go on differently.
                        known.restarting = true;
                        known.held.clear();
                        self.ask(chat_id, out);
                    } else if head > known.applied {
                        known.catching_up = true;
                        out.refetch.insert(chat_id);
                    }
                }
            }
            Notice::Error { code, message: _ } => {
                // It is not said which resume was refused, if it was one.
                if code == ErrorCode::TooManyRequests {
                    let waiting = |known: &&mut Known| !known.catching_up;
                    self.chats.values_mut().filter(waiting).for_each(Known::not_answered);
                    out.retry = true;
                }
                out.refused = Some(code);
            }
            Notice::MyChatChanged { chat_id, mine } => self.take_mine(chat_id, mine),
            Notice::UserChanged { user_id, display_name, avatar } => {
                self.note_user(user_id, display_name, avatar, out);
            }
            Notice::DraftChanged { chat_id, draft } => {
                out.drafts.extend(self.take_draft(chat_id, draft).map(|draft| (chat_id, draft)));
            }
            Notice::Read { chat_id, readers } => {
                if let Some(known) = self.chats.get_mut(&chat_id) {
                    // One's own state is told apart.
                    let others = readers.into_iter().filter(|(reader, _)| Some(*reader) != self.me);
                    others.for_each(|(reader, ordinal)| known.note_read(reader, ordinal));
                }
            }
            Notice::Typing { chat_id, user_id } => {
                let is_heard = Some(user_id) != self.me && !self.people.is_blocked(user_id);
                if is_heard && self.chats.contains_key(&chat_id) {
                    out.typing.push((chat_id, user_id));
                }
            }
            Notice::Bye { reconnect_after_ms } => out.reconnect_after_ms = Some(reconnect_after_ms),
        }
    }

    /// The heads of a hello are complete: what is not in them one is out of, what is new is fetched. Of a
    /// log that is shorter than what was applied the answer to a resume tells.
    fn compare(&mut self, heads: Heads, out: &mut Effects) {
        let lost: Vec<_> = self.chats.keys().filter(|id| !heads.contains_key(id)).copied().collect();
        for id in lost {
            self.remove(id);
        }
        let before = std::mem::take(&mut self.unlisted);
        for (id, head) in heads {
            if self.gone.remove(&id) {
                out.returned.insert(id);
            }
            match self.chats.get(&id) {
                Some(known) if head != known.applied => self.ask(id, out),
                Some(_) => {}
                None => {
                    // One that is beyond the end of the list stays there until something happens in it.
                    out.refetch_list |= before.get(&id) != Some(&head);
                    self.unlisted.insert(id, head);
                }
            }
        }
        let unlisted = &self.unlisted;
        self.not_fetched.retain(|id| unlisted.contains_key(id));
        self.ask_again(out);
    }

    /// Something has happened in a chat that is not known.
    fn meet(&mut self, id: ChatId, head: Seq, out: &mut Effects) {
        let before = self.unlisted.get(&id).copied();
        if before.is_none_or(|before| head > before) {
            self.unlisted.insert(id, head);
            out.fetch.insert(id);
        }
    }

    pub(super) fn ask(&mut self, id: ChatId, out: &mut Effects) {
        let Some(known) = self.chats.get_mut(&id).filter(|known| !known.catching_up) else { return };
        known.again = false;
        if known.restarting {
            known.catching_up = true;
            out.restart.insert(id);
        } else {
            known.asked = Some(known.applied);
            out.resume.insert(id, known.applied);
        }
    }

    /// Applies what was held meanwhile, and asks for what is missing before the rest of it.
    pub(super) fn go_on(&mut self, id: ChatId, out: &mut Effects) {
        self.drain(id, out);
        if self.chats.get(&id).is_some_and(|known| !known.held.is_empty()) {
            self.ask(id, out);
        }
    }

    fn drain(&mut self, id: ChatId, out: &mut Effects) {
        while let Some(event) =
            self.chats.get_mut(&id).and_then(|known| known.held.remove(&known.applied.next()))
        {
            self.take(event, out);
        }
    }

    /// Applies the next event.
    fn take(&mut self, event: LogEvent, out: &mut Effects) {
        let id = event.chat_id;
        let is_heard = !self.people.is_blocked(event.actor_id);
        let Some(known) = self.chats.get_mut(&id) else { return };
        known.applied = event.seq;
        let is_out = match &event.body {
            EventBody::ChatDeleted {} => true,
            EventBody::MemberRemoved { user_id } => Some(*user_id) == self.me && event.seq > known.view.head,
            _ => false,
        };
        if is_out {
            self.remove(id);
            return;
        }
        if event.seq > known.view.head {
            change(Arc::make_mut(&mut known.view), &event, self.me);
        }
        known.hear(&event, self.me, is_heard);
        if let EventBody::NewMessage { message } = &event.body {
            self.note_own(message);
        }
        show(event, out);
    }
}

/// Hands on what the open chat shows of an event.
pub(super) fn show(event: LogEvent, out: &mut Effects) {
    match event.body {
        EventBody::NewMessage { message } => {
            // What was said of its writer before is over.
            out.typing.retain(|typing| *typing != (message.chat_id, message.sender_id));
            out.shown.push(message);
        }
        _ if event.body.message_id().is_some() => out.changed.push(event),
        _ if event.body.is_of_chat() => out.happened.push(event),
        _ => {}
    }
}
