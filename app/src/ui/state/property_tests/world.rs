//! The server as a page meets it, and the line between them: plain data, without any chance of its own.

use std::collections::VecDeque;

use crate::{
    domain::{ChatId, ClientId, MessageId, Ordinal, Role, Seq, SessionId, Timestamp, UserId},
    error::{AppError, AppResult, ErrorCode},
    protocol::{
        ChatView, EventBody, Heads, HistoryPage, LogEvent, MentionsView, MessageView, MyChatView, Notice,
        QuoteView, ServerFrame,
    },
    ui::state::testing::{ADA, BEN, CHAT, CY, OTHER, group, member, message},
};

/// Who reads the page.
pub const ME: UserId = ADA;
pub const CHATS: [ChatId; 2] = [CHAT, OTHER];

/// Small, so that a short run has pages, and more missed events than a resume brings.
const PAGE: usize = 4;
const INLINE: usize = 3;

/// What a page asks for.
#[derive(Clone, Copy, Debug)]
pub enum Ask {
    Chats,
    Chat(ChatId),
    Newest(ChatId),
    Before(ChatId, Seq),
    After(ChatId, Seq),
    Around(ChatId, Seq),
    Send(ChatId, ClientId, u32, Option<MessageId>),
    Change(ChatId, MessageId, Change),
    Mine(ChatId, Deed),
}

/// What the reader does with a chat for themselves alone.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    MarkRead(u64),
    MarkUnread(u64),
    Archive(bool),
}

/// What somebody does with a message.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    Edit,
    React(usize, bool),
    Pin(bool),
}

const EMOJI: [&str; 2] = ["👍", "🎉"];

/// What it is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    Chats(Vec<ChatView>),
    Chat(Box<ChatView>),
    Page(HistoryPage),
    Stored(MessageView),
    Changed(MessageView),
    Mine(ChatId, MyChatView),
}

pub struct Chat {
    pub view: ChatView,
    pub log: Vec<LogEvent>,
    /// The messages as the log has left them.
    stored: Vec<MessageView>,
}

pub struct Server {
    pub chats: Vec<Chat>,
    /// What is on its way to the page's socket.
    pub line: VecDeque<ServerFrame>,
    /// Whether there is one.
    pub is_connected: bool,
    /// Whether the next message that is new is refused.
    pub refuses: bool,
    spoken: u32,
}

impl Server {
    pub fn new() -> Self {
        let chat = |id| {
            let mut view = ChatView { id, ..group() };
            // Ben lets others see how far he has read.
            let ben = view.members.iter_mut().find(|member| member.user.id == BEN);
            ben.unwrap().read = Some(Ordinal(0));
            Chat { view, log: Vec::new(), stored: Vec::new() }
        };
        let chats = CHATS.into_iter().map(chat).collect();
        Self { chats, line: VecDeque::new(), is_connected: false, refuses: false, spoken: 0 }
    }

    pub fn chat(&self, id: ChatId) -> &Chat {
        self.chats.iter().find(|chat| chat.view.id == id).unwrap()
    }

    pub fn views(&self) -> Vec<ChatView> {
        self.chats.iter().map(|chat| self.view(chat.view.id)).collect()
    }

    /// A chat as it is now.
    pub fn view(&self, id: ChatId) -> ChatView {
        let chat = self.chat(id);
        let last_message = chat.stored.last().map(|last| self.joined(last));
        let mentioned = chat.stored.iter().filter(|message| message.mentions_reader(ME));
        let mentioned = mentioned.map(|message| message.ordinal).collect();
        ChatView { last_message, mentioned, ..chat.view.clone() }
    }

    /// The messages of a chat as they are now, each with what it answers as that is now.
    pub fn messages(&self, id: ChatId) -> Vec<MessageView> {
        self.chat(id).stored.iter().map(|message| self.joined(message)).collect()
    }

    fn joined(&self, message: &MessageView) -> MessageView {
        let mut joined = message.clone();
        if let Some(quote) = &mut joined.reply_to {
            let quoted = self.chat(message.chat_id).stored.iter().find(|stored| stored.id == quote.id);
            *quote = QuoteView::of(quoted.unwrap());
        }
        joined
    }

    /// An event as it is read from the log: what a message answers comes from there.
    fn read(&self, event: &LogEvent) -> LogEvent {
        let mut read = event.clone();
        if let EventBody::NewMessage { message } = &mut read.body {
            *message = self.joined(message);
        }
        read
    }

    pub fn heads(&self) -> Heads {
        self.chats.iter().map(|chat| (chat.view.id, chat.view.head)).collect()
    }

    /// Somebody says something, perhaps in answer to something; perhaps the reader, on another device.
    pub fn say(&mut self, chat: ChatId, sender: UserId, answers: Option<usize>) {
        self.spoken += 1;
        let client_id = ClientId::from_bytes(
            [[9; 12].as_slice(), &self.spoken.to_be_bytes()].concat().try_into().unwrap(),
        );
        let body = format!("said {}", self.spoken);
        let reply_to = answers.and_then(|which| self.one_of(chat, which));
        self.store(chat, sender, client_id, body, reply_to);
    }

    /// The reader does something with a chat for themselves, here or on another device.
    pub fn set_mine(&mut self, chat: ChatId, deed: Deed) -> MyChatView {
        let view = &mut self.chat_mut(chat).view;
        let before = view.mine.clone();
        match deed {
            Deed::MarkRead(ordinal) => {
                view.mine.look_at(Ordinal(ordinal), view.head_ordinal, Timestamp::default());
            }
            Deed::MarkUnread(ordinal) => view.mine.mark_unread(Ordinal(ordinal), view.head_ordinal),
            Deed::Archive(on) => view.mine.archived = on,
        }
        let mut mine = view.mine.clone();
        if mine != before {
            mine.revision += 1;
            view.mine = mine.clone();
            let (read, chat_id) = (mine.read, chat);
            self.post(Notice::MyChatChanged { chat_id, mine: mine.clone() }.into());
            self.post(Notice::Read { chat_id, readers: [(ME, read)].into() }.into());
        }
        mine
    }

    /// Says what each chat is to the reader, as the audit of sockets does where something was lost.
    pub fn audit(&mut self) {
        for (chat_id, mine) in self.mine() {
            self.post(Notice::MyChatChanged { chat_id, mine }.into());
        }
    }

    fn mine(&self) -> std::collections::BTreeMap<ChatId, MyChatView> {
        self.chats.iter().map(|chat| (chat.view.id, chat.view.mine.clone())).collect()
    }

    /// The chat gets another name, or a member comes or goes.
    pub fn alter(&mut self, chat: ChatId, rename: bool) {
        let view = &mut self.chat_mut(chat).view;
        let has_cy = view.members.iter().any(|member| member.user.id == CY);
        let body = if rename {
            let name = format!("Team {}", view.head.0 + 1);
            view.name = Some(name.clone());
            EventBody::ChatRenamed { name }
        } else if has_cy {
            view.members.retain(|member| member.user.id != CY);
            view.member_count -= 1;
            EventBody::MemberRemoved { user_id: CY }
        } else {
            view.members.push(member(CY, Role::Member));
            view.member_count += 1;
            EventBody::MemberAdded { member: member(CY, Role::Member) }
        };
        self.append(chat, BEN, body);
    }

    /// One of the chat's messages that are still there.
    pub fn one_of(&self, chat: ChatId, which: usize) -> Option<MessageId> {
        let there = self.chat(chat).stored.iter().filter(|message| message.deleted_at.is_none());
        let there: Vec<_> = there.map(|message| message.id).collect();
        // The last ones first: they are shown.
        there.get(there.len().checked_sub(1 + which % there.len().max(1))?).copied()
    }

    /// One of the chat's messages is deleted, and its texts are taken out of the log.
    pub fn delete(&mut self, chat: ChatId, which: usize) {
        let Some(id) = self.one_of(chat, which) else { return };
        let found = self.chat(chat).stored.iter().find(|message| message.id == id);
        let Some(ordinal) = found.map(|message| message.ordinal) else { return };
        for event in &mut self.chat_mut(chat).log {
            match &mut event.body {
                EventBody::NewMessage { message } if message.id == id => message.delete(event.at),
                EventBody::MessageEdited { message_id, body, mentions, .. } if *message_id == id => {
                    body.clear();
                    *mentions = MentionsView::default();
                }
                _ => {}
            }
        }
        self.append(chat, BEN, EventBody::MessageDeleted { message_id: id, ordinal });
    }

    /// Somebody does something with one of the chat's messages. Nothing is logged that is so already.
    pub fn change(
        &mut self,
        chat: ChatId,
        actor: UserId,
        id: MessageId,
        change: Change,
    ) -> Option<MessageView> {
        let found = |this: &Self| {
            let there = this.chat(chat).stored.iter().find(|message| message.id == id)?;
            there.deleted_at.is_none().then(|| this.joined(there))
        };
        let message = found(self)?;
        let message_id = id;
        // A text is changed by its writer.
        let actor = if matches!(change, Change::Edit) { message.sender_id } else { actor };
        let body = match change {
            Change::Edit => {
                Some(EventBody::MessageEdited {
                    message_id,
                    ordinal: message.ordinal,
                    body: format!("{} edited", message.body),
                    // Every other edit takes away whom it mentions.
                    mentions: MentionsView { all: message.body.len() % 2 == 0, ..MentionsView::default() },
                })
            }
            Change::React(which, on) => {
                let emoji = EMOJI[which % EMOJI.len()];
                let reaction = message.reactions.iter().find(|reaction| reaction.emoji == emoji);
                let is_on = reaction.is_some_and(|reaction| reaction.user_ids.contains(&actor));
                (is_on != on).then(|| EventBody::ReactionChanged { message_id, emoji: emoji.into(), on })
            }
            Change::Pin(on) => {
                (message.pinned_at.is_some() != on).then_some(EventBody::PinChanged { message_id, on })
            }
        };
        if let Some(body) = body {
            self.append(chat, actor, body);
        }
        found(self)
    }

    /// Does what is asked for, now.
    pub fn answer(&mut self, ask: Ask) -> AppResult<Answer> {
        Ok(match ask {
            Ask::Chats => Answer::Chats(self.views()),
            Ask::Chat(id) => Answer::Chat(Box::new(self.view(id))),
            Ask::Newest(id) => Answer::Page(self.page(id, |_| true, true)),
            Ask::Before(id, before) => Answer::Page(self.page(id, |seq| seq < before, true)),
            Ask::After(id, after) => Answer::Page(self.page(id, |seq| seq > after, false)),
            Ask::Around(id, seq) => {
                let older = self.page(id, |other| other < seq, true);
                let newer = self.page(id, |other| other >= seq, false);
                Answer::Page(HistoryPage {
                    messages: [older.messages, newer.messages].concat(),
                    events: Vec::new(),
                    has_older: older.has_older,
                    has_newer: newer.has_newer,
                })
            }
            Ask::Mine(chat, deed) => Answer::Mine(chat, self.set_mine(chat, deed)),
            Ask::Change(chat, id, change) => match self.change(chat, ME, id, change) {
                Some(message) => Answer::Changed(message),
                None => return Err(AppError::new(ErrorCode::MessageDeleted)),
            },
            Ask::Send(chat, client_id, number, reply_to) => {
                if let Some(stored) = self.messages(chat).into_iter().find(|m| m.client_id == client_id) {
                    return Ok(Answer::Stored(stored));
                }
                if std::mem::take(&mut self.refuses) {
                    return Err(AppError::new(ErrorCode::Forbidden));
                }
                Answer::Stored(self.store(chat, ME, client_id, format!("mine {number}"), reply_to))
            }
        })
    }

    /// The page's socket is open from now on.
    pub fn connect(&mut self) {
        self.line.clear();
        self.is_connected = true;
        let session_id = SessionId::from_bytes([9; 12]);
        let (heads, online, mine) = (self.heads(), vec![BEN], self.mine());
        self.line.push_back(
            Notice::Hello {
                user_id: ME,
                session_id,
                heads,
                online,
                mine,
                blocked: Vec::new(),
                heartbeat_ms: 10_000,
            }
            .into(),
        );
    }

    pub fn disconnect(&mut self) {
        self.is_connected = false;
        self.line.clear();
    }

    /// Says how far the logs are, as the heartbeat does.
    pub fn beat(&mut self) {
        let heads = self.heads();
        self.post(Notice::Heads { heads }.into());
    }

    pub fn resume(&mut self, heads: &Heads) {
        for (id, after) in heads {
            let chat = self.chat(*id);
            let missed: Vec<_> =
                chat.log.iter().filter(|event| event.seq > *after).map(|event| self.read(event)).collect();
            if missed.len() > INLINE || chat.view.head < *after {
                let head = chat.view.head;
                self.post(Notice::Limited { chat_id: *id, head }.into());
            } else {
                missed.into_iter().for_each(|event| self.post(event.into()));
            }
        }
    }

    fn page(&self, id: ChatId, wanted: impl Fn(Seq) -> bool, from_end: bool) -> HistoryPage {
        let all = self.messages(id);
        let mut messages: Vec<_> = all.iter().filter(|message| wanted(message.seq)).cloned().collect();
        if from_end {
            messages.drain(..messages.len().saturating_sub(PAGE));
        } else {
            messages.truncate(PAGE);
        }
        let edge = |message: Option<&MessageView>| message.map(|message| message.seq);
        let (first, last) = (edge(messages.first()), edge(messages.last()));
        let has_older = first.is_some() && edge(all.first()) < first;
        let has_newer = last.is_some() && edge(all.last()) > last;
        HistoryPage { messages, events: Vec::new(), has_older, has_newer }
    }

    fn store(
        &mut self,
        chat: ChatId,
        sender: UserId,
        client_id: ClientId,
        body: String,
        reply_to: Option<MessageId>,
    ) -> MessageView {
        let original = |id| self.chat(chat).stored.iter().find(|stored| stored.id == id).map(QuoteView::of);
        let reply_to = reply_to.and_then(original).map(|quote| quote.reference());
        let at = self.chat_mut(chat);
        let mut new = message(at.view.head.0 + 1, sender, &body);
        (new.chat_id, new.client_id, new.ordinal) = (chat, client_id, at.view.head_ordinal.next());
        new.reply_to = reply_to;
        at.view.head_ordinal = new.ordinal;
        at.stored.push(new.clone());
        // Who writes has read what was there.
        let writer = at.view.members.iter_mut().find(|member| member.user.id == sender);
        writer.unwrap().read.iter_mut().for_each(|read| *read = new.ordinal);
        if sender == ME {
            at.view.mine.note_sent(new.ordinal);
        }
        self.append(chat, sender, EventBody::NewMessage { message: new.clone() });
        self.joined(&new)
    }

    fn append(&mut self, chat: ChatId, actor_id: UserId, body: EventBody) {
        let at = self.chat_mut(chat);
        let seq = at.view.head.next();
        at.view.head = seq;
        let event = LogEvent {
            chat_id: chat,
            seq,
            at: Timestamp::from_millis(1),
            actor_id,
            named: Default::default(),
            body,
        };
        for message in &mut at.stored {
            // What it answers is joined when it is read.
            let quote = message.reply_to.take();
            message.apply(&event, Some(ME));
            message.reply_to = quote.filter(|_| message.deleted_at.is_none());
        }
        at.log.push(event.clone());
        let event = self.read(&event);
        self.post(event.into());
    }

    fn post(&mut self, frame: ServerFrame) {
        if self.is_connected {
            self.line.push_back(frame);
        }
    }

    fn chat_mut(&mut self, id: ChatId) -> &mut Chat {
        self.chats.iter_mut().find(|chat| chat.view.id == id).unwrap()
    }
}
