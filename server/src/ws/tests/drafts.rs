//! What one is writing, told to one's other sessions.

use std::sync::Arc;

use app::{
    ports::{BusMessage, SocketId},
    service::Actor,
};

use super::{
    chat,
    hub::{connected, heads, left, received},
    session, user,
};
use crate::ws::hub::{Hub, Registered};

/// A socket of the first person, on this session.
fn on_session(hub: &Arc<Hub>, n: u8, chats: &[u8]) -> Registered {
    let seat = hub.reserve(user(1)).expect("a free seat");
    let actor = Actor { user_id: user(1), session_id: session(n) };
    let registered = hub.register(seat, SocketId(u128::from(n)), actor);
    let heads = heads(chats);
    hub.join(&registered.socket, &heads);
    hub.follow(&registered.socket, &heads, &heads);
    registered
}

#[test]
fn a_draft_is_told_to_ones_other_sessions_in_the_room() {
    let hub = Arc::new(Hub::new());
    let (desk, phone) = (on_session(&hub, 11, &[1]), on_session(&hub, 12, &[1]));
    let elsewhere = on_session(&hub, 13, &[2]);
    let other = connected(&hub, 2, 20, &[1]);
    let draft = |frame: &str| BusMessage::Draft {
        chat_id: chat(1),
        user_id: user(1),
        session_id: session(11),
        frame: frame.into(),
    };
    hub.dispatch(&draft("one"));
    hub.dispatch(&left(1, 1));
    hub.dispatch(&draft("two"));
    assert_eq!(received(&desk.socket), ["removed"]);
    assert_eq!(received(&phone.socket), ["one", "removed"]);
    assert_eq!(received(&elsewhere.socket), ["removed"]);
    assert_eq!(received(&other.socket), [""; 0]);
}
