//! Readers beside sockets that never read: a chat is written to at a steady rate, by turns with such sockets
//! in it and without.

use std::{
    net::SocketAddr,
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    api::{self, Account},
    http1::Connection,
    load::Senders,
    process::Server,
    report::{self, Figures},
    socket::{self, Crowd, Seat, Socket, SocketLog},
    visitor::Visitor,
};

/// Sockets of one account: the server's limit.
const SOCKETS_PER_ACCOUNT: usize = 10;
/// What the system keeps for a socket that nobody reads, in bytes: so little that the server notices soon.
const RECEIVE_BUFFER: u32 = 4 * 1024;
/// Bytes in a packet of such a socket, as on a line to another machine: what the server's system buffers is
/// a multiple of it, and loopback's would be forty times as much.
const SEGMENT: u32 = 1_400;
/// Bytes that such a socket reads at once when it is looked at in the end.
const READ_BUFFER: usize = 4 * 1024;
/// How long the end of a socket may take that is read at last.
const END_LIMIT: Duration = Duration::from_secs(10);
/// How long one that comes back may take to have everything.
const RESUME_LIMIT: Duration = Duration::from_secs(30);

/// What a run is made of.
#[derive(Clone, Debug, clap::Args)]
pub struct SlowReaders {
    /// Sockets that read.
    #[arg(long, default_value_t = 1_000)]
    pub readers: usize,
    /// Sockets that never do.
    #[arg(long, default_value_t = 100)]
    pub slow: usize,
    /// Messages a second.
    #[arg(long, default_value_t = 20.0)]
    pub rate: f64,
    /// Messages of one phase, with those that never read or without.
    #[arg(long, default_value_t = 400)]
    pub messages: u32,
    /// Bytes in a message.
    #[arg(long, default_value_t = 2_000)]
    pub bytes: usize,
    /// How often both phases are run, by turns in this order and in the other.
    #[arg(long, default_value_t = 6)]
    pub rounds: usize,
}

/// A socket that nobody reads.
struct Unread {
    account: Arc<Account>,
    socket: Socket,
    /// The last event that its `hello` told of.
    known: u64,
}

/// One phase: the numbers of its messages, and the most memory that the server had in it.
struct Phase {
    numbers: Range<u32>,
    peak_mib: Option<f64>,
}

/// What became of the sockets that never read.
#[derive(Default)]
struct Fates {
    never_closed: usize,
    not_resumed: usize,
    missed: u64,
}

/// Runs it against a server that has just been started.
pub async fn run(plan: &SlowReaders, server: &mut Server) -> Result<Figures> {
    ensure!(plan.readers > 0 && plan.messages > 0 && plan.rounds > 0, "it needs people, messages and rounds");
    let addr = server.addr;
    let (reading, slow) =
        (plan.readers.div_ceil(SOCKETS_PER_ACCOUNT), plan.slow.div_ceil(SOCKETS_PER_ACCOUNT));
    let accounts = api::register(addr, reading + slow).await?;
    let chat = api::create_group(addr, "Bench", &accounts).await?;
    server.restart().await?;
    let (readers, slow) = accounts.split_at(reading);

    let clock = Instant::now();
    let seat =
        |i: usize| Seat { account: readers[i / SOCKETS_PER_ACCOUNT].clone(), chat: Some(chat.clone()) };
    let crowd = Crowd::open(addr, (0..plan.readers).map(seat).collect(), clock).await?;
    let mut senders = Senders::new(addr, chat.clone(), readers, 8, plan.bytes, clock);
    let mut next = 50;
    senders.send(next, plan.rate * 5.0).await?;
    crowd.wait_for(u64::from(next) * plan.readers as u64).await;

    let (mut alone, mut beside, mut fates) = (Vec::new(), Vec::new(), Fates::default());
    for round in 0..plan.rounds {
        report::progress(format_args!("round {} of {}", round + 1, plan.rounds));
        // In turns, so that neither always comes first.
        for is_slow in [round % 2 == 1, round % 2 == 0] {
            let sockets = if is_slow { open_slow(addr, slow, &chat, plan.slow).await? } else { Vec::new() };
            server.forget_peak()?;
            let numbers = next..next + plan.messages;
            senders.send(plan.messages, plan.rate).await?;
            next = numbers.end;
            crowd.wait_for(u64::from(next) * plan.readers as u64).await;
            let peak_mib = server.peak_rss_kib()?.map(|kib| kib / 1_024.0);
            let phases = if is_slow { &mut beside } else { &mut alone };
            phases.push(Phase { numbers, peak_mib });
            fates.look(addr, &chat, sockets).await?;
        }
    }
    let logs = crowd.close().await?;
    let mut figures = Figures::new();
    insert_deliveries(&mut figures, plan, &logs, 50..next, &alone, &beside);
    figures.extend([
        ("never_closed", fates.never_closed as f64),
        ("not_resumed", fates.not_resumed as f64),
        ("missed", fates.missed as f64),
    ]);
    Ok(figures)
}

/// Opens sockets for which the system keeps little, and which nobody reads after their `hello`.
async fn open_slow(
    addr: SocketAddr,
    accounts: &[Arc<Account>],
    chat: &str,
    count: usize,
) -> Result<Vec<Unread>> {
    let opening = (0..count).map(|i| async move {
        let account = accounts[i / SOCKETS_PER_ACCOUNT].clone();
        let (socket, hello) = socket::open_over(connect_narrowly(addr), addr, &account, READ_BUFFER).await?;
        anyhow::Ok(Unread { account, socket, known: socket::head_in(&hello, chat)? })
    });
    stream::iter(opening).buffer_unordered(socket::OPENING).try_collect().await
}

async fn connect_narrowly(addr: SocketAddr) -> Result<TcpStream> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    SockRef::from(&socket).set_tcp_mss(SEGMENT)?;
    socket.connect(addr).await.context("cannot connect")
}

impl Fates {
    /// Reads the sockets to their end, which the server has to have brought about, and comes back with each
    /// account's.
    async fn look(&mut self, addr: SocketAddr, chat: &Arc<str>, sockets: Vec<Unread>) -> Result<()> {
        let Some(first) = sockets.first() else { return Ok(()) };
        let head = api::head(&mut Connection::new(addr), &first.account, chat).await?;
        let fates = sockets.into_iter().map(|Unread { account, socket, known }| async move {
            let Some(last) = read_to_end(socket).await else { return (false, None) };
            let mut visitor = Visitor::new(addr, account, chat.clone(), last.unwrap_or(known));
            let resumed = tokio::time::timeout(RESUME_LIMIT, visitor.catch_up(head)).await;
            (true, matches!(resumed, Ok(Ok(()))).then(|| head.saturating_sub(visitor.log.applied)))
        });
        let fates: Vec<_> = stream::iter(fates).buffer_unordered(socket::OPENING).collect().await;
        for (closed, left) in fates {
            self.never_closed += usize::from(!closed);
            self.not_resumed += usize::from(closed && left.is_none());
            self.missed += left.unwrap_or_default();
        }
        Ok(())
    }
}

/// The last event that had come when the socket ended, if one had; none if it does not end.
async fn read_to_end(mut socket: Socket) -> Option<Option<u64>> {
    let read = async {
        let mut last = None;
        while let Some(Ok(frame)) = socket.next().await {
            match frame {
                Message::Text(text) => last = socket::seq(text.as_bytes()).or(last),
                Message::Close(_) => break,
                _ => {}
            }
        }
        last
    };
    tokio::time::timeout(END_LIMIT, read).await.ok()
}

fn insert_deliveries(
    figures: &mut Figures,
    plan: &SlowReaders,
    logs: &[SocketLog],
    numbers: Range<u32>,
    alone: &[Phase],
    beside: &[Phase],
) {
    let wanted = plan.readers as f64 * f64::from(numbers.end - numbers.start);
    let delivered = logs.iter().flat_map(|log| &log.deliveries).filter(|(n, _)| numbers.contains(n)).count();
    figures.extend([
        ("wanted", wanted),
        ("delivered", delivered as f64),
        ("lost", wanted - delivered as f64),
        ("duplicates", logs.iter().map(|log| log.duplicates).sum::<u64>() as f64),
        ("disordered", logs.iter().map(|log| log.disordered).sum::<u64>() as f64),
        ("sockets_lost", logs.iter().filter(|log| log.lost).count() as f64),
    ]);
    let times = |phases: &[Phase], share| -> Vec<f64> {
        phases.iter().map(|phase| percentile_of(logs, &phase.numbers, share)).collect()
    };
    let ((mut alone_p50, alone_p99), (mut beside_p50, beside_p99)) =
        ((times(alone, 0.5), times(alone, 0.99)), (times(beside, 0.5), times(beside, 0.99)));
    let mut moved: Vec<f64> =
        alone_p99.iter().zip(&beside_p99).map(|(alone, beside)| beside / alone).collect();
    for (round, (alone, beside)) in alone_p99.iter().zip(&beside_p99).enumerate() {
        report::progress(format_args!("round {}: p99 {alone:.2} ms alone, {beside:.2} ms beside", round + 1));
    }
    figures.extend([
        ("alone_delivery_ms_p50", report::median(&mut alone_p50)),
        ("alone_delivery_ms_p99", report::median(&mut alone_p99.clone())),
        ("beside_delivery_ms_p50", report::median(&mut beside_p50)),
        ("beside_delivery_ms_p99", report::median(&mut beside_p99.clone())),
        ("p99_moved", report::median(&mut moved)),
    ]);
    // The first phases of both kinds: what an allocator keeps of them is in all later ones.
    let peak = |phases: &[Phase]| phases.iter().filter_map(|phase| phase.peak_mib).reduce(f64::max);
    if let (Some(alone), Some(beside)) = (peak(alone), peak(beside)) {
        figures.extend([
            ("peak_rss_mib_alone", alone),
            ("peak_rss_mib_beside", beside),
            ("peak_rss_mib_grown", (beside - alone).max(0.0)),
        ]);
    }
}

/// In milliseconds, of the deliveries of these messages.
fn percentile_of(logs: &[SocketLog], numbers: &Range<u32>, share: f64) -> f64 {
    let deliveries = logs.iter().flat_map(|log| &log.deliveries);
    let mut times: Vec<u32> =
        deliveries.filter(|(number, _)| numbers.contains(number)).map(|(_, micros)| *micros).collect();
    times.sort_unstable();
    report::percentile(&times, share) / 1_000.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn phases_are_compared_by_the_numbers_of_their_messages() {
        let plan = SlowReaders { readers: 1, slow: 0, rate: 1.0, messages: 2, bytes: 80, rounds: 1 };
        let deliveries = vec![(0, 9_000), (50, 1_000), (51, 2_000), (52, 2_000), (53, 3_000)];
        let logs = [SocketLog { deliveries, ..SocketLog::default() }];
        let phase = |numbers, mib| [Phase { numbers, peak_mib: Some(mib) }];
        let mut figures = Figures::new();
        insert_deliveries(&mut figures, &plan, &logs, 50..54, &phase(50..52, 40.0), &phase(52..54, 42.0));
        let figure = |name| figures[name];
        assert_eq!([figure("wanted"), figure("delivered"), figure("lost")], [4.0, 4.0, 0.0]);
        assert_eq!([figure("alone_delivery_ms_p99"), figure("beside_delivery_ms_p99")], [2.0, 3.0]);
        assert_eq!([figure("p99_moved"), figure("peak_rss_mib_grown")], [1.5, 2.0]);
    }
}
