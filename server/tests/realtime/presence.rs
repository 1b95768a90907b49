//! What leases have to come to, on one node and on many. Each scenario brings its own time.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use app::{
    domain::{Timestamp, UserId},
    ports::{Presence, SocketId},
};
use server::presence::{LocalPresence, RedisPresence};

use crate::{limiter::link, support::Database};

/// Presence, as each of two nodes sees it.
pub trait Leases: Sized {
    fn start() -> impl Future<Output = Self> + Send;
    fn nodes(&self) -> [&dyn Presence; 2];
}

struct Local(LocalPresence);

impl Leases for Local {
    async fn start() -> Self {
        Self(LocalPresence::new())
    }

    fn nodes(&self) -> [&dyn Presence; 2] {
        [&self.0, &self.0]
    }
}

struct Redis {
    nodes: [RedisPresence; 2],
    database: Database,
}

impl Leases for Redis {
    async fn start() -> Self {
        let database = Database::take().await;
        let (one, two) = (link(&database.url).await, link(&database.url).await);
        Self { nodes: [RedisPresence::new(one), RedisPresence::new(two)], database }
    }

    fn nodes(&self) -> [&dyn Presence; 2] {
        [&self.nodes[0], &self.nodes[1]]
    }
}

macro_rules! contract {
    ($($scenario:ident)*) => {
        mod local { contract!(@each Local: $($scenario)*); }
        mod redis { contract!(@each Redis: $($scenario)*); }
    };
    (@each $leases:ident: $($scenario:ident)*) => {
        $(
            #[tokio::test]
            async fn $scenario() {
                super::$scenario(<super::$leases as super::Leases>::start().await).await;
            }
        )*
    };
}

contract!(
    a_person_is_online_while_any_socket_on_any_node_is
    a_reload_within_the_grace_shows_nothing
    a_late_renewal_does_not_bring_a_closed_socket_back
    releasing_an_unknown_socket_records_nothing
    a_renewed_lease_runs_on_and_one_that_is_not_runs_out
    who_was_reported_as_gone_comes_online_by_a_renewal
    a_crowd_is_reported_once_among_nodes_that_look_at_once
    whatever_happens_agrees_with_a_plain_table
);

fn user(n: u8) -> UserId {
    UserId::from_bytes([n; 12])
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_754_500_000_000 + millis)
}

async fn a_person_is_online_while_any_socket_on_any_node_is(leases: impl Leases) {
    let [one, two] = leases.nodes();
    assert!(one.connect(user(1), SocketId(1), at(0), at(30)).await.unwrap());
    assert!(!two.connect(user(1), SocketId(2), at(1), at(31)).await.unwrap());
    one.release(user(1), SocketId(1), at(5)).await.unwrap();
    assert_eq!(one.expire(at(10)).await.unwrap(), []);
    assert_eq!(one.online(&[user(2), user(1), user(3)], at(10)).await.unwrap().people, [user(1)]);
    two.release(user(1), SocketId(2), at(12)).await.unwrap();
    assert_eq!(one.expire(at(12)).await.unwrap(), [user(1)]);
    assert_eq!(two.expire(at(13)).await.unwrap(), [], "told once");
    assert_eq!(two.online(&[user(1)], at(13)).await.unwrap().people, []);
}

async fn a_reload_within_the_grace_shows_nothing(leases: impl Leases) {
    let [one, two] = leases.nodes();
    assert!(one.connect(user(1), SocketId(1), at(0), at(30)).await.unwrap());
    one.release(user(1), SocketId(1), at(5)).await.unwrap();
    assert!(!two.connect(user(1), SocketId(2), at(4), at(34)).await.unwrap());
    assert_eq!(one.expire(at(33)).await.unwrap(), []);
}

async fn a_late_renewal_does_not_bring_a_closed_socket_back(leases: impl Leases) {
    let [one, _] = leases.nodes();
    one.connect(user(1), SocketId(1), at(0), at(30)).await.unwrap();
    one.release(user(1), SocketId(1), at(5)).await.unwrap();
    assert_eq!(one.renew(&[(user(1), SocketId(1))], at(40)).await.unwrap(), []);
    assert_eq!(one.expire(at(5)).await.unwrap(), [user(1)]);
}

async fn releasing_an_unknown_socket_records_nothing(leases: impl Leases) {
    let [one, _] = leases.nodes();
    one.release(user(1), SocketId(1), at(50)).await.unwrap();
    assert_eq!(one.online(&[user(1)], at(1)).await.unwrap().people, []);
    assert_eq!(one.expire(at(60)).await.unwrap(), []);
}

async fn a_renewed_lease_runs_on_and_one_that_is_not_runs_out(leases: impl Leases) {
    let [one, two] = leases.nodes();
    for person in 1..=40 {
        one.connect(user(person), SocketId(person.into()), at(0), at(30)).await.unwrap();
    }
    let renewed: Vec<_> = (1..=20).map(|person| (user(person), SocketId(person.into()))).collect();
    assert_eq!(one.renew(&renewed, at(40)).await.unwrap(), []);
    let gone: BTreeSet<UserId> = two.expire(at(30)).await.unwrap().into_iter().collect();
    assert_eq!(gone, (21..=40).map(user).collect());
    let all: Vec<UserId> = (1..=40).map(user).collect();
    assert_eq!(two.online(&all, at(39)).await.unwrap().people, all[..20]);
    assert_eq!(two.online(&all, at(40)).await.unwrap().people, []);
}

async fn who_was_reported_as_gone_comes_online_by_a_renewal(leases: impl Leases) {
    let [one, two] = leases.nodes();
    one.connect(user(1), SocketId(1), at(0), at(30)).await.unwrap();
    assert_eq!(two.expire(at(30)).await.unwrap(), [user(1)]);
    let sockets = [(user(1), SocketId(1))];
    assert_eq!(one.renew(&sockets, at(70)).await.unwrap(), [user(1)]);
    assert_eq!(one.renew(&sockets, at(80)).await.unwrap(), [], "said once");
    assert_eq!(two.online(&[user(1)], at(79)).await.unwrap().people, [user(1)]);
}

async fn a_crowd_is_reported_once_among_nodes_that_look_at_once(leases: impl Leases) {
    let [one, two] = leases.nodes();
    let person = |n: u16| {
        let mut bytes = [9; 12];
        bytes[10..].copy_from_slice(&n.to_be_bytes());
        UserId::from_bytes(bytes)
    };
    let sockets: Vec<_> = (0..5_000).map(|n| (person(n), SocketId(n.into()))).collect();
    one.renew(&sockets, at(30)).await.unwrap();
    let (first, second) = tokio::join!(one.expire(at(31)), two.expire(at(31)));
    let mut gone = first.unwrap();
    gone.extend(second.unwrap());
    assert_eq!(gone.len(), 5_000, "each once");
    assert_eq!(gone.into_iter().collect::<BTreeSet<_>>().len(), 5_000, "and everybody");
}

/// Random calls, compared with a table of sockets in which each call is one plain sentence.
async fn whatever_happens_agrees_with_a_plain_table(leases: impl Leases) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut table: BTreeMap<(u8, u128), (i64, bool)> = BTreeMap::new();
    let mut now = 0_i64;
    for _ in 0..500 {
        now += i64::try_from(next(4)).unwrap();
        let node = leases.nodes()[usize::try_from(next(2)).unwrap()];
        let (person, socket) = (u8::try_from(next(3)).unwrap(), u128::from(next(4)));
        let key = (person, socket);
        // Whether a lease that has run out is still there nobody can tell, so each call begins with the sweep.
        let before: BTreeSet<u8> = table.keys().map(|&(person, _)| person).collect();
        table.retain(|_, &mut (until, _)| until > now);
        let after: BTreeSet<u8> = table.keys().map(|&(person, _)| person).collect();
        let mut gone = node.expire(at(now)).await.unwrap();
        gone.sort();
        assert_eq!(gone, before.difference(&after).map(|&n| user(n)).collect::<Vec<_>>());
        match next(4) {
            0 => {
                let came = node.connect(user(person), SocketId(socket), at(now), at(now + 30)).await.unwrap();
                assert_eq!(came, !after.contains(&person));
                table.insert(key, (now + 30, false));
            }
            1 => {
                node.release(user(person), SocketId(socket), at(now + 3)).await.unwrap();
                if let Some((until, released)) = table.get_mut(&key) {
                    (*until, *released) = ((now + 3).min(*until), true);
                }
            }
            2 if table.contains_key(&key) => {
                let came = node.renew(&[(user(person), SocketId(socket))], at(now + 30)).await.unwrap();
                assert_eq!(came, []);
                let lease = table.get_mut(&key).unwrap();
                if !lease.1 {
                    lease.0 = now + 30;
                }
            }
            _ => {
                let online = node.online(&[user(0), user(1), user(2)], at(now)).await.unwrap().people;
                assert_eq!(online, after.iter().map(|&n| user(n)).collect::<Vec<_>>());
            }
        }
    }
}

#[tokio::test]
async fn what_a_wipe_took_is_put_back_without_a_word() {
    let leases = Redis::start().await;
    let [one, two] = leases.nodes();
    assert!(one.connect(user(1), SocketId(1), at(0), at(30)).await.unwrap());
    leases.database.flush().await;
    assert_eq!(two.online(&[user(1)], at(1)).await.unwrap().people, []);
    assert_eq!(
        one.renew(&[(user(1), SocketId(1))], at(40)).await.unwrap(),
        [],
        "nobody heard that they went"
    );
    assert_eq!(two.online(&[user(1)], at(1)).await.unwrap().people, [user(1)]);
    assert_eq!(two.expire(at(41)).await.unwrap(), [user(1)]);
}

#[tokio::test]
async fn who_connected_while_redis_was_away_comes_online_by_the_renewal() {
    let mut server = crate::support::RedisServer::start().await;
    let link = link(&server.url).await;
    let presence = RedisPresence::new(link.clone());
    server.kill();
    presence.connect(user(1), SocketId(1), at(0), at(30)).await.unwrap_err();
    presence.connect(user(2), SocketId(2), at(0), at(30)).await.unwrap_err();
    presence.release(user(2), SocketId(2), at(5)).await.unwrap_err();
    server.revive().await;
    link.connected().await;
    let sockets = [(user(1), SocketId(1)), (user(3), SocketId(3))];
    assert_eq!(presence.renew(&sockets, at(40)).await.unwrap(), [user(1)]);
    assert_eq!(
        presence.online(&[user(1), user(2), user(3)], at(1)).await.unwrap().people,
        [user(1), user(3)]
    );
    assert_eq!(presence.expire(at(50)).await.unwrap(), [], "others get the time to renew theirs");
}

#[tokio::test]
async fn who_was_reported_to_a_node_that_died_is_reported_again() {
    let leases = Redis::start().await;
    let [one, two] = leases.nodes();
    one.connect(user(1), SocketId(1), at(0), at(30)).await.unwrap();
    one.connect(user(17), SocketId(2), at(0), at(30)).await.unwrap();
    // A node asks as it does in production, and dies before it can say that it has the answer.
    let mut dying = ::redis::Client::open(leases.database.url.as_str())
        .unwrap()
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let expire = ::redis::Script::new(include_str!("../../src/presence/redis/expire.lua"));
    let mut asks = expire.prepare_invoke();
    for name in ["ends", "sockets", "gone", "leaving"] {
        asks.key(format!("samvad:{{presence:1}}:{name}"));
    }
    asks.arg(at(30).as_millis()).arg(256).arg(3_600_000).arg(5_000);
    let told: Vec<Vec<u8>> = asks.invoke_async(&mut dying).await.unwrap();
    assert_eq!(told.len(), 2);
    // One of them has come back when they are reported again.
    assert_eq!(two.expire(at(4_000)).await.unwrap(), []);
    assert!(two.connect(user(17), SocketId(3), at(4_000), at(40_000)).await.unwrap());
    assert_eq!(two.expire(at(5_030)).await.unwrap(), [user(1)]);
    assert_eq!(two.expire(at(20_000)).await.unwrap(), [], "and that was received");
}

#[tokio::test]
async fn who_connected_while_redis_hung_comes_online_by_the_renewal() {
    let server = crate::support::RedisServer::start().await;
    let link = link(&server.url).await;
    let presence = RedisPresence::new(link.clone());
    // Redis will carry it out, and nobody will hear of it.
    server.freeze();
    presence.connect(user(1), SocketId(1), at(0), at(30)).await.unwrap_err();
    server.thaw();
    link.connected().await;
    let sockets = [(user(1), SocketId(1)), (user(2), SocketId(2))];
    assert_eq!(presence.renew(&sockets, at(40)).await.unwrap(), [user(1)]);
    assert_eq!(presence.renew(&sockets, at(50)).await.unwrap(), [], "said once");
}

#[tokio::test]
async fn what_is_told_after_a_loss_says_that_it_may_not_be_all() {
    let leases = Redis::start().await;
    let [one, _] = leases.nodes();
    one.connect(user(1), SocketId(1), at(0), at(30)).await.unwrap();
    let began = std::time::Instant::now();
    assert!(!one.online(&[user(1)], at(1)).await.unwrap().is_whole, "nobody knows who was there before");
    while !one.online(&[user(1)], at(1)).await.unwrap().is_whole {
        assert!(began.elapsed().as_secs() < 20);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert!(began.elapsed().as_secs() > 10, "every node has had its turn to renew");
    leases.database.flush().await;
    assert!(!one.online(&[user(1)], at(1)).await.unwrap().is_whole);
}
