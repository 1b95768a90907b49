//! What browsers are told of a message.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    domain::{ChatId, Ordinal, Seq, UserId},
    markdown::plain_text,
    ports::PushNote,
    protocol::MessageView,
};

/// How long push services keep a note.
const KEEP_FOR: Duration = Duration::from_secs(24 * 3600);
/// Characters of a text that are read to say it on one line.
const READ_CHARS: usize = 600;
/// Characters of a text that are told.
const TOLD_CHARS: usize = 300;

/// A message that was written, as far as people are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub(super) chat: ChatId,
    pub(super) seq: Seq,
    pub(super) ordinal: Ordinal,
    pub(super) sender: UserId,
    pub(super) sender_name: String,
    /// The beginning of its text, as it was typed.
    pub(super) text: String,
    pub(super) files: usize,
    /// Whether it mentions anybody.
    pub(super) calls: bool,
}

impl From<&MessageView> for Written {
    fn from(message: &MessageView) -> Self {
        Self {
            chat: message.chat_id,
            seq: message.seq,
            ordinal: message.ordinal,
            sender: message.sender_id,
            sender_name: message.sender_name.clone(),
            text: message.body.chars().take(READ_CHARS).collect(),
            files: message.attachments.len(),
            calls: !message.mentions.is_empty(),
        }
    }
}

/// What browsers are told of a message in this group, or in a direct chat.
pub(super) fn note(message: &Written, group: Option<&str>) -> PushNote {
    let Written { chat, seq, .. } = message;
    let name = &message.sender_name;
    let title = group.map_or_else(|| name.clone(), |group| format!("{name} in {group}"));
    // One for each chat: the next one takes its place, at the push service as on the screen.
    let topic = topic(*chat);
    let payload = json!({
        "v": 1,
        "chat_id": chat,
        "seq": seq,
        "title": title,
        "body": words(message),
        "url": format!("/c/{chat}/{seq}#m{seq}", seq = seq.0),
        "tag": topic,
    });
    PushNote {
        payload: payload.to_string().into_bytes(),
        topic,
        is_urgent: group.is_none(),
        keep_for: KEEP_FOR,
    }
}

/// The push service sees it, so it does not tell which chat it is.
fn topic(chat: ChatId) -> String {
    let mut hash = Sha256::new();
    hash.update(b"samvad push topic");
    hash.update(chat.as_bytes());
    BASE64.encode(&hash.finalize()[..24])
}

fn words(message: &Written) -> String {
    let said = plain_text(&message.text);
    if said.is_empty() {
        return match message.files {
            0 => "wrote something".to_owned(),
            1 => "sent a file".to_owned(),
            files => format!("sent {files} files"),
        };
    }
    match said.char_indices().nth(TOLD_CHARS) {
        Some((end, _)) => format!("{}…", &said[..end]),
        None => said,
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::Value;

    use super::*;
    use crate::domain::limits;

    /// A message in a chat of the tests.
    pub(in crate::service::push) fn message(text: &str, files: usize) -> Written {
        Written {
            chat: ChatId::from_bytes([0xab; 12]),
            seq: Seq(7),
            ordinal: Ordinal(5),
            sender: UserId::from_bytes([1; 12]),
            sender_name: "Ada".into(),
            text: text.into(),
            files,
            calls: false,
        }
    }

    fn payload(note: &PushNote) -> Value {
        serde_json::from_slice(&note.payload).unwrap()
    }

    #[test]
    fn a_note_says_who_wrote_what_and_where_it_is() {
        let direct = note(&message("**hello** [you](https://x.example)", 0), None);
        let chat = "abababababababababababab";
        assert_eq!(
            payload(&direct),
            json!({
                "v": 1, "chat_id": chat, "seq": 7, "title": "Ada", "body": "hello you",
                "url": format!("/c/{chat}/7#m7"), "tag": direct.topic,
            })
        );
        assert!(direct.is_urgent);
        let group = note(&message("", 2), Some("Team"));
        assert_eq!(
            (&payload(&group)["title"], &payload(&group)["body"]),
            (&json!("Ada in Team"), &json!("sent 2 files"))
        );
        assert!(!group.is_urgent);
        assert_eq!(group.topic, direct.topic);
        assert!(group.topic.len() <= 32 && !group.topic.contains(chat));
        assert!(group.topic.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    }

    #[test]
    fn whatever_was_written_fits() {
        for text in [
            "\"".repeat(READ_CHARS),
            "😀".repeat(READ_CHARS),
            "\\\n".repeat(READ_CHARS / 2),
            "a".repeat(READ_CHARS),
        ] {
            let mut long = message(&text, 0);
            long.sender_name = "\"😀".repeat(limits::DISPLAY_NAME_CHARS / 2);
            let note = note(&long, Some(&"😀".repeat(limits::GROUP_NAME_CHARS)));
            assert!(note.payload.len() <= limits::PUSH_BYTES, "{}", note.payload.len());
            assert!(payload(&note)["body"].as_str().unwrap().chars().count() <= TOLD_CHARS + 1);
        }
    }
}
