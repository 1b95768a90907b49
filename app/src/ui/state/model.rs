//! The chats as this browser knows them: a pure reducer of what the socket brings.
//!
//! Each chat's log is applied once and in order: the next event is applied, an earlier one changes
//! nothing, a later one waits until the hole before it is filled. What has to be asked for is returned
//! as [`Effects`], so that nothing here knows a socket, a clock or a signal.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use super::{
    effects::Effects,
    known::{Known, change},
    people::People,
};
use crate::{
    domain::{ChatId, ClientId, MessageId, Seq, Timestamp, UserId},
    error::ErrorCode,
    protocol::{
        ChatView, DraftView, EventBody, Heads, LogEvent, MessageView, MyChatView, Notice, PresenceStatus,
        ServerFrame,
    },
};

/// What the browser knows of its user's chats and the people in them.
#[derive(Clone, Debug, Default)]
pub struct Model {
    me: Option<UserId>,
    chats: BTreeMap<ChatId, Known>,
    /// Chats that one was told to be out of: a late answer must not bring them back.
    gone: BTreeSet<ChatId>,
    online: BTreeSet<UserId>,
    people: People,
    /// Chats that one is in and that are not known: those beyond the end of the list, and those that are
    /// being fetched. With the last event that was heard of.
    unlisted: BTreeMap<ChatId, Seq>,
    /// Unknown chats that could not be fetched.
    not_fetched: BTreeSet<ChatId>,
    /// Whether the list of chats could not be fetched.
    list_failed: bool,
    /// The last messages that the user has sent: what is told of their drafts may come later than they.
    sent: VecDeque<ClientId>,
}

/// Of so many messages it is remembered that they were sent.
const MAX_SENT: usize = 64;

impl Model {
    /// What the page was made from.
    pub fn new(me: Option<UserId>, chats: Vec<ChatView>, online: Vec<UserId>) -> Self {
        let mut this = Self { me, online: online.into_iter().collect(), ..Self::default() };
        for chat in chats {
            this.adopt(chat);
        }
        this
    }

    /// And what it knew of the people beside that.
    #[must_use]
    pub fn with_people(mut self, people: People) -> Self {
        self.people = people;
        self
    }

    /// Whom the user has blocked, and when others were last there.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// Takes in whether somebody is there, and else when they were last, as it was told.
    pub fn note_presence(&mut self, user: UserId, status: PresenceStatus, last_seen: Option<Timestamp>) {
        match status {
            PresenceStatus::Online => {
                self.online.insert(user);
            }
            PresenceStatus::Offline => {
                self.online.remove(&user);
                self.people.note_seen(user, last_seen);
            }
        }
    }

    /// The user shows when they were last there, or not any longer: of others nothing is known that was told before.
    pub fn forget_seen(&mut self) {
        self.people.forget_seen();
    }

    /// Takes in that the user has blocked somebody, or does so no longer.
    pub fn set_blocked(&mut self, user: UserId, on: bool, out: &mut Effects) {
        if self.people.set_blocked(user, on) {
            self.hear_anew(out);
        }
    }

    /// Whom the user hears has changed, and with it what mentions them.
    fn hear_anew(&mut self, out: &mut Effects) {
        self.chats.values_mut().for_each(Known::doubt_mentions);
        out.refetch_list = true;
    }

    /// The chat of that id.
    pub fn chat(&self, id: ChatId) -> Option<&Arc<ChatView>> {
        self.chats.get(&id).map(|known| &known.view)
    }

    /// The last event of the chat up to which nothing is missing.
    pub fn applied(&self, id: ChatId) -> Option<Seq> {
        self.chats.get(&id).map(|known| known.applied)
    }

    /// Whether the person has a socket open anywhere.
    pub fn is_online(&self, user: UserId) -> bool {
        self.online.contains(&user)
    }

    /// All chats, last active first.
    pub fn sorted(&self) -> Vec<Arc<ChatView>> {
        let mut chats: Vec<_> = self.chats.values().map(|known| known.view.clone()).collect();
        chats.sort_by_key(|chat| (std::cmp::Reverse(chat.last_activity_at()), chat.id));
        chats
    }

    /// Applies what the socket brought.
    pub fn apply(&mut self, frame: ServerFrame, out: &mut Effects) {
        match frame {
            ServerFrame::Event(event) => self.apply_event(event, out),
            ServerFrame::Notice(notice) => self.apply_notice(notice, out),
        }
    }

    /// Takes over a chat that a server function answered. An older view than the known one is passed
    /// over, and the log stays where it is: its events still come.
    pub fn adopt(&mut self, mut view: ChatView) {
        if self.gone.contains(&view.id) {
            return;
        }
        if let Some(draft) = view.draft.as_mut().filter(|draft| self.sent.contains(&draft.id)) {
            draft.take_away();
        }
        match self.chats.get_mut(&view.id) {
            Some(known) => known.adopt(view),
            None => {
                self.chats.insert(view.id, Known::new(view));
            }
        }
    }

    /// Takes over a chat that the user has just made or opened, also one that they were out of before.
    pub fn welcome(&mut self, view: ChatView, out: &mut Effects) {
        if self.gone.remove(&view.id) {
            out.returned.insert(view.id);
        }
        self.fetched(view, out);
    }

    /// Takes over a chat that was fetched, and asks for what has happened in it since.
    pub fn fetched(&mut self, view: ChatView, out: &mut Effects) {
        let (id, head) = (view.id, view.head);
        self.adopt(view);
        self.not_fetched.remove(&id);
        let heard_of = self.unlisted.remove(&id);
        // A newer view that was not taken over, since it lacks members, still tells of missing events.
        let lacks = |known: &Known| heard_of > Some(known.applied) || head > known.view.head;
        if self.chats.get(&id).is_some_and(lacks) {
            self.ask(id, out);
        }
    }

    /// Takes over the list of chats.
    pub fn listed(&mut self, list: Vec<ChatView>, out: &mut Effects) {
        self.list_failed = false;
        list.into_iter().for_each(|view| self.fetched(view, out));
    }

    /// The list of chats could not be fetched: [`Self::ask_again`] asks for it.
    pub fn list_failed(&mut self) {
        self.list_failed = true;
    }

    /// A chat that is not known could not be fetched: [`Self::ask_again`] asks for it.
    pub fn fetch_failed(&mut self, id: ChatId) {
        if self.unlisted.contains_key(&id) {
            self.not_fetched.insert(id);
        }
    }

    /// Takes over a chat whose log seemed to be another one than was applied. False if it is not shorter:
    /// then a late answer was mistaken, and the log goes on.
    pub fn restarted(&mut self, view: ChatView, out: &mut Effects) -> bool {
        let (id, head) = (view.id, view.head);
        let Some(known) = self.chats.get_mut(&id) else { return false };
        let is_shorter = head < known.applied;
        let held = std::mem::take(&mut known.held);
        if is_shorter {
            *known = Known::new(view);
        } else {
            (known.restarting, known.catching_up, known.asked) = (false, false, None);
            known.adopt(view);
        }
        for (seq, event) in held {
            if seq <= known.applied {
                show(event, out);
            } else {
                known.hold(event);
            }
        }
        self.go_on(id, out);
        if self.chats.get(&id).is_some_and(|known| known.applied < head) {
            self.ask(id, out);
        }
        is_shorter
    }

    /// Asks again for everything that did not come.
    pub fn ask_again(&mut self, out: &mut Effects) {
        let again: Vec<_> = self.chats.iter().filter(|(_, known)| known.again).map(|(id, _)| *id).collect();
        for id in again {
            self.ask(id, out);
        }
        out.fetch.append(&mut self.not_fetched);
        out.refetch_list |= std::mem::take(&mut self.list_failed);
    }

    /// A resume could not be sent.
    pub fn not_sent(&mut self, heads: &Heads) {
        for id in heads.keys() {
            if let Some(known) = self.chats.get_mut(id) {
                known.not_answered();
            }
        }
    }

    /// Takes over a chat whose messages up to its head have been fetched, and goes on from there.
    pub fn caught_up(&mut self, view: ChatView, out: &mut Effects) {
        let (id, head) = (view.id, view.head);
        self.adopt(view);
        let Some(known) = self.chats.get_mut(&id) else { return };
        known.catching_up = false;
        known.asked = None;
        // Of events that the view includes already only the messages are still of interest.
        while let Some(entry) = known.held.first_entry().filter(|entry| *entry.key() <= head) {
            show(entry.remove(), out);
        }
        known.applied = known.applied.max(head);
        self.go_on(id, out);
    }

    /// Takes note of a message that was stored, before its event has come.
    pub fn note(&mut self, message: &MessageView) {
        self.note_own(message);
        let Some(known) = self.chats.get_mut(&message.chat_id) else { return };
        if message.ordinal > known.view.head_ordinal {
            let view = Arc::make_mut(&mut known.view);
            view.head_ordinal = message.ordinal;
            view.last_message = Some(message.clone());
        }
    }

    /// Takes note of what has become of a message, before the event that tells of it has come.
    pub fn note_changed(&mut self, message: &MessageView) {
        if let Some(known) = self.chats.get_mut(&message.chat_id)
            && known.view.last_message.as_ref().is_some_and(|last| last.id == message.id)
            && let Some(last) = &mut Arc::make_mut(&mut known.view).last_message
        {
            last.adopt(message);
        }
    }

    /// Takes note that a message was deleted, before its event has come.
    pub fn note_deleted(&mut self, chat_id: ChatId, message_id: MessageId, at: Timestamp) {
        if let Some(known) = self.chats.get_mut(&chat_id)
            && known.view.last_message.as_ref().is_some_and(|last| last.id == message_id)
        {
            Arc::make_mut(&mut known.view).last_message.iter_mut().for_each(|last| last.delete(at));
        }
    }

    /// What was missed of the chat could not be fetched: [`Self::ask_again`] asks for it.
    pub fn catch_up_failed(&mut self, id: ChatId) {
        if let Some(known) = self.chats.get_mut(&id) {
            known.not_answered();
        }
    }

    /// Says that of the chat's log nothing after this event has been seen, whatever its view says.
    pub fn rewind(&mut self, id: ChatId, seq: Seq) {
        if let Some(known) = self.chats.get_mut(&id) {
            known.applied = known.applied.min(seq);
        }
    }

    /// Takes over what the chat is to the user alone, as a server function answered or a notice told it.
    pub fn take_mine(&mut self, id: ChatId, mine: MyChatView) {
        if let Some(known) = self.chats.get_mut(&id) {
            known.take_mine(mine);
        }
    }

    /// Takes in what the user is writing in the chat, in whichever order that is told. Returns it as it is to be taken:
    /// there is none any longer where its message was sent. `None` if the chat is not known.
    pub fn take_draft(&mut self, id: ChatId, mut draft: DraftView) -> Option<DraftView> {
        if self.sent.contains(&draft.id) {
            draft.take_away();
        }
        self.chats.get_mut(&id)?.take_draft(&draft);
        Some(draft)
    }

    /// A message of the user's own is stored.
    fn note_own(&mut self, message: &MessageView) {
        if Some(message.sender_id) != self.me {
            return;
        }
        if !self.sent.contains(&message.client_id) {
            self.sent.truncate(MAX_SENT - 1);
            self.sent.push_front(message.client_id);
        }
        if let Some(known) = self.chats.get_mut(&message.chat_id) {
            known.note_sent(message);
        }
    }

    /// Forgets a chat that one is out of.
    pub fn remove(&mut self, id: ChatId) {
        self.chats.remove(&id);
        self.unlisted.remove(&id);
        self.not_fetched.remove(&id);
        self.gone.insert(id);
    }

    fn apply_event(&mut self, event: LogEvent, out: &mut Effects) {
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

    fn apply_notice(&mut self, notice: Notice, out: &mut Effects) {
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
                for known in self.chats.values_mut() {
                    known.note_user(user_id, &display_name, avatar);
                }
                out.users.push((user_id, display_name, avatar));
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

    fn ask(&mut self, id: ChatId, out: &mut Effects) {
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
    fn go_on(&mut self, id: ChatId, out: &mut Effects) {
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

fn show(event: LogEvent, out: &mut Effects) {
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
