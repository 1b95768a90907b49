//! What the tests of the state are made from.

use std::sync::Arc;

use crate::{
    domain::{
        AttachmentId, AttachmentKind, ChatId, ChatKind, ClientId, MessageId, Ordinal, Role, Seq, Timestamp,
        UserId,
    },
    protocol::{AttachmentView, ChatView, MemberView, MessageView, MyChatView, PictureView, UserView},
    ui::files::chosen::{ChosenFile, FileKey},
};

pub(crate) const ADA: UserId = UserId::from_bytes([1; 12]);
pub(crate) const BEN: UserId = UserId::from_bytes([2; 12]);
pub(crate) const CY: UserId = UserId::from_bytes([3; 12]);
pub(crate) const CHAT: ChatId = ChatId::from_bytes([7; 12]);
pub(crate) const OTHER: ChatId = ChatId::from_bytes([8; 12]);

pub(crate) fn name(user: UserId) -> &'static str {
    match user {
        ADA => "Ada",
        BEN => "Ben",
        _ => "Cy",
    }
}

pub(crate) fn member(user: UserId, role: Role) -> MemberView {
    let user = UserView { id: user, display_name: name(user).into(), ..UserView::default() };
    MemberView { user, role, joined_at: Timestamp::default(), read: None }
}

pub(crate) fn direct() -> ChatView {
    chat(OTHER, ChatKind::Direct, None)
}

pub(crate) fn group() -> ChatView {
    chat(CHAT, ChatKind::Group, Some("Team".into()))
}

fn chat(id: ChatId, kind: ChatKind, name: Option<String>) -> ChatView {
    ChatView {
        description: String::new(),
        avatar: None,
        id,
        kind,
        name,
        members: vec![member(ADA, Role::Member), member(BEN, Role::Member)],
        member_count: 2,
        my_role: Role::Member,
        mine: MyChatView::default(),
        mentioned: Vec::new(),
        draft: None,
        head: Seq(0),
        head_ordinal: Ordinal(0),
        last_message: None,
        created_at: Timestamp::default(),
    }
}

/// The message of the group whose event, ordinal and minute are this number.
pub(crate) fn message(number: u64, sender: UserId, body: &str) -> MessageView {
    let mut id = [0; 12];
    id[4..].copy_from_slice(&number.to_be_bytes());
    let mut client_id = [0; 16];
    client_id[8..].copy_from_slice(&number.to_be_bytes());
    MessageView {
        id: MessageId::from_bytes(id),
        chat_id: CHAT,
        seq: Seq(number),
        ordinal: Ordinal(number),
        sender_id: sender,
        sender_name: name(sender).into(),
        client_id: ClientId::from_bytes(client_id),
        body: body.into(),
        created_at: Timestamp::from_millis(number as i64 * 60_000),
        ..MessageView::default()
    }
}

/// A stored file; the bytes of its id are this number.
pub(crate) fn file(number: u8, kind: AttachmentKind, name: &str) -> AttachmentView {
    let picture = PictureView {
        width: 800,
        height: 600,
        media_type: "image/webp".into(),
        placeholder: "808080".repeat(12),
    };
    AttachmentView {
        id: AttachmentId::from_bytes([number; 12]),
        name: name.into(),
        kind,
        media_type: "application/octet-stream".into(),
        size: 1_000,
        alt: String::new(),
        picture: (kind == AttachmentKind::Image).then_some(picture),
        excerpt: None,
    }
}

/// A file of this device.
pub(crate) fn chosen(key: FileKey, name: &str, size: u64) -> Arc<ChosenFile> {
    Arc::new(ChosenFile { key, name: name.into(), size, ..ChosenFile::default() })
}
