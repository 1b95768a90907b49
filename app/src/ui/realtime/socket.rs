//! One task that owns the socket: it connects, applies what comes, sends what the state asks for, and
//! starts over when the connection is lost.

use std::pin::pin;

use futures::{
    FutureExt, SinkExt, StreamExt,
    channel::mpsc,
    future::{AbortHandle, Either, abortable, select},
};
use gloo_net::websocket::{Message, WebSocketError, futures::WebSocket};
use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

use super::backoff::Backoff;
use crate::{
    api,
    error::ErrorCode,
    protocol::{ClientFrame, ServerFrame},
    ui::state::{Connection, Store, browser},
};

/// How long the server may take to greet.
const GREETING_MS: f64 = 10_000.0;
/// How long it may take to answer when the reader has just come back.
const PROBE_MS: f64 = 4_000.0;
/// A connection that held this long was a good one.
const GOOD_MS: f64 = 5_000.0;
/// How long the answer to signing out may be behind the end of the session's sockets.
const FAREWELL_MS: u32 = 1_000;
/// Frames that are applied in one go; the page is drawn in between.
const BATCH: usize = 256;
/// Frames of ours that wait for the socket.
const QUEUE: usize = 16;
/// The close code of a session that is not, or no longer, allowed.
const POLICY: u16 = 1008;

/// Why a connection ended.
enum End {
    /// It broke.
    Lost,
    /// It was refused, or never came about: the session may be gone.
    Refused,
    /// The server closed it because the session does not allow it any more.
    Expelled,
    /// The server said when to come back.
    Bye(u32),
    /// The browser is signed in as somebody else by now.
    OtherAccount,
}

/// What happened next.
enum Wake {
    Frame(Option<Result<Message, WebSocketError>>),
    Outgoing(Option<ClientFrame>),
    Nudged,
    Silent,
}

/// Runs the task until the reactive owner that calls this is gone.
pub(super) fn connect(store: Store) {
    // One place is enough: a nudge says that something may have changed, not what.
    let (nudge, nudges) = mpsc::channel(1);
    let nudge = StoredValue::new(nudge);
    let listeners = ["online", "offline", "visibilitychange"].map(|event| {
        window_event_listener_untyped(event, move |_| {
            if document().visibility_state() == web_sys::VisibilityState::Visible {
                // A full queue holds a nudge already.
                let _ = nudge.try_update_value(|nudge| nudge.try_send(()));
            }
        })
    });
    let (task, handle): (_, AbortHandle) = abortable(run(store, nudges));
    spawn_local(async move {
        // Aborting is how it ends.
        let _ = task.await;
    });
    on_cleanup(move || {
        handle.abort();
        listeners.into_iter().for_each(WindowListenerHandle::remove);
        store.set_outgoing(None);
    });
}

async fn run(store: Store, mut nudges: mpsc::Receiver<()>) {
    let mut backoff = Backoff::default();
    loop {
        let started = js_sys::Date::now();
        let end = converse(store, &mut nudges).await;
        store.set_outgoing(None);
        store.connection.set(Connection::Offline);
        store.hear_nothing();
        if js_sys::Date::now() - started > GOOD_MS {
            backoff.reset();
        }
        let delay = match end {
            End::Bye(delay) => delay,
            End::OtherAccount => return browser::go_to("/"),
            End::Lost => backoff.next_delay(browser::random()),
            End::Refused | End::Expelled => {
                // Who has just signed out is on the way to another page.
                if matches!(end, End::Expelled) {
                    TimeoutFuture::new(FAREWELL_MS).await;
                    if browser::is_leaving() {
                        return;
                    }
                }
                // The browser does not tell why a socket was refused. Asking also renews the session.
                match browser::within(api::me()).await {
                    Err(error) if error.code == ErrorCode::Unauthenticated => return store.fail(&error),
                    Ok(_) | Err(_) => backoff.next_delay(browser::random()),
                }
            }
        };
        select(TimeoutFuture::new(delay), nudges.next()).await;
    }
}

/// One connection, from opening it to its end.
async fn converse(store: Store, nudges: &mut mpsc::Receiver<()>) -> End {
    let Some(mut socket) = address().and_then(|address| WebSocket::open(&address).ok()) else {
        return End::Refused;
    };
    let (queue, mut outgoing) = mpsc::channel(QUEUE);
    store.set_outgoing(Some(queue));
    let mut greeted = false;
    let mut patience = GREETING_MS;
    let mut deadline = js_sys::Date::now() + patience;
    loop {
        let left = (deadline - js_sys::Date::now()).max(0.0) as u32;
        match next(&mut socket, &mut outgoing, nudges, left).await {
            Wake::Frame(first) => {
                let (frames, end) = read(&mut socket, first, greeted);
                if !frames.is_empty() {
                    let effects = store.apply(frames);
                    if effects.other_account {
                        store.send_no_more();
                        return End::OtherAccount;
                    }
                    if let Some(heartbeat) = effects.heartbeat_ms {
                        greeted = true;
                        patience = heartbeat as f64 * 2.0 + 1_000.0;
                        store.connection.set(Connection::Online);
                        store.resend();
                    }
                    if let Some(delay) = effects.reconnect_after_ms {
                        return End::Bye(u32::try_from(delay).unwrap_or(u32::MAX).min(60_000));
                    }
                    match effects.refused {
                        Some(ErrorCode::Unauthenticated) => return End::Expelled,
                        Some(code) if !code.is_retryable() => store.toasts.error(&code.into()),
                        _ => {}
                    }
                    deadline = js_sys::Date::now() + patience;
                }
                if let Some(end) = end {
                    return end;
                }
            }
            Wake::Outgoing(Some(frame)) => {
                if !send(&mut socket, &frame).await {
                    return End::Lost;
                }
            }
            // Before the greeting there is nothing to probe yet.
            Wake::Nudged if greeted => {
                if !send(&mut socket, &ClientFrame::Ping {}).await {
                    return End::Lost;
                }
                deadline = deadline.min(js_sys::Date::now() + PROBE_MS);
            }
            Wake::Nudged => {}
            // The state has let go of the queue, which it only does for another connection.
            Wake::Outgoing(None) => return End::Lost,
            Wake::Silent => return if greeted { End::Lost } else { End::Refused },
        }
    }
}

async fn next(
    socket: &mut WebSocket,
    outgoing: &mut mpsc::Receiver<ClientFrame>,
    nudges: &mut mpsc::Receiver<()>,
    left: u32,
) -> Wake {
    let traffic = select(socket.next(), outgoing.next());
    let signals = select(nudges.next(), TimeoutFuture::new(left));
    match select(pin!(traffic), pin!(signals)).await {
        Either::Left((Either::Left((frame, _)), _)) => Wake::Frame(frame),
        Either::Left((Either::Right((frame, _)), _)) => Wake::Outgoing(frame),
        Either::Right((Either::Left(_), _)) => Wake::Nudged,
        Either::Right((Either::Right(_), _)) => Wake::Silent,
    }
}

/// Takes what has arrived already together with the first, and says whether the connection has ended.
fn read(
    socket: &mut WebSocket,
    first: Option<Result<Message, WebSocketError>>,
    greeted: bool,
) -> (Vec<ServerFrame>, Option<End>) {
    let mut frames = Vec::new();
    let mut next = Some(first);
    while let Some(item) = next {
        match item {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(frame) => frames.push(frame),
                // A server newer than the page says more than the page understands.
                Err(_unknown) => leptos::logging::debug_warn!("a frame of an unknown kind"),
            },
            Some(Ok(Message::Bytes(_))) => {}
            // The close event that follows says more.
            Some(Err(WebSocketError::ConnectionError)) => {}
            Some(Err(WebSocketError::ConnectionClose(close))) if close.code == POLICY => {
                return (frames, Some(End::Expelled));
            }
            Some(Err(_)) | None => {
                return (frames, Some(if greeted { End::Lost } else { End::Refused }));
            }
        }
        if frames.len() >= BATCH {
            break;
        }
        next = socket.next().now_or_never();
    }
    (frames, None)
}

async fn send(socket: &mut WebSocket, frame: &ClientFrame) -> bool {
    match serde_json::to_string(frame) {
        Ok(text) => socket.send(Message::Text(text)).await.is_ok(),
        Err(_unserialisable) => false,
    }
}

fn address() -> Option<String> {
    let location = window().location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    Some(format!("{scheme}://{}/ws", location.host().ok()?))
}
