//! `docs/protocol.md` is the reference of the wire: it names everything that the code has.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};

use app::{
    domain::{
        AttachmentId, ChatId, ChatKind, ClientId, MessageId, Ordinal, Role, Seq, SessionId, Timestamp, UserId,
    },
    error::{ErrorCode, FieldError},
    protocol::{
        ChatView, ClientFrame, DraftView, EventBody, Heads, LogEvent, MemberView, MentionView, MentionsView,
        MessageView, MyChatView, Notice, PresenceStatus, QuoteView, UserView,
    },
};
use serde_json::Value;

const PAGE: &str = include_str!("../../docs/protocol.md");

/// The row of a table that begins with this name.
fn row(name: &str) -> Option<&'static str> {
    PAGE.lines().find(|line| {
        line.strip_prefix("| ").and_then(|line| line.split(" | ").next()).is_some_and(|cell| {
            cell.split(", ").any(|part| part.trim_matches([' ', '|']) == format!("`{name}`"))
        })
    })
}

/// The names in the first column of the tables between two headings.
fn first_column(from: &str, to: &str) -> BTreeSet<&'static str> {
    let part = PAGE.split(from).nth(1).unwrap().split(to).next().unwrap();
    let rows = part.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|line| line.split('`').next()).collect()
}

#[test]
fn every_error_has_its_row_with_its_status() {
    for code in ErrorCode::ALL {
        let row = row(code.as_str()).unwrap_or_else(|| panic!("{} is missing", code.as_str()));
        assert!(row.contains(&format!("| {} |", code.status())), "{row}");
    }
    for error in FieldError::ALL {
        assert!(row(error.as_str()).is_some(), "{} is missing", error.as_str());
    }
    let listed = first_column("## Errors", "| field error");
    let known = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(listed, known, "and no row is of an error that there is not");
}

#[test]
fn every_function_has_its_row_and_every_row_its_function() {
    // Composing the router is what registers the functions.
    let _linked: fn(server::state::AppState) -> axum::Router = server::build;
    let registered: BTreeSet<&str> = leptos::server_fn::axum::server_fn_paths()
        .map(|(path, _)| path.strip_prefix("/api/").unwrap())
        .collect();
    assert!(registered.len() > 20);
    assert_eq!(first_column("## Server functions", "### What they answer"), registered);
}

fn mentions() -> MentionsView {
    let user_id = UserId::from_bytes([1; 12]);
    MentionsView { all: true, people: vec![MentionView { user_id, name: String::new() }] }
}

fn message() -> MessageView {
    MessageView {
        id: MessageId::from_bytes([1; 12]),
        chat_id: ChatId::from_bytes([1; 12]),
        seq: Seq(1),
        ordinal: Ordinal(1),
        sender_id: UserId::from_bytes([1; 12]),
        sender_name: String::new(),
        sender_avatar: Some(AttachmentId::from_bytes([1; 12])),
        client_id: ClientId::from_bytes([1; 16]),
        body: String::new(),
        mentions: mentions(),
        created_at: Timestamp::default(),
        ..MessageView::default()
    }
}

fn member() -> MemberView {
    let avatar = Some(AttachmentId::from_bytes([1; 12]));
    let user = UserView { id: UserId::from_bytes([1; 12]), avatar, ..UserView::default() };
    MemberView { user, role: Role::Member, joined_at: Timestamp::default(), read: Some(Ordinal(1)) }
}

fn draft() -> DraftView {
    let reply_to = Some(QuoteView::of(&message()));
    DraftView {
        body: "half a thought".to_owned(),
        reply_to,
        ..DraftView::none(ClientId::from_bytes([1; 16]))
    }
}

fn chat() -> ChatView {
    ChatView {
        id: ChatId::from_bytes([1; 12]),
        kind: ChatKind::Group,
        name: None,
        description: "What it is about".to_owned(),
        avatar: Some(AttachmentId::from_bytes([1; 12])),
        members: vec![member()],
        member_count: 1,
        my_role: Role::Admin,
        mine: MyChatView::default(),
        mentioned: vec![Ordinal(1)],
        draft: Some(draft()),
        head: Seq(1),
        head_ordinal: Ordinal(1),
        last_message: Some(message()),
        created_at: Timestamp::default(),
    }
}

/// One of each that this version sends. A variant that is added has to be added here, or this does not compile.
fn events() -> Vec<EventBody> {
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
    let user_id = UserId::from_bytes([1; 12]);
    let all = vec![
        EventBody::NewMessage { message: message() },
        EventBody::MessageEdited {
            message_id: MessageId::from_bytes([1; 12]),
            ordinal: Ordinal(1),
            body: String::new(),
            mentions: mentions(),
        },
        EventBody::ReactionChanged {
            message_id: MessageId::from_bytes([1; 12]),
            emoji: "👍".to_owned(),
            on: true,
        },
        EventBody::PinChanged { message_id: MessageId::from_bytes([1; 12]), on: true },
        EventBody::MessageDeleted { message_id: MessageId::from_bytes([1; 12]), ordinal: Ordinal(1) },
        EventBody::MemberAdded { member: member() },
        EventBody::MemberRemoved { user_id },
        EventBody::RoleChanged { user_id, role: Role::Admin },
        EventBody::ChatRenamed { name: String::new() },
        EventBody::ChatDescribed { description: String::new() },
        EventBody::ChatAvatarChanged { avatar: Some(AttachmentId::from_bytes([1; 12])) },
        EventBody::ChatDeleted {},
    ];
    all.iter().for_each(all_are_below);
    all
}

/// The same for the other frames of the server.
fn notices() -> Vec<Notice> {
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
    let (user_id, chat_id) = (UserId::from_bytes([1; 12]), ChatId::from_bytes([1; 12]));
    let session_id = SessionId::from_bytes([1; 12]);
    let all = vec![
        Notice::Hello {
            user_id,
            session_id,
            heads: Heads::new(),
            online: vec![],
            mine: BTreeMap::new(),
            blocked: vec![],
            heartbeat_ms: 1,
        },
        Notice::MyChatChanged { chat_id, mine: MyChatView::default() },
        Notice::DraftChanged { chat_id, draft: draft() },
        Notice::BlockedChanged { user_id, blocked: true },
        Notice::Read { chat_id, readers: BTreeMap::new() },
        Notice::Typing { chat_id, user_id },
        Notice::ChatAdded { chat: Box::new(chat()) },
        Notice::ChatRemoved { chat_id },
        Notice::UserStatusChanged { user_id, status: PresenceStatus::Online, last_seen: None },
        Notice::UserChanged {
            user_id,
            display_name: String::new(),
            avatar: Some(AttachmentId::from_bytes([1; 12])),
        },
        Notice::Heads { heads: Heads::new() },
        Notice::Limited { chat_id, head: Seq(1) },
        Notice::Error { code: ErrorCode::Busy, message: String::new() },
        Notice::Bye { reconnect_after_ms: 1 },
    ];
    all.iter().for_each(all_are_below);
    all
}

/// And for those of the client.
fn client_frames() -> Vec<ClientFrame> {
    fn all_are_below(frame: &ClientFrame) {
        match frame {
            ClientFrame::Resume { .. } | ClientFrame::Typing { .. } | ClientFrame::Ping {} => {}
        }
    }
    let all = vec![
        ClientFrame::Resume { heads: Heads::new() },
        ClientFrame::Typing { chat_id: ChatId::from_bytes([1; 12]) },
        ClientFrame::Ping {},
    ];
    all.iter().for_each(all_are_below);
    all
}

/// The frame's row names its type and all its fields but those that are told of in common.
fn check(frame: &Value, in_common: &[&str]) -> String {
    let kind = frame["type"].as_str().unwrap();
    // `error` and `heads` are names of other things as well: look at the socket's part alone.
    let socket = PAGE.split("## The socket").nth(1).unwrap();
    let row = socket.lines().find(|line| line.starts_with(&format!("| `{kind}` |")));
    let row = row.unwrap_or_else(|| panic!("the frame {kind} is missing"));
    for name in frame.as_object().unwrap().keys() {
        if name != "type" && !in_common.contains(&name.as_str()) {
            assert!(row.contains(&format!("`{name}`")), "{name} of {kind} in {row}");
        }
    }
    kind.to_owned()
}

#[test]
fn every_frame_has_its_row_with_its_fields() {
    let mut known = BTreeSet::new();
    for body in events() {
        let (chat_id, actor_id) = (ChatId::from_bytes([1; 12]), UserId::from_bytes([1; 12]));
        let event = LogEvent {
            chat_id,
            seq: Seq(1),
            at: Timestamp::default(),
            actor_id,
            named: Default::default(),
            body,
        };
        let common = ["chat_id", "seq", "at", "actor_id"];
        known.insert(check(&serde_json::to_value(event).unwrap(), &common));
    }
    for notice in notices() {
        known.insert(check(&serde_json::to_value(notice).unwrap(), &[]));
    }
    for frame in client_frames() {
        known.insert(check(&serde_json::to_value(frame).unwrap(), &[]));
    }
    let listed: BTreeSet<String> =
        first_column("## The socket", "## Beside them").into_iter().map(str::to_owned).collect();
    assert_eq!(listed, known, "and no row is of a frame that there is not");
}

#[test]
fn every_field_of_an_answer_is_named() {
    let answers = PAGE.split("### What they answer").nth(1).unwrap().split("## The socket").next().unwrap();
    for (what, value) in [
        ("message", serde_json::to_value(message()).unwrap()),
        ("chat", serde_json::to_value(chat()).unwrap()),
        ("draft", serde_json::to_value(draft()).unwrap()),
        ("user", serde_json::to_value(member().user).unwrap()),
    ] {
        let entry = answers.split(&format!("- {what}: ")).nth(1).unwrap().split("\n- ").next().unwrap();
        for name in value.as_object().unwrap().keys() {
            assert!(entry.contains(&format!("`{name}`")), "{name} of a {what}");
        }
    }
}
