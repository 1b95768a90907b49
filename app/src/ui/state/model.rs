//! The chats as this browser knows them: a pure reducer of what the socket brings.
//!
//! Each chat's log is applied once and in order: the next event is applied, an earlier one changes
//! nothing, a later one waits until the hole before it is filled. What has to be asked for is returned
//! as [`Effects`], so that nothing here knows a socket, a clock or a signal.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    domain::{ChatId, Seq, UserId},
    error::ErrorCode,
    protocol::{ChatView, EventBody, Heads, LogEvent, MessageView, Notice, PresenceStatus, ServerFrame},
};

/// Events of one chat that wait for a hole to be filled; what comes beyond is asked for again.
const MAX_HELD: usize = 500;

/// What the browser knows of its user's chats and the people in them.
#[derive(Clone, Debug, Default)]
pub struct Model {
    me: Option<UserId>,
    chats: BTreeMap<ChatId, Known>,
    /// Chats that one was told to be out of: a late answer must not bring them back.
    gone: BTreeSet<ChatId>,
    online: BTreeSet<UserId>,
}

/// One chat and how far its log has been applied.
#[derive(Clone, Debug)]
struct Known {
    view: Arc<ChatView>,
    /// All events up to this one have been seen. The view may be ahead of it, when an answer came
    /// before the event that tells of the same change.
    applied: Seq,
    held: BTreeMap<Seq, LogEvent>,
    /// After which event a resume was last asked for, so that a burst beyond a hole asks once.
    asked: Option<Seq>,
    /// Whether what was missed is being fetched page by page.
    catching_up: bool,
}

/// What has to be done after something was applied.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Ask the server for what came after these events.
    pub resume: Heads,
    /// Messages that arrived, in the order of their chat; some perhaps again.
    pub shown: Vec<MessageView>,
    /// Chats to fetch, together with the messages of theirs that were missed.
    pub refetch: BTreeSet<ChatId>,
    /// There are chats that are not known yet: fetch the list.
    pub refetch_list: bool,
    /// Chats that one is out of now.
    pub gone: Vec<ChatId>,
    /// How often the server says something.
    pub heartbeat_ms: Option<u64>,
    /// The server is going away; come back after so many milliseconds.
    pub reconnect_after_ms: Option<u64>,
    /// The socket belongs to somebody else by now: the browser signed in anew in another tab.
    pub other_account: bool,
    /// A frame of ours was refused.
    pub refused: Option<ErrorCode>,
}

impl Model {
    /// What the page was made from.
    pub fn new(me: Option<UserId>, chats: Vec<ChatView>, online: Vec<UserId>) -> Self {
        let mut this = Self { me, online: online.into_iter().collect(), ..Self::default() };
        for chat in chats {
            this.adopt(chat);
        }
        this
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
    pub fn adopt(&mut self, view: ChatView) {
        if self.gone.contains(&view.id) {
            return;
        }
        match self.chats.get_mut(&view.id) {
            Some(known) => known.adopt(view),
            None => {
                self.chats.insert(view.id, Known::new(view));
            }
        }
    }

    /// Takes over a chat that the user has just made or opened, also one that they were out of before.
    pub fn welcome(&mut self, view: ChatView) {
        self.gone.remove(&view.id);
        self.adopt(view);
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
        self.drain(id, out);
        if self.chats.get(&id).is_some_and(|known| !known.held.is_empty()) {
            self.ask(id, out);
        }
    }

    /// Takes note of a message that was stored, before its event has come.
    pub fn note(&mut self, message: &MessageView) {
        if let Some(known) = self.chats.get_mut(&message.chat_id)
            && message.ordinal > known.view.head_ordinal
        {
            let view = Arc::make_mut(&mut known.view);
            view.head_ordinal = message.ordinal;
            view.last_message = Some(message.clone());
        }
    }

    /// What was missed of the chat could not be fetched; the next heads ask for it again.
    pub fn catch_up_failed(&mut self, id: ChatId) {
        if let Some(known) = self.chats.get_mut(&id) {
            known.catching_up = false;
            known.asked = None;
        }
    }

    /// Says that of the chat's log nothing after this event has been seen, whatever its view says.
    pub fn rewind(&mut self, id: ChatId, seq: Seq) {
        if let Some(known) = self.chats.get_mut(&id) {
            known.applied = known.applied.min(seq);
        }
    }

    /// Forgets a chat that one is out of.
    pub fn remove(&mut self, id: ChatId) {
        self.chats.remove(&id);
        self.gone.insert(id);
    }

    fn apply_event(&mut self, event: LogEvent, out: &mut Effects) {
        let id = event.chat_id;
        let Some(known) = self.chats.get_mut(&id) else {
            if !self.gone.contains(&id) {
                out.refetch_list = true;
            }
            return;
        };
        if event.seq <= known.applied {
            // The timeline tells repeated messages apart, and may have been opened since.
            show(event, out);
        } else if event.seq == known.applied.next() {
            self.take(event, out);
            self.drain(id, out);
        } else {
            if known.held.len() < MAX_HELD {
                known.held.insert(event.seq, event);
            }
            if known.asked != Some(known.applied) {
                self.ask(id, out);
            }
        }
    }

    fn apply_notice(&mut self, notice: Notice, out: &mut Effects) {
        match notice {
            Notice::Hello { user_id, heads, online, heartbeat_ms, session_id: _ } => {
                out.heartbeat_ms = Some(heartbeat_ms);
                if self.me.is_some_and(|me| me != user_id) {
                    out.other_account = true;
                    return;
                }
                self.online = online.into_iter().collect();
                self.compare(heads, out);
            }
            Notice::ChatAdded { chat } => self.welcome(*chat),
            Notice::ChatRemoved { chat_id } => self.leave(chat_id, out),
            Notice::UserStatusChanged { user_id, status, last_seen: _ } => {
                match status {
                    PresenceStatus::Online => self.online.insert(user_id),
                    PresenceStatus::Offline => self.online.remove(&user_id),
                };
            }
            Notice::Heads { heads } => {
                for (id, head) in heads {
                    match self.chats.get(&id) {
                        Some(known) if head > known.applied => self.ask(id, out),
                        Some(_) => {}
                        None => out.refetch_list |= !self.gone.contains(&id),
                    }
                }
            }
            Notice::Limited { chat_id, head } => {
                if let Some(known) = self.chats.get_mut(&chat_id)
                    && head > known.applied
                    && !known.catching_up
                {
                    known.catching_up = true;
                    out.refetch.insert(chat_id);
                }
            }
            // A refused resume is healed by the next heads; the code says whether more is wrong.
            Notice::Error { code, message: _ } => out.refused = Some(code),
            Notice::Bye { reconnect_after_ms } => out.reconnect_after_ms = Some(reconnect_after_ms),
        }
    }

    /// The heads of a hello are complete: what is not in them one is out of, what is new is fetched.
    fn compare(&mut self, heads: Heads, out: &mut Effects) {
        let lost: Vec<_> = self.chats.keys().filter(|id| !heads.contains_key(id)).copied().collect();
        for id in lost {
            self.leave(id, out);
        }
        for (id, head) in heads {
            self.gone.remove(&id);
            match self.chats.get(&id) {
                Some(known) if head > known.applied => self.ask(id, out),
                Some(_) => {}
                None => out.refetch_list = true,
            }
        }
    }

    fn ask(&mut self, id: ChatId, out: &mut Effects) {
        if let Some(known) = self.chats.get_mut(&id).filter(|known| !known.catching_up) {
            known.asked = Some(known.applied);
            out.resume.insert(id, known.applied);
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
        let Some(known) = self.chats.get_mut(&id) else { return };
        known.applied = event.seq;
        let is_out = match &event.body {
            EventBody::ChatDeleted {} => true,
            EventBody::MemberRemoved { user_id } => Some(*user_id) == self.me && event.seq > known.view.head,
            _ => false,
        };
        if is_out {
            self.leave(id, out);
            return;
        }
        if event.seq > known.view.head {
            change(Arc::make_mut(&mut known.view), &event, self.me);
        }
        show(event, out);
    }

    fn leave(&mut self, id: ChatId, out: &mut Effects) {
        if self.chats.contains_key(&id) {
            out.gone.push(id);
        }
        self.remove(id);
    }
}

impl Known {
    fn new(view: ChatView) -> Self {
        let applied = view.head;
        Self { view: Arc::new(view), applied, held: BTreeMap::new(), asked: None, catching_up: false }
    }

    fn adopt(&mut self, view: ChatView) {
        let fuller = view.head == self.view.head && view.members.len() >= self.view.members.len();
        if view.head > self.view.head || fuller {
            self.view = Arc::new(view);
        }
    }
}

fn show(event: LogEvent, out: &mut Effects) {
    if let EventBody::NewMessage { message } = event.body {
        out.shown.push(message);
    }
}

/// Brings a view that ends right before the event up to it.
fn change(view: &mut ChatView, event: &LogEvent, me: Option<UserId>) {
    view.head = event.seq;
    match &event.body {
        // An own message may have been noted already, and be later than this one.
        EventBody::NewMessage { message } if message.ordinal < view.head_ordinal => {}
        EventBody::NewMessage { message } => {
            view.head_ordinal = message.ordinal;
            view.last_message = Some(message.clone());
        }
        EventBody::MemberAdded { member } => {
            let complete = view.members.len() as u64 >= view.member_count;
            let known = view.members.iter().any(|present| present.user.id == member.user.id);
            if complete && !known {
                view.members.push(member.clone());
            }
            view.member_count += u64::from(!known);
        }
        EventBody::MemberRemoved { user_id } => {
            view.members.retain(|member| member.user.id != *user_id);
            view.member_count = view.member_count.saturating_sub(1);
        }
        EventBody::RoleChanged { user_id, role } => {
            if let Some(member) = view.members.iter_mut().find(|member| member.user.id == *user_id) {
                member.role = *role;
            }
            if Some(*user_id) == me {
                view.my_role = *role;
            }
        }
        EventBody::ChatRenamed { name } => view.name = Some(name.clone()),
        EventBody::ChatDeleted {} => {}
    }
}
