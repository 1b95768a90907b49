//! The presence of a single node: leases in memory.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use app::{
    domain::{Timestamp, UserId},
    error::AppResult,
    ports::{Online, Presence, SocketId},
};
use async_trait::async_trait;

/// Leases in this process.
#[derive(Default)]
pub struct LocalPresence {
    leases: Mutex<Leases>,
}

#[derive(Default)]
struct Leases {
    users: HashMap<UserId, Vec<Lease>>,
    /// Every lease once, in the order in which they run out, so that expiring costs what it removes.
    by_expiry: BTreeSet<(Timestamp, UserId, SocketId)>,
}

struct Lease {
    socket: SocketId,
    until: Timestamp,
    /// The socket is closed. A renewal that was on its way meanwhile must not bring it back.
    released: bool,
}

impl LocalPresence {
    /// Presence with nobody in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// A panic elsewhere leaves no half-made change behind that could do harm, so poison is ignored.
    fn lock(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leases {
    /// Gives the socket's lease another end, making it if there is none. `None` leaves it alone.
    fn put(&mut self, user: UserId, socket: SocketId, change: impl FnOnce(Option<&Lease>) -> Option<Lease>) {
        let leases = self.users.entry(user).or_default();
        let place = leases.iter().position(|lease| lease.socket == socket);
        if let Some(new) = change(place.map(|place| &leases[place])) {
            self.by_expiry.insert((new.until, user, socket));
            match place {
                Some(place) => {
                    let old = std::mem::replace(&mut leases[place], new);
                    if old.until != leases[place].until {
                        self.by_expiry.remove(&(old.until, user, socket));
                    }
                }
                None => leases.push(new),
            }
        } else if leases.is_empty() {
            self.users.remove(&user);
        }
    }
}

#[async_trait]
impl Presence for LocalPresence {
    async fn connect(
        &self,
        user: UserId,
        socket: SocketId,
        now: Timestamp,
        until: Timestamp,
    ) -> AppResult<bool> {
        let mut leases = self.lock();
        let online = leases.users.get(&user).is_some_and(|leases| leases.iter().any(|l| l.until > now));
        leases.put(user, socket, |_| Some(Lease { socket, until, released: false }));
        Ok(!online)
    }

    /// Nothing is ever lost here: whoever has no lease was reported.
    async fn renew(&self, sockets: &[(UserId, SocketId)], until: Timestamp) -> AppResult<Vec<UserId>> {
        let mut came_online = Vec::new();
        // In slices, so that a node full of sockets does not keep the others waiting.
        for slice in sockets.chunks(512) {
            let mut leases = self.lock();
            for &(user, socket) in slice {
                if !leases.users.contains_key(&user) {
                    came_online.push(user);
                }
                leases.put(user, socket, |lease| {
                    (!lease.is_some_and(|lease| lease.released)).then_some(Lease {
                        socket,
                        until,
                        released: false,
                    })
                });
            }
        }
        Ok(came_online)
    }

    async fn release(&self, user: UserId, socket: SocketId, until: Timestamp) -> AppResult<()> {
        self.lock().put(user, socket, |lease| {
            lease.map(|lease| Lease { socket, until: until.min(lease.until), released: true })
        });
        Ok(())
    }

    async fn expire(&self, now: Timestamp) -> AppResult<Vec<UserId>> {
        let mut guard = self.lock();
        let leases = &mut *guard;
        let mut gone = Vec::new();
        while let Some(&(until, user, socket)) = leases.by_expiry.first()
            && until <= now
        {
            leases.by_expiry.pop_first();
            if let Some(held) = leases.users.get_mut(&user) {
                held.retain(|lease| lease.socket != socket);
                if held.is_empty() {
                    leases.users.remove(&user);
                    gone.push(user);
                }
            }
        }
        Ok(gone)
    }

    async fn online(&self, users: &[UserId], now: Timestamp) -> AppResult<Online> {
        let leases = self.lock();
        let runs = |user: &&UserId| {
            leases.users.get(user).is_some_and(|leases| leases.iter().any(|lease| lease.until > now))
        };
        Ok(Online { people: users.iter().filter(runs).copied().collect(), is_whole: true })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::collections::BTreeMap;

    use super::*;

    fn user(n: u8) -> UserId {
        UserId::from_bytes([n; 12])
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[tokio::test]
    async fn a_person_is_online_while_any_socket_is() {
        let presence = LocalPresence::new();
        assert!(presence.connect(user(1), SocketId(1), at(0), at(30)).await.unwrap());
        assert!(!presence.connect(user(1), SocketId(2), at(1), at(31)).await.unwrap());
        presence.release(user(1), SocketId(1), at(5)).await.unwrap();
        assert_eq!(presence.expire(at(10)).await.unwrap(), []);
        assert_eq!(presence.online(&[user(1), user(2)], at(10)).await.unwrap().people, [user(1)]);
        presence.release(user(1), SocketId(2), at(12)).await.unwrap();
        assert_eq!(presence.expire(at(12)).await.unwrap(), [user(1)]);
        assert_eq!(presence.expire(at(13)).await.unwrap(), [], "told once");
    }

    #[tokio::test]
    async fn a_reload_within_the_grace_shows_nothing() {
        let presence = LocalPresence::new();
        assert!(presence.connect(user(1), SocketId(1), at(0), at(30)).await.unwrap());
        presence.release(user(1), SocketId(1), at(5)).await.unwrap();
        assert!(!presence.connect(user(1), SocketId(2), at(4), at(34)).await.unwrap());
        assert_eq!(presence.expire(at(33)).await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_late_renewal_does_not_bring_a_closed_socket_back() {
        let presence = LocalPresence::new();
        presence.connect(user(1), SocketId(1), at(0), at(30)).await.unwrap();
        presence.release(user(1), SocketId(1), at(5)).await.unwrap();
        presence.renew(&[(user(1), SocketId(1))], at(40)).await.unwrap();
        assert_eq!(presence.expire(at(5)).await.unwrap(), [user(1)]);
    }

    #[tokio::test]
    async fn releasing_an_unknown_socket_records_nothing() {
        let presence = LocalPresence::new();
        presence.release(user(1), SocketId(1), at(50)).await.unwrap();
        assert_eq!(presence.online(&[user(1)], at(1)).await.unwrap().people, []);
        assert!(presence.lock().users.is_empty() && presence.lock().by_expiry.is_empty());
    }

    /// Random steps against the simplest thing that is right: a table of ends.
    #[tokio::test]
    async fn any_interleaving_agrees_with_the_plain_table() {
        for seed in 1..40_u64 {
            let mut random = seed;
            let mut next = |below: u64| {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (random >> 33) % below
            };
            let presence = LocalPresence::new();
            let mut table: BTreeMap<(u8, u128), (i64, bool)> = BTreeMap::new();
            let mut now = 0_i64;
            for _ in 0..400 {
                now += i64::try_from(next(4)).unwrap();
                let (person, socket) = (u8::try_from(next(3)).unwrap(), u128::from(next(4)));
                let key = (person, socket);
                match next(5) {
                    0 => {
                        let expected = !table.iter().any(|(&(p, _), &(until, _))| p == person && until > now);
                        let came =
                            presence.connect(user(person), SocketId(socket), at(now), at(now + 30)).await;
                        assert_eq!(came.unwrap(), expected);
                        table.insert(key, (now + 30, false));
                    }
                    1 => {
                        presence.release(user(person), SocketId(socket), at(now + 3)).await.unwrap();
                        if let Some((until, released)) = table.get_mut(&key) {
                            (*until, *released) = ((now + 3).min(*until), true);
                        }
                    }
                    2 => {
                        presence.renew(&[(user(person), SocketId(socket))], at(now + 30)).await.unwrap();
                        let lease = table.entry(key).or_insert((now + 30, false));
                        if !lease.1 {
                            lease.0 = now + 30;
                        }
                    }
                    _ => {
                        let before: BTreeSet<u8> = table.keys().map(|&(person, _)| person).collect();
                        table.retain(|_, &mut (until, _)| until > now);
                        let after: BTreeSet<u8> = table.keys().map(|&(person, _)| person).collect();
                        let mut gone = presence.expire(at(now)).await.unwrap();
                        gone.sort();
                        let expected: Vec<_> = before.difference(&after).map(|&n| user(n)).collect();
                        assert_eq!(gone, expected);
                    }
                }
                assert_eq!(presence.lock().by_expiry.len(), table.len());
            }
        }
    }
}
