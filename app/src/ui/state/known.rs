//! One chat as it is known, and what an event changes in it: pure.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    domain::{Seq, UserId},
    protocol::{ChatView, EventBody, LogEvent},
};

/// Events of one chat that wait for a hole to be filled; what comes beyond is asked for again.
const MAX_HELD: usize = 500;

/// One chat and how far its log has been applied.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub view: Arc<ChatView>,
    /// All events up to this one have been seen. The view may be ahead of it, when an answer came
    /// before the event that tells of the same change.
    pub applied: Seq,
    pub held: BTreeMap<Seq, LogEvent>,
    /// After which event a resume was last asked for, so that a burst beyond a hole asks once.
    pub asked: Option<Seq>,
    /// Whether what was missed is being fetched page by page.
    pub catching_up: bool,
    /// Whether what was asked for last did not come, and has to be asked for again.
    pub again: bool,
    /// Whether the server's log is another one than was applied, and has to be taken over anew.
    pub restarting: bool,
}

impl Known {
    /// A chat as it was answered.
    pub fn new(view: ChatView) -> Self {
        let applied = view.head;
        Self {
            view: Arc::new(view),
            applied,
            held: BTreeMap::new(),
            asked: None,
            catching_up: false,
            again: false,
            restarting: false,
        }
    }

    /// Keeps an event until what is before it has come.
    pub fn hold(&mut self, event: LogEvent) {
        if self.held.len() < MAX_HELD {
            self.held.insert(event.seq, event);
        }
    }

    /// What was asked for last has not come: it will be asked for again.
    pub fn not_answered(&mut self) {
        self.again |= self.catching_up || self.restarting || self.asked == Some(self.applied);
        self.catching_up = false;
        self.asked = None;
    }

    /// Takes over a newer view, or a fuller one. One that holds the first members only, as lists do, never
    /// takes the place of one that holds all: that is brought up to date by the log, which still comes.
    pub fn adopt(&mut self, view: ChatView) {
        if self.view.is_whole() && !view.is_whole() {
            return;
        }
        let fuller = view.head == self.view.head && view.members.len() >= self.view.members.len();
        if view.head > self.view.head || fuller {
            self.view = Arc::new(view);
        }
    }
}

/// Brings a view that ends right before the event up to it.
pub(super) fn change(view: &mut ChatView, event: &LogEvent, me: Option<UserId>) {
    view.head = event.seq;
    match &event.body {
        // An own message may have been noted already, and be later than this one.
        EventBody::NewMessage { message } if message.ordinal < view.head_ordinal => {}
        EventBody::NewMessage { message } => {
            view.head_ordinal = message.ordinal;
            match view.last_message.as_mut().filter(|last| last.id == message.id) {
                Some(noted) => {
                    noted.adopt(message);
                }
                None => view.last_message = Some(message.clone()),
            }
        }
        EventBody::MessageEdited { .. }
        | EventBody::ReactionChanged { .. }
        | EventBody::PinChanged { .. }
        | EventBody::MessageDeleted { .. } => {
            if let Some(last) = view.last_message.as_mut() {
                last.apply(event, me);
            }
        }
        EventBody::MemberAdded { member } => {
            let complete = view.is_whole();
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
        EventBody::ChatDeleted {} | EventBody::Unknown(_) => {}
    }
}
