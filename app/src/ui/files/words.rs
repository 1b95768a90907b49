//! What files are called, in people's words.

use crate::{
    domain::AttachmentKind,
    markdown::plain_text,
    protocol::{AttachmentView, MessageView},
};

/// The address of a file: the original. Its preview and thumbnail are below it.
pub fn file_path(file: &AttachmentView) -> String {
    format!("/files/{}/{}", file.id, percent_encoded(&file.name))
}

/// The address of a picture that fills a screen.
pub fn preview_path(file: &AttachmentView) -> String {
    file_path(file) + "/preview"
}

/// The address of a picture as it stands in a conversation.
pub fn thumb_path(file: &AttachmentView) -> String {
    file_path(file) + "/thumb"
}

/// A size as people say it; a unit is 1,024 of the one before.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if bytes < 1_024 {
        return if bytes == 1 { "1 byte".into() } else { format!("{bytes} bytes") };
    }
    let (mut unit, mut tenths) = (0, bytes.saturating_mul(10) / 1_024);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        (unit, tenths) = (unit + 1, tenths / 1_024);
    }
    // Below ten the first decimal says something.
    if tenths < 100 && tenths % 10 != 0 {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        format!("{} {}", tenths / 10, UNITS[unit])
    }
}

/// What kind of file it is: what is shown of it, or else what its name ends in.
pub fn kind(kind: AttachmentKind, name: &str) -> String {
    match kind {
        AttachmentKind::Image => "Photo".into(),
        AttachmentKind::Audio => "Audio".into(),
        AttachmentKind::Video => "Video".into(),
        AttachmentKind::Text | AttachmentKind::File => match split_name(name).1.strip_prefix('.') {
            Some(end) if end.bytes().all(|byte| byte.is_ascii_alphanumeric()) => end.to_ascii_uppercase(),
            _ if kind == AttachmentKind::Text => "Text".into(),
            _ => "File".into(),
        },
    }
}

/// A name in two: what may be cut off where there is no room, and the end that says what it is.
pub fn split_name(name: &str) -> (&str, &str) {
    const LONGEST_END: usize = 9;
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot > 1 && name.len() - dot <= LONGEST_END => name.split_at(dot),
        _ => (name, ""),
    }
}

/// A message in a list of chats, or read aloud when it arrives, on one line: the beginning of its text without the
/// marks, or else what it carries.
pub fn gist(message: &MessageView) -> String {
    if message.deleted_at.is_some() {
        return DELETED.into();
    }
    if !message.body.is_empty() {
        // A line holds less than this, and there may be a thousand of them.
        let end = message.body.char_indices().nth(GIST_CHARS).map_or(message.body.len(), |(end, _)| end);
        return plain_text(&message.body[..end]);
    }
    let files = &message.attachments;
    let Some(first) = files.first() else { return String::new() };
    let (one, many) = match first.kind {
        _ if files.iter().any(|file| file.kind != first.kind) => ("", "files"),
        AttachmentKind::Image => ("Photo", "photos"),
        AttachmentKind::Video => ("Video", "videos"),
        AttachmentKind::Audio => ("Audio", "recordings"),
        AttachmentKind::Text | AttachmentKind::File => (first.name.as_str(), "files"),
    };
    if files.len() == 1 { one.into() } else { format!("{} {many}", files.len()) }
}

/// Characters of a text that are looked at to say it on one line.
const GIST_CHARS: usize = 600;

/// What stands in the place of a deleted message's text.
pub const DELETED: &str = "Message deleted";

/// What stands between what is encoded: letters and digits that need nothing (RFC 3986, section 2.3).
fn percent_encoded(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::state::testing::{ADA, file, message};

    #[test]
    fn a_name_of_any_script_makes_one_segment_of_an_address() {
        let path = |name: &str| file_path(&file(1, AttachmentKind::File, name));
        let id = "010101010101010101010101";
        assert_eq!(path("a-b_c.~1"), format!("/files/{id}/a-b_c.~1"));
        assert_eq!(path("100% \"#1\"?/é.pdf"), format!("/files/{id}/100%25%20%22%231%22%3F%2F%C3%A9.pdf"));
        let picture = file(1, AttachmentKind::Image, "नमस्ते.png");
        assert!(
            thumb_path(&picture).ends_with("%A4%A8%E0%A4%AE%E0%A4%B8%E0%A5%8D%E0%A4%A4%E0%A5%87.png/thumb")
        );
        assert!(preview_path(&picture).ends_with(".png/preview"));
    }

    #[test]
    fn a_size_is_said_as_short_as_it_says_something() {
        for (bytes, said) in [
            (1, "1 byte"),
            (1_023, "1023 bytes"),
            (1_024, "1 KB"),
            (1_536, "1.5 KB"),
            (12_800, "12 KB"),
            (1_048_575, "1023 KB"),
            (1_048_576, "1 MB"),
            (25 * 1_048_576, "25 MB"),
            (u64::MAX, "1677721 TB"),
        ] {
            assert_eq!(size(bytes), said);
        }
    }

    #[test]
    fn a_kind_is_what_is_shown_or_what_the_name_ends_in() {
        assert_eq!(kind(AttachmentKind::Image, "a.txt"), "Photo");
        assert_eq!(kind(AttachmentKind::File, "report.final.pdf"), "PDF");
        assert_eq!(kind(AttachmentKind::File, "LICENSE"), "File");
        assert_eq!(kind(AttachmentKind::Text, "notes"), "Text");
        assert_eq!(kind(AttachmentKind::File, "a.рдф"), "File");
    }

    #[test]
    fn the_end_of_a_name_stays_whole() {
        assert_eq!(split_name("a long name.tar.gz"), ("a long name.tar", ".gz"));
        assert_eq!(split_name(".profile"), (".profile", ""));
        assert_eq!(split_name("ends."), ("ends.", ""));
        assert_eq!(split_name("no.extension at all"), ("no.extension at all", ""));
    }

    #[test]
    fn a_message_without_text_says_what_it_carries() {
        let mut sent = message(1, ADA, "");
        let mut with = |files: &[AttachmentView]| {
            sent.attachments = files.to_vec();
            gist(&sent)
        };
        let (photo, pdf) =
            (file(1, AttachmentKind::Image, "a.png"), file(2, AttachmentKind::File, "report.pdf"));
        assert_eq!(with(&[]), "");
        assert_eq!(with(std::slice::from_ref(&photo)), "Photo");
        assert_eq!(with(&[photo.clone(), photo.clone(), photo.clone()]), "3 photos");
        assert_eq!(with(std::slice::from_ref(&pdf)), "report.pdf");
        assert_eq!(with(&[photo, pdf]), "2 files");
        sent.body = "**look**,\n[here](https://example.org)".into();
        assert_eq!(gist(&sent), "look, here");
        sent.delete(sent.created_at);
        assert_eq!(gist(&sent), DELETED);
    }
}
