//! The ceiling: the same wire without what a chat costs. No store, no accounts, no rules, one chat; each
//! event is encoded once and handed to every socket. What the driver measures here is the most that it
//! and this machine can do, and the table sets Samvad's own figures beside it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use anyhow::{Context, Result, bail};
use axum::{
    Json, Router,
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, Utf8Bytes, WebSocket},
    },
    http::{StatusCode, header::SET_COOKIE},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use futures::SinkExt;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinSet,
};

/// Frames that wait for one socket. When they are too many, the publisher waits: nothing is dropped.
const QUEUE: usize = 256;
/// Orders that wait for the publisher.
const ORDERS: usize = 64;
/// The one chat.
const CHAT: &str = "c00000000000000000000000";

enum Order {
    Join(mpsc::Sender<Utf8Bytes>),
    Send { body: String, sent: oneshot::Sender<u64> },
}

#[derive(Clone)]
struct Desk {
    orders: mpsc::Sender<Order>,
    accounts: Arc<AtomicU64>,
}

/// Serves until it is dropped or fails.
pub async fn serve(listener: TcpListener) -> Result<()> {
    let (orders, ordered) = mpsc::channel(ORDERS);
    let chat = || async { Json(json!({ "id": CHAT })) };
    let app = Router::new()
        .route("/readyz", get(|| async { "ready" }))
        .route("/ws", get(upgrade))
        .route("/api/register", post(register))
        .route("/api/create_group_chat", post(chat))
        .route("/api/add_members", post(chat))
        .route("/api/send_message", post(send_message))
        .with_state(Desk { orders, accounts: Arc::default() });
    let listener = listener.tap_io(|stream| {
        // Without this small frames wait for each other; a socket that refuses it is only slower.
        let _slower = stream.set_nodelay(true);
    });
    let mut publisher = JoinSet::new();
    publisher.spawn(publish(ordered));
    tokio::select! {
        served = async { axum::serve(listener, app).await } => served.context("the ceiling's server failed"),
        _ended = publisher.join_next() => bail!("the ceiling's publisher ended"),
    }
}

/// The one writer: gives out `seq` and hands each event to all sockets in the same order.
async fn publish(mut orders: mpsc::Receiver<Order>) {
    let (mut seq, mut sockets) = (0_u64, Vec::<mpsc::Sender<Utf8Bytes>>::new());
    while let Some(order) = orders.recv().await {
        let (body, sent) = match order {
            Order::Join(socket) => {
                let hello = json!({ "type": "hello", "heads": { CHAT: seq } }).to_string();
                if socket.try_send(hello.into()).is_ok() {
                    sockets.push(socket);
                }
                continue;
            }
            Order::Send { body, sent } => (body, sent),
        };
        seq += 1;
        let frame = Utf8Bytes::from(event(seq, &body).to_string());
        let mut gone = false;
        for socket in &sockets {
            gone |= match socket.try_send(frame.clone()) {
                Ok(()) => false,
                Err(mpsc::error::TrySendError::Closed(_)) => true,
                Err(mpsc::error::TrySendError::Full(frame)) => socket.send(frame).await.is_err(),
            };
        }
        if gone {
            sockets.retain(|socket| !socket.is_closed());
        }
        // A sender that has left does not want the answer.
        let _unwanted = sent.send(seq);
    }
}

/// An event of about the size that Samvad's have.
fn event(seq: u64, body: &str) -> Value {
    let (id, at) = ("000000000000000000000000", "2026-01-01T00:00:00.000Z");
    json!({
        "chat_id": CHAT, "seq": seq, "at": at, "actor_id": id, "type": "new_message",
        "message": {
            "id": id, "chat_id": CHAT, "seq": seq, "ordinal": seq, "sender_id": id, "sender_name": "Member 1",
            "client_id": "00000000-0000-4000-8000-000000000000", "body": body, "created_at": at,
        },
    })
}

async fn register(State(desk): State<Desk>) -> impl IntoResponse {
    let id = format!("{:024x}", desk.accounts.fetch_add(1, Relaxed));
    ([(SET_COOKIE, "session=none; Path=/")], Json(json!({ "id": id })))
}

async fn send_message(State(desk): State<Desk>, form: String) -> Response {
    let (sent, answer) = oneshot::channel();
    let Some(body) = body_of(&form) else { return StatusCode::BAD_REQUEST.into_response() };
    let order = Order::Send { body: body.to_owned(), sent };
    if desk.orders.send(order).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match answer.await {
        Ok(seq) => Json(json!({ "seq": seq })).into_response(),
        Err(_publisher_ended) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// The text of the multipart form's `body`.
fn body_of(form: &str) -> Option<&str> {
    let (_, rest) = form.split_once("name=\"body\"\r\n\r\n")?;
    Some(rest.split_once("\r\n")?.0)
}

async fn upgrade(State(desk): State<Desk>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.read_buffer_size(1024).write_buffer_size(4096).on_upgrade(move |socket| pump(desk, socket))
}

/// Owns one socket: writes all that waits before it flushes once.
async fn pump(desk: Desk, mut socket: WebSocket) {
    let (queue, mut waiting) = mpsc::channel(QUEUE);
    if desk.orders.send(Order::Join(queue)).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            first = waiting.recv() => {
                let Some(first) = first else { return };
                if write(&mut socket, first, &mut waiting).await.is_err() {
                    return;
                }
            }
            frame = socket.recv() => match frame {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
}

async fn write(
    socket: &mut WebSocket,
    first: Utf8Bytes,
    waiting: &mut mpsc::Receiver<Utf8Bytes>,
) -> Result<(), axum::Error> {
    socket.feed(Message::Text(first)).await?;
    while let Ok(next) = waiting.try_recv() {
        socket.feed(Message::Text(next)).await?;
    }
    socket.flush().await
}
