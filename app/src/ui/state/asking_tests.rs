//! Scenarios of what is asked for and does not come, of logs that go back, and of very many chats.

use super::{
    effects::{Effects, slices},
    model::Model,
    model_tests::{apply, heads, hello, model, said},
    testing::{ADA, BEN, CHAT, CY, OTHER, group, member},
};
use crate::{
    domain::{ChatId, Ordinal, Role, Seq, limits},
    error::ErrorCode,
    protocol::{ChatView, EventBody, Heads, LogEvent, Notice},
};

const FAR: ChatId = ChatId::from_bytes([5; 12]);

fn effects(of: impl FnOnce(&mut Effects)) -> Effects {
    let mut effects = Effects::default();
    of(&mut effects);
    effects
}

fn refused(model: &mut Model) -> Effects {
    apply(model, Notice::Error { code: ErrorCode::TooManyRequests, message: String::new() })
}

fn view(id: ChatId, head: u64) -> ChatView {
    ChatView { id, head: Seq(head), head_ordinal: Ordinal(head), ..group() }
}

fn asked_again(model: &mut Model) -> Effects {
    effects(|out| model.ask_again(out))
}

#[test]
fn a_refused_resume_is_repeated_although_nothing_else_happens() {
    let mut model = model();
    let wanted = heads(&[(CHAT, 0)]);
    assert_eq!(apply(&mut model, hello(ADA, &[(CHAT, 4), (OTHER, 0)])).resume, wanted);
    for _ in 0..2 {
        assert!(refused(&mut model).retry);
        assert_eq!(asked_again(&mut model).resume, wanted);
    }
    // Once it was answered there is nothing to repeat.
    (1..=4).for_each(|seq| drop(apply(&mut model, said(seq))));
    refused(&mut model);
    assert_eq!(asked_again(&mut model), Effects::default());
}

#[test]
fn a_refused_resume_does_not_keep_the_next_event_from_asking() {
    let mut model = model();
    apply(&mut model, said(3));
    refused(&mut model);
    assert_eq!(apply(&mut model, said(4)).resume, heads(&[(CHAT, 0)]));
}

#[test]
fn a_resume_that_could_not_be_sent_and_a_chat_that_could_not_be_fetched_are_asked_for_again() {
    let mut model = model();
    let resume = apply(&mut model, said(3)).resume;
    model.not_sent(&resume);
    assert_eq!(asked_again(&mut model).resume, resume);
    apply(&mut model, Notice::Limited { chat_id: CHAT, head: Seq(900) });
    // While it is being fetched, a refusal of something else changes nothing.
    refused(&mut model);
    assert_eq!(asked_again(&mut model), Effects::default());
    model.catch_up_failed(CHAT);
    assert_eq!(asked_again(&mut model).resume, resume);
}

#[test]
fn a_list_that_could_not_be_fetched_is_asked_for_again() {
    let mut model = model();
    model.list_failed();
    assert!(asked_again(&mut model).refetch_list);
    assert!(!asked_again(&mut model).refetch_list);
}

#[test]
fn a_log_that_was_put_back_is_taken_over_anew() {
    let mut model = Model::new(Some(ADA), vec![view(CHAT, 90)], Vec::new());
    // The greeting alone proves nothing: it may be older than the last answer.
    assert_eq!(apply(&mut model, hello(ADA, &[(CHAT, 7)])).resume, heads(&[(CHAT, 90)]));
    let limited = Notice::Limited { chat_id: CHAT, head: Seq(7) };
    assert!(apply(&mut model, limited.clone()).restart.contains(&CHAT));
    assert_eq!(apply(&mut model, limited), Effects::default(), "once");
    model.catch_up_failed(CHAT);
    assert!(asked_again(&mut model).restart.contains(&CHAT));
    // What comes meanwhile belongs to the new log.
    assert_eq!(apply(&mut model, said(9)), Effects::default());
    let out = effects(|out| assert!(model.restarted(view(CHAT, 8), out)));
    assert_eq!(out.shown.len(), 1);
    assert_eq!(model.applied(CHAT), Some(Seq(9)));
    assert_eq!(model.chat(CHAT).map(|chat| chat.head), Some(Seq(9)));
}

#[test]
fn a_late_limited_of_an_older_resume_takes_nothing_back() {
    let mut model = model();
    apply(&mut model, hello(ADA, &[(CHAT, 900), (OTHER, 0)]));
    apply(&mut model, Notice::Limited { chat_id: CHAT, head: Seq(900) });
    effects(|out| model.caught_up(view(CHAT, 901), out));
    let late = apply(&mut model, Notice::Limited { chat_id: CHAT, head: Seq(900) });
    assert_eq!(late, Effects::default());
}

#[test]
fn chats_beyond_the_end_of_the_list_are_fetched_when_something_happens_in_them() {
    let mut model = model();
    let greeting = hello(ADA, &[(CHAT, 0), (OTHER, 0), (FAR, 3)]);
    assert!(apply(&mut model, greeting.clone()).refetch_list);
    effects(|out| model.listed(vec![group()], out));
    assert_eq!(apply(&mut model, greeting), Effects { heartbeat_ms: Some(10_000), ..Effects::default() });
    let beat = |head| Notice::Heads { heads: heads(&[(FAR, head)]) };
    assert_eq!(apply(&mut model, beat(3)), Effects::default(), "nothing has happened");
    assert!(apply(&mut model, beat(4)).fetch.contains(&FAR));
    assert_eq!(apply(&mut model, beat(4)), Effects::default(), "once");

    model.fetch_failed(FAR);
    assert!(asked_again(&mut model).fetch.contains(&FAR));
    // Something happened while it was fetched.
    apply(&mut model, beat(6));
    assert_eq!(effects(|out| model.fetched(view(FAR, 5), out)).resume, heads(&[(FAR, 5)]));
}

#[test]
fn heads_bring_a_chat_back_that_one_is_in_again() {
    let mut model = model();
    apply(&mut model, Notice::ChatRemoved { chat_id: CHAT });
    let out = apply(&mut model, Notice::Heads { heads: heads(&[(CHAT, 2)]) });
    assert!(out.fetch.contains(&CHAT));
    effects(|out| model.fetched(view(CHAT, 2), out));
    assert!(model.chat(CHAT).is_some());
}

#[test]
fn a_resume_of_very_many_chats_goes_in_frames_that_the_server_takes() {
    let many: Heads = (0..limits::CHATS_IN_LIST as u64 * 2 + 1)
        .map(|n| {
            let mut id = [0; 12];
            id[4..].copy_from_slice(&n.to_be_bytes());
            (ChatId::from_bytes(id), Seq(n))
        })
        .collect();
    let frames = slices(many.clone());
    assert_eq!(frames.iter().map(Heads::len).collect::<Vec<_>>(), [1_000, 1_000, 1]);
    assert_eq!(frames.into_iter().flatten().collect::<Heads>(), many);
    assert!(slices(Heads::new()).is_empty());
}

fn unreadable(seq: u64) -> LogEvent {
    LogEvent { body: EventBody::Unknown(serde_json::Map::new()), ..said(seq) }
}

#[test]
fn an_event_that_cannot_be_read_moves_the_log_on_and_does_nothing_else() {
    let mut model = model();
    assert_eq!(apply(&mut model, unreadable(1)), Effects::default());
    assert_eq!(model.applied(CHAT), Some(Seq(1)));
    assert_eq!(apply(&mut model, said(2)).shown.len(), 1);
    // It waits for its turn as every other does.
    assert_eq!(apply(&mut model, unreadable(4)).resume, heads(&[(CHAT, 2)]));
    apply(&mut model, said(5));
    assert_eq!(apply(&mut model, said(3)).shown.len(), 2);
    assert_eq!(model.applied(CHAT), Some(Seq(5)));
    assert_eq!(apply(&mut model, unreadable(4)), Effects::default());
}

/// The group of three as a list brings it: with its first two members only.
fn cut(head: u64) -> ChatView {
    ChatView { member_count: 3, ..view(CHAT, head) }
}

fn whole(head: u64) -> ChatView {
    let members = [ADA, BEN, CY].map(|user| member(user, Role::Member)).to_vec();
    ChatView { members, ..cut(head) }
}

#[test]
fn a_list_never_makes_a_whole_list_of_members_partial() {
    let mut model = Model::new(Some(ADA), vec![cut(0)], vec![]);
    let members = |model: &Model| model.chat(CHAT).map_or(0, |chat| chat.members.len());
    assert_eq!(members(&model), 2);
    effects(|out| model.fetched(whole(0), out));
    assert_eq!(members(&model), 3);
    // What the newer list tells of is asked for instead.
    assert_eq!(effects(|out| model.listed(vec![cut(1)], out)).resume, heads(&[(CHAT, 0)]));
    assert_eq!(members(&model), 3);
    apply(&mut model, said(1));
    assert_eq!(effects(|out| model.listed(vec![cut(1)], out)), Effects::default());
    assert_eq!((members(&model), model.applied(CHAT)), (3, Some(Seq(1))));
}
