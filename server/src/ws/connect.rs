//! What precedes the `hello`: subscribe, then snapshot, then apply.
//!
//! The socket is known to the hub and joins its rooms before the heads are read that it is told, so
//! nothing falls between: an event is in those heads, or it is queued.

use app::{
    domain::ChatId,
    error::{AppError, AppResult},
    ports::{Online, heads as heads_of},
    protocol::Notice,
};
use axum::extract::ws::Utf8Bytes;
use futures::poll;

use super::{encode, hub::Registered, realtime::Realtime};

/// How often, in milliseconds, a socket gets something even if nothing happens.
pub const HEARTBEAT_MS: u64 = 15_000;

/// What came of it.
pub enum Connected {
    /// The frame to begin with.
    Hello(Utf8Bytes),
    /// The session has ended meanwhile.
    SessionEnded,
}

/// Puts a socket into its rooms and makes its `hello`.
pub async fn connect(realtime: &Realtime, registered: &Registered) -> AppResult<Connected> {
    let parts = &realtime.parts;
    let socket = &registered.socket;
    let turn = realtime.turn().await?;
    let first = parts.store.heads_of(socket.user).await?;
    parts.hub.join(socket, &first);
    let chats: Vec<ChatId> = first.keys().copied().collect();
    let mut reached = parts.bus.reached(&chats);
    let turn = if poll!(&mut reached).is_ready() {
        turn
    } else {
        // That may take a while: others ask meanwhile.
        drop(turn);
        reached.await;
        realtime.turn().await?
    };
    let places = parts.store.places_of(socket.user).await?;
    let second = heads_of(&places);

    // After the registration: a session that ends later than this look is closed by the hub.
    let session = parts.store.session(socket.session, parts.clock.now()).await?;
    if session.is_none_or(|session| session.user_id != socket.user) {
        return Ok(Connected::SessionEnded);
    }
    // What is told meanwhile is newer than what is read.
    socket.tell_last_seen(true);
    let privacy = parts.store.privacy_of(socket.user).await?;
    if !privacy.shows_last_seen {
        socket.tell_last_seen(false);
    }
    drop(turn);
    // Presence is lossy: without it the socket works as well.
    let came_online = parts.presence.connected(socket.user, socket.id).await.unwrap_or_else(|error| {
        log(&error, "a socket's presence could not be recorded");
        false
    });
    if came_online {
        // At once: whatever becomes of this socket, the lease is there, and the next one will find it and
        // not come online by itself.
        realtime.announce_online(socket.user).await;
    }
    let online = parts.presence.online_contacts(socket.user).await.unwrap_or_else(|error| {
        log(&error, "who is online could not be read");
        Online { people: Vec::new(), is_whole: false }
    });
    let heads = parts.hub.follow(socket, &first, &second);
    parts.hub.has_told(socket, &places);
    let told = places.into_iter().filter(|(chat, _)| heads.contains_key(chat));
    let mine = told.map(|(chat, place)| (chat, place.mine)).collect();
    if !online.is_whole {
        // Not before it follows: until then it is told nothing.
        realtime.is_unaware(socket.user);
    }
    let hello = encode(&Notice::Hello {
        user_id: socket.user,
        session_id: socket.session,
        heads,
        online: online.people,
        mine,
        blocked: privacy.blocked.into_iter().collect(),
        heartbeat_ms: HEARTBEAT_MS,
    })?;
    Ok(Connected::Hello(hello))
}

/// At debug level: presence that cannot be reached is reported once, by its link and the renewal of leases, and
/// not for each of the sockets that come back meanwhile.
fn log(error: &AppError, what: &'static str) {
    tracing::debug!(error = %error.chain(), what);
}
