//! Scenarios of what is read, of receipts and of who is writing.

use super::{
    effects::Effects,
    model::Model,
    model_tests::{apply, event, hello, model, said},
    testing::{ADA, BEN, CHAT, CY, OTHER, group, message},
};
use crate::{
    domain::{ChatId, Ordinal, Seq, UserId},
    protocol::{DraftView, EventBody, LogEvent, MyChatView, Notice},
};

fn mine(revision: u64, read: u64, unread_from: Option<u64>) -> MyChatView {
    let unread_from = unread_from.map(Ordinal);
    MyChatView { revision, read: Ordinal(read), unread_from, ..MyChatView::default() }
}

fn told(model: &mut Model, chat_id: ChatId, mine: MyChatView) {
    apply(model, Notice::MyChatChanged { chat_id, mine });
}

fn own(seq: u64) -> LogEvent {
    event(seq, EventBody::NewMessage { message: message(seq, ADA, "mine") })
}

fn unread(model: &Model) -> u64 {
    model.chat(CHAT).map_or(0, |chat| chat.mine.unread(chat.head_ordinal))
}

fn bens(model: &Model) -> Option<u64> {
    let chat = model.chat(CHAT)?;
    Some(chat.members.iter().find(|member| member.user.id == BEN)?.read?.0)
}

#[test]
fn messages_of_others_are_unread_until_a_device_says_otherwise() {
    let mut model = model();
    (1..=3).for_each(|seq| drop(apply(&mut model, said(seq))));
    assert_eq!(unread(&model), 3);
    told(&mut model, CHAT, mine(1, 2, None));
    assert_eq!(unread(&model), 1);
    told(&mut model, CHAT, mine(1, 1, None));
    assert_eq!(unread(&model), 1, "that is older");
    told(&mut model, ChatId::from_bytes([5; 12]), mine(1, 2, None));
    assert!(model.chat(ChatId::from_bytes([5; 12])).is_none(), "nobody knows that chat");
}

#[test]
fn a_draft_is_none_once_its_message_is_stored_whichever_is_told_first() {
    let mut model = model();
    let id = message(1, ADA, "mine").client_id;
    let told = |model: &mut Model, revision, body: &str| {
        let draft = DraftView { body: body.into(), revision, since: 1, ..DraftView::none(id) };
        apply(model, Notice::DraftChanged { chat_id: CHAT, draft }).drafts
    };
    let shown = |model: &Model| Some(model.chat(CHAT)?.draft.clone()?.body);
    assert_eq!(shown(&model), None);
    assert_eq!(told(&mut model, 2, "mine")[0].1.body, "mine");
    told(&mut model, 1, "mi");
    assert_eq!(shown(&model).as_deref(), Some("mine"), "that is older");
    apply(&mut model, own(1));
    assert_eq!(shown(&model).as_deref(), Some(""));
    let late = told(&mut model, 3, "mine");
    assert!(late[0].1.is_empty());
    assert_eq!(shown(&model).as_deref(), Some(""));
    // A list that was read before says it as well.
    let mut listed = group();
    listed.draft = Some(DraftView { body: "mine".into(), revision: 4, ..DraftView::none(id) });
    model.adopt(listed);
    assert_eq!(shown(&model).as_deref(), Some(""));
    let nobodys = ChatId::from_bytes([5; 12]);
    assert_eq!(model.take_draft(nobodys, DraftView::none(id)), None, "nobody knows that chat");
}

#[test]
fn who_writes_has_read_whichever_comes_first() {
    let mut model = model();
    apply(&mut model, said(1));
    told(&mut model, CHAT, mine(3, 1, Some(1)));
    assert_eq!(unread(&model), 1);
    apply(&mut model, own(2));
    assert_eq!(unread(&model), 0);
    told(&mut model, CHAT, mine(3, 1, Some(1)));
    assert_eq!(unread(&model), 0, "that was before");
    // The answer to a send comes before its event, and the state from before it after both.
    model.note(&message(4, ADA, "mine"));
    apply(&mut model, said(3));
    told(&mut model, CHAT, mine(4, 2, None));
    assert_eq!(unread(&model), 0);
}

#[test]
fn a_greeting_and_an_answer_bring_what_was_missed() {
    let mut model = model();
    (1..=3).for_each(|seq| drop(apply(&mut model, said(seq))));
    let mut greeting = hello(ADA, &[(CHAT, 3), (OTHER, 0)]);
    if let Notice::Hello { mine: told, .. } = &mut greeting {
        told.insert(CHAT, mine(1, 3, None));
    }
    apply(&mut model, greeting);
    assert_eq!(unread(&model), 0);
    // An older view of the chat may say something later of its reader.
    let mut view = group();
    view.mine = mine(2, 3, Some(2));
    model.adopt(view);
    assert_eq!(unread(&model), 2);
    assert_eq!(model.chat(CHAT).map(|chat| chat.head), Some(Seq(3)));
}

#[test]
fn how_far_others_have_read_only_grows() {
    let mut model = model();
    let read = |model: &mut Model, reader: UserId, ordinal| {
        apply(model, Notice::Read { chat_id: CHAT, readers: [(reader, Ordinal(ordinal))].into() });
        bens(model)
    };
    assert_eq!(read(&mut model, BEN, 2), Some(2));
    assert_eq!(read(&mut model, BEN, 1), Some(2));
    assert_eq!(read(&mut model, CY, 7), Some(2), "not a member");
    (1..=3).for_each(|seq| drop(apply(&mut model, said(seq))));
    assert_eq!(bens(&model), Some(3), "who writes has read");
    let mut late = group();
    late.members.iter_mut().for_each(|member| member.read = Some(Ordinal(1)));
    (late.head, late.head_ordinal) = (Seq(3), Ordinal(3));
    model.adopt(late);
    assert_eq!(bens(&model), Some(3), "that answer is late");
    read(&mut model, ADA, 3);
    let ada =
        model.chat(CHAT).and_then(|chat| chat.members.iter().find(|member| member.user.id == ADA)?.read);
    assert_eq!(ada, Some(Ordinal(1)), "one's own state is told apart");
}

#[test]
fn who_is_writing_is_over_with_the_message_and_begins_after_it() {
    let mut model = model();
    let typing = |user_id| Notice::Typing { chat_id: CHAT, user_id };
    let mut together = |first: bool| {
        let mut effects = Effects::default();
        let seq = model.applied(CHAT).unwrap_or_default().0 + 1;
        if first {
            model.apply(typing(BEN).into(), &mut effects);
        }
        model.apply(said(seq).into(), &mut effects);
        if !first {
            model.apply(typing(BEN).into(), &mut effects);
        }
        effects.typing
    };
    assert_eq!(together(true), []);
    assert_eq!(together(false), [(CHAT, BEN)]);
    assert_eq!(apply(&mut model, typing(ADA)).typing, [], "that is oneself, elsewhere");
}
