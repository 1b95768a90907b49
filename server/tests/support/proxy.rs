//! A TCP proxy that breaks what goes through it: the network between a device and a node, or between a node
//! and the servers beside it.
//!
//! What it holds up is not lost: it goes on when the proxy lets it, as segments do that are sent again. What it
//! cuts is reset, so that both ends see it. Each of its tasks belongs to it and ends with it.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep_until},
};

/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;
/// Chunks that are on their way at once in one direction. Beyond them the sender is held up.
const ON_THEIR_WAY: usize = 64;

/// Where bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From whoever connected to the server behind the proxy.
    ToServer,
    /// Back.
    ToClient,
}

use Direction::{ToClient, ToServer};

impl Direction {
    fn back(self) -> Self {
        match self {
            ToServer => ToClient,
            ToClient => ToServer,
        }
    }
}

/// What a connection is cut at: so many bytes pass in this direction, and not one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutAt {
    pub direction: Direction,
    pub bytes: u64,
}

/// What the proxy does with what it carries.
#[derive(Clone, Default)]
struct Policy {
    delay: Duration,
    /// Held up, by direction.
    held: [bool; 2],
    /// New connections are reset.
    refuses: bool,
    /// Connections up to this number are reset.
    cut: u64,
    /// Connections up to this number never carry anything again, and nobody tells their ends.
    lost: u64,
}

impl Policy {
    fn moves(&self, number: u64, direction: Direction) -> bool {
        number > self.lost && !self.held[direction as usize]
    }
}

#[derive(Default)]
struct Shared {
    policy: watch::Sender<Policy>,
    /// What the next connections are cut at, each taking one.
    cuts: Mutex<VecDeque<Option<CutAt>>>,
    /// The same for those that begin with these bytes.
    cuts_of: Mutex<VecDeque<(&'static [u8], Option<CutAt>)>>,
    connections: AtomicU64,
    open: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
    bytes: [AtomicU64; 2],
}

/// A running proxy. Dropped, it resets nothing but closes everything.
pub struct Proxy {
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts one on loopback that carries everything to this address.
    pub async fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(accept(listener, to, Arc::clone(&shared)));
        Self { addr, shared, task }
    }

    /// Everything arrives so much later, in both directions.
    pub fn delay(&self, by: Duration) {
        self.change(|policy| policy.delay = by);
    }

    /// Connections stay and new ones are taken, and nothing moves.
    pub fn freeze(&self) {
        self.change(|policy| policy.held = [true; 2]);
    }

    /// Nothing moves in one direction any more.
    pub fn half_open(&self, held: Direction) {
        self.change(|policy| policy.held[held as usize] = true);
    }

    /// The connections that there are never carry anything again, and neither end is told: the other one has
    /// gone without a word. New ones are served.
    pub fn lose_connections(&self) {
        self.change(|policy| policy.lost = self.connections());
    }

    /// Resets the connections that there are. New ones are served.
    pub fn reset_connections(&self) {
        self.change(|policy| policy.cut = self.connections());
    }

    /// Resets the connections that there are, and every new one, until it is restored.
    pub fn cut(&self) {
        self.change(|policy| {
            policy.refuses = true;
            policy.cut = self.connections();
        });
    }

    /// Cuts one of the next connections, each call another one in turn: so many bytes pass, and not one more.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        self.cuts().push_back(Some(CutAt { direction, bytes }));
    }

    /// Lets one of the next connections be, in turn with those that are cut.
    pub fn spare_one(&self) {
        self.cuts().push_back(None);
    }

    /// Cuts, or with `None` spares, one of the next connections whose client first says this, each call another
    /// one in turn.
    pub fn cut_one_that_says(&self, beginning: &'static [u8], cut: Option<CutAt>) {
        self.cuts_of().push_back((beginning, cut));
    }

    /// Everything moves again, and the next connections are not cut. What was cut or lost stays so.
    pub fn restore(&self) {
        self.cuts().clear();
        self.cuts_of().clear();
        self.change(|policy| {
            *policy = Policy { cut: policy.cut, lost: policy.lost, ..Policy::default() };
        });
    }

    /// Connections that were made so far, those that were refused among them.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Connections that are open.
    pub fn open(&self) -> u64 {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Connections that were reset as soon as they were made.
    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::SeqCst)
    }

    /// Connections that were cut in the middle of something.
    pub fn cuts_done(&self) -> u64 {
        self.shared.cut.load(Ordering::SeqCst)
    }

    /// Places to cut at that no connection has taken yet.
    pub fn cuts_left(&self) -> usize {
        self.cuts().len() + self.cuts_of().len()
    }

    /// Bytes that passed in this direction.
    pub fn bytes(&self, direction: Direction) -> u64 {
        self.shared.bytes[direction as usize].load(Ordering::SeqCst)
    }

    fn change(&self, change: impl FnOnce(&mut Policy)) {
        self.shared.policy.send_modify(change);
    }

    fn cuts(&self) -> MutexGuard<'_, VecDeque<Option<CutAt>>> {
        self.shared.cuts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cuts_of(&self) -> MutexGuard<'_, VecDeque<(&'static [u8], Option<CutAt>)>> {
        self.shared.cuts_of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, to: SocketAddr, shared: Arc<Shared>) {
    // Dropped with this task, and its tasks with it.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
                if shared.policy.borrow().refuses {
                    shared.refused.fetch_add(1, Ordering::SeqCst);
                    reset(&client);
                    continue;
                }
                let cut = shared.cuts.lock().unwrap_or_else(PoisonError::into_inner).pop_front().flatten();
                let cut = cut.map_or_else(OnceLock::new, OnceLock::from);
                connections.spawn(carry(Connection { number, cut, shared: Arc::clone(&shared) }, client, to));
            }
            Some(ended) = connections.join_next() => ended.expect("a connection ends in order"),
        }
    }
}

/// Has a stream be reset when it is dropped.
fn reset(stream: &TcpStream) {
    // It fails where the connection has gone already.
    let _ = stream.set_zero_linger();
}

/// One connection.
struct Connection {
    number: u64,
    cut: OnceLock<CutAt>,
    shared: Arc<Shared>,
}

/// Why a connection ended, if not in order.
enum Broken {
    /// One of its ends was reset, or is gone.
    Away,
    /// It was to be cut here.
    Cut,
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Away
    }
}

async fn carry(connection: Connection, mut client: TcpStream, to: SocketAddr) {
    let shared = Arc::clone(&connection.shared);
    shared.open.fetch_add(1, Ordering::SeqCst);
    let mut policy = shared.policy.subscribe();
    let mut server = None;
    let ended = tokio::select! {
        ended = connection.serve(&mut client, &mut server, to) => ended,
        // The sender is in `shared`.
        _ = policy.wait_for(|policy| connection.number <= policy.cut) => Err(Broken::Cut),
    };
    if let Err(broken) = ended {
        if matches!(broken, Broken::Cut) {
            shared.cut.fetch_add(1, Ordering::SeqCst);
        }
        reset(&client);
        server.iter().for_each(reset);
    }
    shared.open.fetch_sub(1, Ordering::SeqCst);
}

impl Connection {
    async fn serve(
        &self,
        client: &mut TcpStream,
        server: &mut Option<TcpStream>,
        to: SocketAddr,
    ) -> Result<(), Broken> {
        self.may_move(ToServer).await;
        let server = server.insert(TcpStream::connect(to).await?);
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        tokio::try_join!(
            self.pump(from_client, to_server, ToServer),
            self.pump(from_server, to_client, ToClient)
        )?;
        Ok(())
    }

    async fn may_move(&self, direction: Direction) {
        let mut policy = self.shared.policy.subscribe();
        // The sender is in `shared`: this never fails.
        let _ = policy.wait_for(|policy| policy.moves(self.number, direction)).await;
    }

    /// Carries what comes, and at last the end of it, in order or not.
    async fn pump(
        &self,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
        direction: Direction,
    ) -> Result<(), Broken> {
        let (sender, mut chunks) = mpsc::channel::<(Instant, io::Result<Vec<u8>>)>(ON_THEIR_WAY);
        let read = async move {
            let mut buffer = vec![0; CHUNK];
            loop {
                let read = from.read(&mut buffer).await.map(|length| buffer[..length].to_vec());
                let last = read.as_ref().map_or(true, Vec::is_empty);
                if sender.send((Instant::now(), read)).await.is_err() || last {
                    return Ok(());
                }
            }
        };
        let write = async {
            let mut passed = 0;
            while let Some((read_at, read)) = chunks.recv().await {
                let delay = self.shared.policy.borrow().delay;
                sleep_until(read_at + delay).await;
                self.may_move(direction).await;
                let chunk = read?;
                if chunk.is_empty() {
                    break;
                }
                if direction == ToServer && passed == 0 {
                    self.begins_with(&chunk);
                }
                let left = self.left(direction, passed);
                let length = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                if let Err(away) = to.write_all(&chunk[..length]).await {
                    // That it is gone is news that goes the other way.
                    self.may_move(direction.back()).await;
                    return Err(away.into());
                }
                passed += length as u64;
                self.shared.bytes[direction as usize].fetch_add(length as u64, Ordering::SeqCst);
                if length < chunk.len() {
                    return Err(Broken::Cut);
                }
            }
            // An end that is gone needs not be told.
            let _ = to.shutdown().await;
            Ok(())
        };
        tokio::try_join!(read, write)?;
        Ok(())
    }

    /// Finds out whether this one is to be cut for what it says first.
    fn begins_with(&self, words: &[u8]) {
        let mut cuts = self.shared.cuts_of.lock().unwrap_or_else(PoisonError::into_inner);
        if cuts.front().is_some_and(|(beginning, _)| words.starts_with(beginning))
            && let Some((_, Some(cut))) = cuts.pop_front()
        {
            // One that had its turn already keeps it.
            let _ = self.cut.set(cut);
        }
    }

    /// How many more bytes may pass.
    fn left(&self, direction: Direction, passed: u64) -> u64 {
        match self.cut.get() {
            Some(cut) if cut.direction == direction => cut.bytes - passed,
            _ => u64::MAX,
        }
    }
}
