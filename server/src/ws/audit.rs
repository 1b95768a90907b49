//! The audit: compares what this node believes of its sockets with the store, a few of them at a time, so
//! that news that were lost are missed for seconds to minutes only. It closes the sockets of sessions that
//! have ended or expired, and puts people into the rooms of chats that they joined.
//!
//! Not here: where the logs of the rooms stand, which the heartbeat compares.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
    time::{Duration, Instant},
};

use app::{
    domain::{SessionId, UserId},
    error::{AppError, AppResult},
    ports::{BusMessage, Clock, Store},
    protocol::{Heads, Notice},
};
use tokio::time::{sleep, timeout};

use super::{
    encode,
    hub::{Hub, Socket},
    outbox::Class,
    realtime::{every, note},
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
    /// People who lack a chat and whose turn has not come yet.
    pub(super) lacking: BTreeSet<UserId>,
    failing: bool,
}

impl Audit {
    pub fn new(hub: Arc<Hub>, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { hub, store, clock, after: None, lacking: BTreeSet::new(), failing: false }
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
        let read = within(self.compare()).await;
        if !self.lacking.is_empty() {
            // Most of what is missing is on its way.
            sleep(ON_ITS_WAY).await;
        }
        let joined = within(async {
            // Who was tried has had their turn, and the others keep theirs.
            while let Some(user) = self.lacking.pop_first() {
                let watch = Watch::new(self.hub.clone(), user);
                let heads = self.store.heads_of(user).await?;
                watch.join(&heads)?;
            }
            Ok(())
        });
        read.and(joined.await)
    }

    /// Closes the sockets of sessions that are over, and finds the people who lack a chat. Whatever cuts it
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
            if looked_at.insert(user) && self.hub.lacks(user, &self.store.heads_of(user).await?) {
                self.lacking.insert(user);
            }
            self.after = Some(session);
        }
        self.after = end;
        Ok(())
    }
}

async fn within(work: impl Future<Output = AppResult<()>>) -> AppResult<()> {
    timeout(READ_WITHIN, work).await.unwrap_or_else(|elapsed| Err(AppError::unavailable(elapsed)))
}

impl Hub {
    /// The sessions that sockets are open on, and whose they are: the next ones after this, at most
    /// `limit`.
    pub fn sessions(&self, after: Option<SessionId>, limit: usize) -> BTreeMap<SessionId, UserId> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let all: BTreeMap<_, _> = self.read().sockets().map(|socket| (socket.session, socket.user)).collect();
        all.range((after, Bound::Unbounded)).take(limit).map(|(session, user)| (*session, *user)).collect()
    }

    /// Whether one of the person's sockets is not in the room of one of these chats.
    pub fn lacks(&self, user: UserId, heads: &Heads) -> bool {
        let registry = self.read();
        registry.sockets_of(user).iter().filter(|socket| socket.follows()).any(|socket| {
            let rooms = registry.entry(socket.id).map(|entry| &entry.rooms);
            rooms.is_some_and(|rooms| heads.keys().any(|chat| !rooms.contains(chat)))
        })
    }
}

/// Notes which chats a person is told to have left while a list of their chats is read, which must not
/// bring them back into the room of one of those.
pub struct Watch {
    hub: Arc<Hub>,
    user: UserId,
    sockets: Vec<Arc<Socket>>,
}

impl Watch {
    /// Begins to note it.
    pub fn new(hub: Arc<Hub>, user: UserId) -> Self {
        let mut registry = hub.write();
        let mut sockets = registry.sockets_of(user);
        // One that connects is watched already, and reads its chats itself.
        sockets.retain(|socket| socket.follows());
        for socket in &sockets {
            registry.note_news(socket.id);
        }
        drop(registry);
        Self { hub, user, sockets }
    }

    /// Joins the rooms of those chats that the sockets are not in, but for those that the person has left
    /// since the watch began, and tells them: a client that does not know the chat fetches it.
    pub fn join(self, heads: &Heads) -> AppResult<()> {
        let now = Instant::now();
        let mut new = BTreeSet::new();
        let mut registry = self.hub.write();
        for socket in &self.sockets {
            let news = registry.connected(socket.id);
            let Some(entry) = registry.entry(socket.id) else { continue };
            let missed: Heads = heads
                .iter()
                .filter(|(chat, _)| !entry.rooms.contains(*chat) && !news.left.contains(*chat))
                .map(|(chat, head)| (*chat, *head))
                .collect();
            if missed.is_empty() {
                continue;
            }
            let frame = encode(&Notice::Heads { heads: missed.clone() })?;
            socket.outbox.push(frame, Class::Durable, now);
            for (chat, head) in missed {
                registry.join(socket.id, chat, head, now);
                new.insert(chat);
            }
        }
        drop(registry);
        for chat in new {
            self.hub.newcomer(chat, self.user);
        }
        Ok(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut registry = self.hub.write();
        for socket in &self.sockets {
            registry.connected(socket.id);
        }
    }
}
