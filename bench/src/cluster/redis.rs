//! Conversations over two nodes while Redis is away: frozen with its connections open, or killed and started
//! anew with nothing in it. Where people write on both nodes, each event of the own node shows that one of the
//! other's is missing. Where they write on one alone, the others have nothing but `heads` to see it by.

use std::{
    net::SocketAddr,
    process::Stdio,
    sync::{Arc, atomic::AtomicU32},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::{Child, Command},
};

use super::{
    Stage,
    clients::{Clients, Scene},
    conversation::{Conversation, Writer},
    nodes::{Nodes, Services},
    verdict::Outcome,
};
use crate::{
    api,
    process::free_addr,
    report::{self, Figures},
};

/// Listeners on each.
const NODES: usize = 2;
/// Members of the chat, one socket each.
const MEMBERS: usize = 20;
/// Messages a second, of each who writes.
const RATE: f64 = 10.0;
/// Connections of a sender: none of their messages waits for the one before.
const CONNECTIONS: usize = 6;
/// How long the conversation goes on before Redis goes.
const BEFORE: Duration = Duration::from_secs(5);
/// How long it goes on after Redis is back.
const AFTER: Duration = Duration::from_secs(30);
/// Deliveries on the other node that take longer than this, in microseconds, are late.
const LATE: u32 = 100_000;
/// All is well again once no message was late for so long.
const WELL: Duration = Duration::from_secs(3);
/// For Redis to answer.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How Redis goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It hangs, and goes on as if nothing had been.
    Stopped,
    /// It is killed, and started anew at the same place, empty.
    Killed,
}

/// Measures it.
pub async fn run(stage: &Stage<'_>, way: Way, outage: Duration) -> Result<Figures> {
    // One of our own: that of the other parts is not ours to stop.
    let mut redis = Redis::start().await?;
    let services = Services { redis_url: redis.url(), ..stage.services.clone() };
    let nodes = Nodes::start(stage.launch, &services, NODES).await?;
    let both = Talk::start(&nodes, &[0, 1]).await?;
    let one = Talk::start(&nodes, &[0]).await?;
    tokio::time::sleep(BEFORE).await;
    let away = Instant::now();
    redis.go_away(way).await?;
    report::progress(format_args!("Redis is away"));
    tokio::time::sleep(outage).await;
    redis.come_back(way).await?;
    let back = Instant::now();
    report::progress(format_args!("Redis is back"));
    tokio::time::sleep(AFTER).await;
    let (both_clock, one_clock) = (both.scene.clock, one.scene.clock);
    let (both, one) = (both.end().await?, one.end().await?);
    nodes.stop().await?;

    let (mut figures, mut of_one) = (Figures::new(), Figures::new());
    for (outcome, figures) in [(&both, &mut figures), (&one, &mut of_one)] {
        outcome.insert_faults(figures);
        outcome.insert_times(figures, 0)?;
    }
    for name in report::FAULTS.iter().chain(&[
        "refused",
        "wanted",
        "delivered",
        "frames_again",
        "frames_early",
        "resumes",
    ]) {
        if let (Some(sum), Some(more)) = (figures.get_mut(name), of_one.get(name)) {
            *sum += more;
        }
    }
    let ns = |at: Instant, clock: Instant| u64::try_from((at - clock).as_nanos()).unwrap_or(u64::MAX);
    insert_outage(&mut figures, &both.reached_others(), ns(away, both_clock), ns(back, both_clock));
    let mut outage = Figures::new();
    insert_outage(&mut outage, &one.reached_others(), ns(away, one_clock), ns(back, one_clock));
    figures.extend([
        ("one_writes_away_ms_p50", outage["away_ms_p50"]),
        ("one_writes_away_ms_max", outage["away_ms_max"]),
        ("one_writes_recovered_s", outage["recovered_s"]),
    ]);
    Ok(figures)
}

/// A chat with listeners on all nodes, in which people write.
struct Talk {
    scene: Arc<Scene>,
    clients: Clients,
    conversation: Conversation,
}

impl Talk {
    /// Begins, with one person writing on each of these nodes.
    async fn start(nodes: &Nodes, writing: &[usize]) -> Result<Self> {
        let people = api::register(nodes.addr(0), MEMBERS).await?;
        let chat = api::create_group(nodes.addr(0), "Outage", &people).await?;
        let scene = Scene::new(people, chat);
        let mut clients = Clients::new(scene.clone());
        let places = nodes.places(0..MEMBERS);
        clients.open(places.iter().copied()).await?;
        let places = places.into_iter().take(NODES).filter(|place| writing.contains(&place.node));
        let writers = places.map(|place| Writer {
            person: place.person,
            node: place.node,
            addr: place.addr,
            connections: CONNECTIONS,
            rate: RATE,
            messages: u32::MAX,
        });
        let conversation = Conversation::start(&scene, &Arc::new(AtomicU32::new(0)), writers);
        Ok(Self { scene, clients, conversation })
    }

    async fn end(self) -> Result<Outcome> {
        let sent = self.conversation.end().await?;
        let last = sent.iter().map(|sent| sent.seq).max().context("nothing was sent")?;
        self.clients.wait_until_applied(last).await;
        Ok(Outcome::new(sent, self.clients.close().await?))
    }
}

/// What the outage meant for those on the other node: of each message, when its POST began and the
/// microseconds until the last of them had it.
fn insert_outage(figures: &mut Figures, reached: &[(u64, u32)], away_ns: u64, back_ns: u64) {
    let between = |from: u64, to: u64| -> Vec<u32> {
        reached.iter().filter(|(began, _)| (from..to).contains(began)).map(|(_, micros)| *micros).collect()
    };
    let names = [("before_ms_p50", 0.5), ("before_ms_p99", 0.99)];
    report::insert_percentiles(figures, &mut between(0, away_ns), &names);
    let names = [("away_ms_p50", 0.5), ("away_ms_max", 1.0)];
    report::insert_percentiles(figures, &mut between(away_ns, back_ns), &names);
    let well_ns = well_again(reached, back_ns);
    // If that was not within the time that was watched, it took all of it at least.
    let recovered = well_ns.map_or(AFTER.as_secs_f64(), |well_ns| (well_ns - back_ns) as f64 / 1e9);
    figures.insert("recovered_s", recovered);
    let names = [("after_ms_p50", 0.5), ("after_ms_p99", 0.99)];
    report::insert_percentiles(figures, &mut between(well_ns.unwrap_or(back_ns), u64::MAX), &names);
}

/// From when on no message was late for a while.
fn well_again(reached: &[(u64, u32)], back_ns: u64) -> Option<u64> {
    let well_ns = WELL.as_nanos() as u64;
    let mut since = back_ns;
    for (began_ns, micros) in reached.iter().filter(|(began_ns, _)| *began_ns >= back_ns) {
        if *began_ns >= since + well_ns {
            return Some(since);
        }
        if *micros >= LATE {
            // The next one may be in time.
            since = began_ns + 1;
        }
    }
    None
}

/// A Redis of the driver's own.
struct Redis {
    addr: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl Redis {
    async fn start() -> Result<Self> {
        let (addr, folder) = (free_addr()?, tempfile::tempdir()?);
        let child = Self::spawn(addr, &folder)?;
        let redis = Self { addr, child, folder };
        redis.answers().await?;
        Ok(redis)
    }

    fn spawn(addr: SocketAddr, folder: &TempDir) -> Result<Child> {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &addr.port().to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--dir"]).arg(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        command.spawn().context("starting redis-server")
    }

    fn url(&self) -> String {
        format!("redis://{}", self.addr)
    }

    async fn go_away(&mut self, way: Way) -> Result<()> {
        match way {
            Way::Stopped => self.signal("-STOP").await,
            Way::Killed => Ok(self.child.kill().await?),
        }
    }

    /// Brings it back, and waits until it answers.
    async fn come_back(&mut self, way: Way) -> Result<()> {
        match way {
            Way::Stopped => self.signal("-CONT").await?,
            Way::Killed => self.child = Self::spawn(self.addr, &self.folder)?,
        }
        self.answers().await
    }

    async fn signal(&self, signal: &str) -> Result<()> {
        let pid = self.child.id().context("Redis ended by itself")?;
        let done = Command::new("kill").args([signal, &pid.to_string()]).status().await?;
        ensure!(done.success(), "Redis does not take {signal}");
        Ok(())
    }

    async fn answers(&self) -> Result<()> {
        let since = Instant::now();
        loop {
            let asked = tokio::time::timeout(Duration::from_secs(1), ping(self.addr)).await;
            if asked.is_ok_and(|answer| answer.is_ok()) {
                return Ok(());
            }
            ensure!(since.elapsed() < START_LIMIT, "Redis does not answer");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn ping(addr: SocketAddr) -> Result<()> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(b"PING\r\n").await?;
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await?;
    ensure!(&answer == b"+PONG\r\n", "not an answer to PING");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn all_is_well_from_the_first_message_after_which_none_is_late_for_a_while() {
        let steady = |late: &[u64]| -> Vec<(u64, u32)> {
            (0..20).map(|at| (at * SECOND, if late.contains(&at) { 100_000 } else { 20_000 })).collect()
        };
        assert_eq!(well_again(&steady(&[1, 2]), 5 * SECOND), Some(5 * SECOND));
        assert_eq!(well_again(&steady(&[5, 7]), 5 * SECOND), Some(7 * SECOND + 1));
        // A late one long after is another matter.
        assert_eq!(well_again(&steady(&[15]), 5 * SECOND), Some(5 * SECOND));
        assert_eq!(well_again(&steady(&[5, 8, 11, 14, 17]), 5 * SECOND), None);
    }

    #[test]
    fn what_was_sent_while_redis_was_away_is_told_by_itself() {
        let reached =
            [(SECOND, 10_000), (10 * SECOND, 4_000_000), (11 * SECOND, 2_000_000), (40 * SECOND, 15_000)];
        let mut figures = Figures::new();
        insert_outage(&mut figures, &reached, 5 * SECOND, 35 * SECOND);
        let figure = |name| figures[name];
        assert_eq!([figure("before_ms_p99"), figure("away_ms_max")], [10.0, 4_000.0]);
        assert_eq!([figure("after_ms_p50"), figure("recovered_s")], [15.0, 0.0]);
    }
}
