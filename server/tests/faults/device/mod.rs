//! One person's device: the client's own model, timelines, outbox and backoff, driven as the page drives them.
//!
//! What is written here is only what the page does with signals and a browser: `ui/state/{mod,conversation,
//! sending}.rs` and `ui/realtime/socket.rs`. All that waits is in one set of tasks, and every step is taken by
//! one task, as in a browser.

mod conversation;
mod habits;
mod http;
mod reader;
mod socket;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use app::{
    domain::{ChatId, ClientId, Seq, Timestamp, UserId},
    error::AppResult,
    protocol::{AccountView, ChatView, HistoryPage, MessageView},
    ui::{
        realtime::backoff::Backoff,
        state::{model::Model, outbox::Outbox, timeline::Timeline},
    },
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::{sleep, sleep_until},
};

use self::socket::Stream;
pub use self::{
    habits::{Entrances, Habits},
    http::Http,
};
use crate::{
    evidence::{DeviceLog, Message, Place, Recorder, UnderWay},
    support::{Browser, Random},
};

/// Which of a device's messages is one that must be refused whatever chance says: early, before anything is broken.
const REFUSED: u64 = 5;

/// What a device shows of itself at any time.
#[derive(Clone, Debug, Default)]
pub struct Status {
    pub is_online: bool,
    /// Through which entrance its socket went in, if it has one.
    pub at: Option<SocketAddr>,
    /// How often it was connected.
    pub connections: u64,
    /// Messages that wait.
    pub waiting: usize,
    /// Up to where each chat is applied.
    pub applied: BTreeMap<ChatId, Seq>,
    /// The messages of each chat that are shown.
    pub shown: BTreeMap<ChatId, usize>,
    /// Who of the other people is online, as it sees it.
    pub online: BTreeSet<UserId>,
}

/// What a device is told.
enum Command {
    /// Write no more, and do not connect again once the socket is lost.
    StayAway,
    /// Connect again.
    ComeBack,
    /// Say what it has, and end.
    Finish(oneshot::Sender<Vec<DeviceLog>>),
}

/// What a device is made of.
pub struct Parts {
    pub name: String,
    pub me: UserId,
    pub http: Http,
    pub habits: Habits,
    /// The chats that it opens.
    pub chats: Vec<ChatId>,
    /// Chats that exist and that it is not in: now and then it tries to write there.
    pub others: Vec<ChatId>,
    /// Everybody whose presence is of interest.
    pub people: Vec<UserId>,
    pub recorder: Arc<Recorder>,
    pub random: Random,
    /// Whether messages are written at all.
    pub writing: watch::Receiver<bool>,
}

/// A device that runs. Ends with this.
pub struct Device {
    pub name: String,
    pub me: UserId,
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<Status>,
    _task: JoinSet<()>,
}

impl Device {
    /// Loads the page and connects.
    pub async fn start(parts: Parts) -> Self {
        let (name, me) = (parts.name.clone(), parts.me);
        let (commands, received) = mpsc::channel(64);
        let (tell, status) = watch::channel(Status::default());
        let mut running = Running::load(parts, tell).await;
        let mut task = JoinSet::new();
        task.spawn(async move { running.run(received).await });
        Self { name, me, commands, status, _task: task }
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Writes no more, and does not come back once it has lost its socket.
    pub async fn stay_away(&self) {
        self.tell(Command::StayAway).await;
    }

    /// Comes back.
    pub async fn come_back(&self) {
        self.tell(Command::ComeBack).await;
    }

    /// Ends it. Returns what it has of each chat.
    pub async fn finish(self) -> Vec<DeviceLog> {
        let (reply, answer) = oneshot::channel();
        self.tell(Command::Finish(reply)).await;
        answer.await.unwrap_or_else(|_| panic!("{} ended by itself", self.name))
    }

    async fn tell(&self, command: Command) {
        // One that has ended by a panic is found when it is asked for what it has.
        let _ = self.commands.send(command).await;
    }
}

/// What a task of a device comes to.
enum Done {
    Connected(Result<Stream, ()>),
    Reconnect,
    AskedWho(AppResult<AccountView>),
    Sent { chat: ChatId, client_id: ClientId, answer: AppResult<MessageView>, under_way: UnderWay },
    TryAgain(ClientId),
    CaughtUp { chat: ChatId, answer: AppResult<(ChatView, Vec<HistoryPage>)> },
    Restarted { chat: ChatId, answer: AppResult<ChatView> },
    Fetched { chat: ChatId, answer: AppResult<ChatView> },
    Listed(AppResult<Vec<ChatView>>),
    Loaded { chat: ChatId, opening: u64, answer: AppResult<HistoryPage> },
    Healed { chat: ChatId, answer: AppResult<Vec<HistoryPage>> },
    AskAgain,
}

struct Running {
    name: String,
    me: UserId,
    http: Arc<Http>,
    habits: Habits,
    chats: Vec<ChatId>,
    others: Vec<ChatId>,
    people: Vec<UserId>,
    recorder: Arc<Recorder>,
    random: Random,
    writing: watch::Receiver<bool>,
    tell: watch::Sender<Status>,

    model: Model,
    timelines: BTreeMap<ChatId, Timeline>,
    joined: BTreeMap<ChatId, Seq>,
    outbox: Outbox,
    reader: reader::Reader,
    tasks: JoinSet<Done>,

    stream: Option<Stream>,
    is_greeted: bool,
    is_away: bool,
    backoff: Backoff,
    /// Until when the server has to say something.
    deadline: Instant,
    patience: Duration,
    opened_at: Instant,
    /// Through which entrance the socket goes, or was tried last.
    tried: Option<SocketAddr>,
    connections: u64,
    list_under_way: bool,
    being_fetched: BTreeSet<ChatId>,
    asking_later: bool,
    written: u64,
    write_at: Instant,
}

impl Running {
    /// What the server makes the page from: the list of chats and the newest messages of each.
    async fn load(parts: Parts, tell: watch::Sender<Status>) -> Self {
        let Parts { name, me, http, habits, chats, others, people, recorder, random, writing } = parts;
        let list = http.chats().await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let mut model = Model::new(Some(me), list, Vec::new());
        let (mut timelines, mut joined) = (BTreeMap::new(), BTreeMap::new());
        for &id in &chats {
            let chat = http.chat(id).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            let page = http.newest(id).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
            let first = page.messages.first().map(|message| message.seq);
            joined.insert(id, first.filter(|_| page.has_older).unwrap_or(Seq(1)));
            let head_ordinal = chat.head_ordinal;
            model.adopt(chat);
            let timeline = Timeline::ready(id, page);
            if !timeline.has_newer() && timeline.last_ordinal() < head_ordinal {
                model.rewind(id, timeline.last_seq());
            }
            timelines.insert(id, timeline);
        }
        let now = Instant::now();
        let mut this = Self {
            reader: reader::Reader::new(&name),
            name,
            me,
            http: Arc::new(http),
            habits,
            chats,
            others,
            people,
            recorder,
            random,
            writing,
            tell,
            model,
            timelines,
            joined,
            outbox: Outbox::default(),
            tasks: JoinSet::new(),
            stream: None,
            is_greeted: false,
            is_away: false,
            backoff: Backoff::default(),
            deadline: now,
            patience: socket::GREETING,
            opened_at: now,
            tried: None,
            connections: 0,
            list_under_way: false,
            being_fetched: BTreeSet::new(),
            asking_later: false,
            written: 0,
            write_at: now,
        };
        this.connect();
        this
    }

    async fn run(&mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            self.reader.look(&self.timelines, &self.recorder);
            self.tell.send_replace(self.status());
            let writes = *self.writing.borrow() && self.may_write();
            tokio::select! {
                command = commands.recv() => match command {
                    None => return,
                    Some(Command::Finish(reply)) => {
                        // Who asked has its own limit.
                        let _ = reply.send(self.logs());
                        return;
                    }
                    Some(command) => self.obey(command),
                },
                Some(done) = self.tasks.join_next() => match done {
                    Ok(done) => self.done(done).await,
                    Err(panic) => self.fail(format!("a task of the device: {panic}")),
                },
                frame = socket::next(&mut self.stream) => self.frame(frame).await,
                () = sleep_until(self.deadline.into()), if self.stream.is_some() => self.silent(),
                () = sleep_until(self.write_at.into()), if writes => self.write_by_itself(),
                changed = self.writing.changed() => if changed.is_err() { return },
            }
        }
    }

    fn status(&self) -> Status {
        let people = self.people.iter().copied().filter(|person| *person != self.me);
        let applied = self.chats.iter().filter_map(|id| Some((*id, self.model.applied(*id)?)));
        let shown = self.timelines.iter().map(|(id, timeline)| (*id, timeline.messages().len()));
        Status {
            is_online: self.stream.is_some() && self.is_greeted,
            at: self.stream.as_ref().and_then(|stream| stream.get_ref().peer_addr().ok()),
            connections: self.connections,
            waiting: self.outbox.chats().iter().map(|chat| self.outbox.of(*chat).count()).sum(),
            applied: applied.collect(),
            shown: shown.collect(),
            online: people.filter(|person| self.model.is_online(*person)).collect(),
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            // It has an end of its own.
            Command::Finish(_) => {}
            Command::StayAway => self.is_away = true,
            Command::ComeBack => {
                if std::mem::take(&mut self.is_away) && self.stream.is_none() {
                    self.connect();
                }
            }
        }
    }

    /// Something that must not be: its person would notice.
    fn fail(&self, reason: String) {
        self.recorder.notice(format!("{}: {reason}", self.name));
    }

    fn may_write(&self) -> bool {
        let waiting: usize = self.outbox.chats().iter().map(|chat| self.outbox.of(*chat).count()).sum();
        self.habits.pace.is_some() && waiting < self.habits.most_waiting && !self.is_away
    }

    /// Writes the next message to one of its chats, now and then one that must be refused.
    fn write_by_itself(&mut self) {
        let Some(pace) = self.habits.pace.clone() else { return };
        self.write_at = Instant::now() + Duration::from_millis(self.random.within(pace));
        self.written += 1;
        let what = format!("{} writes message {}", self.name, self.written);
        if self.written == REFUSED {
            return self.push(self.chats[0], "too long ".repeat(1_000));
        }
        if !self.others.is_empty() && self.random.once_in(40) {
            let chat = self.others[self.random.below(self.others.len())];
            return self.push(chat, what);
        }
        let chat = self.chats[self.random.below(self.chats.len())];
        let body = if self.random.once_in(60) { "too long ".repeat(1_000) } else { what };
        self.push(chat, body);
    }

    /// What it has of each chat.
    fn logs(&self) -> Vec<DeviceLog> {
        let log = |(chat, timeline): (&ChatId, &Timeline)| DeviceLog {
            device: self.name.clone(),
            chat: *chat,
            joined: self.joined.get(chat).copied().unwrap_or(Seq(1)),
            applied: self.model.applied(*chat).unwrap_or_default(),
            messages: timeline.messages().iter().map(|message| message_of(message)).collect(),
        };
        self.timelines.iter().map(log).collect()
    }

    /// Does something later.
    fn later(&mut self, delay: Duration, done: Done) {
        self.tasks.spawn(async move {
            sleep(delay).await;
            done
        });
    }
}

/// What the checker wants to know of a message.
pub fn message_of(message: &MessageView) -> Message {
    Message {
        place: Place { seq: message.seq, ordinal: message.ordinal },
        client_id: message.client_id,
        sender: message.sender_id,
        body: message.body.clone(),
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(since.as_millis() as i64)
}

/// Who is signed in as that browser, going in by these entrances.
pub fn http_of(browser: &Browser, entrances: &Entrances, habits: &Habits, random: &mut Random) -> Http {
    Http::of(browser, entrances.clone(), habits.patience, random.fork())
}
