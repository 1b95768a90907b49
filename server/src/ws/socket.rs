//! The task that owns one socket, from its `hello` to its close code.
//!
//! Idle, it is one small future that waits for a frame from the peer or in its queue; what is needed
//! rarely is boxed. It has no timer of its own: the node's heartbeat finds peers that fell silent.

use std::{
    future::poll_fn,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use app::{
    ports::SocketId,
    protocol::Notice,
    service::{
        Actor,
        presence::{GRACE_MS, RESTART_GRACE_MS},
    },
};
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures::{FutureExt, SinkExt, StreamExt};
use tokio::time::{sleep, timeout};

use super::{
    close::Close,
    connect::{Connected, connect},
    encode,
    hub::{Registered, Seat, Socket},
    incoming::{Incoming, Reader},
    outbox::Outbox,
    realtime::Realtime,
};

/// Bytes that are gathered before they are written. Kept by a socket that ever filled them.
pub const WRITE_BUFFER_BYTES: usize = 4 * 1024;

/// For how long a socket may take to be set up.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// For how long a socket that is being closed waits for the peer to agree.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);
/// For how long a presence adapter may take to note that a socket is gone; its lease ends anyhow.
const RELEASE_WITHIN: Duration = Duration::from_secs(5);

/// How a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer went away, or the connection broke.
    Gone,
    /// The server closes it.
    Close(Close),
}

/// Serves one socket to its end and leaves nothing of it behind, also if that panics.
pub async fn serve(realtime: Arc<Realtime>, seat: Seat, actor: Actor, mut socket: WebSocket) {
    let parts = &realtime.parts;
    let id = SocketId(socket_id(&parts.ids.secret()));
    let registered = parts.hub.register(seat, id, actor);
    let handle = registered.socket.clone();

    let run = AssertUnwindSafe(run(&realtime, &registered, &mut socket)).catch_unwind().await;
    // Out of the hub first, so that no lease is renewed for it after the release.
    drop(registered);
    let grace = match handle.outbox.closing_reason() {
        Some(Close::Restart { .. }) => RESTART_GRACE_MS,
        _ => GRACE_MS,
    };
    let release = async {
        let released = timeout(RELEASE_WITHIN, parts.presence.released(handle.user, id, grace)).await;
        if let Ok(Err(error)) = released {
            tracing::debug!(error = %error.chain(), "a closed socket keeps its lease until that runs out");
        }
    };
    let part = async {
        match run {
            // Lets the answer to the peer's own close frame out.
            Ok(End::Gone) => drop(timeout(CLOSE_WITHIN, drain(&mut socket)).await),
            Ok(End::Close(close)) => say_goodbye(&mut socket, &handle.outbox, close).await,
            Err(_panic) => tracing::error!(user = %handle.user, "a socket's task panicked"),
        }
    };
    Box::pin(async { tokio::join!(release, part) }).await;
}

async fn run(realtime: &Realtime, registered: &Registered, socket: &mut WebSocket) -> End {
    let handle = &registered.socket;
    if let Err(end) = Box::pin(open(realtime, registered, socket)).await {
        return end;
    }
    let mut reader = Reader::default();
    loop {
        let received = tokio::select! {
            () = handle.outbox.ready() => None,
            received = socket.next() => Some(received),
        };
        let step = match received {
            None => write_queued(socket, &handle.outbox).await,
            Some(received) => match reader.read(realtime, handle, received) {
                Ok(Incoming::Done) => Ok(()),
                Ok(Incoming::Typing(chat)) => {
                    Box::pin(super::incoming::typing(realtime, handle, chat)).await;
                    Ok(())
                }
                Ok(Incoming::Resume(heads)) => {
                    Box::pin(super::incoming::resume(realtime, handle, socket, heads)).await
                }
                Err(end) => Err(end),
            },
        };
        if let Err(end) = step {
            return end;
        }
    }
}

/// Sets the socket up and greets the peer, unless the socket is closed first.
async fn open(realtime: &Realtime, registered: &Registered, socket: &mut WebSocket) -> Result<(), End> {
    let outbox = &registered.socket.outbox;
    let connected = tokio::select! {
        biased;
        close = outbox.closing() => return Err(End::Close(close)),
        connected = timeout(CONNECT_WITHIN, connect(realtime, registered)) => connected,
    };
    let hello = match connected {
        Ok(Ok(Connected::Hello(hello))) => hello,
        Ok(Ok(Connected::SessionEnded)) => return Err(End::Close(Close::SessionEnded)),
        Ok(Err(error)) => {
            tracing::warn!(error = %error.chain(), "a socket could not be set up");
            return Err(End::Close(Close::NotReady));
        }
        Err(_elapsed) => {
            tracing::warn!("a socket could not be set up in time");
            return Err(End::Close(Close::NotReady));
        }
    };
    unless_closed(outbox, async {
        write(socket, outbox, Message::Text(hello)).await?;
        flush(socket, outbox).await
    })
    .await
}

/// Writes a batch of what is queued.
async fn write_queued(socket: &mut WebSocket, outbox: &Outbox) -> Result<(), End> {
    if let Some(close) = outbox.closing_reason() {
        return Err(End::Close(close));
    }
    unless_closed(outbox, write_batch(socket, outbox)).await
}

async fn write_batch(socket: &mut WebSocket, outbox: &Outbox) -> Result<(), End> {
    let batch = outbox.take(Instant::now());
    if batch.ping {
        write(socket, outbox, Message::Ping(Bytes::new())).await?;
    }
    for (frame, _class) in batch.frames {
        write(socket, outbox, Message::Text(frame)).await?;
    }
    flush(socket, outbox).await?;
    outbox.written(Instant::now());
    Ok(())
}

/// Does something with the socket, unless it is to be closed first.
pub async fn unless_closed(outbox: &Outbox, work: impl Future<Output = Result<(), End>>) -> Result<(), End> {
    tokio::select! {
        biased;
        close = outbox.closing() => Err(End::Close(close)),
        done = work => done,
    }
}

/// Writes one message, which may stay in the socket's buffer. Notes while the peer does not take it.
pub async fn write(socket: &mut WebSocket, outbox: &Outbox, message: Message) -> Result<(), End> {
    noting_blocks(outbox, |cx| socket.poll_ready_unpin(cx)).await?;
    socket.start_send_unpin(message).map_err(gone)
}

/// Writes out what is in the socket's buffer.
pub async fn flush(socket: &mut WebSocket, outbox: &Outbox) -> Result<(), End> {
    noting_blocks(outbox, |cx| socket.poll_flush_unpin(cx)).await
}

async fn noting_blocks(
    outbox: &Outbox,
    mut poll: impl FnMut(&mut std::task::Context<'_>) -> Poll<Result<(), axum::Error>>,
) -> Result<(), End> {
    let mut blocked = false;
    let done = poll_fn(|cx| {
        let polled = poll(cx);
        if polled.is_pending() && !blocked {
            blocked = true;
            outbox.set_blocked(true, Instant::now());
        }
        polled
    })
    .await;
    if blocked {
        outbox.set_blocked(false, Instant::now());
    }
    done.map_err(gone)
}

/// That a peer is gone is nothing to report: it is how most sockets end.
fn gone(error: axum::Error) -> End {
    tracing::debug!(%error, "a socket could not be written to");
    End::Gone
}

/// Closes the socket from our side, within a bounded time whatever the peer does.
async fn say_goodbye(socket: &mut WebSocket, outbox: &Outbox, close: Close) {
    let said = timeout(CLOSE_WITHIN, async {
        if let Close::Restart { reconnect_after_ms } = close {
            while !outbox.is_empty() {
                write_batch(socket, outbox).await?;
            }
            if let Some(bye) = bye(reconnect_after_ms) {
                write(socket, outbox, Message::Text(bye)).await?;
            }
        }
        write(socket, outbox, Message::Close(Some(close.frame()))).await?;
        flush(socket, outbox).await
    })
    .await;
    if !matches!(said, Ok(Ok(()))) {
        return;
    }
    if close.ends_reading() {
        // What the peer still sends cannot be read any more, and closing a connection with unread data
        // resets it, which may overtake the close frame: the peer gets a moment to read that.
        sleep(CLOSE_WITHIN).await;
    } else {
        let _ = timeout(CLOSE_WITHIN, drain(socket)).await;
    }
}

fn bye(reconnect_after_ms: u64) -> Option<Utf8Bytes> {
    encode(&Notice::Bye { reconnect_after_ms })
        .inspect_err(|error| tracing::error!(error = %error.chain(), "a frame could not be encoded"))
        .ok()
}

/// Reads until the connection is closed.
async fn drain(socket: &mut WebSocket) {
    while let Some(Ok(_)) = socket.next().await {}
}

fn socket_id(secret: &[u8; 32]) -> u128 {
    let (first, _) = secret.split_at(16);
    first.iter().fold(0, |id, byte| id << 8 | u128::from(*byte))
}

/// Pushes an answer to a frame of the client's own.
pub fn answer(handle: &Socket, notice: &Notice, class: super::outbox::Class) {
    match encode(notice) {
        Ok(frame) => {
            handle.outbox.push(frame, class, Instant::now());
        }
        Err(error) => tracing::error!(error = %error.chain(), "a frame could not be encoded"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<A, B, C, D, F>(_: impl FnOnce(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_task_of_a_socket_is_small() {
        let size = size_of_future(serve);
        assert!(size <= 2_048, "{size} bytes, for each of ten thousand idle sockets");
    }
}
