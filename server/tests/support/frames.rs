//! One of each frame that the socket carries, with all that may be in it, for what has to describe all of them.

use std::collections::BTreeMap;

use app::{
    domain::{
        AttachmentId, AttachmentKind, ChatId, ChatKind, ClientId, MessageId, Ordinal, Role, Seq, SessionId,
        Timestamp, UserId,
    },
    error::ErrorCode,
    protocol::{
        AttachmentView, ChatView, ClientFrame, DraftView, EventBody, ExcerptView, Heads, LogEvent,
        MemberView, MentionView, MentionsView, MessageView, MyChatView, Notice, PictureView, PresenceStatus,
        QuoteView, ReactionView, UserView,
    },
};

const CHAT: ChatId = ChatId::from_bytes([1; 12]);
const USER: UserId = UserId::from_bytes([1; 12]);
const MESSAGE: MessageId = MessageId::from_bytes([1; 12]);
const FILE: AttachmentId = AttachmentId::from_bytes([1; 12]);
const CLIENT: ClientId = ClientId::from_bytes([1; 16]);
const NOW: Timestamp = Timestamp::from_millis(1_754_500_000_123);

fn heads() -> Heads {
    [(CHAT, Seq(1))].into()
}

/// Whom a message mentions.
pub fn mentions() -> MentionsView {
    MentionsView { all: true, people: vec![MentionView { user_id: USER, name: "Ada".to_owned() }] }
}

/// What is shown of a message that is answered.
pub fn quote() -> QuoteView {
    QuoteView {
        id: MESSAGE,
        seq: Seq(1),
        sender_id: USER,
        sender_name: "Ada".to_owned(),
        body: "hello".to_owned(),
        files: 1,
        deleted: true,
        changed_seq: Seq(2),
    }
}

/// A file. No kind has both a picture and an excerpt; here it says all that files may say.
pub fn attachment() -> AttachmentView {
    AttachmentView {
        id: FILE,
        name: "notes.txt".to_owned(),
        kind: AttachmentKind::Text,
        media_type: "text/plain".to_owned(),
        size: 5,
        alt: "What was agreed".to_owned(),
        picture: Some(PictureView {
            width: 1,
            height: 1,
            media_type: "image/jpeg".to_owned(),
            placeholder: "0".repeat(72),
        }),
        excerpt: Some(ExcerptView { text: "hello".to_owned(), is_cut: false }),
    }
}

/// An emoji under a message.
pub fn reaction() -> ReactionView {
    ReactionView { emoji: "👍".to_owned(), count: 1, user_ids: vec![USER], mine: true }
}

/// A message, at once all that messages become.
pub fn message() -> MessageView {
    MessageView {
        id: MESSAGE,
        chat_id: CHAT,
        seq: Seq(1),
        ordinal: Ordinal(1),
        sender_id: USER,
        sender_name: "Ada".to_owned(),
        sender_avatar: Some(FILE),
        client_id: CLIENT,
        body: "hello".to_owned(),
        mentions: mentions(),
        attachments: vec![attachment()],
        reply_to: Some(quote()),
        reactions: vec![reaction()],
        created_at: NOW,
        edited_at: Some(NOW),
        pinned_at: Some(NOW),
        deleted_at: Some(NOW),
        changed_seq: Seq(2),
    }
}

/// A person.
pub fn user() -> UserView {
    UserView { id: USER, display_name: "Ada".to_owned(), about: "Counts".to_owned(), avatar: Some(FILE) }
}

/// A person in a chat.
pub fn member() -> MemberView {
    MemberView { user: user(), role: Role::Member, joined_at: NOW, read: Some(Ordinal(1)) }
}

/// What somebody is writing.
pub fn draft() -> DraftView {
    DraftView {
        id: CLIENT,
        body: "half a thought".to_owned(),
        reply_to: Some(quote()),
        revision: 2,
        since: 1,
    }
}

/// What a chat is to somebody alone.
pub fn mine() -> MyChatView {
    MyChatView {
        revision: 1,
        read: Ordinal(1),
        unread_from: Some(Ordinal(1)),
        muted_until: Some(Timestamp::FOREVER),
        mentions_only: true,
        archived: true,
    }
}

/// A chat.
pub fn chat() -> ChatView {
    ChatView {
        id: CHAT,
        kind: ChatKind::Group,
        name: Some("Team".to_owned()),
        description: "What it is about".to_owned(),
        avatar: Some(FILE),
        members: vec![member()],
        member_count: 1,
        my_role: Role::Admin,
        mine: mine(),
        mentioned: vec![Ordinal(1)],
        draft: Some(draft()),
        head: Seq(1),
        head_ordinal: Ordinal(1),
        last_message: Some(message()),
        created_at: NOW,
    }
}

/// The durable events that this version sends. A variant that is added has to be added here, or this does not compile.
pub fn events() -> Vec<LogEvent> {
    fn all_are_below(event: &EventBody) {
        match event {
            EventBody::NewMessage { .. }
            | EventBody::MessageEdited { .. }
            | EventBody::ReactionChanged { .. }
            | EventBody::PinChanged { .. }
            | EventBody::MessageDeleted { .. }
            | EventBody::MemberAdded { .. }
            | EventBody::MemberRemoved { .. }
            | EventBody::RoleChanged { .. }
            | EventBody::ChatRenamed { .. }
            | EventBody::ChatDescribed { .. }
            | EventBody::ChatAvatarChanged { .. }
            | EventBody::ChatDeleted {}
            // What a newer version sends stands in its own documentation.
            | EventBody::Unknown(_) => {}
        }
    }
    let all = vec![
        EventBody::NewMessage { message: message() },
        EventBody::MessageEdited {
            message_id: MESSAGE,
            ordinal: Ordinal(1),
            body: "hello".to_owned(),
            mentions: mentions(),
        },
        EventBody::ReactionChanged { message_id: MESSAGE, emoji: "👍".to_owned(), on: true },
        EventBody::PinChanged { message_id: MESSAGE, on: true },
        EventBody::MessageDeleted { message_id: MESSAGE, ordinal: Ordinal(1) },
        EventBody::MemberAdded { member: member() },
        EventBody::MemberRemoved { user_id: USER },
        EventBody::RoleChanged { user_id: USER, role: Role::Admin },
        EventBody::ChatRenamed { name: "Team".to_owned() },
        EventBody::ChatDescribed { description: "What it is about".to_owned() },
        EventBody::ChatAvatarChanged { avatar: Some(FILE) },
        EventBody::ChatDeleted {},
    ];
    all.iter().for_each(all_are_below);
    let event = |body| LogEvent {
        chat_id: CHAT,
        seq: Seq(1),
        at: NOW,
        actor_id: USER,
        named: [(USER, "Ada".to_owned())].into(),
        body,
    };
    all.into_iter().map(event).collect()
}

/// The same for the other frames of the server.
pub fn notices() -> Vec<Notice> {
    fn all_are_below(notice: &Notice) {
        match notice {
            Notice::Hello { .. }
            | Notice::ChatAdded { .. }
            | Notice::ChatRemoved { .. }
            | Notice::UserStatusChanged { .. }
            | Notice::UserChanged { .. }
            | Notice::Heads { .. }
            | Notice::BlockedChanged { .. }
            | Notice::MyChatChanged { .. }
            | Notice::DraftChanged { .. }
            | Notice::Read { .. }
            | Notice::Typing { .. }
            | Notice::Limited { .. }
            | Notice::Error { .. }
            | Notice::Bye { .. } => {}
        }
    }
    let (chat_id, user_id) = (CHAT, USER);
    let all = vec![
        Notice::Hello {
            user_id,
            session_id: SessionId::from_bytes([1; 12]),
            heads: heads(),
            online: vec![USER],
            mine: BTreeMap::from([(CHAT, mine())]),
            blocked: vec![USER],
            heartbeat_ms: 1,
        },
        Notice::MyChatChanged { chat_id, mine: mine() },
        Notice::DraftChanged { chat_id, draft: draft() },
        Notice::BlockedChanged { user_id, blocked: true },
        Notice::Read { chat_id, readers: BTreeMap::from([(USER, Ordinal(1))]) },
        Notice::Typing { chat_id, user_id },
        Notice::ChatAdded { chat: Box::new(chat()) },
        Notice::ChatRemoved { chat_id },
        Notice::UserStatusChanged { user_id, status: PresenceStatus::Offline, last_seen: Some(NOW) },
        Notice::UserChanged { user_id, display_name: "Ada".to_owned(), avatar: Some(FILE) },
        Notice::Heads { heads: heads() },
        Notice::Limited { chat_id, head: Seq(1) },
        Notice::Error { code: ErrorCode::Busy, message: "Later.".to_owned() },
        Notice::Bye { reconnect_after_ms: 1 },
    ];
    all.iter().for_each(all_are_below);
    all
}

/// And for those of the client.
pub fn client_frames() -> Vec<ClientFrame> {
    fn all_are_below(frame: &ClientFrame) {
        match frame {
            ClientFrame::Resume { .. } | ClientFrame::Typing { .. } | ClientFrame::Ping {} => {}
        }
    }
    let all = vec![
        ClientFrame::Resume { heads: heads() },
        ClientFrame::Typing { chat_id: CHAT },
        ClientFrame::Ping {},
    ];
    all.iter().for_each(all_are_below);
    all
}
