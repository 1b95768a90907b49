//! Open sockets that do what a browser does: they apply the log of one chat, ask for what is missing, and
//! know who is online.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use futures::{SinkExt, StreamExt, stream};
use memchr::memmem::Finder;
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet};
use tokio_tungstenite::tungstenite::Message;

use super::log::{Ask, ChatLog, Mark};
use crate::{
    api::{self, Account},
    socket::{self, Socket, elapsed_ns},
};

/// Bytes that a socket reads at once.
const READ_BUFFER: usize = 16 * 1024;
/// What is on its way arrives sooner than this after what came before: other nodes are told by the store
/// every few seconds, if by nothing else.
const PATIENCE: Duration = Duration::from_secs(15);

/// What all clients of a run have in common.
pub struct Scene {
    /// Everybody, by number.
    pub people: Vec<Arc<Account>>,
    /// The chat that is watched, of which all are members.
    pub chat: Arc<str>,
    /// What times are told by.
    pub clock: Instant,
    numbers: HashMap<String, usize>,
    marked: Finder<'static>,
}

impl Scene {
    /// The clock starts now.
    pub fn new(people: Vec<Arc<Account>>, chat: Arc<str>) -> Arc<Self> {
        let numbers = people.iter().enumerate().map(|(number, account)| (account.id.clone(), number));
        let (numbers, clock) = (numbers.collect(), Instant::now());
        let marked = Finder::new(&format!("\"chat_id\":\"{chat}\"")).into_owned();
        Arc::new(Self { people, chat, clock, numbers, marked })
    }
}

/// Whose socket is opened, and where.
#[derive(Clone, Copy)]
pub struct Place {
    /// The person's number.
    pub person: usize,
    /// The node's number …
    pub node: usize,
    /// … and address.
    pub addr: SocketAddr,
}

/// What a client was told of who is online.
pub struct Told {
    /// Whether a person is, by number. Clients hear nothing of themselves, and know that they are.
    pub online: Vec<bool>,
    /// How often it was said that the person no longer is.
    pub went: Vec<u32>,
}

/// What a client knows, to be looked at while it runs.
pub struct View {
    /// The node's number.
    pub node: usize,
    applied: AtomicU64,
    open: AtomicBool,
    told: Mutex<Told>,
}

impl View {
    /// What it was told of who is online.
    pub fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came to a client.
pub struct ClientLog {
    /// The node's number.
    pub node: usize,
    /// The last event that its `hello` told of.
    pub first: u64,
    /// The chat's log.
    pub chat: ChatLog,
    /// Why the socket was lost, if that was before the end.
    pub lost: Option<String>,
}

/// Open clients. Their tasks end when this is dropped.
pub struct Clients {
    scene: Arc<Scene>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<ClientLog>,
    views: Vec<Arc<View>>,
}

impl Clients {
    /// Nobody yet.
    pub fn new(scene: Arc<Scene>) -> Self {
        Self { scene, stop: watch::Sender::new(false), tasks: JoinSet::new(), views: Vec::new() }
    }

    /// Opens sockets, some at a time, and waits for each one's `hello`.
    pub async fn open(&mut self, places: impl IntoIterator<Item = Place>) -> Result<()> {
        let scene = &self.scene;
        let opening = stream::iter(places).map(|place| async move {
            let opened = socket::open(place.addr, &scene.people[place.person], READ_BUFFER).await;
            let (socket, hello) = opened.with_context(|| format!("on node {}", place.node + 1))?;
            anyhow::Ok((place, socket, hello))
        });
        let mut opening = opening.buffer_unordered(socket::OPENING);
        while let Some(opened) = opening.next().await {
            let (place, socket, hello) = opened?;
            let head = socket::head_in(&hello, &scene.chat)?;
            let view = Arc::new(view(scene, place, head, &hello)?);
            self.views.push(view.clone());
            let log = ClientLog { node: place.node, first: head, chat: ChatLog::new(head), lost: None };
            let client = Client { scene: scene.clone(), place, socket, view, log, pages: JoinSet::new() };
            self.tasks.spawn(client.run(self.stop.subscribe()));
        }
        Ok(())
    }

    /// What the clients on these nodes know.
    pub fn views_on(&self, nodes: &[usize]) -> Vec<Arc<View>> {
        self.views.iter().filter(|view| nodes.contains(&view.node)).cloned().collect()
    }

    /// Waits until every client whose socket is open has applied this event; gives up when nothing more
    /// comes for a while.
    pub async fn wait_until_applied(&self, seq: u64) {
        let (mut before, mut since) = (0, Instant::now());
        loop {
            let open = self.views.iter().filter(|view| view.open.load(Relaxed));
            let (mut sum, mut all) = (0, true);
            for view in open {
                let applied = view.applied.load(Relaxed);
                sum += applied;
                all &= applied >= seq;
            }
            if all || since.elapsed() > PATIENCE {
                return;
            }
            if sum > before {
                (before, since) = (sum, Instant::now());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends all and answers what came to them.
    pub async fn close(self) -> Result<Vec<ClientLog>> {
        let Self { stop, mut tasks, .. } = self;
        stop.send_replace(true);
        let mut logs = Vec::with_capacity(tasks.len());
        while let Some(log) = tasks.join_next().await {
            logs.push(log.context("a client's task failed")?);
        }
        Ok(logs)
    }
}

fn view(scene: &Scene, place: Place, head: u64, hello: &Value) -> Result<View> {
    let mut online = vec![false; scene.people.len()];
    online[place.person] = true;
    for user in hello["online"].as_array().context("hello does not say who is online")? {
        if let Some(number) = user.as_str().and_then(|id| scene.numbers.get(id)) {
            online[*number] = true;
        }
    }
    let told = Told { went: vec![0; online.len()], online };
    let (applied, open) = (AtomicU64::new(head), AtomicBool::new(true));
    Ok(View { node: place.node, applied, open, told: Mutex::new(told) })
}

/// The task that owns one socket.
struct Client {
    scene: Arc<Scene>,
    place: Place,
    socket: Socket,
    view: Arc<View>,
    log: ClientLog,
    pages: JoinSet<Result<Pages>>,
}

struct Pages {
    messages: Vec<(u64, Option<Mark>)>,
    head: u64,
}

impl Client {
    async fn run(mut self, mut stop: watch::Receiver<bool>) -> ClientLog {
        let ended = tokio::select! {
            ended = self.listen() => ended,
            _stopped = stop.wait_for(|stop| *stop) => Ok(()),
        };
        self.log.lost = ended.err().map(|error| format!("{error:#}"));
        self.view.open.store(false, Relaxed);
        self.log
    }

    /// Reads until the socket ends, which is never well.
    async fn listen(&mut self) -> Result<()> {
        loop {
            let ask = tokio::select! {
                biased;
                frame = self.socket.next() => match frame.context("closed without a word")?? {
                    Message::Text(text) => self.frame(text.as_bytes())?,
                    Message::Close(close) => anyhow::bail!("closed: {close:?}"),
                    _ => None,
                },
                Some(pages) = self.pages.join_next() => {
                    let Pages { messages, head } = pages.context("fetching pages failed")??;
                    self.log.chat.caught_up(messages, head, elapsed_ns(self.scene.clock))
                }
            };
            self.view.applied.store(self.log.chat.applied, Relaxed);
            match ask {
                None => {}
                Some(Ask::Resume(after)) => {
                    self.socket.send(socket::resume(&self.scene.chat, after)).await?;
                }
                Some(Ask::Pages { after, head }) => {
                    let (scene, place) = (self.scene.clone(), self.place);
                    self.pages.spawn(async move { fetch(&scene, place, after, head).await });
                }
            }
        }
    }

    /// Events are scanned rather than parsed: there are very many.
    fn frame(&mut self, frame: &[u8]) -> Result<Option<Ask>> {
        let log = &mut self.log.chat;
        if let Some(seq) = socket::seq(frame) {
            let is_ours = self.scene.marked.find(frame).is_some();
            let now_ns = elapsed_ns(self.scene.clock);
            return Ok(if is_ours { log.event(seq, socket::mark(frame), now_ns) } else { None });
        }
        let notice: Value = serde_json::from_slice(frame).context("a frame that is no JSON")?;
        let chat = &*self.scene.chat;
        match notice["type"].as_str() {
            Some("heads") => Ok(notice["heads"][chat].as_u64().and_then(|head| log.head(head))),
            Some("limited") if notice["chat_id"] == chat => {
                Ok(notice["head"].as_u64().and_then(|head| log.limited(head)))
            }
            Some("user_status_changed") => {
                self.status(&notice);
                Ok(None)
            }
            Some(kind @ ("error" | "bye" | "chat_removed")) => anyhow::bail!("told {kind}: {notice}"),
            _ => Ok(None),
        }
    }

    fn status(&self, notice: &Value) {
        let number = notice["user_id"].as_str().and_then(|id| self.scene.numbers.get(id));
        let Some(&number) = number.filter(|number| **number != self.place.person) else { return };
        let online = notice["status"] == "online";
        let mut told = self.view.told();
        told.online[number] = online;
        told.went[number] += u32::from(!online);
    }
}

async fn fetch(scene: &Scene, place: Place, after: u64, head: u64) -> Result<Pages> {
    let account = &scene.people[place.person];
    let (messages, head) = api::messages_up_to(place.addr, account, &scene.chat, after, head).await?;
    let marked = |(seq, message): (u64, Value)| (seq, socket::mark(message.to_string().as_bytes()));
    Ok(Pages { messages: messages.into_iter().map(marked).collect(), head })
}
