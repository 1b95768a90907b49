//! A device's requests: cookies, connections that are kept, and answers as the page reads them.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use app::{
    domain::{ChatId, Seq},
    error::{AppError, AppResult, ErrorCode},
    protocol::{AccountView, ChatView, HistoryPage, MessageView},
};
use axum::{
    body::Body,
    http::{Method, Request, header},
};
use cookie::Cookie;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

use super::Entrances;
use crate::support::{Browser, Lost, Random, Site, encode, message_form};

/// The most that an answer may hold.
const LARGEST: usize = 64 * 1024 * 1024;

/// What a device knows of the servers.
pub struct Http {
    entrances: Entrances,
    patience: Duration,
    state: Mutex<State>,
}

struct State {
    random: Random,
    /// Through which entrance it goes until that fails.
    site: Option<Site>,
    jar: Vec<(String, String)>,
    idle: Vec<(SocketAddr, SendRequest<Body>)>,
}

impl Http {
    /// Signed in as that browser. An answer may take as long as `patience`.
    pub fn of(browser: &Browser, entrances: Entrances, patience: Duration, random: Random) -> Self {
        let cookies = browser.cookies();
        let pairs = cookies.split("; ").filter_map(|pair| pair.split_once('='));
        let jar = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let state = Mutex::new(State { random, site: None, jar, idle: Vec::new() });
        Self { entrances, patience, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This entrance has failed: another one is chosen, by chance, as whoever balances the load does, unless that has
    /// been done already. One that works is stayed with.
    pub fn leave(&self, failed: SocketAddr) {
        let mut state = self.state();
        if state.site.as_ref().is_some_and(|site| site.addr == failed) {
            let last = state.site.take();
            state.site = self.entrances.choose(&mut state.random, last.as_ref());
            state.idle.clear();
        }
    }

    /// Through which entrance it goes now.
    pub fn site(&self) -> Option<Site> {
        let mut state = self.state();
        if state.site.is_none() {
            state.site = self.entrances.choose(&mut state.random, None);
        }
        state.site.clone()
    }

    /// The `Cookie` header.
    pub fn cookies(&self) -> String {
        let state = self.state();
        state.jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// Sends one message; safe to repeat.
    pub async fn send(&self, chat: ChatId, client_id: &str, body: &str) -> AppResult<MessageView> {
        let chat = chat.to_string();
        let form = message_form(&[("chat_id", &chat), ("client_id", client_id), ("body", body)]);
        self.call("send_message", "multipart/form-data; boundary=limit", form).await
    }

    /// A chat with all its members.
    pub async fn chat(&self, chat: ChatId) -> AppResult<ChatView> {
        self.form("get_chat", &[("chat_id", &chat.to_string())]).await
    }

    /// The list of chats.
    pub async fn chats(&self) -> AppResult<Vec<ChatView>> {
        self.form("list_chats", &[]).await
    }

    /// Who is signed in.
    pub async fn me(&self) -> AppResult<AccountView> {
        self.form("me", &[]).await
    }

    /// The newest messages.
    pub async fn newest(&self, chat: ChatId) -> AppResult<HistoryPage> {
        self.form("list_messages", &[("chat_id", &chat.to_string()), ("limit", "50")]).await
    }

    /// All messages after an event, page by page.
    pub async fn after(&self, chat: ChatId, mut after: Seq) -> AppResult<Vec<HistoryPage>> {
        let chat = chat.to_string();
        let mut pages = Vec::new();
        loop {
            let fields = [("chat_id", chat.as_str()), ("after", &after.to_string()), ("limit", "100")];
            let page: HistoryPage = self.form("list_messages", &fields).await?;
            let Some(last) = page.messages.last().map(|message| message.seq) else { return Ok(pages) };
            let more = page.has_newer && last > after;
            after = last;
            pages.push(page);
            if !more {
                return Ok(pages);
            }
        }
    }

    async fn form<T: DeserializeOwned>(&self, function: &str, fields: &[(&str, &str)]) -> AppResult<T> {
        self.call(function, "application/x-www-form-urlencoded", encode(fields).into_bytes()).await
    }

    async fn call<T: DeserializeOwned>(&self, function: &str, kind: &str, body: Vec<u8>) -> AppResult<T> {
        let Some(site) = self.site() else { return Err(ErrorCode::Offline.into()) };
        let exchange = tokio::time::timeout(self.patience, self.exchange(&site, function, kind, body));
        match exchange.await {
            Ok(Ok((200, answer))) => {
                // An answer that is none of ours is what a proxy gives when we are away.
                serde_json::from_slice(&answer)
                    .map_err(|error| AppError::new(ErrorCode::Offline).because(error))
            }
            Ok(Ok((_, answer))) => {
                let refused = serde_json::from_slice::<AppError>(&answer);
                Err(refused.unwrap_or_else(|error| AppError::new(ErrorCode::Offline).because(error)))
            }
            Ok(Err(lost)) => {
                self.leave(site.addr);
                Err(AppError::new(ErrorCode::Offline).because(lost))
            }
            Err(_elapsed) => {
                self.leave(site.addr);
                Err(ErrorCode::Offline.into())
            }
        }
    }

    async fn exchange(
        &self,
        site: &Site,
        function: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> Result<(u16, bytes::Bytes), Lost> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/api/{function}"))
            .header(header::HOST, "chat")
            .header(header::ORIGIN, &site.origin)
            .header(header::COOKIE, self.cookies())
            .header(header::CONTENT_TYPE, kind)
            .body(Body::from(body))?;
        let mut sender = match self.kept(site.addr) {
            Some(kept) => kept,
            None => connect(site.addr).await?,
        };
        sender.ready().await?;
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = axum::body::to_bytes(Body::new(body), LARGEST).await?;
        let mut state = self.state();
        for line in parts.headers.get_all(header::SET_COOKIE) {
            let cookie = Cookie::parse(line.to_str()?.to_owned())?;
            state.jar.retain(|(name, _)| name != cookie.name());
            state.jar.push((cookie.name().to_owned(), cookie.value().to_owned()));
        }
        if !sender.is_closed() {
            state.idle.push((site.addr, sender));
        }
        Ok((parts.status.as_u16(), body))
    }

    fn kept(&self, addr: SocketAddr) -> Option<SendRequest<Body>> {
        let mut state = self.state();
        state.idle.retain(|(to, kept)| *to == addr && !kept.is_closed());
        state.idle.pop().map(|(_, kept)| kept)
    }
}

async fn connect(addr: SocketAddr) -> Result<SendRequest<Body>, Lost> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the sender, or with the server; what the request met shows at the request.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}
