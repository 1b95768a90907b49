//! Files that travel with messages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits;

/// What a file is shown as. It is found out from the file's first bytes, never from its name or from what the
/// sender's browser said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    /// A picture, of which the server has made a preview and a thumbnail.
    Image,
    /// Sound that browsers play.
    Audio,
    /// A film that browsers play.
    Video,
    /// Text, of which the first lines are shown.
    Text,
    /// Anything else: a card with its name and size.
    #[serde(other)]
    File,
}

/// How much one message can carry, and one person's messages together. Whoever runs the server can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UploadLimits {
    /// Files of one message; 0 if no files are taken at all.
    pub files: usize,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of all files together that one person has sent and that are still there.
    pub user_bytes: u64,
}

impl UploadLimits {
    /// Bytes that the body of one request may have: all the files, and what stands around them.
    pub fn body_bytes(&self) -> u64 {
        let files = u64::try_from(self.files).unwrap_or(u64::MAX);
        self.file_bytes.saturating_mul(files).saturating_add(limits::MULTIPART_TEXT_BYTES as u64)
    }
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self {
            files: limits::FILES_PER_MESSAGE,
            file_bytes: limits::FILE_BYTES,
            user_bytes: limits::USER_FILES_BYTES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_room_for_all_the_files_and_what_stands_around_them() {
        let limits = UploadLimits::default();
        assert!(limits.body_bytes() > 10 * 25 * 1024 * 1024);
        assert!(limits.body_bytes() < 11 * 25 * 1024 * 1024);
        let endless = UploadLimits { file_bytes: u64::MAX, ..limits };
        assert_eq!(endless.body_bytes(), u64::MAX);
    }

    #[test]
    fn a_kind_of_a_newer_version_is_a_file() {
        assert_eq!(serde_json::from_str::<AttachmentKind>("\"hologram\"").ok(), Some(AttachmentKind::File));
    }
}
