//! The node's own tasks around its sockets: the heartbeat, the audit, the leases of presence and their
//! announcements, and sending everybody away when the node stops.
//!
//! Each is supervised, counted by the tracker and ends with the token.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use app::{
    domain::{ChatId, UserId},
    error::{AppError, AppResult},
    ports::{Bus, BusMessage, Clock, IdSource, Limiter, Store},
    protocol::PresenceStatus,
    service::PresenceService,
};
use axum::extract::ws::Utf8Bytes;
use tokio::{
    sync::{Semaphore, SemaphorePermit, mpsc},
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    audit::Audit,
    heartbeat::Heartbeat,
    hub::{Hub, Newcomer},
    reading::Receipts,
    settling::Settling,
    supervise::supervise,
};

/// How often the leases of this node's sockets are renewed.
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// How often it is tried to tell people who is online who could not be told when they connected.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// For how long it is tried to keep when people were last there.
const KEEP_WITHIN: Duration = Duration::from_secs(3);
/// How often leases that have run out are looked for.
const SWEEP_EVERY: Duration = Duration::from_millis(250);
/// People who came online and are not announced yet. A socket that finds the queue full waits.
const ANNOUNCEMENTS: usize = 1_024;
/// People who joined a chat and are not introduced yet; who finds the queue full is left out.
const NEWCOMERS: usize = 1_024;

/// How many sockets ask the store at once while they are set up or resume. When everybody comes back at the same
/// moment, what people send must not wait behind all of them; a few at a time are served as fast.
const ASKING: usize = 16;

/// What the sockets need.
pub struct Parts {
    /// Where they are known.
    pub hub: Arc<Hub>,
    /// What they believe.
    pub store: Arc<dyn Store>,
    /// What brings other nodes' news.
    pub bus: Arc<dyn Bus>,
    /// Who is online.
    pub presence: Arc<PresenceService>,
    /// How often they may be opened and resume.
    pub limiter: Arc<dyn Limiter>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where their ids come from.
    pub ids: Arc<dyn IdSource>,
    /// The origins of the pages that may open one, each exactly as a browser sends it.
    pub allowed_origins: Vec<String>,
    /// Cancelled when the node stops.
    pub shutdown: CancellationToken,
    /// Counts sockets and tasks, to be waited for when the node stops.
    pub tracker: TaskTracker,
}

/// The realtime half of a node.
pub struct Realtime {
    pub(super) parts: Parts,
    announcements: mpsc::Sender<UserId>,
    unaware: Arc<Unaware>,
    asking: Semaphore,
}

/// People with a socket whose `hello` could not say who is online.
type Unaware = Mutex<BTreeSet<UserId>>;

impl Realtime {
    /// Starts the node's tasks. They end when `parts.shutdown` is cancelled; `parts.tracker` counts them
    /// and every socket.
    pub fn start(parts: Parts) -> Arc<Self> {
        let (announcements, came_online) = mpsc::channel(ANNOUNCEMENTS);
        let realtime =
            Arc::new(Self { parts, announcements, unaware: Arc::default(), asking: Semaphore::new(ASKING) });
        let Parts { tracker, shutdown, hub, store, bus, presence, .. } = &realtime.parts;

        let heartbeat = Heartbeat::new(hub.clone(), store.clone());
        tracker.spawn(supervise("heartbeat", shutdown.clone(), heartbeat, |heartbeat| {
            Box::pin(heartbeat.run())
        }));
        let settling = Settling::new(hub.clone(), store.clone(), bus.clone());
        tracker.spawn(supervise("doubts", shutdown.clone(), settling, |settling| Box::pin(settling.run())));
        let renewal = Renewal {
            hub: hub.clone(),
            presence: presence.clone(),
            announcements: realtime.announcements.clone(),
            failing: false,
        };
        tracker.spawn(supervise("leases", shutdown.clone(), renewal, |renewal| Box::pin(renewal.run())));
        let telling =
            Telling { hub: hub.clone(), presence: presence.clone(), unaware: realtime.unaware.clone() };
        tracker.spawn(supervise("presence", shutdown.clone(), telling, |telling| Box::pin(telling.run())));
        let audit = Audit::new(hub.clone(), store.clone(), realtime.parts.clock.clone());
        tracker.spawn(supervise("audit", shutdown.clone(), audit, |audit| Box::pin(audit.run())));
        let receipts = Receipts::new(hub.clone());
        tracker.spawn(supervise("receipts", shutdown.clone(), receipts, |receipts| Box::pin(receipts.run())));
        let (queue, newcomers) = mpsc::channel(NEWCOMERS);
        hub.report_newcomers(queue);
        let announcer = Announcer {
            hub: hub.clone(),
            presence: presence.clone(),
            came_online,
            newcomers,
            failing: false,
        };
        tracker.spawn(supervise("announcements", shutdown.clone(), announcer, |announcer| {
            Box::pin(announcer.run())
        }));
        let (hub, shutdown, presence) = (hub.clone(), shutdown.clone(), presence.clone());
        tracker.spawn(async move {
            shutdown.cancelled().await;
            // Their leases outlive a node on its own, so that nobody would find that they went.
            let there: BTreeSet<UserId> = hub.sockets().into_iter().map(|(user, _)| user).collect();
            hub.send_away();
            keep_last_seen(&presence, &there.into_iter().collect::<Vec<_>>()).await;
        });
        realtime
    }

    /// Waits until it is the caller's turn to ask the store, for as long as what is returned is kept: not while
    /// waiting for a peer, nor for anything but the store. Whoever came first is first.
    pub(super) async fn turn(&self) -> AppResult<SemaphorePermit<'_>> {
        // It fails only if it were closed, which nobody does.
        self.asking.acquire().await.map_err(AppError::unavailable)
    }

    /// Asks the store something when it is the caller's turn.
    pub(super) async fn in_turn<T>(&self, question: impl Future<Output = AppResult<T>>) -> AppResult<T> {
        let _turn = self.turn().await?;
        question.await
    }

    /// Has it announced that somebody came online. Waits while very many are being announced.
    pub(super) async fn announce_online(&self, user: UserId) {
        // It fails only once the node stops, when there is nobody left to tell.
        let _ = self.announcements.send(user).await;
    }

    /// Has somebody told who is online as soon as that can be read.
    pub(super) fn is_unaware(&self, user: UserId) {
        self.unaware.lock().unwrap_or_else(PoisonError::into_inner).insert(user);
    }
}

struct Renewal {
    hub: Arc<Hub>,
    presence: Arc<PresenceService>,
    announcements: mpsc::Sender<UserId>,
    failing: bool,
}

impl Renewal {
    async fn run(&mut self) {
        let mut ticks = every(RENEW_EVERY);
        loop {
            ticks.tick().await;
            let renewed = self.renew().await;
            note(&mut self.failing, renewed, "leases could not be renewed");
        }
    }

    async fn renew(&self) -> AppResult<()> {
        for user in self.presence.renew(&self.hub.sockets()).await? {
            // It fails only once the node stops.
            let _ = self.announcements.send(user).await;
        }
        Ok(())
    }
}

/// Tells people who is online who could not be told when they connected. Not a part of the renewal: it reads the
/// store, and leases cannot wait for that.
struct Telling {
    hub: Arc<Hub>,
    presence: Arc<PresenceService>,
    unaware: Arc<Unaware>,
}

impl Telling {
    async fn run(&mut self) {
        let mut ticks = every(TELL_EVERY);
        loop {
            ticks.tick().await;
            self.make_aware().await;
        }
    }

    /// Tells those who could not be told at the time who is online, once all of that is known.
    async fn make_aware(&self) {
        let unaware = std::mem::take(&mut *self.unaware.lock().unwrap_or_else(PoisonError::into_inner));
        let mut unaware = unaware.into_iter();
        while let Some(user) = unaware.next() {
            if self.hub.sockets_of(user).is_empty() {
                continue;
            }
            let told = self.tell_who_is_online(user).await.unwrap_or_else(|error| {
                tracing::debug!(error = %error.chain(), "who is online can still not be read");
                false
            });
            if !told {
                // Nor is it known for the others, most likely.
                let mut later = self.unaware.lock().unwrap_or_else(PoisonError::into_inner);
                later.insert(user);
                later.extend(unaware);
                return;
            }
        }
    }

    /// False if not everybody is known yet who is.
    async fn tell_who_is_online(&self, user: UserId) -> AppResult<bool> {
        let online = self.presence.online_contacts(user).await?;
        if !online.is_whole {
            return Ok(false);
        }
        for online in online.people {
            let frame = self.presence.frame(online, PresenceStatus::Online, None)?;
            self.hub.tell_person(user, &Utf8Bytes::from(&*frame));
        }
        Ok(true)
    }
}

/// One task sweeps and announces, so that what is said of a person is said in the order in which it
/// became true.
struct Announcer {
    hub: Arc<Hub>,
    presence: Arc<PresenceService>,
    came_online: mpsc::Receiver<UserId>,
    newcomers: mpsc::Receiver<Newcomer>,
    failing: bool,
}

impl Announcer {
    async fn run(&mut self) {
        let mut ticks = every(SWEEP_EVERY);
        let mut newcomers = Vec::new();
        loop {
            let done = tokio::select! {
                Some(user) = self.came_online.recv() => {
                    self.presence.announce(user, PresenceStatus::Online).await.map(drop)
                }
                1.. = self.newcomers.recv_many(&mut newcomers, NEWCOMERS) => {
                    self.introduce(newcomers.drain(..)).await
                }
                _ = ticks.tick() => self.sweep().await,
            };
            note(&mut self.failing, done, "presence could not be announced");
        }
    }

    /// Tells newcomers who of their chats' members is online, and the members that the newcomers are: on
    /// this node, as every node does for its own sockets.
    async fn introduce(&self, newcomers: impl Iterator<Item = Newcomer>) -> AppResult<()> {
        let mut chats: BTreeMap<ChatId, BTreeSet<UserId>> = BTreeMap::new();
        for Newcomer { chat, user } in newcomers {
            chats.entry(chat).or_default().insert(user);
        }
        let mut done = Ok(());
        for (chat, new) in chats {
            done = done.and(self.introduce_in(chat, &new).await);
        }
        done
    }

    async fn introduce_in(&self, chat: ChatId, new: &BTreeSet<UserId>) -> AppResult<()> {
        let online = self.presence.online_in(chat, new).await?;
        let mut hidden: BTreeMap<UserId, BTreeSet<UserId>> = BTreeMap::new();
        for user in new {
            hidden.insert(*user, self.presence.blockers_among(*user, &online).await?);
        }
        for online in online {
            let frame = self.presence.frame(online, PresenceStatus::Online, None)?;
            if new.contains(&online) {
                let except = self.presence.blocked_by(online).await?.into_iter().collect();
                let chats = vec![chat];
                self.hub.dispatch(&BusMessage::Status { user_id: online, chats, except, frame, seen: None });
            } else {
                let frame = Utf8Bytes::from(&*frame);
                for user in new {
                    if hidden.get(user).is_none_or(|hidden| !hidden.contains(&online)) {
                        self.hub.tell(*user, chat, &frame);
                    }
                }
            }
            // So that the sockets write what is queued, rather than lose it, when there are many.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn sweep(&self) -> AppResult<()> {
        let (mut done, mut gone) = (Ok(()), Vec::new());
        for user in self.presence.sweep().await? {
            // After a pause of the whole machine leases have run out whose sockets are still here.
            let here = self.hub.sockets_of(user);
            if here.is_empty() {
                gone.push(user);
            } else {
                // Nobody was told that they went. One that fails must not keep the others from being told.
                done = done.and(self.presence.renew(&here).await.map(drop));
            }
        }
        keep_last_seen(&self.presence, &gone).await;
        for user in gone {
            done = done.and(self.presence.announce(user, PresenceStatus::Offline).await.map(drop));
        }
        done
    }
}

/// Keeps that these people were there until now, in one write for all of them. Where the store is away it is not kept,
/// and presence goes on.
async fn keep_last_seen(presence: &PresenceService, people: &[UserId]) {
    if people.is_empty() {
        return;
    }
    if let Err(error) = within(KEEP_WITHIN, presence.note_last_seen(people)).await {
        tracing::warn!(error = %error.chain(), "when people were last there could not be kept");
    }
}

/// Ticks after each period, the first time after one.
pub fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Does the work, or fails with `unavailable` when it has taken as long as `limit`.
pub async fn within<T>(limit: Duration, work: impl Future<Output = AppResult<T>>) -> AppResult<T> {
    timeout(limit, work).await.unwrap_or_else(|elapsed| Err(AppError::unavailable(elapsed)))
}

/// Logs when something begins to fail, rather than each time.
pub fn note(failing: &mut bool, done: Result<(), AppError>, what: &'static str) {
    match done {
        Ok(()) => *failing = false,
        Err(error) if !*failing => {
            *failing = true;
            tracing::warn!(error = %error.chain(), what);
        }
        Err(_again) => {}
    }
}
