//! Scenarios of the socket's frames, orderly and not.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::{
    effects::Effects,
    model::Model,
    testing::{ADA, BEN, CHAT, CY, OTHER, direct, group, member, message},
    timeline::Timeline,
};
use crate::{
    domain::{AttachmentId, ChatId, Ordinal, Role, Seq, SessionId, Timestamp, UserId},
    protocol::{ChatView, EventBody, Heads, HistoryPage, LogEvent, Notice, PresenceStatus, ServerFrame},
};

pub(super) fn event(seq: u64, body: EventBody) -> LogEvent {
    LogEvent {
        chat_id: CHAT,
        seq: Seq(seq),
        at: Timestamp::default(),
        actor_id: BEN,
        named: Default::default(),
        body,
    }
}

pub(super) fn said(seq: u64) -> LogEvent {
    event(seq, EventBody::NewMessage { message: message(seq, BEN, &format!("message {seq}")) })
}

fn renamed(seq: u64, name: &str) -> LogEvent {
    event(seq, EventBody::ChatRenamed { name: name.into() })
}

pub(super) fn model() -> Model {
    Model::new(Some(ADA), vec![group(), direct()], vec![BEN])
}

pub(super) fn apply(model: &mut Model, frame: impl Into<ServerFrame>) -> Effects {
    let mut effects = Effects::default();
    model.apply(frame.into(), &mut effects);
    effects
}

pub(super) fn heads(of: &[(ChatId, u64)]) -> Heads {
    of.iter().map(|(chat, seq)| (*chat, Seq(*seq))).collect()
}

pub(super) fn hello(user_id: UserId, of: &[(ChatId, u64)]) -> Notice {
    let session_id = SessionId::from_bytes([9; 12]);
    Notice::Hello {
        user_id,
        session_id,
        heads: heads(of),
        online: vec![CY],
        mine: Default::default(),
        blocked: Vec::new(),
        heartbeat_ms: 10_000,
    }
}

fn name(model: &Model) -> Option<&str> {
    model.chat(CHAT).and_then(|chat| chat.name.as_deref())
}

pub(super) fn shown(effects: &Effects) -> Vec<u64> {
    effects.shown.iter().map(|message| message.seq.0).collect()
}

#[test]
fn the_next_event_is_applied_and_moves_its_chat_to_the_top() {
    let mut model = model();
    assert_eq!(shown(&apply(&mut model, said(1))), [1]);
    let first = &model.sorted()[0];
    assert_eq!((first.id, first.head, first.head_ordinal), (CHAT, Seq(1), Ordinal(1)));
    assert_eq!(model.applied(CHAT), Some(Seq(1)));
}

#[test]
fn a_later_event_waits_until_the_hole_is_filled_which_is_asked_for_once() {
    let mut model = model();
    let effects = apply(&mut model, said(3));
    assert_eq!(effects.resume, heads(&[(CHAT, 0)]));
    assert!(effects.shown.is_empty());
    assert_eq!(apply(&mut model, said(2)), Effects::default());
    assert_eq!(shown(&apply(&mut model, said(1))), [1, 2, 3]);
}

#[test]
fn what_was_applied_is_not_applied_again() {
    let mut model = model();
    apply(&mut model, renamed(1, "First"));
    apply(&mut model, renamed(2, "Second"));
    apply(&mut model, renamed(1, "First"));
    assert_eq!(name(&model), Some("Second"));
}

#[test]
fn heads_reveal_a_lost_tail_and_unknown_chats() {
    let mut model = model();
    let unknown = ChatId::from_bytes([5; 12]);
    let effects = apply(&mut model, Notice::Heads { heads: heads(&[(CHAT, 2), (OTHER, 0), (unknown, 1)]) });
    assert_eq!(effects.resume, heads(&[(CHAT, 0)]));
    assert!(effects.fetch.contains(&unknown));
}

#[test]
fn an_answer_may_come_before_its_event() {
    let mut model = model();
    let mut view = group();
    view.name = Some("New".into());
    view.head = Seq(2);
    model.adopt(view);
    // The log is not skipped: what happened before the answer still comes, and changes nothing back.
    assert_eq!(shown(&apply(&mut model, said(1))), [1]);
    apply(&mut model, renamed(2, "New"));
    assert_eq!((name(&model), model.applied(CHAT)), (Some("New"), Some(Seq(2))));
    model.adopt(group());
    assert_eq!(name(&model), Some("New"));
}

#[test]
fn members_come_go_and_change_roles() {
    let mut model = model();
    apply(&mut model, event(1, EventBody::MemberAdded { member: member(CY, Role::Member) }));
    apply(&mut model, event(2, EventBody::RoleChanged { user_id: ADA, role: Role::Admin }));
    apply(&mut model, event(3, EventBody::MemberRemoved { user_id: BEN }));
    let members = |model: &Model| {
        let chat = model.chat(CHAT).cloned().unwrap_or_else(|| Arc::new(group()));
        (
            chat.members.iter().map(|member| member.user.id).collect::<Vec<_>>(),
            chat.member_count,
            chat.my_role,
        )
    };
    assert_eq!(members(&model), (vec![ADA, CY], 2, Role::Admin));
}

#[test]
fn being_removed_takes_the_chat_away_until_one_is_added_again() {
    let mut model = model();
    apply(&mut model, event(1, EventBody::MemberRemoved { user_id: ADA }));
    // A late answer does not bring it back, and its late events ask for nothing.
    model.adopt(group());
    assert!(model.chat(CHAT).is_none());
    assert_eq!(apply(&mut model, said(2)), Effects::default());
    assert_eq!(apply(&mut model, Notice::ChatRemoved { chat_id: CHAT }), Effects::default());
    apply(&mut model, Notice::ChatAdded { chat: Box::new(group()) });
    assert!(model.chat(CHAT).is_some());
}

#[test]
fn a_deleted_chat_is_gone() {
    let mut model = model();
    apply(&mut model, event(1, EventBody::ChatDeleted {}));
    assert!(model.chat(CHAT).is_none());
}

#[test]
fn a_greeting_is_compared_with_what_is_known() {
    let mut model = model();
    let effects = apply(&mut model, hello(ADA, &[(CHAT, 4), (ChatId::from_bytes([5; 12]), 1)]));
    assert_eq!(effects.resume, heads(&[(CHAT, 0)]));
    assert!(model.chat(OTHER).is_none());
    assert!(effects.refetch_list);
    assert_eq!(effects.heartbeat_ms, Some(10_000));
    assert!(model.is_online(CY) && !model.is_online(BEN));
    assert!(apply(&mut model, hello(BEN, &[])).other_account);
}

#[test]
fn people_come_and_go() {
    let mut model = model();
    let mut turn = |status| {
        apply(&mut model, Notice::UserStatusChanged { user_id: BEN, status, last_seen: None });
        model.is_online(BEN)
    };
    assert!(!turn(PresenceStatus::Offline));
    assert!(turn(PresenceStatus::Online));
}

#[test]
fn a_name_that_was_changed_meanwhile_is_in_every_chat_after_an_answer() {
    let mut model = model();
    let mut view = model.chat(CHAT).map(|chat| (**chat).clone()).unwrap_or_else(group);
    for member in view.members.iter_mut().filter(|member| member.user.id == BEN) {
        member.user.display_name = "Benjamin".into();
    }
    let mut effects = Effects::default();
    model.fetched(view.clone(), &mut effects);
    assert_eq!(effects.users, [(BEN, "Benjamin".to_owned(), None)]);
    for chat in [CHAT, OTHER] {
        let chat = model.chat(chat).cloned().unwrap_or_else(|| Arc::new(group()));
        let ben = chat.members.iter().find(|member| member.user.id == BEN);
        assert_eq!(ben.map(|member| member.user.display_name.as_str()), Some("Benjamin"));
    }
    let mut effects = Effects::default();
    model.fetched(view, &mut effects);
    assert_eq!(effects.users, [], "it is known");
}

#[test]
fn who_has_another_name_and_picture_has_them_in_every_chat() {
    let mut model = model();
    let avatar = Some(AttachmentId::from_bytes([5; 12]));
    let changed = || Notice::UserChanged { user_id: BEN, display_name: "Benjamin".into(), avatar };
    let effects = apply(&mut model, changed());
    assert_eq!(effects.users, [(BEN, "Benjamin".to_owned(), avatar)]);
    for chat in [CHAT, OTHER] {
        let view = model.chat(chat).cloned().unwrap_or_else(|| Arc::new(group()));
        let shown =
            |user| view.members.iter().find(|member| member.user.id == user).map(|member| &member.user);
        assert_eq!(
            shown(BEN).map(|user| (user.display_name.as_str(), user.avatar)),
            Some(("Benjamin", avatar))
        );
        assert_eq!(shown(ADA).and_then(|user| user.avatar), None);
    }
    let before = model.chat(CHAT).cloned();
    apply(&mut model, changed());
    assert!(before.zip(model.chat(CHAT).cloned()).is_some_and(|(one, other)| Arc::ptr_eq(&one, &other)));
}

#[test]
fn the_picture_of_a_group_is_that_of_its_log() {
    let mut model = model();
    let avatar = Some(AttachmentId::from_bytes([5; 12]));
    let mut shown = |seq, avatar| {
        let effects = apply(&mut model, event(seq, EventBody::ChatAvatarChanged { avatar }));
        assert_eq!(effects.happened.len(), 1, "a line between the messages");
        model.chat(CHAT).and_then(|chat| chat.avatar)
    };
    assert_eq!(shown(1, avatar), avatar);
    assert_eq!(shown(2, None), None);
}

#[test]
fn when_somebody_was_last_there_is_taken_in_until_a_socket_is_opened() {
    let mut model = model();
    let at = Some(Timestamp::from_millis(5));
    let gone = PresenceStatus::Offline;
    apply(&mut model, Notice::UserStatusChanged { user_id: BEN, status: gone, last_seen: at });
    assert_eq!((model.people().last_seen(BEN), model.people().is_stale(BEN)), (at, false));
    apply(&mut model, hello(ADA, &[(CHAT, 0)]));
    assert_eq!((model.people().last_seen(BEN), model.people().is_stale(BEN)), (at, true), "asked for anew");
    model.forget_seen();
    assert_eq!(model.people().last_seen(BEN), None);
}

#[test]
fn whom_one_has_blocked_follows_notices_and_greetings_and_what_mentions_one_is_asked_for_anew() {
    let mut model = model();
    let told = |blocked| Notice::BlockedChanged { user_id: BEN, blocked };
    assert!(apply(&mut model, told(true)).refetch_list);
    assert_eq!(apply(&mut model, told(true)), Effects::default(), "no news");
    assert!(model.people().is_blocked(BEN));
    let Notice::Hello { user_id, session_id, heads, online, mine, heartbeat_ms, .. } =
        hello(ADA, &[(CHAT, 0)])
    else {
        panic!("a greeting");
    };
    let greeting = |blocked| Notice::Hello {
        user_id,
        session_id,
        heads: heads.clone(),
        online: online.clone(),
        mine: mine.clone(),
        blocked,
        heartbeat_ms,
    };
    apply(&mut model, greeting(vec![BEN]));
    assert!(model.people().is_blocked(BEN));
    apply(&mut model, greeting(Vec::new()));
    assert!(!model.people().is_blocked(BEN));
}

#[test]
fn a_limited_resume_fetches_the_chat_once_and_goes_on_from_there() {
    let mut model = model();
    let limited = Notice::Limited { chat_id: CHAT, head: Seq(900) };
    assert!(apply(&mut model, limited.clone()).refetch.contains(&CHAT));
    assert_eq!(apply(&mut model, limited.clone()), Effects::default());
    // What comes meanwhile waits.
    assert_eq!(apply(&mut model, said(902)), Effects::default());
    let mut view = group();
    view.head = Seq(901);
    view.head_ordinal = Ordinal(901);
    let mut effects = Effects::default();
    model.caught_up(view, &mut effects);
    assert_eq!(shown(&effects), [902]);
    assert_eq!(model.applied(CHAT), Some(Seq(902)));

    apply(&mut model, Notice::Limited { chat_id: CHAT, head: Seq(2_000) });
    model.catch_up_failed(CHAT);
    let effects = apply(&mut model, Notice::Heads { heads: heads(&[(CHAT, 2_000)]) });
    assert_eq!(effects.resume, heads(&[(CHAT, 902)]));
}

#[test]
fn what_waits_for_a_hole_is_bounded() {
    let mut model = model();
    for seq in 2..=2_000 {
        apply(&mut model, said(seq));
    }
    let brought = shown(&apply(&mut model, said(1)));
    assert_eq!(brought.len(), 501);
}

#[test]
fn ones_own_stored_message_is_noted_before_its_event() {
    let mut model = model();
    model.note(&message(2, ADA, "mine"));
    apply(&mut model, said(1));
    let last = |model: &Model| Some(model.chat(CHAT)?.last_message.as_ref()?.seq.0);
    assert_eq!(last(&model), Some(2));
    apply(&mut model, event(2, EventBody::NewMessage { message: message(2, ADA, "mine") }));
    assert_eq!(last(&model), Some(2));
}

/// A small generator of chance, so that a failure can be repeated by its seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        // Knuth's MMIX constants; the low bits are poor.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// A server with one chat, on a line that loses, doubles and reorders.
struct Server {
    log: Vec<LogEvent>,
    view: ChatView,
    line: VecDeque<ServerFrame>,
    chance: Chance,
    lossy: bool,
}

/// Events that a resume brings inline here.
const INLINE: usize = 12;

impl Server {
    fn happen(&mut self) {
        let seq = self.log.len() as u64 + 1;
        let body = match self.chance.below(8) {
            0 => {
                self.view.name = Some(format!("Team {seq}"));
                EventBody::ChatRenamed { name: format!("Team {seq}") }
            }
            1 if self.view.members.iter().any(|present| present.user.id == CY) => {
                self.view.members.retain(|present| present.user.id != CY);
                self.view.member_count -= 1;
                EventBody::MemberRemoved { user_id: CY }
            }
            1 => {
                self.view.members.push(member(CY, Role::Member));
                self.view.member_count += 1;
                EventBody::MemberAdded { member: member(CY, Role::Member) }
            }
            _ => {
                let mut new = message(seq, BEN, &format!("message {seq}"));
                new.ordinal = self.view.head_ordinal.next();
                self.view.head_ordinal = new.ordinal;
                self.view.last_message = Some(new.clone());
                EventBody::NewMessage { message: new }
            }
        };
        self.view.head = Seq(seq);
        self.log.push(event(seq, body));
        self.post(self.log[self.log.len() - 1].clone().into());
    }

    fn post(&mut self, frame: ServerFrame) {
        if self.lossy && self.chance.one_in(4) {
            return;
        }
        let place = if self.lossy { self.chance.below(4).min(self.line.len()) } else { 0 };
        let place = self.line.len() - place;
        if self.lossy && self.chance.one_in(5) {
            self.line.push_back(frame.clone());
        }
        self.line.insert(place, frame);
    }

    fn heads(&mut self) {
        let heads = heads(&[(CHAT, self.log.len() as u64)]);
        self.post(Notice::Heads { heads }.into());
    }

    fn resume(&mut self, after: Seq) {
        let missed: Vec<_> = self.log.iter().filter(|event| event.seq > after).cloned().collect();
        if missed.len() > INLINE {
            let head = Seq(self.log.len() as u64);
            self.post(Notice::Limited { chat_id: CHAT, head }.into());
        } else {
            missed.into_iter().for_each(|event| self.post(event.into()));
        }
    }

    fn page_after(&self, after: Seq) -> HistoryPage {
        let messages =
            self.log.iter().filter(|event| event.seq > after).filter_map(|event| match &event.body {
                EventBody::NewMessage { message } => Some(message.clone()),
                _ => None,
            });
        HistoryPage { messages: messages.collect(), events: Vec::new(), has_older: true, has_newer: false }
    }
}

/// A browser that does what the effects say; fetching takes a while and sometimes fails.
struct Browser {
    model: Model,
    timeline: Timeline,
    fetching: Option<(Seq, usize)>,
    seen: BTreeMap<u64, u32>,
}

impl Browser {
    fn carry_out(&mut self, effects: Effects, server: &mut Server) {
        for message in effects.shown {
            if self.timeline.arrive(Arc::new(message.clone())) {
                *self.seen.entry(message.seq.0).or_default() += 1;
            }
        }
        for after in effects.resume.into_values() {
            server.resume(after);
        }
        if !effects.restart.is_empty() {
            let mut effects = Effects::default();
            let is_new = self.model.restarted(server.view.clone(), &mut effects);
            assert!(!is_new, "the log never went back");
            self.carry_out(effects, server);
        }
        if !effects.refetch.is_empty() {
            assert!(self.fetching.is_none(), "fetched twice at once");
            let after = self.model.applied(CHAT).unwrap_or_default();
            self.fetching = Some((after, 3));
        }
    }

    fn step(&mut self, server: &mut Server) {
        if let Some((after, left)) = self.fetching.take() {
            if left > 0 {
                self.fetching = Some((after, left - 1));
            } else if server.lossy && server.chance.one_in(2) {
                self.model.catch_up_failed(CHAT);
            } else {
                self.timeline.append(server.page_after(after));
                let mut effects = Effects::default();
                self.model.caught_up(server.view.clone(), &mut effects);
                self.carry_out(effects, server);
            }
        }
        if let Some(frame) = server.line.pop_front() {
            let effects = apply(&mut self.model, frame);
            self.carry_out(effects, server);
        }
    }
}

#[test]
fn whatever_is_lost_doubled_or_reordered_the_browser_ends_up_with_the_log() {
    for seed in 0..400 {
        let mut server = Server {
            log: Vec::new(),
            view: group(),
            line: VecDeque::new(),
            chance: Chance(seed),
            lossy: true,
        };
        let mut browser = Browser {
            model: model(),
            timeline: Timeline::ready(CHAT, HistoryPage::default()),
            fetching: None,
            seen: BTreeMap::new(),
        };
        for _ in 0..300 {
            match server.chance.below(6) {
                0..=1 => server.happen(),
                2 if server.chance.one_in(4) => server.heads(),
                _ => browser.step(&mut server),
            }
        }
        // The line is good again: the next heads heal everything, and then there is nothing left to do.
        server.lossy = false;
        for _ in 0..4 {
            server.heads();
            while !server.line.is_empty() || browser.fetching.is_some() {
                browser.step(&mut server);
            }
        }
        let head = Seq(server.log.len() as u64);
        assert_eq!(browser.model.applied(CHAT), Some(head), "seed {seed}");
        assert_eq!(browser.model.chat(CHAT).map(|chat| &**chat), Some(&server.view), "seed {seed}");
        let shown: Vec<_> = browser.timeline.messages().iter().map(|message| (**message).clone()).collect();
        assert_eq!(shown, server.page_after(Seq(0)).messages, "seed {seed}");
        assert!(browser.seen.values().all(|times| *times == 1), "seed {seed}");
    }
}
