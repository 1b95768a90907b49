//! The server as a page meets it, and the line between them: plain data, without any chance of its own.

use std::collections::VecDeque;

use crate::{
    domain::{ChatId, ClientId, MessageId, Role, Seq, SessionId, Timestamp, UserId},
    error::{AppError, AppResult, ErrorCode},
    protocol::{ChatView, EventBody, Heads, HistoryPage, LogEvent, MessageView, Notice, ServerFrame},
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
    Send(ChatId, ClientId, u32),
}

/// What it is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    Chats(Vec<ChatView>),
    Chat(ChatView),
    Page(HistoryPage),
    Stored(MessageView),
}

pub struct Chat {
    pub view: ChatView,
    pub log: Vec<LogEvent>,
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
        let chat = |id| Chat { view: ChatView { id, ..group() }, log: Vec::new() };
        let chats = CHATS.into_iter().map(chat).collect();
        Self { chats, line: VecDeque::new(), is_connected: false, refuses: false, spoken: 0 }
    }

    pub fn chat(&self, id: ChatId) -> &Chat {
        self.chats.iter().find(|chat| chat.view.id == id).unwrap()
    }

    pub fn views(&self) -> Vec<ChatView> {
        self.chats.iter().map(|chat| chat.view.clone()).collect()
    }

    /// The messages of a chat as they are now.
    pub fn messages(&self, id: ChatId) -> Vec<MessageView> {
        let said = |event: &LogEvent| match &event.body {
            EventBody::NewMessage { message } => Some(message.clone()),
            _ => None,
        };
        self.chat(id).log.iter().filter_map(said).collect()
    }

    pub fn heads(&self) -> Heads {
        self.chats.iter().map(|chat| (chat.view.id, chat.view.head)).collect()
    }

    /// Somebody else says something.
    pub fn say(&mut self, chat: ChatId) {
        self.spoken += 1;
        let client_id = ClientId::from_bytes(
            [[9; 12].as_slice(), &self.spoken.to_be_bytes()].concat().try_into().unwrap(),
        );
        let body = format!("said {}", self.spoken);
        self.store(chat, BEN, client_id, body);
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
        self.append(chat, body);
    }

    /// One of the chat's messages is deleted, and taken out of the event that brought it.
    pub fn delete(&mut self, chat: ChatId, which: usize) {
        let there: Vec<MessageId> =
            self.messages(chat).iter().filter(|message| message.deleted_at.is_none()).map(|m| m.id).collect();
        let Some(id) = there.get(which % there.len().max(1)).copied() else { return };
        let chat_here = self.chat_mut(chat);
        let at = Timestamp::from_millis(1);
        for event in &mut chat_here.log {
            if let EventBody::NewMessage { message } = &mut event.body
                && message.id == id
            {
                message.delete(at);
            }
        }
        chat_here.view.last_message.iter_mut().filter(|last| last.id == id).for_each(|last| last.delete(at));
        self.append(chat, EventBody::MessageDeleted { message_id: id });
    }

    /// Does what is asked for, now.
    pub fn answer(&mut self, ask: Ask) -> AppResult<Answer> {
        Ok(match ask {
            Ask::Chats => Answer::Chats(self.views()),
            Ask::Chat(id) => Answer::Chat(self.chat(id).view.clone()),
            Ask::Newest(id) => Answer::Page(self.page(id, |_| true, true)),
            Ask::Before(id, before) => Answer::Page(self.page(id, |seq| seq < before, true)),
            Ask::After(id, after) => Answer::Page(self.page(id, |seq| seq > after, false)),
            Ask::Send(chat, client_id, number) => {
                if let Some(stored) = self.messages(chat).into_iter().find(|m| m.client_id == client_id) {
                    return Ok(Answer::Stored(stored));
                }
                if std::mem::take(&mut self.refuses) {
                    return Err(AppError::new(ErrorCode::Forbidden));
                }
                Answer::Stored(self.store(chat, ME, client_id, format!("mine {number}")))
            }
        })
    }

    /// The page's socket is open from now on.
    pub fn connect(&mut self) {
        self.line.clear();
        self.is_connected = true;
        let session_id = SessionId::from_bytes([9; 12]);
        let (heads, online) = (self.heads(), vec![BEN]);
        self.line
            .push_back(Notice::Hello { user_id: ME, session_id, heads, online, heartbeat_ms: 10_000 }.into());
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
            let missed: Vec<_> = chat.log.iter().filter(|event| event.seq > *after).cloned().collect();
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
        HistoryPage { messages, has_older, has_newer }
    }

    fn store(&mut self, chat: ChatId, sender: UserId, client_id: ClientId, body: String) -> MessageView {
        let at = self.chat_mut(chat);
        let mut new = message(at.view.head.0 + 1, sender, &body);
        (new.chat_id, new.client_id, new.ordinal) = (chat, client_id, at.view.head_ordinal.next());
        at.view.head_ordinal = new.ordinal;
        at.view.last_message = Some(new.clone());
        self.append(chat, EventBody::NewMessage { message: new.clone() });
        new
    }

    fn append(&mut self, chat: ChatId, body: EventBody) {
        let at = self.chat_mut(chat);
        let seq = at.view.head.next();
        at.view.head = seq;
        let event = LogEvent { chat_id: chat, seq, at: Timestamp::from_millis(1), actor_id: BEN, body };
        at.log.push(event.clone());
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
