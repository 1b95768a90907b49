//! The socket's frames: JSON text, one object each, told apart by `type`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ChatView, DraftView, LogEvent, MyChatView};
use crate::{
    domain::{AttachmentId, ChatId, Ordinal, Seq, SessionId, Timestamp, UserId},
    error::ErrorCode,
};

/// The last event of each chat that is known to somebody.
pub type Heads = BTreeMap<ChatId, Seq>;

/// Whether a person has a socket open anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PresenceStatus {
    /// At least one socket is open.
    Online,
    /// None is.
    Offline,
}

/// What the server sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(clippy::large_enum_variant, reason = "most frames are events")]
#[serde(untagged)]
pub enum ServerFrame {
    /// A durable event of a chat.
    Event(LogEvent),
    /// Everything else that is known.
    Notice(Notice),
}

/// What the server sends besides durable events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Notice {
    /// The first frame: who one is, where each chat's log stands, and who is there.
    Hello {
        /// Who is signed in.
        user_id: UserId,
        /// On which session.
        session_id: SessionId,
        /// The head of each of one's chats, read after the socket had joined it.
        heads: Heads,
        /// Who of the people one shares a chat with is online.
        online: Vec<UserId>,
        /// What each of one's chats is to oneself alone.
        #[serde(default)]
        mine: BTreeMap<ChatId, MyChatView>,
        /// Whom one has blocked.
        #[serde(default)]
        blocked: Vec<UserId>,
        /// How often, in milliseconds, the server sends something even if nothing happens.
        heartbeat_ms: u64,
    },
    /// One is a member of this chat from now on.
    ChatAdded {
        /// The chat, as one sees it.
        chat: Box<ChatView>,
    },
    /// One is a member of this chat no longer, or it is gone.
    ChatRemoved {
        /// Which chat.
        chat_id: ChatId,
    },
    /// Somebody one shares a chat with came or went.
    UserStatusChanged {
        /// Who.
        user_id: UserId,
        /// What they are now.
        status: PresenceStatus,
        /// When they were last there, if they went, and both they and the reader let others see it.
        last_seen: Option<Timestamp>,
    },
    /// Somebody one shares a chat with, or oneself on another device, has another name or picture. Lossy: what is read
    /// next says it.
    UserChanged {
        /// Who.
        user_id: UserId,
        /// What they are called now.
        display_name: String,
        /// The picture that stands for them now, if one does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        avatar: Option<AttachmentId>,
    },
    /// What a chat is to oneself alone has changed, perhaps on another device.
    MyChatChanged {
        /// Which chat.
        chat_id: ChatId,
        /// What it is now.
        mine: MyChatView,
    },
    /// What one is writing in a chat was saved on another of one's sessions. May be lost, `list_drafts` is the truth.
    DraftChanged {
        /// In which chat.
        chat_id: ChatId,
        /// What it is now.
        draft: DraftView,
    },
    /// One has blocked somebody, or does so no longer, perhaps on another device.
    BlockedChanged {
        /// Whom.
        user_id: UserId,
        /// Whether they are blocked now.
        blocked: bool,
    },
    /// People have read further, perhaps also oneself. Lossy: `get_chat` is the truth.
    Read {
        /// In which chat.
        chat_id: ChatId,
        /// Who, and up to which message.
        readers: BTreeMap<UserId, Ordinal>,
    },
    /// Somebody is writing. Lossy, and good for a few seconds.
    Typing {
        /// In which chat.
        chat_id: ChatId,
        /// Who.
        user_id: UserId,
    },
    /// Where logs stand. Sent as the heartbeat, empty if nothing has happened lately.
    Heads {
        /// The heads of chats in which something has happened lately.
        heads: Heads,
    },
    /// More was missed than a resume brings inline: page through the history instead.
    Limited {
        /// In which chat.
        chat_id: ChatId,
        /// Where its log stands.
        head: Seq,
    },
    /// A frame of the client's was not understood or not allowed.
    Error {
        /// Why.
        code: ErrorCode,
        /// The same for people.
        message: String,
    },
    /// The server is going away; come back after about this long.
    Bye {
        /// Milliseconds to wait, different for each socket so that not all come at once.
        reconnect_after_ms: u64,
    },
}

/// What the client sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// Send what came after these events.
    Resume {
        /// The last event of each chat that the client has applied.
        heads: Heads,
    },
    /// One is writing: to be said again every few seconds for as long as that goes on.
    Typing {
        /// In which chat.
        chat_id: ChatId,
    },
    /// Is anybody there? Answered by a `heads` frame.
    Ping {},
}

impl From<LogEvent> for ServerFrame {
    fn from(event: LogEvent) -> Self {
        Self::Event(event)
    }
}

impl From<Notice> for ServerFrame {
    fn from(notice: Notice) -> Self {
        Self::Notice(notice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::EventBody;

    fn read(rest: &str) -> Option<ServerFrame> {
        let id = "0".repeat(24);
        let text = format!(
            r#"{{"chat_id":"{id}","seq":7,"at":"2026-01-01T00:00:00.000Z","actor_id":"{id}",{rest}}}"#
        );
        serde_json::from_str(&text).ok()
    }

    #[test]
    fn an_event_that_is_known_is_read_whole_whatever_fields_come_with_it() {
        let read = read(r#""type":"chat_renamed","name":"Team","colour":"red""#);
        let Some(ServerFrame::Event(event)) = read else { panic!("{read:?}") };
        assert_eq!((event.seq, event.body), (Seq(7), EventBody::ChatRenamed { name: "Team".into() }));
    }

    #[test]
    fn of_an_event_that_cannot_be_read_its_place_in_the_log_is() {
        let user = "0".repeat(24);
        for rest in [
            r#""type":"message_translated","message_id":"1""#.to_owned(),
            format!(r#""type":"role_changed","user_id":"{user}","role":"guest""#),
        ] {
            let read = read(&rest);
            let Some(ServerFrame::Event(event)) = read else { panic!("{rest}: {read:?}") };
            assert_eq!((event.chat_id, event.seq), (ChatId::from_bytes([0; 12]), Seq(7)));
            assert!(matches!(event.body, EventBody::Unknown(_)), "{rest}");
        }
    }

    #[test]
    fn other_frames_of_an_unknown_type_are_passed_over() {
        let waving = r#"{"type":"waving","chat_id":"000000000000000000000000"}"#;
        assert!(serde_json::from_str::<ServerFrame>(waving).is_err());
    }
}
