//! A person's socket.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue, protocol::CloseFrame},
};

use super::{Browser, soon};

/// A socket that was not admitted: how the upgrade was answered.
#[derive(Debug)]
pub struct Refused {
    pub status: u16,
    pub json: Value,
}

impl Refused {
    /// The code of the refusal.
    pub fn code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or_default()
    }
}

/// An open socket. Frames that a test passes over are kept in `seen`.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    pub hello: Value,
    pub seen: Vec<Value>,
}

impl Socket {
    /// Opens a socket with the browser's cookies, from a page of the site; it has to be admitted.
    pub async fn open(browser: &Browser) -> Self {
        Self::try_open(browser).await.expect("an admitted socket")
    }

    /// Tries to open a socket with the browser's cookies, from a page of the site.
    pub async fn try_open(browser: &Browser) -> Result<Self, Refused> {
        let cookies = browser.cookies();
        let mut headers = vec![("origin", browser.site.origin.as_str())];
        if !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        Self::try_open_with(browser, &headers).await
    }

    /// Tries to open a socket with exactly these headers beside those of the upgrade.
    pub async fn try_open_with(browser: &Browser, headers: &[(&'static str, &str)]) -> Result<Self, Refused> {
        let mut request = format!("ws://{}/ws", browser.site.addr).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
        }
        let stream = TcpStream::connect(browser.site.addr).await.unwrap();
        match soon("the upgrade", client_async(request, stream)).await {
            Ok((stream, _response)) => {
                let mut socket = Self { stream, hello: Value::Null, seen: Vec::new() };
                socket.hello = socket.next().await.unwrap_or_else(|closed| panic!("closed: {closed:?}"));
                assert_eq!(socket.hello["type"], "hello");
                Ok(socket)
            }
            Err(Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                let json = serde_json::from_slice(&body).unwrap_or_default();
                Err(Refused { status: response.status().as_u16(), json })
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// The next frame, or the close frame if the server closes.
    pub async fn next(&mut self) -> Result<Value, Option<CloseFrame>> {
        soon("a frame", async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Message::Close(frame))) => return Err(frame),
                    Some(Ok(_ping_or_pong)) => {}
                    Some(Err(_)) | None => return Err(None),
                }
            }
        })
        .await
    }

    /// The next frame of this type; others are passed over.
    pub async fn next_event(&mut self, kind: &str) -> Value {
        self.next_that(kind, |frame| frame["type"] == kind).await
    }

    /// The next frame that fits; others are passed over.
    pub async fn next_that(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        soon(what, async {
            loop {
                match self.next().await {
                    Ok(frame) => {
                        self.seen.push(frame.clone());
                        if fits(&frame) {
                            return frame;
                        }
                    }
                    Err(closed) => panic!("closed with {closed:?} while waiting for {what}"),
                }
            }
        })
        .await
    }

    /// Reads to the end. Returns the close code, 0 if the connection just broke.
    pub async fn closed(&mut self) -> u16 {
        soon("the end of the socket", async {
            loop {
                match self.next().await {
                    Ok(frame) => self.seen.push(frame),
                    Err(closed) => return closed.map_or(0, |frame| frame.code.into()),
                }
            }
        })
        .await
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &Value) {
        self.send_message(Message::text(frame.to_string())).await;
    }

    /// Sends anything.
    pub async fn send_message(&mut self, message: Message) {
        soon("sending", self.stream.send(message)).await.unwrap();
    }

    /// Sends until the server does not take it any more.
    pub async fn send_many(&mut self, messages: impl IntoIterator<Item = Message>) {
        for message in messages {
            if soon("sending", self.stream.feed(message)).await.is_err() {
                return;
            }
        }
        let _ = soon("flushing", self.stream.flush()).await;
    }

    /// Writes bytes past the WebSocket library.
    pub async fn send_raw(&mut self, bytes: &[u8]) {
        use tokio::io::AsyncWriteExt;
        soon("writing", self.stream.get_mut().write_all(bytes)).await.unwrap();
    }

    /// Asks for what came after `seq` of a chat.
    pub async fn resume(&mut self, chat: &str, seq: u64) {
        self.send(&json!({"type": "resume", "heads": {chat: seq}})).await;
    }

    /// Asks whether anybody is there and waits for the answer: everything that the server had queued for
    /// this socket before is in `seen` by then.
    pub async fn round_trip(&mut self) {
        self.send(&json!({"type": "ping"})).await;
        self.next_event("heads").await;
    }

    /// Reads for this long and returns every frame that came.
    pub async fn listen(&mut self, time: Duration) -> Vec<Value> {
        let mut heard = Vec::new();
        let _elapsed = tokio::time::timeout(time, async {
            while let Ok(frame) = self.next().await {
                heard.push(frame);
            }
        })
        .await;
        heard
    }

    /// Closes it in good order.
    pub async fn close(mut self) {
        let _ = soon("closing", self.stream.close(None)).await;
    }
}
