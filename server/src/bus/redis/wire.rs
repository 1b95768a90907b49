//! How news are written: a line of JSON that says what they are, and the frame as it goes to sockets.

use app::{
    domain::{ChatId, Ordinal, Seq, SessionId, UserId},
    ports::BusMessage,
};
use serde::{Deserialize, Serialize};

/// The channel of what is not an event.
pub const NEWS: &str = "samvad:news";

/// The sharded channel of a chat's events. What stands in braces decides where a cluster keeps it.
pub fn channel_of(chat: ChatId) -> String {
    format!("samvad:{{{chat}}}:events")
}

/// The chat whose channel this is.
pub fn chat_of(channel: &str) -> Option<ChatId> {
    channel.strip_prefix("samvad:{")?.strip_suffix("}:events")?.parse().ok()
}

/// One run of one node, so that it knows its own news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(u64);

impl NodeId {
    /// The id that chance gives.
    pub fn from_chance(chance: [u8; 32]) -> Self {
        let (first, _) = chance.split_at(8);
        Self(first.iter().fold(0, |id, byte| id << 8 | u64::from(*byte)))
    }
}

/// What a reader that is older than the writer does not know, it leaves alone: kinds are only ever added.
#[derive(Serialize, Deserialize)]
struct Head {
    node: NodeId,
    #[serde(flatten)]
    kind: Kind,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Kind {
    Event {
        chat: ChatId,
        seq: Seq,
    },
    Joined {
        chat: ChatId,
        user: UserId,
        head: Seq,
        #[serde(default)]
        members: u64,
    },
    Left {
        chat: ChatId,
        user: UserId,
    },
    Deleted {
        chat: ChatId,
    },
    SessionsEnded {
        sessions: Vec<SessionId>,
    },
    Status {
        user: UserId,
        chats: Vec<ChatId>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        except: Vec<UserId>,
        /// The frame for those who are told when others were last there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<String>,
    },
    UserChanged {
        user: UserId,
        chats: Vec<ChatId>,
    },
    Mine {
        chat: ChatId,
        user: UserId,
        revision: u64,
        read: Option<Ordinal>,
    },
    Draft {
        chat: ChatId,
        user: UserId,
        session: SessionId,
    },
    Typing {
        chat: ChatId,
        user: UserId,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        except: Vec<UserId>,
    },
    Own {
        user: UserId,
    },
    LastSeen {
        user: UserId,
        on: bool,
    },
}

/// News as they are written, and where they go.
#[derive(Debug)]
pub struct Letter {
    /// The chat whose channel it goes over; the channel of news if there is none.
    pub chat: Option<ChatId>,
    /// What is written.
    pub text: String,
    /// Whether it still matters when Redis is back after a while. Events are found by comparing heads, and who
    /// joined by looking at what may have been missed; but who is out has to be out.
    pub keeps: bool,
    /// Whether it is among those that may be lost without looking for what they told, as [`is_lossy`] has it.
    pub is_lossy: bool,
}

/// Writes news.
pub fn encode(node: NodeId, message: &BusMessage) -> Result<Letter, serde_json::Error> {
    let (kind, frame) = match message {
        BusMessage::Event { chat_id, seq, frame } => (Kind::Event { chat: *chat_id, seq: *seq }, &**frame),
        BusMessage::Joined { chat_id, user_id, head, members, frame } => {
            (Kind::Joined { chat: *chat_id, user: *user_id, head: *head, members: *members }, &**frame)
        }
        BusMessage::Left { chat_id, user_id, frame } => {
            (Kind::Left { chat: *chat_id, user: *user_id }, &**frame)
        }
        BusMessage::Deleted { chat_id, frame } => (Kind::Deleted { chat: *chat_id }, &**frame),
        BusMessage::SessionsEnded(sessions) => (Kind::SessionsEnded { sessions: sessions.clone() }, ""),
        BusMessage::Status { user_id, chats, except, frame, seen } => {
            let (chats, except) = (chats.clone(), except.clone());
            let seen = seen.as_ref().map(|seen| seen.to_string());
            (Kind::Status { user: *user_id, chats, except, seen }, &**frame)
        }
        BusMessage::UserChanged { user_id, chats, frame } => {
            (Kind::UserChanged { user: *user_id, chats: chats.clone() }, &**frame)
        }
        BusMessage::Mine { chat_id, user_id, revision, read, frame } => {
            (Kind::Mine { chat: *chat_id, user: *user_id, revision: *revision, read: *read }, &**frame)
        }
        BusMessage::Draft { chat_id, user_id, session_id, frame } => {
            (Kind::Draft { chat: *chat_id, user: *user_id, session: *session_id }, &**frame)
        }
        BusMessage::Typing { chat_id, user_id, except, frame } => {
            (Kind::Typing { chat: *chat_id, user: *user_id, except: except.clone() }, &**frame)
        }
        BusMessage::Own { user_id, frame } => (Kind::Own { user: *user_id }, &**frame),
        BusMessage::LastSeen { user_id, on } => (Kind::LastSeen { user: *user_id, on: *on }, ""),
    };
    let (chat, keeps) = match kind {
        Kind::Event { chat, .. }
        | Kind::Mine { chat, .. }
        | Kind::Draft { chat, .. }
        | Kind::Typing { chat, .. } => (Some(chat), false),
        Kind::Left { .. } | Kind::Deleted { .. } | Kind::SessionsEnded { .. } => (None, true),
        Kind::Joined { .. }
        | Kind::Status { .. }
        | Kind::UserChanged { .. }
        | Kind::Own { .. }
        | Kind::LastSeen { on: true, .. } => (None, false),
        // Nobody reads again what a socket is not to be told.
        Kind::LastSeen { on: false, .. } => (None, true),
    };
    let is_lossy = matches!(
        kind,
        Kind::Status { .. }
            | Kind::UserChanged { .. }
            | Kind::Mine { .. }
            | Kind::Draft { .. }
            | Kind::Typing { .. }
    );
    let mut text = serde_json::to_string(&Head { node, kind })?;
    text.push('\n');
    text.push_str(frame);
    Ok(Letter { chat, text, keeps, is_lossy })
}

/// Whether news may be lost without looking for what they told (who is online or writing, what they write, what somebody is
/// called, how far they have read):
/// told by their beginning.
pub fn is_lossy(payload: &[u8]) -> bool {
    let head = payload.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let kinds: [&[u8]; 5] = [
        br#""kind":"status""#,
        br#""kind":"user_changed""#,
        br#""kind":"mine""#,
        br#""kind":"draft""#,
        br#""kind":"typing""#,
    ];
    kinds.iter().any(|kind| head.windows(kind.len()).any(|part| part == *kind))
}

/// Reads news, unless this node wrote them itself.
pub fn decode(own: NodeId, text: &str) -> Result<Option<BusMessage>, serde_json::Error> {
    let (head, frame) = text.split_once('\n').unwrap_or((text, ""));
    let Head { node, kind } = serde_json::from_str(head)?;
    if node == own {
        return Ok(None);
    }
    Ok(Some(match kind {
        Kind::Event { chat, seq } => BusMessage::Event { chat_id: chat, seq, frame: frame.into() },
        Kind::Joined { chat, user, head, members } => {
            BusMessage::Joined { chat_id: chat, user_id: user, head, members, frame: frame.into() }
        }
        Kind::Left { chat, user } => BusMessage::Left { chat_id: chat, user_id: user, frame: frame.into() },
        Kind::Deleted { chat } => BusMessage::Deleted { chat_id: chat, frame: frame.into() },
        Kind::SessionsEnded { sessions } => BusMessage::SessionsEnded(sessions),
        Kind::Status { user, chats, except, seen } => {
            let seen = seen.map(Into::into);
            BusMessage::Status { user_id: user, chats, except, frame: frame.into(), seen }
        }
        Kind::UserChanged { user, chats } => {
            BusMessage::UserChanged { user_id: user, chats, frame: frame.into() }
        }
        Kind::Mine { chat, user, revision, read } => {
            BusMessage::Mine { chat_id: chat, user_id: user, revision, read, frame: frame.into() }
        }
        Kind::Draft { chat, user, session } => {
            BusMessage::Draft { chat_id: chat, user_id: user, session_id: session, frame: frame.into() }
        }
        Kind::Typing { chat, user, except } => {
            BusMessage::Typing { chat_id: chat, user_id: user, except, frame: frame.into() }
        }
        Kind::Own { user } => BusMessage::Own { user_id: user, frame: frame.into() },
        Kind::LastSeen { user, on } => BusMessage::LastSeen { user_id: user, on },
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn all() -> Vec<BusMessage> {
        let (chat_id, user_id) = (ChatId::from_bytes([1; 12]), UserId::from_bytes([2; 12]));
        let frame: app::ports::Frame = "{\"type\":\"x\",\"body\":\"two\\nlines\"}".into();
        vec![
            BusMessage::Event { chat_id, seq: Seq(7), frame: frame.clone() },
            BusMessage::Joined { chat_id, user_id, head: Seq(3), members: 5, frame: frame.clone() },
            BusMessage::Left { chat_id, user_id, frame: frame.clone() },
            BusMessage::Deleted { chat_id, frame: frame.clone() },
            BusMessage::SessionsEnded(vec![SessionId::from_bytes([4; 12])]),
            BusMessage::Status {
                user_id,
                chats: vec![chat_id],
                except: vec![UserId::from_bytes([5; 12])],
                frame: frame.clone(),
                seen: Some(frame.clone()),
            },
            BusMessage::Own { user_id, frame: frame.clone() },
            BusMessage::LastSeen { user_id, on: true },
            BusMessage::Mine { chat_id, user_id, revision: 9, read: Some(Ordinal(4)), frame: frame.clone() },
            BusMessage::Mine { chat_id, user_id, revision: 9, read: None, frame: frame.clone() },
            BusMessage::UserChanged { user_id, chats: vec![chat_id], frame: frame.clone() },
            BusMessage::Draft {
                chat_id,
                user_id,
                session_id: SessionId::from_bytes([5; 12]),
                frame: frame.clone(),
            },
            BusMessage::Typing { chat_id, user_id, except: vec![UserId::from_bytes([5; 12])], frame },
        ]
    }

    #[test]
    fn news_survive_the_way() {
        let (one, two) = (NodeId(1), NodeId(u64::MAX));
        for message in all() {
            let letter = encode(two, &message).unwrap();
            let read = decode(one, &letter.text).unwrap().unwrap();
            assert_eq!(format!("{read:?}"), format!("{message:?}"));
            assert_eq!(letter.is_lossy, is_lossy(letter.text.as_bytes()), "{message:?}");
            assert!(decode(two, &letter.text).unwrap().is_none(), "one's own news are known already");
        }
    }

    #[test]
    fn a_newer_writer_is_not_understood_and_does_no_harm() {
        assert!(decode(NodeId(1), "{\"node\":2,\"kind\":\"waving\",\"chat\":\"x\"}\n{}").is_err());
        let more = "{\"node\":2,\"kind\":\"deleted\",\"chat\":\"68949ca2e36d65cad2b71204\",\"why\":1}\n{}";
        assert!(decode(NodeId(1), more).unwrap().is_some());
        assert!(decode(NodeId(1), "").is_err());
    }

    #[test]
    fn a_chats_channel_is_kept_by_its_id() {
        let chat: ChatId = "68949ca2e36d65cad2b71204".parse().unwrap();
        assert_eq!(channel_of(chat), "samvad:{68949ca2e36d65cad2b71204}:events");
        assert_eq!(chat_of(&channel_of(chat)), Some(chat));
        assert_eq!(chat_of(NEWS), None);
    }
}
