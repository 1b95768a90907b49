//! The audit: compares what this node believes of its sockets with the store, a few of them at a time, so
//! that news that were lost are missed for seconds to minutes only. It closes the sockets of sessions that
//! have ended or expired, doubts whose sockets are not in the rooms of exactly their chats, and tells sockets what they
//! were not told of what a chat is to their person alone.
//!
//! Not here: where the logs of the rooms stand, which the heartbeat compares, and settling what is doubted.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
    time::Duration,
};

use app::{
    domain::{SessionId, UserId},
    error::AppResult,
    ports::{BusMessage, Clock, Store, heads},
    protocol::Heads,
};
use tokio::time::sleep;

use super::{
    hub::Hub,
    realtime::{every, note, within},
};

/// How often some sessions are audited.
const TICK: Duration = Duration::from_secs(5);
/// Sessions that are audited at once: ten thousand of them take four minutes.
const SESSIONS: usize = 200;
/// For how long one audit may read.
const READ_WITHIN: Duration = Duration::from_secs(2);
/// What is committed is published within this time, unless that is lost.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// The state of the audit's task.
pub struct Audit {
    hub: Arc<Hub>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// The session that was audited last in this round.
    after: Option<SessionId>,
    /// People whose sockets are in other rooms than the store says.
    pub(super) found: BTreeSet<UserId>,
    failing: bool,
}

impl Audit {
    pub fn new(hub: Arc<Hub>, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { hub, store, clock, after: None, found: BTreeSet::new(), failing: false }
    }

    /// Audits for good.
    pub async fn run(&mut self) {
        let mut ticks = every(TICK);
        loop {
            ticks.tick().await;
            let audited = self.audit().await;
            note(&mut self.failing, audited, "sockets could not be compared with the store");
        }
    }

    /// Audits the next sessions, as many as can be read in time.
    async fn audit(&mut self) -> AppResult<()> {
        let read = within(READ_WITHIN, self.compare()).await;
        let found = std::mem::take(&mut self.found);
        if !found.is_empty() {
            // Most of what differs is on its way.
            sleep(ON_ITS_WAY).await;
        }
        for user in found {
            self.hub.doubts.add(user);
        }
        read
    }

    /// Closes the sockets of sessions that are over, and finds whose rooms differ. Whatever cuts it
    /// short, the next one begins with what this one did not come to.
    pub(super) async fn compare(&mut self) -> AppResult<()> {
        let sessions = self.hub.sessions(self.after, SESSIONS);
        let begin = self.after;
        let end =
            sessions.last_key_value().filter(|_| sessions.len() == SESSIONS).map(|(session, _)| *session);
        // Also if these cannot be read: the others get their turn.
        self.after = end;
        let ids: Vec<SessionId> = sessions.keys().copied().collect();
        let living = self.store.sessions(&ids, self.clock.now()).await?;
        self.after = begin;
        let living: BTreeMap<_, _> = living.into_iter().map(|record| (record.id, record.user_id)).collect();
        let (goes_on, over): (BTreeMap<_, _>, BTreeMap<_, _>) =
            sessions.into_iter().partition(|(session, user)| living.get(session) == Some(user));
        if !over.is_empty() {
            self.hub.dispatch(&BusMessage::SessionsEnded(over.into_keys().collect()));
        }
        let mut looked_at = BTreeSet::new();
        for (session, user) in goes_on {
            if looked_at.is_empty() {
                // One that can never be read does not hold up those after it.
                self.after = Some(session);
            }
            if looked_at.insert(user) {
                let places = self.store.places_of(user).await?;
                if self.hub.differs(user, &heads(&places)) {
                    self.found.insert(user);
                }
                self.hub.tell_missed(user, &places)?;
            }
            self.after = Some(session);
        }
        self.after = end;
        Ok(())
    }
}

impl Hub {
    /// The sessions that sockets are open on, and whose they are: the next ones after this, at most
    /// `limit`.
    pub fn sessions(&self, after: Option<SessionId>, limit: usize) -> BTreeMap<SessionId, UserId> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let all: BTreeMap<_, _> = self.read().sockets().map(|socket| (socket.session, socket.user)).collect();
        all.range((after, Bound::Unbounded)).take(limit).map(|(session, user)| (*session, *user)).collect()
    }

    /// Whether one of the person's sockets is in the rooms of other chats than these.
    pub fn differs(&self, user: UserId, heads: &Heads) -> bool {
        let registry = self.read();
        registry.sockets_of(user).iter().filter(|socket| socket.follows()).any(|socket| {
            let rooms = registry.entry(socket.id).map(|entry| &entry.rooms);
            rooms.is_some_and(|rooms| !rooms.keys().eq(heads.keys()))
        })
    }
}
