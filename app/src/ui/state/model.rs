//! The chats as this browser knows them: a pure reducer of what the socket brings.
//!
//! Each chat's log is applied once and in order: the next event is applied, an earlier one changes
//! nothing, a later one waits until the hole before it is filled. What has to be asked for is returned
//! as [`Effects`], so that nothing here knows a socket, a clock or a signal.

mod applying;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use self::applying::show;
use super::{effects::Effects, known::Known, people::People};
use crate::{
    domain::{AttachmentId, ChatId, ClientId, MessageId, Seq, Timestamp, UserId},
    protocol::{ChatView, DraftView, Heads, MessageView, MyChatView, PresenceStatus, ServerFrame},
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
        let renamed = self.chats.get(&id).map(|known| known.renamed_in(&view)).unwrap_or_default();
        self.adopt(view);
        for (user_id, display_name, avatar) in renamed {
            self.note_user(user_id, display_name, avatar, out);
        }
        self.not_fetched.remove(&id);
        let heard_of = self.unlisted.remove(&id);
        // A newer view that was not taken over, since it lacks members, still tells of missing events.
        let lacks = |known: &Known| heard_of > Some(known.applied) || head > known.view.head;
        if self.chats.get(&id).is_some_and(lacks) {
            self.ask(id, out);
        }
    }

    /// Somebody has another name or picture.
    fn note_user(&mut self, user: UserId, name: String, avatar: Option<AttachmentId>, out: &mut Effects) {
        for known in self.chats.values_mut() {
            known.note_user(user, &name, avatar);
        }
        out.users.push((user, name, avatar));
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
}
