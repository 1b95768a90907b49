//! The presence of many nodes: leases in Redis, changed by scripts, so that each change is whole.
//!
//! People are spread over a fixed number of buckets. The keys of a bucket share a hash tag, so that a cluster
//! keeps them together and a script may touch all of them:
//!
//! | key | type | holds |
//! | --- | --- | --- |
//! | `samvad:{presence:N}:ends` | sorted set | person → when the last of their leases runs out |
//! | `samvad:{presence:N}:sockets` | hash | person → their sockets' leases; the end doubled, plus one if released |
//! | `samvad:{presence:N}:gone` | sorted set | who was reported as gone, and when; forgotten after an hour |
//! | `samvad:{presence:N}:leaving` | sorted set | who is being reported as gone, and when they are reported again unless they were received |
//! | `samvad:{presence:N}:since` | number | when, by Redis' clock, the bucket was first looked at since it was lost |
//!
//! Times are those that the caller gives: the clocks of nodes have to agree to within a few seconds, as
//! they have to for sessions anyway. Leases of 30 s that are renewed every 10 s forgive the rest.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use ::redis::{RedisResult, Script};
use app::{
    domain::{Timestamp, UserId},
    error::{AppError, AppResult},
    ports::{Online, Presence, SocketId},
};
use async_trait::async_trait;
use futures::future::{join_all, try_join_all};

use crate::redis::{Connection, Link};

/// Over how many buckets people are spread. Every node of one installation must use the same number.
const BUCKETS: u8 = 16;
/// Leases that one script renews, and people that one script removes: so few that nobody else waits long.
const TOGETHER: usize = 256;
/// After an outage leases have run out because nobody could renew them. For this long, in which every node
/// renews its own, nobody is removed.
const REBUILDING: Duration = Duration::from_millis(REBUILDING_MS);
const REBUILDING_MS: u64 = 12_000;
/// Somebody who was reported as gone to a node that did not receive it is reported again after this time, in
/// milliseconds.
const AGAIN_MS: i64 = 5_000;
/// For how long it matters that a socket was not recorded: much longer than Redis takes to be renewed after it is
/// back, if it comes back soon.
const MISSED_FOR: Duration = Duration::from_secs(600);
/// For how long it is remembered that somebody was reported as gone, in milliseconds: as long a node may be cut
/// off from Redis and then be believed that its people are still there.
const REMEMBER_MS: i64 = 3_600_000;

/// Leases in Redis.
pub struct RedisPresence {
    link: Link,
    connect: Script,
    renew: Script,
    release: Script,
    expire: Script,
    online: Script,
    /// People who were reported as gone and have been received here, which Redis does not know yet.
    received: Mutex<BTreeMap<u8, Vec<UserId>>>,
    /// People with a socket of which nobody knows whether it was recorded, and since when: the next renewal may be
    /// how they come online.
    missed: Mutex<BTreeMap<UserId, Instant>>,
}

impl RedisPresence {
    /// Presence over a link that somebody keeps.
    pub fn new(link: Link) -> Self {
        Self {
            link,
            connect: Script::new(include_str!("redis/connect.lua")),
            renew: Script::new(include_str!("redis/renew.lua")),
            release: Script::new(include_str!("redis/release.lua")),
            expire: Script::new(include_str!("redis/expire.lua")),
            online: Script::new(include_str!("redis/online.lua")),
            received: Mutex::default(),
            missed: Mutex::default(),
        }
    }

    fn missed(&self) -> MutexGuard<'_, BTreeMap<UserId, Instant>> {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn renew_some(
        &self,
        bucket: u8,
        sockets: &[(UserId, SocketId)],
        until: Timestamp,
    ) -> AppResult<Vec<UserId>> {
        let mut script = self.renew.prepare_invoke();
        keys(&mut script, bucket);
        script.arg(until.as_millis());
        {
            let missed = self.missed();
            for (user, socket) in sockets {
                let flag = u8::from(missed.contains_key(user));
                script.arg(user.as_bytes()).arg(&bytes(*socket)).arg(flag);
            }
        }
        let script = &script;
        let came: Vec<Vec<u8>> = self.link.run(async |mut up| script.invoke_async(&mut up).await).await?;
        let mut missed = self.missed();
        for (user, _) in sockets {
            missed.remove(user);
        }
        drop(missed);
        people(came)
    }

    async fn expire_in(&self, bucket: u8, now: Timestamp) -> AppResult<Vec<UserId>> {
        let mut gone = Vec::new();
        loop {
            let received = self.received().remove(&bucket).unwrap_or_default();
            let mut script = self.expire.prepare_invoke();
            keys(&mut script, bucket);
            script.arg(now.as_millis()).arg(TOGETHER).arg(REMEMBER_MS).arg(AGAIN_MS);
            for user in &received {
                script.arg(user.as_bytes());
            }
            let script = &script;
            let some: Result<Vec<Vec<u8>>, _> =
                self.link.run(async |mut up| script.invoke_async(&mut up).await).await;
            match some {
                Ok(some) => {
                    let some = people(some)?;
                    if some.is_empty() {
                        return Ok(gone);
                    }
                    // Told to Redis at once, by asking for more.
                    self.received().entry(bucket).or_default().extend(&some);
                    gone.extend(some);
                }
                Err(error) => {
                    self.received().entry(bucket).or_default().extend(received);
                    // Who was removed before has to be reported.
                    return if gone.is_empty() { Err(error.into()) } else { Ok(gone) };
                }
            }
        }
    }

    fn received(&self) -> MutexGuard<'_, BTreeMap<u8, Vec<UserId>>> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether leases may be missing that nobody has had the time to renew.
    fn is_rebuilding(&self) -> bool {
        self.link.up().is_none_or(|up| up.again && up.since.elapsed() < REBUILDING)
    }

    /// Whether nothing can be missing in the bucket, and when these people's last leases run out, for those who
    /// have any.
    async fn ends(
        &self,
        mut up: Connection,
        bucket: u8,
        users: &[UserId],
    ) -> RedisResult<(bool, Vec<Option<f64>>)> {
        let mut script = self.online.prepare_invoke();
        let [ends, .., since] = names(bucket);
        script.key(ends).key(since).arg(REBUILDING_MS);
        for user in users {
            script.arg(user.as_bytes());
        }
        script.invoke_async(&mut up).await
    }
}

#[async_trait]
impl Presence for RedisPresence {
    async fn connect(
        &self,
        user: UserId,
        socket: SocketId,
        now: Timestamp,
        until: Timestamp,
    ) -> AppResult<bool> {
        let mut script = self.connect.prepare_invoke();
        keys(&mut script, bucket(user));
        script.arg(user.as_bytes()).arg(&bytes(socket)).arg(now.as_millis()).arg(until.as_millis());
        let script = &script;
        let done = self.link.run(async |mut up| script.invoke_async(&mut up).await).await;
        if done.is_err() {
            self.missed().insert(user, Instant::now());
        }
        Ok(done?)
    }

    /// While Redis is away, which the link has said, nothing is renewed and that is no fault.
    async fn renew(&self, sockets: &[(UserId, SocketId)], until: Timestamp) -> AppResult<Vec<UserId>> {
        if !self.link.is_up() {
            return Ok(Vec::new());
        }
        let mut buckets: BTreeMap<u8, Vec<(UserId, SocketId)>> = BTreeMap::new();
        for &(user, socket) in sockets {
            buckets.entry(bucket(user)).or_default().push((user, socket));
        }
        let (mut came_online, mut done) = (Vec::new(), Ok(()));
        for (bucket, sockets) in buckets {
            for some in sockets.chunks(TOGETHER) {
                // One after the other, so that others' commands get their turn; and what fails must not keep
                // the rest from being renewed.
                match self.renew_some(bucket, some, until).await {
                    Ok(came) => came_online.extend(came),
                    Err(error) => done = Err(error),
                }
            }
        }
        // Once, also with several sockets.
        came_online.sort_unstable();
        came_online.dedup();
        // Who came online is told, though others could not be renewed.
        if came_online.is_empty() { done.map(|()| came_online) } else { Ok(came_online) }
    }

    async fn release(&self, user: UserId, socket: SocketId, until: Timestamp) -> AppResult<()> {
        let mut script = self.release.prepare_invoke();
        keys(&mut script, bucket(user));
        script.arg(user.as_bytes()).arg(&bytes(socket)).arg(until.as_millis());
        let script = &script;
        let () = self.link.run(async |mut up| script.invoke_async(&mut up).await).await?;
        Ok(())
    }

    /// While Redis is away, which the link has said, nobody is removed and that is no fault; nor for a while
    /// after that.
    async fn expire(&self, now: Timestamp) -> AppResult<Vec<UserId>> {
        // Whose sockets have all been closed meanwhile are not renewed.
        self.missed().retain(|_, since| since.elapsed() < MISSED_FOR);
        if self.is_rebuilding() {
            return Ok(Vec::new());
        }
        let (mut gone, mut done) = (Vec::new(), Ok(()));
        for some in join_all((0..BUCKETS).map(|bucket| self.expire_in(bucket, now))).await {
            match some {
                Ok(some) => gone.extend(some),
                Err(error) => done = Err(error),
            }
        }
        if gone.is_empty() { done.map(|()| gone) } else { Ok(gone) }
    }

    async fn online(&self, users: &[UserId], now: Timestamp) -> AppResult<Online> {
        let mut buckets: BTreeMap<u8, Vec<UserId>> = BTreeMap::new();
        for &user in users {
            buckets.entry(bucket(user)).or_default().push(user);
        }
        let now = now.as_millis();
        let buckets = &buckets;
        let ends = self.link.run(|up| async move {
            try_join_all(buckets.iter().map(|(bucket, users)| self.ends(up.clone(), *bucket, users))).await
        });
        let ends = ends.await?;
        let is_whole = !self.is_rebuilding() && ends.iter().all(|(is_whole, _)| *is_whole);
        #[allow(clippy::cast_precision_loss, reason = "milliseconds of this era are exact")]
        let online: BTreeSet<UserId> = buckets
            .values()
            .zip(ends)
            .flat_map(|(users, (_, ends))| users.iter().zip(ends))
            .filter(|(_, ends)| ends.is_some_and(|ends| ends > now as f64))
            .map(|(user, _)| *user)
            .collect();
        let people = users.iter().filter(|user| online.contains(user)).copied().collect();
        Ok(Online { people, is_whole })
    }
}

/// The last byte of an id counts up.
fn bucket(user: UserId) -> u8 {
    let [.., last] = user.as_bytes();
    last % BUCKETS
}

fn names(bucket: u8) -> [String; 5] {
    ["ends", "sockets", "gone", "leaving", "since"].map(|name| format!("samvad:{{presence:{bucket}}}:{name}"))
}

fn keys(script: &mut ::redis::ScriptInvocation<'_>, bucket: u8) {
    let [ends, sockets, gone, leaving, _since] = names(bucket);
    script.key(ends).key(sockets).key(gone).key(leaving);
}

fn bytes(socket: SocketId) -> [u8; 16] {
    socket.0.to_be_bytes()
}

fn people(raw: Vec<Vec<u8>>) -> AppResult<Vec<UserId>> {
    raw.into_iter()
        .map(|raw| <[u8; 12]>::try_from(raw).map(UserId::from_bytes))
        .collect::<Result<_, _>>()
        .map_err(|raw| AppError::internal(format!("presence holds an id of {} bytes", raw.len())))
}
