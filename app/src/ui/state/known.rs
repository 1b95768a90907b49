//! One chat as it is known, and what an event changes in it: pure.

use std::{collections::BTreeMap, sync::Arc};

use super::mentioned::Mentioned;
use crate::{
    domain::{AttachmentId, Ordinal, Seq, UserId, limits},
    protocol::{ChatView, DraftView, EventBody, LogEvent, MessageView, MyChatView, UserView},
};

/// Events of one chat that wait for a hole to be filled; what comes beyond is asked for again.
const MAX_HELD: usize = 500;

/// One chat and how far its log has been applied.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub view: Arc<ChatView>,
    mentioned: Mentioned,
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
    /// The last message of the user's own that is known; 0 if there is none.
    sent: Ordinal,
}

impl Known {
    /// A chat as it was answered.
    pub fn new(view: ChatView) -> Self {
        let applied = view.head;
        let mut mentioned = Mentioned::default();
        mentioned.answer(&view);
        Self {
            view: Arc::new(view),
            mentioned,
            applied,
            held: BTreeMap::new(),
            asked: None,
            catching_up: false,
            again: false,
            restarting: false,
            sent: Ordinal(0),
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
    /// takes the place of one that holds all: that is brought up to date by the log, which still comes. How far
    /// people have read is in no log: of that the later counts, whichever view says it.
    pub fn adopt(&mut self, view: ChatView) {
        self.mentioned.answer(&view);
        self.take_over(view);
        self.tell_mentioned();
    }

    /// Takes in whether an event has a message mention the reader, or no longer. `is_heard` is false for one of somebody
    /// whom they have blocked.
    pub fn hear(&mut self, event: &LogEvent, me: Option<UserId>, is_heard: bool) {
        self.mentioned.hear(event, me, is_heard);
        self.tell_mentioned();
    }

    /// Whom the reader hears has changed: what mentions them is as the next answer says.
    pub fn doubt_mentions(&mut self) {
        self.mentioned.doubt();
    }

    fn tell_mentioned(&mut self) {
        let ordinals = self.mentioned.ordinals();
        if ordinals != self.view.mentioned {
            Arc::make_mut(&mut self.view).mentioned = ordinals;
        }
    }

    fn take_over(&mut self, mut view: ChatView) {
        let mut mine = self.view.mine.clone();
        let is_news = mine.take(std::mem::take(&mut view.mine), self.sent);
        if let Some(draft) = view.draft.take() {
            self.take_draft(&draft);
        }
        let fuller = view.head == self.view.head && view.members.len() >= self.view.members.len();
        let is_cut = self.view.is_whole() && !view.is_whole();
        if !is_cut && (view.head > self.view.head || fuller) {
            copy_reads(&self.view, &mut view);
            let draft = self.view.draft.clone();
            self.view = Arc::new(ChatView { mine, draft, ..view });
            return;
        }
        if is_news {
            Arc::make_mut(&mut self.view).mine = mine;
        }
        if self.view.member_count > limits::RECEIPT_MEMBERS as u64 {
            return;
        }
        let mut raised = (*self.view).clone();
        if copy_reads(&view, &mut raised) {
            self.view = Arc::new(raised);
        }
    }

    /// Takes in what the chat is to the user, from wherever it was told.
    pub fn take_mine(&mut self, told: MyChatView) {
        let mut mine = self.view.mine.clone();
        if mine.take(told, self.sent) {
            Arc::make_mut(&mut self.view).mine = mine;
        }
    }

    /// Takes in what the user is writing, from wherever it was told.
    pub fn take_draft(&mut self, told: &DraftView) {
        if self.view.draft.as_ref().is_none_or(|known| told.is_later_than(known)) {
            Arc::make_mut(&mut self.view).draft = Some(told.clone());
        }
    }

    /// The user has sent this message. It is a draft no longer.
    pub fn note_sent(&mut self, message: &MessageView) {
        let (ordinal, is_it) = (message.ordinal, |draft: &DraftView| draft.id == message.client_id);
        if self.view.draft.as_ref().is_some_and(|draft| is_it(draft) && !draft.is_empty()) {
            Arc::make_mut(&mut self.view).draft.iter_mut().for_each(DraftView::take_away);
        }
        self.sent = self.sent.max(ordinal);
        if self.view.mine.read < ordinal {
            Arc::make_mut(&mut self.view).mine.note_sent(ordinal);
        }
    }

    /// Who is called otherwise or has another picture in this view of the chat, unless it is an older one. Nothing in a
    /// log tells of that, so who was away learns it by an answer.
    pub fn renamed_in(&self, view: &ChatView) -> Vec<(UserId, String, Option<AttachmentId>)> {
        if view.head < self.view.head {
            return Vec::new();
        }
        let shown: BTreeMap<UserId, &UserView> =
            self.view.members.iter().map(|member| (member.user.id, &member.user)).collect();
        let is_news = |user: &UserView| {
            let before = shown.get(&user.id);
            before.is_some_and(|one| one.display_name != user.display_name || one.avatar != user.avatar)
        };
        let renamed = view.members.iter().map(|member| &member.user).filter(|user| is_news(user));
        renamed.map(|user| (user.id, user.display_name.clone(), user.avatar)).collect()
    }

    /// Somebody has another name or picture.
    pub fn note_user(&mut self, user: UserId, name: &str, avatar: Option<AttachmentId>) {
        let place = self.view.members.iter().position(|member| member.user.id == user);
        let Some(place) = place else { return };
        let known = &self.view.members[place].user;
        if known.display_name != name || known.avatar != avatar {
            let known = &mut Arc::make_mut(&mut self.view).members[place].user;
            (known.display_name, known.avatar) = (name.to_owned(), avatar);
        }
    }

    /// Somebody has read up to this message, and lets others see it.
    pub fn note_read(&mut self, reader: UserId, ordinal: Ordinal) {
        let present = self.view.members.iter().position(|member| member.user.id == reader);
        if let Some(place) = present.filter(|place| self.view.members[*place].read < Some(ordinal)) {
            Arc::make_mut(&mut self.view).members[place].read = Some(ordinal);
        }
    }
}

/// Nobody has read less than another view of the same chat says, as far as they let others see it.
fn copy_reads(from: &ChatView, to: &mut ChatView) -> bool {
    let mut any = false;
    for member in &mut to.members {
        let Some(read) = &mut member.read else { continue };
        let other = from.members.iter().find(|other| other.user.id == member.user.id);
        if let Some(further) = other.and_then(|other| other.read).filter(|further| further > read) {
            *read = further;
            any = true;
        }
    }
    any
}

/// Brings a view that ends right before the event up to it.
pub(super) fn change(view: &mut ChatView, event: &LogEvent, me: Option<UserId>) {
    view.head = event.seq;
    if let EventBody::NewMessage { message } = &event.body {
        // Who writes has read what was there.
        let writer = view.members.iter_mut().find(|member| member.user.id == message.sender_id);
        if let Some(read) = writer.and_then(|writer| writer.read.as_mut()) {
            *read = message.ordinal.max(*read);
        }
    }
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
        EventBody::ChatDescribed { description } => view.description.clone_from(description),
        EventBody::ChatAvatarChanged { avatar } => view.avatar = *avatar,
        EventBody::ChatDeleted {} | EventBody::Unknown(_) => {}
    }
}
