//! A connection that is made again whenever it breaks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ::redis::{PushInfo, PushKind, RedisError, RedisResult, ServerErrorKind, aio::AsyncPushSender, cmd};
use app::error::AppError;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Client, Connection};
use crate::system;

/// How often it is asked whether anybody is there.
const PING_EVERY: Duration = Duration::from_secs(1);
/// For how long an answer to a command is waited for.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);
/// After how long it is tried again to connect, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Why a command was not carried out. Or it was, and nobody heard of it.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// There is no connection at the moment, which has been logged.
    #[error("Redis is away")]
    Away,
    /// The answer did not come in time.
    #[error("Redis did not answer within {} ms", ANSWER_WITHIN.as_millis())]
    Late,
    /// The command failed.
    #[error("Redis")]
    Failed(#[from] RedisError),
}

impl From<LinkError> for AppError {
    fn from(error: LinkError) -> Self {
        Self::unavailable(error)
    }
}

/// How the node's links are doing together: says once that Redis is away, and once that it is back.
#[derive(Debug)]
pub struct Health {
    place: String,
    away: AtomicUsize,
}

impl Health {
    /// All is well so far with the Redis at `place`, which must hold no credentials.
    pub fn new(place: String) -> Arc<Self> {
        Arc::new(Self { place, away: AtomicUsize::new(0) })
    }

    fn goes(&self, why: &dyn std::fmt::Display) {
        if self.away.fetch_add(1, Ordering::AcqRel) == 0 {
            tracing::warn!(
                redis = self.place,
                why = %why,
                "Redis is away: until it is back, limits are this node's own and other nodes' news come late"
            );
        }
    }

    fn comes_back(&self) {
        if self.away.fetch_sub(1, Ordering::AcqRel) == 1 {
            tracing::info!(redis = self.place, "Redis is back");
        }
    }
}

/// A connection that stands.
#[derive(Clone)]
pub struct Up {
    /// The connection.
    pub connection: Connection,
    /// Which one it is, counted from 1: another number is another connection.
    pub number: u64,
    /// Since when.
    pub since: Instant,
    /// Whether Redis was away before, so that what is there may be old.
    pub again: bool,
}

#[derive(Clone, Default)]
struct State {
    up: Option<Up>,
    /// How many connections there have been.
    made: u64,
    /// Whether the last try to connect failed, or the connection broke.
    away: bool,
}

/// A link to Redis. Clones share it.
#[derive(Clone)]
pub struct Link {
    state: watch::Sender<State>,
}

impl Default for Link {
    fn default() -> Self {
        Self::new()
    }
}

impl Link {
    /// A link that is not connected until [`Self::keep`] runs.
    pub fn new() -> Self {
        Self { state: watch::Sender::default() }
    }

    /// The connection, if one stands.
    pub fn up(&self) -> Option<Up> {
        self.state.borrow().up.clone()
    }

    /// Whether a connection stands.
    pub fn is_up(&self) -> bool {
        self.state.borrow().up.is_some()
    }

    /// Whether Redis is known to be away. A link that was never tried is neither up nor away.
    pub fn is_away(&self) -> bool {
        self.state.borrow().away
    }

    /// Waits for a connection.
    pub async fn connected(&self) -> Up {
        self.next_after(0).await
    }

    /// Waits for a connection that was made after this one.
    pub async fn next_after(&self, number: u64) -> Up {
        let mut states = self.state.subscribe();
        loop {
            if let Some(up) = states.borrow_and_update().up.clone().filter(|up| up.number > number) {
                return up;
            }
            if states.changed().await.is_err() {
                // The sender lives in `self`.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Waits until this connection does not stand any longer.
    pub async fn broken(&self, number: u64) {
        let mut states = self.state.subscribe();
        let gone = |state: &State| state.up.as_ref().is_none_or(|up| up.number != number);
        // It fails only if the sender is gone, which lives in `self`.
        let _ = states.wait_for(gone).await;
    }

    /// Gives this connection up, so that another is made.
    pub fn give_up(&self, number: u64, why: &LinkError) {
        self.state.send_if_modified(|state| {
            let stands = state.up.as_ref().is_some_and(|up| up.number == number);
            if stands {
                tracing::debug!(%why, "a connection to Redis is given up");
                state.up = None;
            }
            stands
        });
    }

    /// Does something with the connection, within half a second. A connection that breaks or does not
    /// answer is given up.
    ///
    /// # Errors
    /// [`LinkError::Away`] at once if there is none.
    pub async fn run<T, F>(&self, work: impl FnOnce(Connection) -> F) -> Result<T, LinkError>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let up = self.up().ok_or(LinkError::Away)?;
        let done = match timeout(ANSWER_WITHIN, work(up.connection)).await {
            Ok(done) => done.map_err(LinkError::Failed),
            Err(_elapsed) => Err(LinkError::Late),
        };
        if let Err(error) = &done
            && is_broken(error)
        {
            self.give_up(up.number, error);
        }
        done
    }

    /// Keeps the link connected for good. What the server sends by itself goes to `pushes`.
    pub async fn keep(
        &self,
        client: &Client,
        health: &Health,
        pushes: impl AsyncPushSender + Clone,
    ) -> std::convert::Infallible {
        let mut pause = FIRST_PAUSE;
        loop {
            let cut = CancellationToken::new();
            let told = {
                let (cut, pushes) = (cut.clone(), pushes.clone());
                move |push: PushInfo| {
                    if push.kind == PushKind::Disconnection {
                        cut.cancel();
                    }
                    pushes.send(push)
                }
            };
            match client.connect(told).await {
                Ok(connection) => {
                    self.stands(connection, health);
                    let since = Instant::now();
                    cut.run_until_cancelled(self.watch()).await;
                    self.falls(health, &"the connection broke");
                    // One that breaks as soon as it stands is not tried again and again at once.
                    if since.elapsed() > LONGEST_PAUSE {
                        pause = FIRST_PAUSE;
                        continue;
                    }
                }
                Err(error) => self.falls(health, &error),
            }
            sleep(jittered(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn stands(&self, connection: Connection, health: &Health) {
        self.state.send_modify(|state| {
            let again = std::mem::take(&mut state.away);
            if again {
                health.comes_back();
            }
            state.made += 1;
            state.up = Some(Up { connection, number: state.made, since: Instant::now(), again });
        });
    }

    fn falls(&self, health: &Health, why: &dyn std::fmt::Display) {
        self.state.send_modify(|state| {
            state.up = None;
            if !std::mem::replace(&mut state.away, true) {
                health.goes(why);
            }
        });
    }

    /// Returns when the connection does not stand any longer.
    async fn watch(&self) {
        while let Some(up) = self.up() {
            if timeout(PING_EVERY, self.broken(up.number)).await.is_err() {
                // It gives the connection up where that is due.
                let _ = self.run(async |mut up| cmd("PING").query_async::<()>(&mut up).await).await;
            }
        }
    }
}

/// Whether another connection may do better.
fn is_broken(error: &LinkError) -> bool {
    use redis::ErrorKind::Server;
    match error {
        LinkError::Away => false,
        LinkError::Late => true,
        LinkError::Failed(error) => {
            error.is_io_error()
                || error.is_unrecoverable_error()
                || matches!(
                    error.kind(),
                    Server(
                        ServerErrorKind::ReadOnly
                            | ServerErrorKind::MasterDown
                            | ServerErrorKind::ClusterDown
                            | ServerErrorKind::BusyLoading
                    )
                )
        }
    }
}

/// Half of it to all of it, so that many nodes do not come back at once.
fn jittered(pause: Duration) -> Duration {
    let [chance, ..] = system::random();
    pause / 2 + pause / 2 * u32::from(chance) / 255
}
