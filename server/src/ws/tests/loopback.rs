//! A server with nothing but sockets on a port of its own, and a client for it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use app::{
    domain::{ChatId, Timestamp, UserId},
    ports::{Bus, BusMessage, ChatStore, Clock, IdSource},
    protocol::LogEvent,
    service::{Actor, PresenceService},
};
use axum::{extract::Request, middleware::Next};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest, http::HeaderValue},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{chat, session, store::MemoryStore, user};
use crate::{
    bus::LocalBus,
    limiter::LocalLimiter,
    presence::LocalPresence,
    ws::{Hub, Parts, Realtime, routes},
};

/// Long enough that only something that never comes is waited for so long.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
    }
}

pub struct RandomIds;

impl IdSource for RandomIds {
    fn id(&self, _: Timestamp) -> [u8; 12] {
        self.secret()[..12].try_into().unwrap()
    }

    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).unwrap();
        bytes
    }
}

pub struct Server {
    pub store: Arc<MemoryStore>,
    pub hub: Arc<Hub>,
    pub bus: Arc<dyn Bus>,
    pub shutdown: CancellationToken,
    pub tracker: TaskTracker,
    address: SocketAddr,
}

/// A server whose store holds these chats of these people.
pub async fn server_with(chats: &[(u8, &[u8])]) -> Server {
    let server = Server::start().await;
    for (n, members) in chats {
        for member in *members {
            server.store.add(chat(*n), user(*member));
        }
    }
    server
}

/// A socket of this person that has its `hello`.
pub async fn greeted(server: &Server, person: u8) -> Client {
    let mut client = server.connect(person).await;
    assert_eq!(client.next().await.unwrap()["type"], "hello");
    client
}

impl Server {
    pub async fn start() -> Self {
        let store = Arc::new(MemoryStore::default());
        let hub = Arc::new(Hub::new());
        let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(hub.clone()));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (shutdown, tracker) = (CancellationToken::new(), TaskTracker::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let realtime = Realtime::start(Parts {
            hub: hub.clone(),
            store: store.clone(),
            bus: bus.clone(),
            presence: Arc::new(PresenceService::new(
                store.clone(),
                Arc::new(LocalPresence::new()),
                bus.clone(),
                clock.clone(),
            )),
            limiter: Arc::new(LocalLimiter::new()),
            clock,
            ids: Arc::new(RandomIds),
            allowed_origins: vec![format!("http://{address}")],
            shutdown: shutdown.clone(),
            tracker: tracker.clone(),
        });
        let app = routes(realtime).layer(axum::middleware::from_fn(authenticate));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { store, hub, bus, shutdown, tracker, address }
    }

    /// Signs a person in and opens a socket.
    pub async fn connect(&self, person: u8) -> Client {
        self.try_connect(person, &self.origin()).await.unwrap()
    }

    /// The origin of the server's own pages.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same from another origin, and without knowing that it succeeds.
    pub async fn try_connect(&self, person: u8, origin: &str) -> Result<Client, (u16, Value)> {
        self.store.sign_in(user(person), session(person));
        self.open(Some(person), origin).await
    }

    /// Opens a socket without signing anybody in.
    pub async fn open(&self, person: Option<u8>, origin: &str) -> Result<Client, (u16, Value)> {
        let mut request = format!("ws://{}/ws", self.address).into_client_request().unwrap();
        request.headers_mut().insert("origin", HeaderValue::from_str(origin).unwrap());
        if let Some(person) = person {
            request.headers_mut().insert("x-person", HeaderValue::from(u16::from(person)));
        }
        match timeout(PATIENCE, connect_async(request)).await.unwrap() {
            Ok((socket, _)) => Ok(Client { socket }),
            Err(tungstenite::Error::Http(answer)) => {
                let body = answer.body().as_deref().unwrap_or_default();
                Err((answer.status().as_u16(), serde_json::from_slice(body).unwrap_or_default()))
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// Opens a socket of which the system buffers little, and which nobody reads.
    pub async fn connect_narrowly(&self, person: u8) -> WebSocketStream<TcpStream> {
        self.store.sign_in(user(person), session(person));
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        let mut request = format!("ws://{}/ws", self.address).into_client_request().unwrap();
        request.headers_mut().insert("origin", HeaderValue::from_str(&self.origin()).unwrap());
        request.headers_mut().insert("x-person", HeaderValue::from(u16::from(person)));
        client_async(request, stream).await.unwrap().0
    }

    /// Waits until something is true of the hub.
    pub async fn until(&self, what: &str, is: impl Fn(&Hub) -> bool) {
        let wait = async {
            while !is(&self.hub) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(timeout(PATIENCE, wait).await.is_ok(), "never: {what}");
    }

    /// Appends an event to a chat's log and publishes it.
    pub async fn happen(&self, chat: ChatId, name: &str) -> LogEvent {
        let event = self.store.rename(chat, name);
        let frame = serde_json::to_string(&event).unwrap().into();
        self.bus.publish(BusMessage::Event { chat_id: chat, seq: event.seq, frame }).await.unwrap();
        event
    }

    /// Puts a person into a chat.
    pub async fn join(&self, chat: ChatId, user_id: UserId) {
        self.store.add(chat, user_id);
        let frame = json!({ "type": "chat_added", "chat": { "id": chat } }).to_string().into();
        let head = app::domain::Seq(0);
        let members = self.store.member_ids(chat).await.unwrap().len() as u64;
        let joined = BusMessage::Joined { chat_id: chat, user_id, head, members, frame };
        self.bus.publish(joined).await.unwrap();
    }

    /// Takes a person out of a chat.
    pub async fn remove(&self, chat: ChatId, user_id: UserId) {
        let frame = json!({ "type": "chat_removed", "chat_id": chat }).to_string().into();
        self.bus.publish(BusMessage::Left { chat_id: chat, user_id, frame }).await.unwrap();
    }
}

async fn authenticate(mut request: Request, next: Next) -> axum::response::Response {
    let person = request.headers().get("x-person").and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(person) = person {
        request.extensions_mut().insert(Actor { user_id: user(person), session_id: session(person) });
    }
    next.run(request).await
}

pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    /// The next text frame but for heartbeats, or the close code.
    pub async fn next(&mut self) -> Result<Value, u16> {
        loop {
            let frame = self.any().await;
            if !frame.as_ref().is_ok_and(|frame| frame["type"] == "heads") {
                return frame;
            }
        }
    }

    pub async fn any(&mut self) -> Result<Value, u16> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("something in time") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(close)))) => return Err(close.code.into()),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next text frame of this type; others are skipped.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.any().await.unwrap();
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The close code, whatever comes before it.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    pub async fn send(&mut self, frame: Value) {
        self.send_raw(Message::text(frame.to_string())).await;
    }

    pub async fn send_raw(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }
}
