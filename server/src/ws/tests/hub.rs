//! The hub by itself: who gets what, and what connecting and leaving at the same moment come to.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use app::{
    domain::{Seq, limits},
    ports::{BusMessage, SocketId},
    protocol::Heads,
    service::Actor,
};

use super::{chat, session, user};
use crate::ws::{
    close::Close,
    hub::{Hub, Registered, Socket},
    watch::Watch,
};

fn hub() -> Arc<Hub> {
    Arc::new(Hub::new())
}

pub fn connecting(hub: &Arc<Hub>, person: u8, id: u128) -> Registered {
    let seat = hub.reserve(user(person)).expect("a free seat");
    hub.register(seat, SocketId(id), Actor { user_id: user(person), session_id: session(person) })
}

pub fn connected(hub: &Arc<Hub>, person: u8, id: u128, chats: &[u8]) -> Registered {
    let registered = connecting(hub, person, id);
    let heads = heads(chats);
    hub.join(&registered.socket, &heads);
    hub.follow(&registered.socket, &heads, &heads);
    registered
}

pub fn heads(chats: &[u8]) -> Heads {
    chats.iter().map(|&n| (chat(n), Seq(0))).collect()
}

fn event(n: u8, seq: u64) -> BusMessage {
    BusMessage::Event { chat_id: chat(n), seq: Seq(seq), frame: format!("event {n}/{seq}").into() }
}

fn joined(n: u8, person: u8) -> BusMessage {
    let frame = "added".into();
    BusMessage::Joined { chat_id: chat(n), user_id: user(person), head: Seq(0), members: 0, frame }
}

pub fn left(n: u8, person: u8) -> BusMessage {
    BusMessage::Left { chat_id: chat(n), user_id: user(person), frame: "removed".into() }
}

fn deleted(n: u8) -> BusMessage {
    BusMessage::Deleted { chat_id: chat(n), frame: "removed".into() }
}

pub fn received(socket: &Socket) -> Vec<String> {
    let batch = socket.outbox.take(Instant::now());
    socket.outbox.written(Instant::now());
    batch.frames.iter().map(|(frame, _)| frame.to_string()).collect()
}

#[test]
fn events_reach_the_rooms_sockets_in_order_and_nobody_else() {
    let hub = hub();
    let (one, two) = (connected(&hub, 1, 1, &[1, 2]), connected(&hub, 2, 2, &[2]));
    for message in [event(1, 1), event(2, 1), event(1, 2), event(9, 1)] {
        assert!(hub.dispatch(&message).is_none());
    }
    assert_eq!(received(&one.socket), ["event 1/1", "event 2/1", "event 1/2"]);
    assert_eq!(received(&two.socket), ["event 2/1"]);
}

#[test]
fn whoever_is_removed_gets_that_and_nothing_after_it() {
    let hub = hub();
    let (one, two) = (connected(&hub, 1, 1, &[1]), connected(&hub, 2, 2, &[1]));
    for message in [event(1, 1), left(1, 1), event(1, 2), deleted(1), event(1, 3)] {
        hub.dispatch(&message);
    }
    assert_eq!(received(&one.socket), ["event 1/1", "removed"]);
    assert_eq!(received(&two.socket), ["event 1/1", "event 1/2", "removed"]);
    assert!(!hub.is_in(&two.socket, chat(1)));
}

#[test]
fn whoever_joins_is_told_before_the_first_event() {
    let hub = hub();
    let (one, tab) = (connected(&hub, 1, 1, &[]), connected(&hub, 1, 2, &[]));
    for message in [event(1, 1), joined(1, 1), event(1, 2)] {
        hub.dispatch(&message);
    }
    assert_eq!(received(&one.socket), ["added", "event 1/2"]);
    assert_eq!(received(&tab.socket), ["added", "event 1/2"]);
}

#[test]
fn an_event_during_the_connecting_is_in_the_heads_or_in_the_queue() {
    let hub = hub();
    let one = connecting(&hub, 1, 1);
    hub.join(&one.socket, &heads(&[1]));
    hub.dispatch(&event(1, 1));
    // The store was read before the event was committed; the hub knows of it all the same.
    let told = hub.follow(&one.socket, &heads(&[1]), &heads(&[1]));
    assert_eq!(told, Heads::from([(chat(1), Seq(1))]));
    assert_eq!(received(&one.socket), [""; 0]);
    hub.dispatch(&event(1, 2));
    assert_eq!(received(&one.socket), ["event 1/2"]);
}

#[test]
fn a_list_of_chats_that_was_read_before_a_removal_does_not_undo_it() {
    for gone in [left(1, 1), deleted(1)] {
        // Between the list and the join, …
        let hub = hub();
        let one = connecting(&hub, 1, 1);
        hub.dispatch(&gone);
        hub.join(&one.socket, &heads(&[1, 2]));
        assert!(!hub.is_in(&one.socket, chat(1)) && hub.is_in(&one.socket, chat(2)));
        // … and between the second list and the end of the connecting.
        let told = hub.follow(&one.socket, &heads(&[1, 2]), &heads(&[1, 2]));
        assert_eq!(told.into_keys().collect::<Vec<_>>(), [chat(2)]);
    }
    // The second list alone tells of it, because the news is late.
    let hub = hub();
    let one = connecting(&hub, 1, 1);
    hub.join(&one.socket, &heads(&[1, 2]));
    let told = hub.follow(&one.socket, &heads(&[1, 2]), &heads(&[2]));
    assert_eq!(told, heads(&[2]));
    hub.dispatch(&event(1, 1));
    assert_eq!(received(&one.socket), [""; 0]);
}

#[test]
fn a_list_of_chats_that_was_read_before_somebody_came_back_does_not_undo_that_either() {
    let hub = hub();
    let one = connecting(&hub, 1, 1);
    hub.join(&one.socket, &heads(&[1]));
    hub.dispatch(&left(1, 1));
    hub.dispatch(&joined(1, 1));
    let told = hub.follow(&one.socket, &heads(&[1]), &heads(&[]));
    assert_eq!(told, heads(&[1]));
    assert!(hub.is_in(&one.socket, chat(1)));
}

#[test]
fn a_dropped_socket_leaves_nothing_behind_and_frees_its_seat() {
    let hub = hub();
    let sockets: Vec<_> =
        (0..limits::SOCKETS_PER_USER as u128).map(|id| connected(&hub, 1, id, &[1])).collect();
    assert!(hub.reserve(user(1)).is_none());
    assert!(hub.reserve(user(2)).is_some(), "another person has seats of their own");
    drop(sockets);
    assert_eq!(hub.count(), 0);
    assert!(hub.reserve(user(1)).is_some());
    assert_eq!(format!("{hub:?}"), "Hub { sockets: 0, users: 0, rooms: 0, connecting: 0 }");
}

#[test]
fn ending_a_session_closes_its_sockets_alone() {
    let hub = hub();
    let (one, two) = (connected(&hub, 1, 1, &[1]), connected(&hub, 2, 2, &[1]));
    hub.dispatch(&BusMessage::SessionsEnded(vec![session(1), session(9)]));
    assert_eq!(one.socket.outbox.closing_reason(), Some(Close::SessionEnded));
    assert_eq!(two.socket.outbox.closing_reason(), None);
}

#[test]
fn a_status_is_told_once_however_many_chats_are_shared_and_not_to_oneself() {
    let hub = hub();
    let (one, two) = (connected(&hub, 1, 1, &[1, 2]), connected(&hub, 2, 2, &[1, 2, 3]));
    let chats = vec![chat(1), chat(2), chat(3)];
    hub.dispatch(&BusMessage::Status {
        user_id: user(1),
        chats,
        except: Vec::new(),
        frame: "online".into(),
        seen: None,
    });
    assert_eq!(received(&one.socket), [""; 0]);
    assert_eq!(received(&two.socket), ["online"]);
}

#[test]
fn another_name_is_told_once_and_also_to_ones_own_devices() {
    let hub = hub();
    let (one, two) = (connected(&hub, 1, 1, &[1, 2]), connected(&hub, 2, 2, &[1, 2, 3]));
    // One more device of the same person, which is in no room yet; and somebody who shares no chat.
    let (other, outside) = (connected(&hub, 1, 3, &[]), connected(&hub, 3, 4, &[4]));
    let chats = vec![chat(1), chat(2), chat(3)];
    hub.dispatch(&BusMessage::UserChanged { user_id: user(1), chats, frame: "renamed".into() });
    for told in [&one, &two, &other] {
        assert_eq!(received(&told.socket), ["renamed"]);
    }
    assert_eq!(received(&outside.socket), [""; 0]);
}

#[test]
fn a_status_is_not_told_to_whom_is_blocked_and_says_since_when_to_those_who_show_that_of_themselves() {
    let hub = hub();
    let all: Vec<_> = (1..=4).map(|person| connected(&hub, person, person.into(), &[1])).collect();
    all[2].socket.tell_last_seen(true);
    hub.dispatch(&BusMessage::Status {
        user_id: user(1),
        chats: vec![chat(1)],
        except: vec![user(2)],
        frame: "gone".into(),
        seen: Some("gone since".into()),
    });
    let told: Vec<_> = all.iter().map(|one| received(&one.socket)).collect();
    assert_eq!(told, [vec![""; 0], vec![], vec!["gone since"], vec!["gone"]]);
    hub.dispatch(&BusMessage::LastSeen { user_id: user(3), on: false });
    hub.dispatch(&BusMessage::LastSeen { user_id: user(4), on: true });
    assert_eq!(
        all.iter().map(|one| one.socket.is_told_last_seen()).collect::<Vec<_>>(),
        [false, false, false, true]
    );
}

#[test]
fn that_somebody_is_writing_is_not_told_to_whom_is_blocked() {
    let hub = hub();
    let all: Vec<_> = (1..=3).map(|person| connected(&hub, person, person.into(), &[1])).collect();
    let except = vec![user(2)];
    let writing = BusMessage::Typing { chat_id: chat(1), user_id: user(1), except, frame: "typing".into() };
    hub.dispatch(&writing);
    let told: Vec<_> = all.iter().map(|one| received(&one.socket)).collect();
    assert_eq!(told, [vec![""; 0], vec![], vec!["typing"]]);
}

#[test]
fn what_is_for_one_person_alone_reaches_all_of_their_sockets_also_those_that_still_connect() {
    let hub = hub();
    let (one, other) = (connected(&hub, 1, 1, &[1]), connected(&hub, 1, 2, &[]));
    let (connecting, stranger) = (connecting(&hub, 1, 3), connected(&hub, 2, 4, &[1]));
    hub.dispatch(&BusMessage::Own { user_id: user(1), frame: "own".into() });
    for socket in [&one, &other, &connecting] {
        assert_eq!(received(&socket.socket), ["own"]);
    }
    assert_eq!(received(&stranger.socket), [""; 0]);
}

#[test]
fn a_head_that_moved_is_told_with_two_heartbeats_and_never_goes_back() {
    let hub = hub();
    let one = connected(&hub, 1, 1, &[1]);
    let beat = || {
        hub.tell_heads(|_, head| Ok(format!("head {head}").into())).unwrap();
        received(&one.socket)
    };
    assert_eq!(beat(), [""; 0], "nothing happened since it joined");
    hub.observe_head(chat(1), Seq(7));
    hub.observe_head(chat(1), Seq(5));
    assert_eq!((beat(), beat(), beat()), (vec!["head 7".to_owned()], vec!["head 7".to_owned()], vec![]));
    // Somebody who connects brings a head that was never published here.
    let two = connecting(&hub, 2, 2);
    hub.join(&two.socket, &Heads::from([(chat(1), Seq(9))]));
    assert_eq!(beat(), ["head 9"]);
}

#[test]
fn a_stopping_node_sends_everybody_away_spread_out_and_later_ones_at_once() {
    let hub = hub();
    let sockets: Vec<_> = (0..100).map(|n| connected(&hub, n, u128::from(n), &[1])).collect();
    hub.send_away();
    let mut times: Vec<_> = sockets
        .iter()
        .map(|one| match one.socket.outbox.closing_reason() {
            Some(Close::Restart { reconnect_after_ms }) => reconnect_after_ms,
            other => panic!("{other:?}"),
        })
        .collect();
    times.sort();
    assert_eq!(times.first(), Some(&100));
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "no two at once");
    let late = connecting(&hub, 200, 200);
    assert!(matches!(late.socket.outbox.closing_reason(), Some(Close::Restart { .. })));
}

#[test]
fn a_heartbeat_reaches_everybody_and_closes_whoever_was_not_heard_from() {
    let hub = hub();
    let (one, two) = (connected(&hub, 1, 1, &[]), connected(&hub, 2, 2, &[]));
    let silence = Duration::from_secs(45);
    let later = Instant::now() + Duration::from_secs(60);
    hub.heard_from(&two.socket, later - Duration::from_secs(40));
    hub.beat(&"beat".into(), silence, later);
    assert_eq!(one.socket.outbox.closing_reason(), Some(Close::Silent));
    let batch = two.socket.outbox.take(later);
    assert_eq!((batch.frames.len(), batch.ping), (1, true));
}

#[test]
fn lost_news_are_made_good_unless_others_came_while_they_were_looked_for() {
    let hub = hub();
    let one = connected(&hub, 1, 1, &[1]);
    for (chats, differs) in [(&[1][..], false), (&[1, 2], true), (&[], true), (&[2], true)] {
        assert_eq!(hub.differs(user(1), &heads(chats)), differs, "{chats:?}");
    }
    let watch = Watch::new(hub.clone(), user(1));
    hub.dispatch(&left(3, 1));
    watch.settle(&heads(&[1, 2, 3])).unwrap();
    let told = received(&one.socket);
    assert_eq!((told.len(), told[0].as_str()), (2, "removed"));
    assert!(told[1].contains("heads") && told[1].contains(&chat(2).to_string()));
    assert!(hub.is_in(&one.socket, chat(2)) && !hub.is_in(&one.socket, chat(3)));

    // The list was read before they were added to one chat again, and to another.
    let watch = Watch::new(hub.clone(), user(1));
    hub.dispatch(&left(2, 1));
    hub.dispatch(&joined(2, 1));
    hub.dispatch(&joined(4, 1));
    received(&one.socket);
    watch.settle(&heads(&[])).unwrap();
    let told = received(&one.socket);
    assert!(told.len() == 1 && told[0].contains("chat_removed") && told[0].contains(&chat(1).to_string()));
    let is_in = [1, 2, 4].map(|n| hub.is_in(&one.socket, chat(n)));
    assert_eq!(is_in, [false, true, true]);
    // What is noted goes with the watch, also if nothing came of it.
    drop(Watch::new(hub.clone(), user(1)));
    assert!(format!("{hub:?}").contains("connecting: 0"), "{hub:?}");
}

#[test]
fn all_sessions_get_their_turn() {
    let hub = hub();
    let _sockets: Vec<_> = (0..5).map(|n| connected(&hub, n, u128::from(n), &[])).collect();
    let first = hub.sessions(None, 3);
    assert_eq!(first.len(), 3);
    let second = hub.sessions(first.keys().next_back().copied(), 3);
    assert_eq!(second.keys().copied().collect::<Vec<_>>(), [session(3), session(4)]);
}

#[tokio::test]
async fn a_bus_is_told_of_rooms_that_open_and_close() {
    let hub = hub();
    let notify = Arc::new(tokio::sync::Notify::new());
    hub.follow_rooms(notify.clone());
    notify.notified().await;
    let ada = connected(&hub, 1, 1, &[1, 2]);
    notify.notified().await;
    assert_eq!(hub.moved_rooms(), [chat(1), chat(2)].into());
    let bob = connected(&hub, 2, 2, &[1]);
    assert!(hub.moved_rooms().is_empty(), "the room was open");
    drop(ada);
    assert_eq!(hub.moved_rooms(), [chat(2)].into());
    hub.dispatch(&deleted(1));
    assert_eq!(hub.moved_rooms(), [chat(1)].into());
    assert!(hub.open_rooms().is_empty());
    drop(bob);
}

#[tokio::test]
async fn who_joins_a_chat_that_went_on_is_told_so_and_looked_at() {
    let hub = hub();
    hub.follow_rooms(Arc::new(tokio::sync::Notify::new()));
    let _ada = connected(&hub, 1, 1, &[1]);
    let bob = connected(&hub, 2, 2, &[]);
    hub.dispatch(&event(1, 3));
    // Another node added Bob before it, and says so later.
    hub.dispatch(&joined(1, 2));
    let heads = format!("{{\"type\":\"heads\",\"heads\":{{\"{}\":3}}}}", chat(1));
    assert_eq!(received(&bob.socket), ["added", &heads]);
    assert_eq!(hub.doubts.take().await.people, [user(2)].into());
}
