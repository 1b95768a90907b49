//! One run of the whole path: accounts, a chat, a socket for each member, senders, figures.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;

use crate::{
    api::{self, Account, ClientIds},
    http1::Connection,
    process::{self, Server},
    report::{self, Figures},
    socket::{Crowd, Seat, SocketLog, elapsed_ns, marked_body},
};

/// Sockets that one account may hold: the server's limit.
const SOCKETS_PER_ACCOUNT: usize = 10;
/// With more sockets than this they share accounts, since registering takes a password hash each.
const FEW_SOCKETS: usize = 500;
/// Accounts whose sockets are idle are members of groups of this size, as they would be in life.
const IDLE_GROUP: usize = 20;

/// What a run is made of.
#[derive(Clone, Debug, clap::Args)]
pub struct Load {
    /// Sockets in the chat.
    #[arg(long, default_value_t = 100)]
    pub members: usize,
    /// Senders, each with a connection and one message on its way.
    #[arg(long, default_value_t = 8)]
    pub senders: usize,
    /// Messages that are measured.
    #[arg(long, default_value_t = 5_000)]
    pub messages: u32,
    /// Messages a second, over all senders; 0 is as fast as the answers come.
    #[arg(long, default_value_t = 0.0)]
    pub rate: f64,
    /// Messages sent at once, the next ones when all of these are delivered; 0 is no bursts.
    #[arg(long, default_value_t = 0)]
    pub burst: u32,
    /// Bytes in a message.
    #[arg(long, default_value_t = 350)]
    pub bytes: usize,
    /// Sockets beside the chat, members of other groups in which nothing happens.
    #[arg(long, default_value_t = 0)]
    pub idle_sockets: usize,
    /// Sockets for each account, at most 10; 0 is one up to 500 sockets, and 10 beyond.
    #[arg(long, default_value_t = 0)]
    pub sockets_per_account: usize,
    /// Seconds for the server to come to rest before its memory is read.
    #[arg(long, default_value_t = 3)]
    pub settle: u64,
}

impl Load {
    fn sockets_per_account(&self) -> usize {
        match self.sockets_per_account {
            0 if self.members + self.idle_sockets <= FEW_SOCKETS => 1,
            0 => SOCKETS_PER_ACCOUNT,
            given => given.min(SOCKETS_PER_ACCOUNT),
        }
    }
}

/// Runs the load against a server that has just been started.
pub async fn run(load: &Load, server: &mut Server) -> Result<Figures> {
    ensure!(load.members > 0 && load.senders > 0 && load.messages > 0, "a load needs people and messages");
    let (addr, mut figures) = (server.addr, Figures::new());
    let insert_rss = |figures: &mut Figures, server: &Server, name| -> Result<Option<f64>> {
        let kib = server.rss_kib()?;
        figures.extend(kib.map(|kib| (name, kib / 1_024.0)));
        Ok(kib)
    };
    insert_rss(&mut figures, server, "rss_mib_empty")?;

    let per_account = load.sockets_per_account();
    let in_chat = load.members.div_ceil(per_account);
    let accounts = api::register(addr, in_chat + load.idle_sockets.div_ceil(per_account)).await?;
    let (members, idle) = accounts.split_at(in_chat);
    let chat = api::create_group(addr, "Bench", members).await?;
    for group in idle.chunks(IDLE_GROUP) {
        api::create_group(addr, "Idle", group).await?;
    }
    server.restart().await?;

    let clock = Instant::now();
    let seat = |account: &Arc<Account>, chat: Option<Arc<str>>| Seat { account: account.clone(), chat };
    // What the server makes once, for whoever comes first, is not to be billed to the sockets.
    let first = Crowd::open(addr, vec![seat(&members[0], Some(chat.clone()))], clock).await?;
    first.close().await?;
    let before = insert_rss(&mut figures, server, "rss_mib_before_sockets")?;
    let mut seats: Vec<Seat> = Vec::with_capacity(load.members + load.idle_sockets);
    seats.extend((0..load.members).map(|i| seat(&members[i / per_account], Some(chat.clone()))));
    seats.extend((0..load.idle_sockets).map(|i| seat(&idle[i / per_account], None)));
    let sockets = seats.len();
    let crowd = Crowd::open(addr, seats, clock).await?;
    tokio::time::sleep(Duration::from_secs(load.settle)).await;
    let resting = insert_rss(&mut figures, server, "rss_mib_sockets_idle")?;
    if let (Some(before), Some(resting)) = (before, resting) {
        figures.insert("kib_per_idle_socket", (resting - before) / sockets as f64);
    }

    let mut senders = Senders::new(addr, chat, members, load.senders, load.bytes, clock);
    let warm_up = u32::try_from((20_000 / load.members).clamp(5, 200))?;
    senders.send(warm_up, 0.0).await?;
    let wanted = |messages: u32| u64::from(messages) * load.members as u64;
    crowd.wait_for(wanted(warm_up)).await;

    let (cpu, own_cpu) = (server.cpu_seconds()?, process::cpu_seconds("self")?);
    let start_ns = elapsed_ns(clock);
    let (mut answers, mut sent) = (Vec::new(), 0);
    while sent < load.messages {
        let burst = if load.burst == 0 { load.messages } else { load.burst.min(load.messages - sent) };
        answers.extend(senders.send(burst, load.rate).await?);
        sent += burst;
        crowd.wait_for(wanted(warm_up + sent)).await;
    }
    let cpu = server.cpu_seconds()?.zip(cpu).map(|(after, before)| after - before);
    let own_cpu = process::cpu_seconds("self")? - own_cpu;
    insert_rss(&mut figures, server, "rss_mib_after")?;
    let last_ns = crowd.last_delivery_ns();
    let logs = crowd.close().await?;

    figures.insert("seconds", last_ns.saturating_sub(start_ns) as f64 / 1e9);
    report::insert_percentiles(
        &mut figures,
        &mut answers,
        &[("answer_ms_p50", 0.5), ("answer_ms_p99", 0.99)],
    );
    insert_deliveries(&mut figures, load, warm_up, &logs);
    let delivered = figures.get("delivered").copied().filter(|count| *count > 0.0);
    let delivered = delivered.context("nothing was delivered")?;
    figures.extend(cpu.map(|cpu| ("server_cpu_us_per_delivery", cpu * 1e6 / delivered)));
    figures.insert("driver_cpu_us_per_delivery", own_cpu * 1e6 / delivered);
    Ok(figures)
}

/// What the sockets saw of the messages after the warm-up.
fn insert_deliveries(figures: &mut Figures, load: &Load, warm_up: u32, logs: &[SocketLog]) {
    let mut last = vec![0_u32; load.messages as usize];
    let mut times = Vec::with_capacity(load.members * last.len());
    for (number, micros) in logs.iter().flat_map(|log| &log.deliveries) {
        if let Some(last) = number.checked_sub(warm_up).and_then(|index| last.get_mut(index as usize)) {
            *last = (*last).max(*micros);
            times.push(*micros);
        }
    }
    let (wanted, delivered) = (load.members as f64 * f64::from(load.messages), times.len() as f64);
    let seconds = figures.get("seconds").copied().unwrap_or_default().max(f64::MIN_POSITIVE);
    figures.extend([
        ("wanted", wanted),
        ("delivered", delivered),
        ("lost", wanted - delivered),
        ("duplicates", logs.iter().map(|log| log.duplicates).sum::<u64>() as f64),
        ("disordered", logs.iter().map(|log| log.disordered).sum::<u64>() as f64),
        ("sockets_lost", logs.iter().filter(|log| log.lost).count() as f64),
        // Until the last delivery: what is accepted faster than it is delivered only makes the queue longer.
        ("accepted_per_s", f64::from(load.messages) / seconds),
        ("deliveries_per_s", delivered / seconds),
    ]);
    let percentiles = [
        ("delivery_ms_p50", 0.5),
        ("delivery_ms_p95", 0.95),
        ("delivery_ms_p99", 0.99),
        ("delivery_ms_max", 1.0),
    ];
    report::insert_percentiles(figures, &mut times, &percentiles);
    let percentiles = [("last_delivery_ms_p50", 0.5), ("last_delivery_ms_p99", 0.99)];
    report::insert_percentiles(figures, &mut last, &percentiles);
}

/// The senders of one chat, their connections kept from one batch of messages to the next.
pub struct Senders {
    job: Job,
    senders: Vec<(Connection, Arc<Account>)>,
    numbered: u32,
}

/// What all senders have in common.
#[derive(Clone)]
struct Job {
    chat: Arc<str>,
    ids: ClientIds,
    bytes: usize,
    clock: Instant,
}

impl Senders {
    /// Senders who are these members, in turn.
    pub fn new(
        addr: SocketAddr,
        chat: Arc<str>,
        members: &[Arc<Account>],
        count: usize,
        bytes: usize,
        clock: Instant,
    ) -> Self {
        let senders = members.iter().cycle().take(count);
        let senders = senders.map(|member| (Connection::new(addr), member.clone())).collect();
        Self { job: Job { chat, ids: ClientIds::new(), bytes, clock }, senders, numbered: 0 }
    }

    /// Sends so many messages, as fast as they are answered or at a rate a second, and answers the
    /// microseconds that each POST took. The first one that is refused ends it.
    pub async fn send(&mut self, count: u32, rate: f64) -> Result<Vec<u32>> {
        let (first, start, next) = (self.numbered, Instant::now(), Arc::new(AtomicU64::new(0)));
        self.numbered += count;
        let mut tasks = JoinSet::new();
        for (mut connection, account) in self.senders.drain(..) {
            let (job, next) = (self.job.clone(), next.clone());
            tasks.spawn(async move {
                let mut times = Vec::new();
                loop {
                    let index = u32::try_from(next.fetch_add(1, Relaxed))?;
                    if index >= count {
                        return anyhow::Ok((connection, account, times));
                    }
                    if rate > 0.0 {
                        let due = start + Duration::from_secs_f64(f64::from(index) / rate);
                        tokio::time::sleep_until(due.into()).await;
                    }
                    let number = first + index;
                    let (id, began) = (job.ids.get(number.into()), elapsed_ns(job.clock));
                    let body = marked_body(began, number, job.bytes);
                    api::send_message(&mut connection, &account, &job.chat, &id, &body).await?;
                    times.push(u32::try_from((elapsed_ns(job.clock) - began) / 1_000).unwrap_or(u32::MAX));
                }
            });
        }
        let mut times = Vec::with_capacity(count as usize);
        while let Some(ended) = tasks.join_next().await {
            let (connection, account, own) = ended.context("a sender's task failed")??;
            self.senders.push((connection, account));
            times.extend(own);
        }
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::{ceiling, process::Launch};

    fn load(members: usize) -> Load {
        Load {
            members,
            senders: 3,
            messages: 40,
            rate: 0.0,
            burst: 0,
            bytes: 200,
            idle_sockets: 0,
            sockets_per_account: 0,
            settle: 0,
        }
    }

    #[tokio::test]
    async fn a_run_against_the_ceiling_loses_nothing() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let launch = Launch::Running { addr: listener.local_addr().unwrap(), pid: Some(std::process::id()) };
        let mut serving = JoinSet::new();
        serving.spawn(ceiling::serve(listener));
        let mut server = Server::start(&launch).await.unwrap();
        for load in [load(5), Load { burst: 16, idle_sockets: 3, ..load(2) }] {
            let figures = run(&load, &mut server).await.unwrap();
            assert_eq!(figures["delivered"], (load.members * 40) as f64);
            assert!(report::is_faultless(std::slice::from_ref(&figures)), "{figures:?}");
            assert!(figures["last_delivery_ms_p99"] >= figures["delivery_ms_p50"]);
            assert!(figures["rss_mib_empty"] > 0.0);
        }
        serving.shutdown().await;
    }

    #[test]
    fn what_did_not_arrive_is_lost() {
        let log = |deliveries| SocketLog { deliveries, ..SocketLog::default() };
        let mut figures = Figures::from([("seconds", 2.0)]);
        let logs = [log(vec![(0, 9_000_000), (5, 1_000), (6, 2_000)]), log(vec![(5, 4_000)])];
        insert_deliveries(&mut figures, &Load { messages: 2, ..load(2) }, 5, &logs);
        let figure = |name| figures[name];
        assert_eq!([figure("wanted"), figure("delivered"), figure("lost")], [4.0, 3.0, 1.0]);
        assert_eq!([figure("delivery_ms_max"), figure("last_delivery_ms_p50")], [4.0, 2.0]);
        assert_eq!(figure("accepted_per_s"), 1.0);
    }
}
