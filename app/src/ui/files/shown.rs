//! A file as a message shows it, from the moment it was chosen.

use std::{borrow::Cow, sync::Arc};

use super::{
    chosen::{ChosenFile, FileKey},
    words,
};
use crate::{
    domain::{AttachmentId, AttachmentKind},
    protocol::{AttachmentView, MessageView},
};

/// Which file of a message, and nothing else about it. It stays the same when the file becomes a stored one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileRef {
    /// One that this page has sent, or sends.
    Local(FileKey),
    /// One that came from the server; after a reload also one that waits, by its place.
    Stored(AttachmentId),
    /// One whose bytes are gone, by its place.
    Gone(usize),
}

/// A file as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownFile {
    /// Which.
    pub which: FileRef,
    /// As the server has it.
    pub stored: Option<Arc<AttachmentView>>,
    /// As this device has it, if it was sent from this page.
    pub local: Option<Arc<ChosenFile>>,
}

impl ShownFile {
    /// The files of a stored message. What `before` showed of the same message from this device is shown on,
    /// so that a picture stays what it is when its message becomes a stored one.
    pub fn stored(message: &MessageView, before: &[Self]) -> Vec<Self> {
        let same = before.len() == message.attachments.len();
        let shown = message.attachments.iter().enumerate().map(|(index, file)| {
            let local = before.get(index).filter(|_| same).and_then(|before| before.local.clone());
            let local = local.filter(|local| local.key != 0);
            let which = local.as_ref().map_or(FileRef::Stored(file.id), |local| FileRef::Local(local.key));
            Self { which, stored: Some(Arc::new(file.clone())), local }
        });
        shown.collect()
    }

    /// The files of a message that is on its way.
    pub fn unsent(files: &[Arc<ChosenFile>]) -> Vec<Self> {
        let shown = files.iter().enumerate().map(|(index, file)| {
            let which = if file.key == 0 { FileRef::Gone(index) } else { FileRef::Local(file.key) };
            Self { which, stored: None, local: Some(file.clone()) }
        });
        shown.collect()
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        match (&self.stored, &self.local) {
            (Some(stored), _) => &stored.name,
            (None, Some(local)) => &local.name,
            (None, None) => "",
        }
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        match (&self.stored, &self.local) {
            (Some(stored), _) => stored.size,
            (None, local) => local.as_ref().map_or(0, |local| local.size),
        }
    }

    /// What it is shown as. A picture of which there is nothing to show is a file like any other.
    pub fn kind(&self) -> AttachmentKind {
        match (&self.stored, &self.local) {
            (Some(stored), _) if is_picture(stored) => AttachmentKind::Image,
            (Some(stored), _) if stored.kind == AttachmentKind::Image => AttachmentKind::File,
            (Some(stored), _) => stored.kind,
            (None, Some(local)) if local.url.is_none() && local.is_picture() => AttachmentKind::File,
            (None, local) => local.as_ref().map_or(AttachmentKind::File, |local| local.kind()),
        }
    }

    /// What is said of it to those who do not see it.
    pub fn described(&self) -> &str {
        let alt = match (&self.stored, &self.local) {
            (Some(stored), _) => &stored.alt,
            (None, Some(local)) => &local.alt,
            (None, None) => "",
        };
        if alt.is_empty() { self.name() } else { alt }
    }

    /// Width and height of a picture, as far as they are known.
    pub fn shape(&self) -> (u32, u32) {
        let seen = self.local.as_ref().map(|local| local.shape).filter(|shape| *shape != (0, 0));
        let told = self.stored.as_ref().and_then(|stored| stored.picture.as_ref());
        seen.or_else(|| told.map(|picture| (picture.width, picture.height))).unwrap_or_default()
    }

    /// One of the addresses of what is stored.
    pub fn path(&self, of: fn(&AttachmentView) -> String) -> Option<String> {
        self.stored.as_deref().map(of)
    }

    /// Where a picture is found as it stands in a conversation: on this device, if it is from here.
    pub fn source(&self) -> Option<String> {
        let here = self.local.as_ref().and_then(|local| local.url.clone());
        here.or_else(|| self.stored.as_deref().map(words::thumb_path))
    }

    /// What is read of it with the name of its message.
    pub fn label(&self) -> String {
        let kind: Cow<'static, str> = match self.kind() {
            AttachmentKind::Image => "Photo".into(),
            AttachmentKind::Video => "Video".into(),
            AttachmentKind::Audio => "Audio".into(),
            AttachmentKind::Text | AttachmentKind::File => "File".into(),
        };
        format!("{kind}: {}", self.described())
    }
}

/// Whether there is something to look at.
pub fn is_picture(file: &AttachmentView) -> bool {
    file.kind == AttachmentKind::Image && file.picture.is_some()
}

/// The pictures of a conversation, as one leafs through them.
pub fn pictures(messages: &[Arc<MessageView>]) -> Vec<Arc<AttachmentView>> {
    let files = messages.iter().flat_map(|message| &message.attachments);
    files.filter(|file| is_picture(file)).map(|file| Arc::new(file.clone())).collect()
}

/// Where a key leads from one of `count` pictures.
pub fn leaf(key: &str, at: usize, count: usize) -> Option<usize> {
    let last = count.checked_sub(1)?;
    match key {
        "ArrowLeft" => Some(at.saturating_sub(1)),
        "ArrowRight" => Some((at + 1).min(last)),
        "Home" => Some(0),
        "End" => Some(last),
        _ => None,
    }
}

/// The key that moving a finger by so many CSS pixels stands for.
pub fn swipe(x: i32, y: i32) -> Option<&'static str> {
    const FAR: i32 = 40;
    match x {
        _ if x.abs() < FAR || x.abs() < 2 * y.abs() => None,
        1.. => Some("ArrowLeft"),
        _ => Some("ArrowRight"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::state::testing::{ADA, chosen, file, message};

    #[test]
    fn a_picture_of_this_device_is_shown_on_when_it_is_stored() {
        let mut local = (*chosen(7, "cat.png", 10)).clone();
        (local.media_type, local.url, local.shape) = ("image/png".into(), Some("blob:x".into()), (40, 30));
        let unsent = ShownFile::unsent(&[Arc::new(local)]);
        assert_eq!(
            (unsent[0].kind(), unsent[0].source().as_deref()),
            (AttachmentKind::Image, Some("blob:x"))
        );
        let mut sent = message(1, ADA, "");
        sent.attachments = vec![file(1, AttachmentKind::Image, "cat.png")];
        let stored = ShownFile::stored(&sent, &unsent);
        assert_eq!(stored[0].which, unsent[0].which);
        assert_eq!((stored[0].source(), stored[0].shape()), (unsent[0].source(), unsent[0].shape()));
        // And once more, when something else about the message changes.
        assert_eq!(ShownFile::stored(&sent, &stored), stored);
        // After a reload the server's is shown.
        let anew = ShownFile::stored(&sent, &[]);
        assert_eq!(anew[0].which, FileRef::Stored(sent.attachments[0].id));
        assert!(anew[0].source().is_some_and(|path| path.ends_with("/thumb")));
        // What was sent was something else: nothing is mixed up.
        let two = [unsent[0].clone(), unsent[0].clone()];
        assert!(ShownFile::stored(&sent, &two)[0].local.is_none());
    }

    #[test]
    fn a_deleted_message_shows_no_file_of_this_device() {
        let unsent = ShownFile::unsent(&[chosen(7, "a.pdf", 10)]);
        let mut sent = message(1, ADA, "");
        sent.delete(sent.created_at);
        assert!(ShownFile::stored(&sent, &unsent).is_empty());
    }

    #[test]
    fn what_cannot_be_looked_at_is_a_file() {
        let mut picture = file(1, AttachmentKind::Image, "cat.png");
        picture.picture = None;
        let mut sent = message(1, ADA, "");
        sent.attachments = vec![picture, file(2, AttachmentKind::Image, "dog.png")];
        let shown = ShownFile::stored(&sent, &[]);
        assert_eq!((shown[0].kind(), shown[1].kind()), (AttachmentKind::File, AttachmentKind::Image));
        assert_eq!(pictures(&[Arc::new(sent)]).len(), 1);
        assert_eq!(shown[1].label(), "Photo: dog.png");
    }

    #[test]
    fn one_leafs_within_the_bounds() {
        assert_eq!(leaf("ArrowLeft", 0, 3), Some(0));
        assert_eq!(leaf("ArrowRight", 2, 3), Some(2));
        assert_eq!((leaf("Home", 2, 3), leaf("End", 0, 3)), (Some(0), Some(2)));
        assert_eq!((leaf("Tab", 0, 3), leaf("End", 0, 0)), (None, None));
        assert_eq!((swipe(-80, 10), swipe(80, -10)), (Some("ArrowRight"), Some("ArrowLeft")));
        assert_eq!((swipe(20, 0), swipe(80, 60)), (None, None));
    }
}
