//! What carries news between nodes, and to the sockets of the own node. Only a hint: the store is the log.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    domain::{ChatId, Ordinal, Seq, SessionId, UserId},
    error::AppResult,
};

/// A frame, encoded once and shared by every socket that gets it.
pub type Frame = Arc<str>;

/// One piece of news.
#[derive(Clone, Debug)]
pub enum BusMessage {
    /// A durable event, for the sockets of the chat's members. Published in the order of `seq`.
    Event {
        /// In which chat.
        chat_id: ChatId,
        /// Its place in the log.
        seq: Seq,
        /// The encoded frame.
        frame: Frame,
    },
    /// Somebody joined the chat: their sockets join its room and get the frame.
    Joined {
        /// Which chat.
        chat_id: ChatId,
        /// Who.
        user_id: UserId,
        /// Where the log stood when they joined.
        head: Seq,
        /// How many members the chat had then; 0 if that is not known.
        members: u64,
        /// The encoded `chat_added`, as this person sees the chat.
        frame: Frame,
    },
    /// Somebody is out of the chat: their sockets leave its room and get the frame.
    Left {
        /// Which chat.
        chat_id: ChatId,
        /// Who.
        user_id: UserId,
        /// The encoded `chat_removed`.
        frame: Frame,
    },
    /// The chat is gone: every socket leaves its room and gets the frame.
    Deleted {
        /// Which chat.
        chat_id: ChatId,
        /// The encoded `chat_removed`.
        frame: Frame,
    },
    /// Sessions were ended: their sockets are closed.
    SessionsEnded(Vec<SessionId>),
    /// Somebody came or went: told once to every socket in these chats' rooms. Lossy.
    Status {
        /// Who.
        user_id: UserId,
        /// The chats whose members are told.
        chats: Vec<ChatId>,
        /// Who is not told, as they are blocked.
        except: Vec<UserId>,
        /// The encoded `user_status_changed`.
        frame: Frame,
        /// The same with when they were last there, for those who show that of themselves.
        seen: Option<Frame>,
    },
    /// Somebody has another name or picture: told once to every socket in these chats' rooms, and to all of their own.
    /// Lossy.
    UserChanged {
        /// Who.
        user_id: UserId,
        /// The chats whose members are told.
        chats: Vec<ChatId>,
        /// The encoded `user_changed`.
        frame: Frame,
    },
    /// What a chat is to one of its members has changed: told to their own sockets in its room, and how far they have
    /// read to the others. Lossy.
    Mine {
        /// Which chat.
        chat_id: ChatId,
        /// Whose.
        user_id: UserId,
        /// The revision of the new state.
        revision: u64,
        /// Up to which message they have read, if that is new and others may see it.
        read: Option<Ordinal>,
        /// The encoded `my_chat_changed`.
        frame: Frame,
    },
    /// What somebody is writing was saved: told to the sockets of their other sessions in the chat's room. Lossy.
    Draft {
        /// In which chat.
        chat_id: ChatId,
        /// Who.
        user_id: UserId,
        /// The session that saved it.
        session_id: SessionId,
        /// The encoded `draft_changed`.
        frame: Frame,
    },
    /// Somebody is writing: told to the others in the chat's room. Lossy.
    Typing {
        /// In which chat.
        chat_id: ChatId,
        /// Who.
        user_id: UserId,
        /// Who is not told, as they are blocked.
        except: Vec<UserId>,
        /// The encoded `typing`.
        frame: Frame,
    },
    /// Something that is for one person alone: told to all of their sockets. What is lost comes with the next `hello`.
    Own {
        /// Whose.
        user_id: UserId,
        /// The encoded notice.
        frame: Frame,
    },
    /// Somebody shows when they were last there, or not any longer: from now on their sockets are told the same of
    /// others, or not.
    LastSeen {
        /// Whose.
        user_id: UserId,
        /// Whether they are told.
        on: bool,
    },
}

/// Carries news to every node, the own one included.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Publishes news. The own node has it when this returns, whatever became of the others: they notice
    /// by comparing heads. An event that comes before those that precede it, because another node wrote
    /// these, may be held back for a moment.
    async fn publish(&self, message: BusMessage) -> AppResult<()>;

    /// Waits until events of these chats from other nodes reach this one, for about a second at most: what
    /// is read from the store after that, and what the bus brings, have no gap between them.
    async fn reached(&self, chats: &[ChatId]);
}
