//! Ten thousand sockets lose their node at once and come back to it, while people go on writing.
//!
//! The clients do what the page does: after a `bye` they wait as long as it says, after a loss for a time
//! that doubles from half a second and is shortened by chance, and after a refusal they first ask who they
//! are; then they resume from what they have applied.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use tokio::{sync::watch, task::JoinSet};

use crate::{
    api::{self, Account, ClientIds},
    http1::Connection,
    process::{self, Server},
    report::{self, Figures},
    socket::{self, Socket, elapsed_ns, marked_body},
    visitor::{News, Visitor},
};

/// Sockets of one account: the server's limit.
const SOCKETS_PER_ACCOUNT: usize = 10;
/// Accounts of one group, each of which has one group.
const GROUP: usize = 20;
/// How many groups somebody writes into.
const WRITERS: usize = 10;
/// Bytes in a message, as in the other rows.
const BYTES: usize = 350;
/// How long people write before the node goes, and after all are back.
const CALM: Duration = Duration::from_secs(5);
/// When everybody has to be back, at the latest; who is not then is counted.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two looks at who is back.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the page waits for the greeting.
const GREETING: Duration = Duration::from_secs(10);
/// The page's first wait after a loss, and its longest, in milliseconds.
const WAITS_MS: (u64, u64) = (500, 30_000);
/// A connection that held this long was a good one: the next wait is the first again.
const GOOD: Duration = Duration::from_secs(5);
/// Between two attempts to send a message.
const PAUSE: Duration = Duration::from_millis(200);

/// What a run is made of.
#[derive(Clone, Debug, clap::Args)]
pub struct Herd {
    /// Sockets.
    #[arg(long, default_value_t = 10_000)]
    pub sockets: usize,
    /// Messages a second, over all who write.
    #[arg(long, default_value_t = 20.0)]
    pub rate: f64,
}

/// How the node goes.
#[derive(Clone, Copy)]
enum Way {
    /// SIGKILL, and it is started again.
    Killed,
    /// SIGTERM, and another is started when it has ended.
    Stopped,
}

/// What clients and writers have in common.
struct Scene {
    addr: SocketAddr,
    clock: Instant,
    /// When each client was greeted last and had asked for what it missed, in nanoseconds of the clock; 0
    /// while it is away.
    back_ns: Vec<AtomicU64>,
    /// What each client has applied.
    applied: Vec<AtomicU64>,
    /// Refused attempts to connect.
    refused: AtomicU64,
}

/// A message that was accepted: when its first POST began, in nanoseconds of the clock, the microseconds
/// until it was accepted, the group and the place in the log.
struct Sent {
    began_ns: u64,
    micros: u32,
    group: usize,
    seq: u64,
}

/// Runs it against a server that has just been started, and that the driver can end.
pub async fn run(herd: &Herd, server: &mut Server) -> Result<Figures> {
    ensure!(herd.sockets >= SOCKETS_PER_ACCOUNT * WRITERS * GROUP, "too few sockets for so many who write");
    let addr = server.addr;
    let accounts = api::register(addr, herd.sockets.div_ceil(SOCKETS_PER_ACCOUNT)).await?;
    let mut chats = Vec::new();
    for group in accounts.chunks(GROUP) {
        chats.push(api::create_group(addr, "Herd", group).await?);
    }
    server.restart().await?;

    let counters = || (0..herd.sockets).map(|_| AtomicU64::new(0)).collect();
    let (back_ns, applied) = (counters(), counters());
    let scene = Arc::new(Scene { addr, clock: Instant::now(), back_ns, applied, refused: AtomicU64::new(0) });
    let (stop, stopped) = watch::channel(false);
    let mut clients = JoinSet::new();
    let opening = (0..herd.sockets).map(|number| {
        let account = accounts[number / SOCKETS_PER_ACCOUNT].clone();
        let chat = chats[number / SOCKETS_PER_ACCOUNT / GROUP].clone();
        let scene = scene.clone();
        async move {
            let mut client =
                Client { scene, number, visitor: Visitor::new(addr, account, chat, 0), tries: 0 };
            let (socket, head) =
                client.visitor.connect().await.with_context(|| format!("socket {number}"))?;
            client.note(head);
            anyhow::Ok((client, socket))
        }
    });
    let mut opening = stream::iter(opening).buffer_unordered(socket::OPENING);
    while let Some((client, socket)) = opening.try_next().await? {
        clients.spawn(client.run(socket));
        if clients.len() % 1_000 == 0 {
            report::progress(format_args!("{} of {} sockets", clients.len(), herd.sockets));
        }
    }
    // On a thread of their own: what they wait for is to be the server, and not the driver's many clients.
    let writing = std::thread::Builder::new().name("writers".into()).spawn({
        let (scene, rate) = (scene.clone(), herd.rate / WRITERS as f64);
        let places: Vec<_> =
            chats.iter().take(WRITERS).cloned().zip(accounts.iter().step_by(GROUP).cloned()).collect();
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let writers = places.into_iter().enumerate().map(|(group, (chat, account))| {
                write(scene.clone(), group, chat, account, rate, stopped.clone())
            });
            anyhow::Ok(runtime.block_on(try_join_all(writers))?.into_iter().flatten().collect::<Vec<Sent>>())
        }
    })?;
    tokio::time::sleep(CALM).await;

    // Not the last of them, which may be on its way when the node goes.
    let calm_end = elapsed_ns(scene.clock).saturating_sub(1_000_000_000);
    let mut marks = Vec::new();
    let mut figures = Figures::new();
    let mut never_back = 0;
    for way in [Way::Killed, Way::Stopped] {
        let mark = lose_node(&scene, server, way, &mut figures, &mut never_back).await?;
        marks.push(mark);
        tokio::time::sleep(CALM).await;
    }
    stop.send_replace(true);
    let joined = tokio::task::spawn_blocking(|| writing.join()).await?;
    let sent = joined.map_err(|_panic| anyhow!("the writers' thread failed"))??;
    figures.insert("missed", missed(&scene, &sent).await as f64);
    figures.insert("never_back", never_back as f64);
    clients.shutdown().await;

    let within = |from: u64, to: u64| {
        let those = sent.iter().filter(move |sent| (from..to).contains(&sent.began_ns));
        those.map(|sent| sent.micros).collect::<Vec<_>>()
    };
    let mut insert = |from, to, names: [&'static str; 2]| {
        let (mut times, [p99, most]) = (within(from, to), names);
        report::insert_percentiles(&mut figures, &mut times, &[(p99, 0.99), (most, 1.0)]);
    };
    insert(0, calm_end, ["calm_send_ms_p99", "calm_send_ms_max"]);
    insert(marks[0].0, marks[0].1, ["killed_send_ms_p99", "killed_send_ms_max"]);
    insert(marks[1].0, marks[1].1, ["stopped_send_ms_p99", "stopped_send_ms_max"]);
    figures.insert("sent", sent.len() as f64);
    Ok(figures)
}

/// Ends the node and starts it again. Answers when it was ready, and when all were back.
async fn lose_node(
    scene: &Scene,
    server: &mut Server,
    way: Way,
    figures: &mut Figures,
    never_back: &mut usize,
) -> Result<(u64, u64)> {
    let (gone_ns, own_cpu) = (elapsed_ns(scene.clock), process::cpu_seconds("self")?);
    scene.refused.store(0, Relaxed);
    match way {
        Way::Killed => {
            server.kill().await?;
            server.start_again().await?;
        }
        Way::Stopped => server.restart().await?,
    }
    let ready_ns = elapsed_ns(scene.clock);
    let since = Instant::now();
    let is_back = |at: &&AtomicU64| at.load(Relaxed) > gone_ns;
    let mut back = 0;
    while back < scene.back_ns.len() && since.elapsed() < LIMIT {
        tokio::time::sleep(LOOK_EVERY).await;
        back = scene.back_ns.iter().filter(is_back).count();
    }
    *never_back += scene.back_ns.len() - back;
    let times = scene.back_ns.iter().filter(is_back).map(|at| at.load(Relaxed) - gone_ns);
    let mut times: Vec<u32> = times.map(|ns| u32::try_from(ns / 1_000).unwrap_or(u32::MAX)).collect();
    let last_ns = gone_ns + times.iter().max().map_or(0, |micros| u64::from(*micros) * 1_000);
    let cpu = server.cpu_seconds()?.unwrap_or_default();
    let own_cpu = process::cpu_seconds("self")? - own_cpu;
    let peak = server.peak_rss_kib()?.unwrap_or_default() / 1_024.0;
    let (names, [ready, refused, peak_name, cpu_name, own_cpu_name]) = match way {
        Way::Killed => (
            ["killed_back_ms_p50", "killed_back_ms_p99", "killed_back_ms_all"],
            [
                "killed_ready_ms",
                "killed_refused",
                "killed_peak_rss_mib",
                "killed_server_cpu_s",
                "killed_driver_cpu_s",
            ],
        ),
        Way::Stopped => (
            ["stopped_back_ms_p50", "stopped_back_ms_p99", "stopped_back_ms_all"],
            [
                "stopped_ready_ms",
                "stopped_refused",
                "stopped_peak_rss_mib",
                "stopped_server_cpu_s",
                "stopped_driver_cpu_s",
            ],
        ),
    };
    let [half, most, all] = names;
    report::insert_percentiles(figures, &mut times, &[(half, 0.5), (most, 0.99), (all, 1.0)]);
    figures.extend([
        (ready, (ready_ns - gone_ns) as f64 / 1e6),
        (refused, scene.refused.load(Relaxed) as f64),
        (peak_name, peak),
        (cpu_name, cpu),
        (own_cpu_name, own_cpu),
    ]);
    Ok((ready_ns, last_ns))
}

/// How many clients do not come to have what was accepted in their chats.
async fn missed(scene: &Scene, sent: &[Sent]) -> usize {
    let last = |number: usize| {
        let group = number / SOCKETS_PER_ACCOUNT / GROUP;
        sent.iter().filter(|sent| sent.group == group).map(|sent| sent.seq).max().unwrap_or_default()
    };
    let heads: Vec<u64> = (0..WRITERS).map(|group| last(group * GROUP * SOCKETS_PER_ACCOUNT)).collect();
    let since = Instant::now();
    loop {
        let wanted =
            |number: usize| heads.get(number / SOCKETS_PER_ACCOUNT / GROUP).copied().unwrap_or_default();
        let applied = scene.applied.iter().enumerate();
        let missed = applied.filter(|(number, applied)| applied.load(Relaxed) < wanted(*number)).count();
        if missed == 0 || since.elapsed() > Duration::from_secs(15) {
            return missed;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// One socket's owner.
struct Client {
    scene: Arc<Scene>,
    number: usize,
    visitor: Visitor,
    tries: u32,
}

impl Client {
    /// Until the task is ended.
    async fn run(mut self, mut socket: Socket) {
        loop {
            let wait = self.stay(&mut socket).await;
            tokio::time::sleep(Duration::from_millis(wait)).await;
            socket = self.come_back().await;
        }
    }

    /// Reads until the socket ends. Answers how long to wait then.
    async fn stay(&mut self, socket: &mut Socket) -> u64 {
        let since = Instant::now();
        let asked = loop {
            let news = self.visitor.next(socket).await;
            self.scene.applied[self.number].store(self.visitor.log.applied, Relaxed);
            match news {
                Ok(News::None) => {}
                Ok(News::Bye(wait)) => break Some(wait),
                Err(_ended) => break None,
            }
        };
        self.scene.back_ns[self.number].store(0, Relaxed);
        if since.elapsed() > GOOD {
            self.tries = 0;
        }
        asked.unwrap_or_else(|| self.backoff())
    }

    /// Tries until it is greeted.
    async fn come_back(&mut self) -> Socket {
        loop {
            match tokio::time::timeout(GREETING, self.visitor.connect()).await {
                Ok(Ok((socket, head))) => {
                    self.note(head);
                    return socket;
                }
                Ok(Err(_)) | Err(_) => {
                    self.scene.refused.fetch_add(1, Relaxed);
                    // Whatever it answers: the page only wants to know whether the session is over.
                    let _answer =
                        tokio::time::timeout(GREETING, api::me(self.scene.addr, self.visitor.account()))
                            .await;
                    let wait = self.backoff();
                    tokio::time::sleep(Duration::from_millis(wait)).await;
                }
            }
        }
    }

    /// It was greeted.
    fn note(&mut self, head: u64) {
        if self.visitor.log.applied == 0 {
            // The first time it reads what is there, as the page that the server renders has it.
            self.visitor.log.applied = head;
        }
        self.scene.applied[self.number].store(self.visitor.log.applied, Relaxed);
        self.scene.back_ns[self.number].store(elapsed_ns(self.scene.clock), Relaxed);
    }

    /// The page's rule (`app::ui::realtime::backoff`).
    fn backoff(&mut self) -> u64 {
        let doubled = (WAITS_MS.0 << self.tries.min(16)).min(WAITS_MS.1);
        self.tries = self.tries.saturating_add(1);
        let random = api::random() % 1_000;
        doubled / 2 + doubled * random / 2_000
    }
}

/// Writes into one chat at a steady rate until it is stopped. What is refused is sent again.
async fn write(
    scene: Arc<Scene>,
    group: usize,
    chat: Arc<str>,
    account: Arc<Account>,
    rate: f64,
    stopped: watch::Receiver<bool>,
) -> Result<Vec<Sent>> {
    let (ids, mut sent) = (ClientIds::new(), Vec::new());
    let mut lanes = JoinSet::new();
    let start = tokio::time::Instant::now();
    for number in 0_u32.. {
        let due = start + Duration::from_secs_f64(f64::from(number) / rate);
        tokio::time::sleep_until(due).await;
        if *stopped.borrow() {
            break;
        }
        // Each on its own, so that one that waits does not put off the next.
        let (scene, chat, account) = (scene.clone(), chat.clone(), account.clone());
        lanes.spawn(async move {
            let began_ns = elapsed_ns(scene.clock);
            let body = marked_body(began_ns, number, BYTES);
            let mut connection = Connection::new(scene.addr);
            loop {
                let id = ids.get(number.into());
                let answer = api::post_message(&mut connection, &account, &chat, &id, &body).await;
                if let Some(answer) = answer.ok().filter(|answer| (200..300).contains(&answer.status)) {
                    let message: serde_json::Value = serde_json::from_slice(&answer.body)?;
                    let seq = message["seq"].as_u64().context("a message without a place")?;
                    let micros = u32::try_from((elapsed_ns(scene.clock) - began_ns) / 1_000);
                    return anyhow::Ok(Sent { began_ns, micros: micros.unwrap_or(u32::MAX), group, seq });
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        while let Some(ended) = lanes.try_join_next() {
            sent.push(ended.context("a message's task failed")??);
        }
    }
    while let Some(ended) = lanes.join_next().await {
        sent.push(ended.context("a message's task failed")??);
    }
    Ok(sent)
}
