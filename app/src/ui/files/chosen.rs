//! A file of this device that somebody wants to send.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::words;
use crate::domain::{AttachmentKind, ChatId, UploadLimits, limits};

/// Which of the files that the page holds; 0 is none of them, as after a reload.
pub type FileKey = u32;

/// A file of this device. The page holds its bytes under its key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenFile {
    /// Where the page holds it.
    #[serde(skip)]
    pub key: FileKey,
    /// What it is called.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// The media type that the browser takes it for.
    #[serde(default)]
    pub media_type: String,
    /// What its writer says of it.
    #[serde(default)]
    pub alt: String,
    /// Of a picture: an address at which this page alone finds it.
    #[serde(skip)]
    pub url: Option<String>,
    /// Of a picture, once it has been seen: its width and height in pixels.
    #[serde(default)]
    pub shape: (u32, u32),
}

impl ChosenFile {
    /// What it will probably be shown as. The server decides, by its bytes.
    pub fn kind(&self) -> AttachmentKind {
        match self.media_type.split('/').next().unwrap_or_default() {
            "image" if self.is_picture() => AttachmentKind::Image,
            "audio" => AttachmentKind::Audio,
            "video" => AttachmentKind::Video,
            _ => AttachmentKind::File,
        }
    }

    /// Whether it is a picture of dots: drawings are files like any other.
    pub fn is_picture(&self) -> bool {
        self.media_type.starts_with("image/") && !self.media_type.contains("svg")
    }
}

/// Why a chosen file cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It has more bytes than a file may have: this many.
    TooLarge(u64),
    /// There is nothing in it.
    Empty,
    /// Its name is too long.
    NameTooLong,
    /// There are more than a message can carry, which are so many.
    TooMany(usize),
}

impl Unfit {
    /// The sentence beside the file.
    pub fn sentence(self) -> String {
        match self {
            Self::TooLarge(most) => format!("Too large: a file may have {}.", words::size(most)),
            Self::Empty => "There is nothing in this file.".into(),
            Self::NameTooLong => "The name of this file is too long.".into(),
            Self::TooMany(1) => "Only 1 file goes with a message.".into(),
            Self::TooMany(most) => format!("Only {most} files go with a message."),
        }
    }
}

/// The files that were chosen for messages which are not written yet, in all chats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tray {
    files: Vec<(ChatId, Arc<ChosenFile>)>,
}

impl Tray {
    /// Adds files to those of a chat.
    pub fn add(&mut self, chat_id: ChatId, files: impl IntoIterator<Item = Arc<ChosenFile>>) {
        self.files.extend(files.into_iter().map(|file| (chat_id, file)));
    }

    /// The files of a chat in the order in which they were chosen, with why one cannot be sent. One that is
    /// unfit anyway takes no other one's place.
    pub fn of(&self, chat_id: ChatId, limits: &UploadLimits) -> Vec<(Arc<ChosenFile>, Option<Unfit>)> {
        let mut fit = 0;
        let files = self.files.iter().filter(|(chat, _)| *chat == chat_id);
        let judged = files.map(|(_, file)| {
            let mut unfit = unfit(file, limits);
            if unfit.is_none() && fit == limits.files {
                unfit = Some(Unfit::TooMany(limits.files));
            }
            fit += usize::from(unfit.is_none());
            (file.clone(), unfit)
        });
        judged.collect()
    }

    /// Takes out what goes with the chat's next message. What is unfit stays.
    pub fn take(&mut self, chat_id: ChatId, limits: &UploadLimits) -> Vec<Arc<ChosenFile>> {
        let taken: Vec<_> = self
            .of(chat_id, limits)
            .into_iter()
            .filter(|(_, unfit)| unfit.is_none())
            .map(|(file, _)| file)
            .collect();
        self.files.retain(|(_, file)| taken.iter().all(|taken| taken.key != file.key));
        taken
    }

    /// Whether nothing is chosen, in any chat.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Takes a file out. False if it was not here.
    pub fn remove(&mut self, key: FileKey) -> bool {
        let before = self.files.len();
        self.files.retain(|(_, file)| file.key != key);
        self.files.len() < before
    }

    /// Changes a file, if it is here.
    pub fn change(&mut self, key: FileKey, change: impl FnOnce(&mut ChosenFile)) {
        if let Some((_, file)) = self.files.iter_mut().find(|(_, file)| file.key == key) {
            change(Arc::make_mut(file));
        }
    }
}

/// Why a file cannot be sent, whatever else is chosen.
fn unfit(file: &ChosenFile, limits: &UploadLimits) -> Option<Unfit> {
    if file.size == 0 {
        Some(Unfit::Empty)
    } else if file.size > limits.file_bytes {
        Some(Unfit::TooLarge(limits.file_bytes))
    } else if file.name.chars().count() > limits::FILE_NAME_CHARS {
        Some(Unfit::NameTooLong)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::state::testing::{CHAT, OTHER, chosen};

    const LIMITS: UploadLimits = UploadLimits { files: 2, file_bytes: 1_000, user_bytes: 10_000 };

    fn tray(sizes: &[u64]) -> Tray {
        let mut tray = Tray::default();
        tray.add(CHAT, sizes.iter().zip(1..).map(|(size, key)| chosen(key, "a.pdf", *size)));
        tray
    }

    fn judged(tray: &Tray) -> Vec<Option<Unfit>> {
        tray.of(CHAT, &LIMITS).into_iter().map(|(_, unfit)| unfit).collect()
    }

    #[test]
    fn what_cannot_be_sent_is_said_and_stands_in_nobodys_way() {
        let mut tray = tray(&[1_000, 1_001, 0, 10, 10]);
        let many = Some(Unfit::TooMany(2));
        assert_eq!(judged(&tray), [None, Some(Unfit::TooLarge(1_000)), Some(Unfit::Empty), None, many]);
        let keys = |files: &[Arc<ChosenFile>]| files.iter().map(|file| file.key).collect::<Vec<_>>();
        assert_eq!(keys(&tray.take(CHAT, &LIMITS)), [1, 4]);
        // There is room for the fifth now.
        assert_eq!(judged(&tray), [Some(Unfit::TooLarge(1_000)), Some(Unfit::Empty), None]);
        assert_eq!(keys(&tray.take(CHAT, &LIMITS)), [5]);
        assert!(tray.take(CHAT, &LIMITS).is_empty());
    }

    #[test]
    fn each_chat_has_files_of_its_own() {
        let mut tray = tray(&[10]);
        tray.add(OTHER, [chosen(9, "b.pdf", 10)]);
        assert_eq!(tray.take(OTHER, &LIMITS).len(), 1);
        assert_eq!(judged(&tray), [None]);
        tray.change(1, |file| file.alt = "a cat".into());
        assert_eq!(tray.of(CHAT, &LIMITS)[0].0.alt, "a cat");
        assert!(tray.remove(1) && !tray.remove(1));
    }

    #[test]
    fn a_name_and_a_server_without_room_are_said() {
        let mut tray = tray(&[10]);
        let none = UploadLimits { files: 0, ..LIMITS };
        assert_eq!(tray.of(CHAT, &none)[0].1, Some(Unfit::TooMany(0)));
        tray.change(1, |file| file.name = "é".repeat(256));
        assert_eq!(judged(&tray), [Some(Unfit::NameTooLong)]);
        assert_eq!(Unfit::TooLarge(1_048_576).sentence(), "Too large: a file may have 1 MB.");
    }

    #[test]
    fn a_drawing_is_a_file_and_no_picture() {
        let kind =
            |media_type: &str| ChosenFile { media_type: media_type.into(), ..ChosenFile::default() }.kind();
        assert_eq!(kind("image/svg+xml"), AttachmentKind::File);
        assert_eq!(kind("image/jpeg"), AttachmentKind::Image);
        assert_eq!(kind("video/mp4"), AttachmentKind::Video);
        assert_eq!(kind(""), AttachmentKind::File);
    }
}
