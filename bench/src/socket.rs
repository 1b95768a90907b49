//! The listening side: sockets that time each delivery and watch that nothing comes twice or out of turn.
//!
//! A frame is not parsed but scanned, for its `seq` and for the mark that its sender put into the body.

use std::{
    net::SocketAddr,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, stream};
use memchr::memmem::Finder;
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::watch, task::JoinSet};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Message,
        client::IntoClientRequest,
        http::{HeaderValue, header},
        protocol::WebSocketConfig,
    },
};

use crate::{api::Account, http1, report};

/// An open socket.
pub type Socket = WebSocketStream<TcpStream>;

/// Sockets being opened at once.
pub const OPENING: usize = 32;
/// From the connection to `hello`.
const OPEN_LIMIT: Duration = Duration::from_secs(30);
/// Deliveries that are on their way arrive sooner than this after the one before.
const PATIENCE: Duration = Duration::from_secs(10);
/// With up to so many sockets each may have a large buffer, which saves the driver system calls.
const FEW_SOCKETS: usize = 1_000;

/// Who sits at a socket, and which chat is watched there. A watched account is in no other chat.
pub struct Seat {
    /// The account.
    pub account: Arc<Account>,
    /// The chat.
    pub chat: Option<Arc<str>>,
}

/// What one socket saw.
#[derive(Default)]
pub struct SocketLog {
    /// Of each delivery the message's number, and the microseconds since its POST began.
    pub deliveries: Vec<(u32, u32)>,
    /// Events that had come before.
    pub duplicates: u64,
    /// Events that did not directly follow the one before.
    pub disordered: u64,
    /// Whether the socket was lost before the end.
    pub lost: bool,
}

/// Deliveries to all sockets so far.
#[derive(Default)]
struct Tally {
    count: AtomicU64,
    last_ns: AtomicU64,
}

/// Open sockets. Their tasks end when this is dropped.
pub struct Crowd {
    stop: watch::Sender<bool>,
    sockets: JoinSet<SocketLog>,
    tally: Arc<Tally>,
}

impl Crowd {
    /// Opens a socket for each seat and waits for each one's `hello`. Times count from `clock` on.
    pub async fn open(addr: SocketAddr, seats: Vec<Seat>, clock: Instant) -> Result<Self> {
        let (stop, stopped) = watch::channel(false);
        let (mut sockets, tally, count) = (JoinSet::new(), Arc::new(Tally::default()), seats.len());
        let buffer = if count <= FEW_SOCKETS { 16 * 1024 } else { 4 * 1024 };
        let opening = stream::iter(seats).map(|seat| async move {
            let (socket, hello) = open(addr, &seat.account, buffer).await?;
            let head = seat.chat.as_deref().map(|chat| head_in(&hello, chat)).transpose()?;
            anyhow::Ok((socket, head))
        });
        let mut opening = opening.buffer_unordered(OPENING);
        while let Some(opened) = opening.next().await {
            let (socket, head) =
                opened.with_context(|| format!("opening socket {} of {count}", sockets.len() + 1))?;
            sockets.spawn(listen(socket, head, clock, tally.clone(), stopped.clone()));
            if sockets.len() % 1_000 == 0 {
                report::progress(format_args!("{} of {count} sockets", sockets.len()));
            }
        }
        Ok(Self { stop, sockets, tally })
    }

    /// Waits until so many deliveries have arrived in total; gives up when none arrives for a while.
    pub async fn wait_for(&self, wanted: u64) {
        let (mut before, mut since) = (0, Instant::now());
        loop {
            let count = self.tally.count.load(Relaxed);
            if count >= wanted || since.elapsed() > PATIENCE {
                return;
            }
            if count > before {
                (before, since) = (count, Instant::now());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// When the last delivery arrived, in nanoseconds of the clock.
    pub fn last_delivery_ns(&self) -> u64 {
        self.tally.last_ns.load(Relaxed)
    }

    /// Ends all sockets and answers what they saw.
    pub async fn close(self) -> Result<Vec<SocketLog>> {
        let Self { stop, mut sockets, .. } = self;
        // Sockets that were lost no longer wait for this; the others are dropped without a farewell.
        stop.send_replace(true);
        let mut logs = Vec::with_capacity(sockets.len());
        while let Some(log) = sockets.join_next().await {
            logs.push(log.context("a socket's task failed")?);
        }
        Ok(logs)
    }
}

/// Opens a socket for an account, and answers its `hello` with it.
pub async fn open(addr: SocketAddr, account: &Account, read_buffer: usize) -> Result<(Socket, Value)> {
    open_over(http1::connect(addr), addr, account, read_buffer).await
}

/// The same over a connection of one's own making.
pub async fn open_over(
    connecting: impl Future<Output = Result<TcpStream>>,
    addr: SocketAddr,
    account: &Account,
    read_buffer: usize,
) -> Result<(Socket, Value)> {
    let mut request = format!("ws://{addr}/ws").into_client_request()?;
    let headers = request.headers_mut();
    headers.insert(header::ORIGIN, HeaderValue::from_str(&format!("http://{addr}"))?);
    headers.insert(header::COOKIE, HeaderValue::from_str(&account.jar.header())?);
    let config = WebSocketConfig::default().read_buffer_size(read_buffer).write_buffer_size(0);
    let opening = async {
        let stream = connecting.await?;
        let (mut socket, upgrade) = client_async_with_config(request, stream, Some(config)).await?;
        for cookie in upgrade.headers().get_all(header::SET_COOKIE) {
            account.jar.store(cookie.to_str()?);
        }
        loop {
            let frame = socket.next().await.context("closed before hello")??;
            let Message::Text(text) = frame else { continue };
            let hello: Value = serde_json::from_str(&text).context("a frame that is no JSON")?;
            ensure!(hello["type"] == "hello", "the first frame is no hello");
            return Ok((socket, hello));
        }
    };
    tokio::time::timeout(OPEN_LIMIT, opening).await.context("no hello in time")?
}

/// The frame that asks for what came after an event of a chat.
pub fn resume(chat: &str, after: u64) -> Message {
    Message::text(json!({ "type": "resume", "heads": { chat: after } }).to_string())
}

/// The last event of a chat, as `hello` tells it.
pub fn head_in(hello: &Value, chat: &str) -> Result<u64> {
    hello["heads"][chat].as_u64().context("hello does not name the chat")
}

/// Reads until the end. `head` is the last event of the watched chat; without one nothing is recorded.
async fn listen(
    mut socket: Socket,
    mut head: Option<u64>,
    clock: Instant,
    tally: Arc<Tally>,
    mut stop: watch::Receiver<bool>,
) -> SocketLog {
    let mut log = SocketLog::default();
    let stopped = stop.wait_for(|stop| *stop);
    tokio::pin!(stopped);
    loop {
        let frame = tokio::select! {
            biased;
            frame = socket.next() => frame,
            _ = &mut stopped => return log,
        };
        let text = match frame {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                log.lost = true;
                return log;
            }
            Some(Ok(_)) => continue,
        };
        let Some(head) = head.as_mut() else { continue };
        // What has no `seq` is no event of a log.
        let Some(seq) = seq(text.as_bytes()) else { continue };
        if seq <= *head {
            log.duplicates += 1;
            continue;
        }
        log.disordered += u64::from(seq != *head + 1);
        *head = seq;
        if let Some((sent_ns, number)) = mark(text.as_bytes()) {
            let now_ns = elapsed_ns(clock);
            let micros = u32::try_from(now_ns.saturating_sub(sent_ns) / 1_000).unwrap_or(u32::MAX);
            log.deliveries.push((number, micros));
            tally.last_ns.fetch_max(now_ns, Relaxed);
            tally.count.fetch_add(1, Relaxed);
        }
    }
}

/// Nanoseconds since the clock was started.
pub fn elapsed_ns(clock: Instant) -> u64 {
    u64::try_from(clock.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The text of a message: when its POST began and its number, filled up to so many bytes.
pub fn marked_body(sent_ns: u64, number: u32, bytes: usize) -> String {
    format!("{:.<bytes$}", format!("at={sent_ns};n={number};"))
}

/// The place of an event in its chat's log; nothing else has one.
pub fn seq(frame: &[u8]) -> Option<u64> {
    find_number(&SEQ, frame)
}

static SEQ: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"seq\":"));
static SENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"at="));
static NUMBER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(";n="));

/// When the message in this frame was sent, in nanoseconds of the clock, and its number.
pub fn mark(frame: &[u8]) -> Option<(u64, u32)> {
    let start = SENT.find(frame)?;
    let mark = &frame[start..];
    Some((find_number(&SENT, mark)?, u32::try_from(find_number(&NUMBER, mark)?).ok()?))
}

/// The digits behind the first occurrence.
fn find_number(finder: &Finder<'_>, text: &[u8]) -> Option<u64> {
    let digits = &text[finder.find(text)? + finder.needle().len()..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_frame_is_scanned_for_its_seq_and_mark() {
        let body = marked_body(1_234_567_890, 42, 80);
        assert_eq!(body.len(), 80);
        let frame = format!(
            r#"{{"chat_id":"ab","seq":17,"at":"2026-01-01T00:00:00Z","type":"new_message","message":{{"seq":17,"body":"{body}"}}}}"#
        );
        assert_eq!(seq(frame.as_bytes()), Some(17));
        assert_eq!(mark(frame.as_bytes()), Some((1_234_567_890, 42)));
    }

    #[test]
    fn other_frames_have_neither() {
        for frame in [r#"{"type":"heads","heads":{"ab":17}}"#, r#"{"seq":null}"#, "", r#""at=5;x"#] {
            assert_eq!(seq(frame.as_bytes()), None);
            assert_eq!(mark(frame.as_bytes()), None);
        }
    }
}
