//! What is told of reading, by the hub and the audit alone.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use app::{
    domain::{Ordinal, Seq, UserId, limits},
    ports::{BusMessage, Place, Places},
    protocol::MyChatView,
};

use super::{
    chat,
    hub::{connected, connecting, heads, left, received},
    session,
    store::MemoryStore,
    user,
};
use crate::{
    system::SystemClock,
    ws::{audit::Audit, hub::Hub},
};

fn hub() -> Arc<Hub> {
    Arc::new(Hub::new())
}

fn mine(n: u8, person: u8, revision: u64) -> BusMessage {
    let frame = format!("mine {n}/{revision}").into();
    BusMessage::Mine { chat_id: chat(n), user_id: user(person), revision, read: None, frame }
}

fn read(n: u8, person: UserId, read: u64) -> BusMessage {
    let read = Some(Ordinal(read));
    BusMessage::Mine { chat_id: chat(n), user_id: person, revision: 1, read, frame: "mine".into() }
}

fn typing(n: u8, person: u8) -> BusMessage {
    BusMessage::Typing { chat_id: chat(n), user_id: user(person), except: Vec::new(), frame: "typing".into() }
}

fn places(n: u8, revision: u64, member_count: u64) -> Places {
    let mine = MyChatView { revision, ..MyChatView::default() };
    Places::from([(chat(n), Place { head: Seq(0), member_count, mine })])
}

#[test]
fn ones_own_state_is_told_to_ones_own_sockets_in_the_room_and_each_revision_once() {
    let hub = hub();
    let (one, tab) = (connected(&hub, 1, 1, &[1]), connected(&hub, 1, 2, &[1]));
    let other = connected(&hub, 2, 3, &[1]);
    for message in [mine(1, 1, 5), mine(1, 1, 5), mine(1, 1, 4), mine(2, 1, 9), mine(1, 1, 6)] {
        hub.dispatch(&message);
    }
    assert_eq!(received(&one.socket), ["mine 1/5", "mine 1/6"]);
    assert_eq!(received(&tab.socket), ["mine 1/5", "mine 1/6"]);
    assert_eq!(received(&other.socket), [""; 0]);
    hub.dispatch(&left(1, 1));
    hub.dispatch(&mine(1, 1, 7));
    assert_eq!(received(&one.socket), ["removed"]);
}

#[test]
fn ones_own_state_is_told_while_the_rooms_are_looked_at() {
    let hub = hub();
    let one = connected(&hub, 1, 1, &[1]);
    let looking = hub.read();
    let (done, told) = mpsc::channel();
    let telling = hub.clone();
    let thread = thread::spawn(move || {
        telling.dispatch(&mine(1, 1, 5));
        done.send(()).unwrap();
    });
    assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok(()), "nobody has to stop for a mark");
    drop(looking);
    thread.join().unwrap();
    assert_eq!(received(&one.socket), ["mine 1/5"]);
}

#[test]
fn a_socket_that_connects_misses_nothing() {
    let hub = hub();
    let one = connecting(&hub, 1, 1);
    hub.join(&one.socket, &heads(&[1]));
    // The store was read before this.
    hub.dispatch(&mine(1, 1, 3));
    hub.follow(&one.socket, &heads(&[1]), &heads(&[1]));
    hub.has_told(&one.socket, &places(1, 2, 2));
    assert_eq!(received(&one.socket), ["mine 1/3"], "after the hello, which does not have it");
    hub.dispatch(&mine(1, 1, 3));
    assert_eq!(received(&one.socket), [""; 0]);
}

#[tokio::test]
async fn receipts_go_together_and_all_get_the_same() {
    let hub = hub();
    let (one, two) = (connected(&hub, 1, 1, &[1]), connected(&hub, 2, 2, &[1]));
    let (three, out) = (connected(&hub, 3, 3, &[1]), connected(&hub, 4, 4, &[2]));
    for (person, ordinal) in [(1, 3), (2, 5), (1, 4), (1, 2)] {
        hub.dispatch(&read(1, user(person), ordinal));
    }
    for socket in [&one, &two, &three] {
        received(&socket.socket);
    }
    hub.tell_readers().await.unwrap();
    let told = |readers: &[(u8, u64)]| {
        let readers: serde_json::Map<_, _> =
            readers.iter().map(|(person, read)| (user(*person).to_string(), (*read).into())).collect();
        [serde_json::json!({ "type": "read", "chat_id": chat(1), "readers": readers })]
    };
    let got = |frames: Vec<String>| -> Vec<serde_json::Value> {
        frames.iter().map(|frame| serde_json::from_str(frame).unwrap()).collect()
    };
    for socket in [&one, &two, &three] {
        assert_eq!(got(received(&socket.socket)), told(&[(1, 4), (2, 5)]));
    }
    assert_eq!(received(&out.socket), [""; 0]);
    hub.tell_readers().await.unwrap();
    assert_eq!(received(&three.socket), [""; 0], "each is told once");
}

#[tokio::test]
async fn very_many_readers_are_not_all_kept() {
    let hub = hub();
    let one = connected(&hub, 1, 1, &[1]);
    for number in 0..10_000_u16 {
        let [high, low] = number.to_be_bytes();
        hub.dispatch(&read(1, UserId::from_bytes([high, low, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]), 1));
    }
    hub.tell_readers().await.unwrap();
    let frames = received(&one.socket);
    assert_eq!(frames.len(), 1);
    assert!(frames[0].matches(':').count() <= 2 * limits::RECEIPT_MEMBERS + 3);
}

#[test]
fn who_is_writing_is_told_in_small_chats_that_one_is_in() {
    let hub = hub();
    let (one, tab) = (connected(&hub, 1, 1, &[1]), connected(&hub, 1, 2, &[1]));
    let (two, out) = (connected(&hub, 2, 3, &[1]), connected(&hub, 3, 4, &[2]));
    hub.dispatch(&typing(1, 1));
    assert_eq!(received(&two.socket), ["typing"]);
    for socket in [&one, &tab, &out] {
        assert_eq!(received(&socket.socket), [""; 0]);
    }
    let most = limits::RECEIPT_MEMBERS as u64;
    assert!(!hub.may_tell_typing(&one.socket, chat(1)), "of what size it is nobody knows");
    hub.has_told(&one.socket, &places(1, 1, most));
    assert!(hub.may_tell_typing(&one.socket, chat(1)));
    assert!(!hub.may_tell_typing(&out.socket, chat(1)));
    assert!(!hub.may_tell_typing(&one.socket, chat(9)));
    let frame = "added".into();
    let (chat_id, user_id) = (chat(1), user(8));
    hub.dispatch(&BusMessage::Joined { chat_id, user_id, head: Seq(0), members: most + 1, frame });
    assert!(!hub.may_tell_typing(&one.socket, chat(1)), "it has grown");
}

#[tokio::test]
async fn the_audit_tells_a_socket_what_it_was_not_told() {
    let (hub, store) = (hub(), Arc::new(MemoryStore::default()));
    store.sign_in(user(1), session(1));
    store.add(chat(1), user(1));
    store.add(chat(2), user(1));
    let (one, tab) = (connected(&hub, 1, 1, &[1, 2]), connected(&hub, 1, 2, &[1, 2]));
    let state = MyChatView { revision: 7, read: Ordinal(3), ..MyChatView::default() };
    store.set_mine(chat(2), user(1), state.clone());
    hub.has_told(&tab.socket, &places(2, 7, 1));
    let mut audit = Audit::new(hub.clone(), store.clone(), Arc::new(SystemClock));
    audit.compare().await.unwrap();
    let told = received(&one.socket);
    let told: Vec<serde_json::Value> =
        told.iter().map(|frame| serde_json::from_str(frame).unwrap()).collect();
    let frame = serde_json::json!({ "type": "my_chat_changed", "chat_id": chat(2), "mine": state });
    assert_eq!(told, [frame]);
    assert_eq!(received(&tab.socket), [""; 0], "it knows");
    audit.compare().await.unwrap();
    assert_eq!(received(&one.socket), [""; 0], "now both do");
    assert!(audit.found.is_empty());
}

#[tokio::test]
async fn the_audit_leaves_a_socket_that_connects_to_its_hello() {
    let (hub, store) = (hub(), Arc::new(MemoryStore::default()));
    store.sign_in(user(1), session(1));
    let chats: Vec<u8> = (0..=u8::MAX).collect();
    for n in &chats {
        store.add(chat(*n), user(1));
        store.set_mine(chat(*n), user(1), MyChatView { revision: 7, ..MyChatView::default() });
    }
    let (tab, one) = (connected(&hub, 1, 1, &[1]), connecting(&hub, 1, 2));
    hub.join(&one.socket, &heads(&chats));
    Audit::new(hub.clone(), store.clone(), Arc::new(SystemClock)).compare().await.unwrap();
    assert_eq!(received(&tab.socket).len(), 1);
    assert_eq!(received(&one.socket), [""; 0]);
    // What happens now comes all the same.
    hub.dispatch(&mine(1, 1, 8));
    assert_eq!(received(&one.socket), ["mine 1/8"]);
}
