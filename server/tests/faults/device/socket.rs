//! The device's socket, as `ui/realtime/socket.rs` keeps it.

use std::time::{Duration, Instant};

use app::{
    error::ErrorCode,
    protocol::{ClientFrame, ServerFrame},
    ui::state::{effects::Effects, model::Model},
};
use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue},
};

use super::{Done, Http, Running};

/// A connection.
pub type Stream = WebSocketStream<TcpStream>;
/// What came of waiting for a frame.
pub type Received = Option<Result<Message, Error>>;

/// How long the server may take to greet.
pub const GREETING: Duration = Duration::from_secs(10);
/// A connection that held this long was a good one.
const GOOD: Duration = Duration::from_secs(5);
/// How long the answer to signing out may be behind the end of the session's sockets.
const FAREWELL: Duration = Duration::from_secs(1);
/// The close code of a session that is not, or no longer, allowed.
const POLICY: u16 = 1008;
/// How long a frame may take to be written.
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);

/// The next frame; never, where there is no socket.
pub async fn next(stream: &mut Option<Stream>) -> Received {
    match stream {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}

impl Running {
    /// Begins to connect, where requests go as well.
    pub fn connect(&mut self) {
        self.tried = self.http.site().map(|site| site.addr);
        self.opened_at = Instant::now();
        let http = self.http.clone();
        self.tasks.spawn(async move {
            match tokio::time::timeout(GREETING, open(&http)).await {
                Ok(Ok(stream)) => Done::Connected(Ok(stream)),
                Ok(Err(())) | Err(_) => Done::Connected(Err(())),
            }
        });
    }

    /// There is a connection, or not.
    pub(super) fn connected(&mut self, stream: Result<Stream, ()>) {
        match stream {
            // There is one already, or none is wanted.
            Ok(_) if self.is_away || self.stream.is_some() => {}
            Ok(stream) => {
                self.stream = Some(stream);
                self.is_greeted = false;
                self.patience = GREETING;
                self.deadline = self.opened_at + GREETING;
            }
            Err(()) => self.refused(),
        }
    }

    /// What the socket brought.
    pub(super) async fn frame(&mut self, received: Received) {
        match received {
            Some(Ok(Message::Text(text))) => {
                if let Ok(frame) = serde_json::from_str::<ServerFrame>(&text) {
                    self.apply(frame).await;
                    self.deadline = Instant::now() + self.patience;
                } else {
                    self.fail(format!("a frame that cannot be read: {text}"));
                }
            }
            Some(Ok(Message::Close(Some(close)))) if u16::from(close.code) == POLICY => {
                self.stream = None;
                self.expelled();
            }
            Some(Ok(Message::Close(_))) | Some(Err(_)) | None => self.lost_or_refused(),
            // A browser answers pings by itself, and tells nobody; so does the library.
            Some(Ok(_)) => {}
        }
    }

    /// Nothing has come for too long.
    pub(super) fn silent(&mut self) {
        self.lost_or_refused();
    }

    fn lost_or_refused(&mut self) {
        if self.is_greeted {
            self.lost();
        } else {
            self.stream = None;
            self.refused();
        }
    }

    /// The connection broke.
    pub(super) fn lost(&mut self) {
        self.let_go();
        let delay = self.backoff.next_delay(self.random.fraction());
        self.later(Duration::from_millis(delay.into()), Done::Reconnect);
    }

    fn let_go(&mut self) {
        self.stream = None;
        self.is_greeted = false;
        if let Some(failed) = self.tried {
            self.http.leave(failed);
        }
        if self.opened_at.elapsed() > GOOD {
            self.backoff.reset();
        }
    }

    fn expelled(&mut self) {
        self.let_go();
        let http = self.http.clone();
        self.tasks.spawn(async move {
            tokio::time::sleep(FAREWELL).await;
            Done::AskedWho(http.me().await)
        });
    }

    /// It was refused, or never came about. The browser does not tell why: asking also renews the session.
    fn refused(&mut self) {
        self.let_go();
        let http = self.http.clone();
        self.tasks.spawn(async move { Done::AskedWho(http.me().await) });
    }

    /// The server has said who is signed in, or nothing.
    pub(super) fn asked_who(&mut self, code: Option<ErrorCode>) {
        if code == Some(ErrorCode::Unauthenticated) {
            return self.fail("it is not signed in any more".into());
        }
        let delay = self.backoff.next_delay(self.random.fraction());
        self.later(Duration::from_millis(delay.into()), Done::Reconnect);
    }

    async fn apply(&mut self, frame: ServerFrame) {
        let mut effects = Effects::default();
        self.model.apply(frame, &mut effects);
        self.carry_out(&mut effects).await;
        if let Some(heartbeat) = effects.heartbeat_ms {
            self.is_greeted = true;
            self.connections += 1;
            if self.connections > 1 {
                self.recorder.reconnected();
            }
            self.patience = Duration::from_millis(heartbeat * 2 + 1_000);
            self.resend();
        }
        if effects.other_account {
            self.fail("the socket is somebody else's".into());
        }
        if let Some(delay) = effects.reconnect_after_ms {
            self.let_go();
            self.later(Duration::from_millis(delay.min(60_000)), Done::Reconnect);
        }
        match effects.refused {
            Some(ErrorCode::Unauthenticated) => {
                self.stream = None;
                self.expelled();
            }
            Some(code) if !code.is_retryable() => self.fail(format!("a frame was refused: {code:?}")),
            _ => {}
        }
    }

    /// Changes what is known, and does what follows from it.
    pub(super) async fn change<T>(&mut self, change: impl FnOnce(&mut Model, &mut Effects) -> T) -> T {
        let mut effects = Effects::default();
        let changed = change(&mut self.model, &mut effects);
        self.carry_out(&mut effects).await;
        changed
    }

    /// Sends a frame, if there is a socket; without one the next greeting asks.
    pub(super) async fn send(&mut self, frame: &ClientFrame) {
        let Some(stream) = &mut self.stream else { return };
        let text = serde_json::to_string(frame).unwrap();
        let sent = tokio::time::timeout(WRITTEN_WITHIN, stream.send(Message::text(text))).await;
        if !matches!(sent, Ok(Ok(()))) {
            self.lost();
        }
    }
}

async fn open(http: &Http) -> Result<Stream, ()> {
    let site = http.site().ok_or(())?;
    let mut request = format!("ws://{}/ws", site.addr).into_client_request().map_err(drop)?;
    let headers = request.headers_mut();
    headers.insert("origin", HeaderValue::from_str(&site.origin).map_err(drop)?);
    headers.insert("cookie", HeaderValue::from_str(&http.cookies()).map_err(drop)?);
    let stream = TcpStream::connect(site.addr).await.map_err(drop)?;
    stream.set_nodelay(true).map_err(drop)?;
    let (stream, _) = client_async(request, stream).await.map_err(drop)?;
    Ok(stream)
}
