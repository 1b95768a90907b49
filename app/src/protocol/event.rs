//! The durable events: what a chat's log holds, and what its members' sockets get, in order.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MemberView, MentionsView, MessageView};
use crate::domain::{AttachmentId, ChatId, MessageId, Ordinal, Role, Seq, Timestamp, UserId};

/// One entry of a chat's log, and the frame that tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogEvent {
    /// In which chat.
    pub chat_id: ChatId,
    /// Its place in the chat's log, without a hole.
    pub seq: Seq,
    /// When it was committed.
    pub at: Timestamp,
    /// Who did it.
    pub actor_id: UserId,
    /// What the people are called whom it is about, if it is about the chat rather than about its messages: also those
    /// who are gone. Read when it is told, never kept with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub named: BTreeMap<UserId, String>,
    /// What happened; its `type` and fields stand beside the others on the wire.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[allow(clippy::large_enum_variant, reason = "most events are messages")]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventBody {
    /// Somebody wrote.
    NewMessage {
        /// The message; its `seq` is the event's.
        message: MessageView,
    },
    /// The author changed a message's text.
    MessageEdited {
        /// Which message.
        message_id: MessageId,
        /// Its place among the chat's messages; 0 in logs from before this was said.
        #[serde(default, skip_serializing_if = "is_unknown")]
        ordinal: Ordinal,
        /// The new text; empty once the message is deleted.
        body: String,
        /// Whom the new text mentions.
        #[serde(default, skip_serializing_if = "MentionsView::is_empty")]
        mentions: MentionsView,
    },
    /// Somebody put an emoji under a message, or took it away again.
    ReactionChanged {
        /// Which message.
        message_id: MessageId,
        /// Which emoji.
        emoji: String,
        /// Whether it is there now.
        on: bool,
    },
    /// A message was pinned, or is so no longer.
    PinChanged {
        /// Which message.
        message_id: MessageId,
        /// Whether it is pinned now.
        on: bool,
    },
    /// A message was deleted, its text and files with it. The event that brought it says so too from then on.
    MessageDeleted {
        /// Which message.
        message_id: MessageId,
        /// Its place among the chat's messages; 0 in logs from before this was said.
        #[serde(default, skip_serializing_if = "is_unknown")]
        ordinal: Ordinal,
    },
    /// Somebody joined.
    MemberAdded {
        /// Who, and as what.
        member: MemberView,
    },
    /// Somebody is a member no longer: they left if they did it themselves.
    MemberRemoved {
        /// Who.
        user_id: UserId,
    },
    /// Somebody's role changed.
    RoleChanged {
        /// Whose.
        user_id: UserId,
        /// To what.
        role: Role,
    },
    /// The group has another name.
    ChatRenamed {
        /// The new name.
        name: String,
    },
    /// The group says something else about itself.
    ChatDescribed {
        /// What; may be empty.
        description: String,
    },
    /// Another picture stands for the group, or none does.
    ChatAvatarChanged {
        /// Which, if one does. It is there as long as no later event names another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        avatar: Option<AttachmentId>,
    },
    /// The group is gone. The last event of its log.
    ChatDeleted {},
    /// What a newer version says in a type, or with a value, that is not known here: its fields, `type` among
    /// them. It has its place in the log all the same, and is passed on as it is.
    #[serde(untagged)]
    Unknown(serde_json::Map<String, serde_json::Value>),
}

fn is_unknown(ordinal: &Ordinal) -> bool {
    *ordinal == Ordinal(0)
}

impl EventBody {
    /// The types, as they stand on the wire, of what happens to a chat rather than to its messages and is shown between
    /// them. The stores have an index of these.
    pub const OF_CHAT: [&str; 6] = [
        "member_added",
        "member_removed",
        "role_changed",
        "chat_renamed",
        "chat_described",
        "chat_avatar_changed",
    ];

    /// Whether it is of one of these types.
    pub fn is_of_chat(&self) -> bool {
        matches!(
            self,
            Self::MemberAdded { .. }
                | Self::MemberRemoved { .. }
                | Self::RoleChanged { .. }
                | Self::ChatRenamed { .. }
                | Self::ChatDescribed { .. }
                | Self::ChatAvatarChanged { .. }
        )
    }

    /// Whom it is about, if it is of one of these types: who did it, and to whom.
    pub fn people(&self, actor: UserId) -> Vec<UserId> {
        match self {
            Self::MemberAdded { member } => vec![actor, member.user.id],
            Self::MemberRemoved { user_id } | Self::RoleChanged { user_id, .. } => vec![actor, *user_id],
            Self::ChatRenamed { .. } | Self::ChatDescribed { .. } | Self::ChatAvatarChanged { .. } => {
                vec![actor]
            }
            _ => Vec::new(),
        }
    }

    /// The message that it changes, if it changes one.
    pub fn message_id(&self) -> Option<MessageId> {
        match self {
            Self::MessageEdited { message_id, .. }
            | Self::ReactionChanged { message_id, .. }
            | Self::PinChanged { message_id, .. }
            | Self::MessageDeleted { message_id, .. } => Some(*message_id),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_flat_object_with_its_type_beside_chat_and_seq() {
        let event = LogEvent {
            chat_id: ChatId::from_bytes([1; 12]),
            seq: Seq(7),
            at: Timestamp::from_millis(0),
            actor_id: UserId::from_bytes([2; 12]),
            named: [(UserId::from_bytes([2; 12]), "Ada".to_owned())].into(),
            body: EventBody::ChatRenamed { name: "Team".into() },
        };
        let sent = serde_json::to_value(&event).unwrap_or_default();
        assert_eq!(sent["type"], "chat_renamed");
        assert_eq!(sent["seq"], 7);
        assert_eq!(sent["name"], "Team");
        assert_eq!(serde_json::from_value::<LogEvent>(sent).ok(), Some(event));
    }

    #[test]
    fn what_happens_to_a_chat_is_known_by_its_type() {
        let id = UserId::from_bytes([1; 12]);
        let member = MemberView {
            user: Default::default(),
            role: Role::Member,
            joined_at: Timestamp::default(),
            read: None,
        };
        let all = [
            EventBody::MemberAdded { member },
            EventBody::MemberRemoved { user_id: id },
            EventBody::RoleChanged { user_id: id, role: Role::Admin },
            EventBody::ChatRenamed { name: String::new() },
            EventBody::ChatDescribed { description: String::new() },
            EventBody::ChatAvatarChanged { avatar: None },
        ];
        let types = all.each_ref().map(|body| serde_json::to_value(body).unwrap_or_default()["type"].clone());
        assert_eq!(types.map(|kind| kind.as_str().unwrap_or_default().to_owned()), EventBody::OF_CHAT);
        assert!(all.iter().all(EventBody::is_of_chat));
        assert!(!EventBody::ChatDeleted {}.is_of_chat());
    }

    #[test]
    fn what_a_newer_version_wrote_is_passed_on_as_it_is() {
        let id = "0".repeat(24);
        for rest in [
            serde_json::json!({ "type": "message_translated", "message": { "id": "1", "by": [2, null] } }),
            serde_json::json!({ "type": "role_changed", "user_id": id, "role": "guest" }),
        ] {
            let mut sent = serde_json::json!({
                "chat_id": id, "seq": 7, "at": "2026-01-01T00:00:00Z", "actor_id": id,
            });
            sent.as_object_mut()
                .zip(rest.as_object())
                .into_iter()
                .for_each(|(to, from)| to.extend(from.clone()));
            let event = serde_json::from_value::<LogEvent>(sent.clone()).ok();
            assert_eq!(event.as_ref().map(|event| event.seq), Some(Seq(7)));
            assert_eq!(serde_json::to_value(event).ok(), Some(sent));
        }
    }
}
