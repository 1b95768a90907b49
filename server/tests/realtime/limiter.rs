//! What limits have to count, on one node and on many.

use std::{future::Future, sync::Arc, time::Duration};

use app::{
    error::ErrorCode,
    ports::{Limit, Limiter, Throttle},
};
use server::{
    limiter::{LocalLimiter, LocalThrottle, RedisLimiter, RedisThrottle},
    redis::{Client, Health, Link},
    system::SystemClock,
};

use crate::support::{Database, RedisServer, until};

const LIMIT: Limit = Limit { name: "test", burst: 3, period_ms: 60_000 };
const QUICK: Limit = Limit { name: "quick", burst: 1, period_ms: 100 };

/// What counts, as each of two nodes sees it.
pub trait Counting: Sized {
    fn start() -> impl Future<Output = Self> + Send;
    fn limiters(&self) -> [&dyn Limiter; 2];
    fn throttles(&self) -> [&dyn Throttle; 2];
}

struct Local(LocalLimiter, LocalThrottle);

impl Counting for Local {
    async fn start() -> Self {
        Self(LocalLimiter::new(), LocalThrottle::new(Arc::new(SystemClock)))
    }

    fn limiters(&self) -> [&dyn Limiter; 2] {
        [&self.0, &self.0]
    }

    fn throttles(&self) -> [&dyn Throttle; 2] {
        [&self.1, &self.1]
    }
}

struct Redis {
    limiters: [RedisLimiter; 2],
    throttles: [RedisThrottle; 2],
    _database: Database,
}

/// A link that is kept for as long as the test runs.
pub async fn link(url: &str) -> Link {
    let link = keep(url);
    link.connected().await;
    link
}

fn keep(url: &str) -> Link {
    let url = url.parse().unwrap();
    let (link, client) = (Link::new(), Client::new(&url).unwrap());
    let kept = link.clone();
    tokio::spawn(async move {
        kept.keep(&client, &Health::new(url.to_string()), |_push| Ok::<(), ()>(())).await;
    });
    link
}

impl Counting for Redis {
    async fn start() -> Self {
        let database = Database::take().await;
        let (one, two) = (link(&database.url).await, link(&database.url).await);
        let clock = Arc::new(SystemClock);
        Self {
            limiters: [RedisLimiter::new(one.clone()), RedisLimiter::new(two.clone())],
            throttles: [RedisThrottle::new(one, clock.clone()), RedisThrottle::new(two, clock)],
            _database: database,
        }
    }

    fn limiters(&self) -> [&dyn Limiter; 2] {
        [&self.limiters[0], &self.limiters[1]]
    }

    fn throttles(&self) -> [&dyn Throttle; 2] {
        [&self.throttles[0], &self.throttles[1]]
    }
}

macro_rules! contract {
    ($($scenario:ident)*) => {
        mod local { contract!(@each Local: $($scenario)*); }
        mod redis { contract!(@each Redis: $($scenario)*); }
    };
    (@each $counting:ident: $($scenario:ident)*) => {
        $(
            #[tokio::test]
            async fn $scenario() {
                super::$scenario(<super::$counting as super::Counting>::start().await).await;
            }
        )*
    };
}

contract!(
    a_burst_passes_on_all_nodes_together
    keys_and_limits_have_buckets_of_their_own
    there_is_room_again_after_a_while
    a_limit_that_lets_nothing_through_is_a_fault_of_ours
    each_wrong_guess_after_the_free_ones_doubles_the_wait
    success_forgets_the_failures
    the_wait_is_never_longer_than_a_quarter_of_an_hour
);

async fn a_burst_passes_on_all_nodes_together(counting: impl Counting) {
    let [one, two] = counting.limiters();
    one.take(LIMIT, "ada").await.unwrap();
    two.take(LIMIT, "ada").await.unwrap();
    one.take(LIMIT, "ada").await.unwrap();
    for limiter in [one, two] {
        let refused = limiter.take(LIMIT, "ada").await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::TooManyRequests);
        let wait = refused.retry_after.unwrap();
        assert!((55..=60).contains(&wait), "{wait}");
    }
}

async fn keys_and_limits_have_buckets_of_their_own(counting: impl Counting) {
    let [one, two] = counting.limiters();
    for _ in 0..3 {
        one.take(LIMIT, "ada").await.unwrap();
    }
    one.take(LIMIT, "ada").await.unwrap_err();
    two.take(LIMIT, "bob").await.unwrap();
    two.take(Limit { name: "other", ..LIMIT }, "ada").await.unwrap();
    two.take(LIMIT, "{ada}").await.unwrap();
}

async fn there_is_room_again_after_a_while(counting: impl Counting) {
    let [one, two] = counting.limiters();
    for limiter in [one, two, one] {
        until("room for one more", || async { limiter.take(QUICK, "ada").await.ok() }).await;
    }
    let refused = two.take(QUICK, "ada").await.unwrap_err();
    assert_eq!(refused.retry_after, Some(1), "a tenth of a second is rounded up");
}

async fn a_limit_that_lets_nothing_through_is_a_fault_of_ours(counting: impl Counting) {
    for never in [Limit { burst: 0, ..LIMIT }, Limit { period_ms: 0, ..LIMIT }] {
        let [one, _] = counting.limiters();
        assert_eq!(one.take(never, "ada").await.unwrap_err().code, ErrorCode::Internal);
    }
}

async fn waits(throttle: &dyn Throttle, key: &str) -> Option<u32> {
    throttle.check(key).await.err().map(|error| {
        assert_eq!(error.code, ErrorCode::TooManyRequests);
        error.retry_after.unwrap()
    })
}

async fn each_wrong_guess_after_the_free_ones_doubles_the_wait(counting: impl Counting) {
    let [one, two] = counting.throttles();
    for _ in 0..5 {
        one.failed("ada", 5).await.unwrap();
        assert_eq!(waits(two, "ada").await, None);
    }
    for expected in [2, 4, 8, 16] {
        two.failed("ada", 5).await.unwrap();
        assert_eq!(waits(one, "ada").await, Some(expected));
    }
    assert_eq!(waits(one, "bob").await, None);
}

async fn success_forgets_the_failures(counting: impl Counting) {
    let [one, two] = counting.throttles();
    for _ in 0..3 {
        one.failed("ada", 1).await.unwrap();
    }
    assert!(waits(two, "ada").await.is_some());
    two.succeeded("ada").await.unwrap();
    assert_eq!(waits(one, "ada").await, None);
    one.failed("ada", 1).await.unwrap();
    assert_eq!(waits(two, "ada").await, None);
}

async fn the_wait_is_never_longer_than_a_quarter_of_an_hour(counting: impl Counting) {
    let [one, _] = counting.throttles();
    for _ in 0..40 {
        one.failed("ada", 0).await.unwrap();
    }
    assert!((890..=900).contains(&waits(one, "ada").await.unwrap()));
}

#[tokio::test]
async fn without_redis_each_node_counts_by_itself() {
    let mut server = RedisServer::start().await;
    let link = link(&server.url).await;
    let limiter = RedisLimiter::new(link.clone());
    let throttle = RedisThrottle::new(link.clone(), Arc::new(SystemClock));
    for _ in 0..3 {
        limiter.take(LIMIT, "ada").await.unwrap();
        throttle.failed("ada", 1).await.unwrap();
    }
    limiter.take(LIMIT, "ada").await.unwrap_err();

    server.kill();
    for _ in 0..3 {
        limiter.take(LIMIT, "ada").await.unwrap();
    }
    assert_eq!(limiter.take(LIMIT, "ada").await.unwrap_err().code, ErrorCode::TooManyRequests);
    assert!(waits(&throttle, "ada").await.is_some(), "an outage forgives nothing");

    server.revive().await;
    link.connected().await;
    limiter.take(LIMIT, "ada").await.expect("it lost everything, and is asked again");
}

#[tokio::test]
async fn a_redis_that_hangs_keeps_nobody_waiting() {
    let server = RedisServer::start().await;
    let limiter = RedisLimiter::new(link(&server.url).await);
    limiter.take(LIMIT, "ada").await.unwrap();
    server.freeze();
    let begun = std::time::Instant::now();
    for _ in 0..3 {
        limiter.take(LIMIT, "ada").await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    server.thaw();
    until("Redis to count again", || async { limiter.take(LIMIT, "bob").await.ok() }).await;
}

#[tokio::test]
async fn a_node_may_start_before_redis() {
    let mut server = RedisServer::start().await;
    server.kill();
    let link = keep(&server.url);
    let limiter = RedisLimiter::new(link.clone());
    limiter.take(LIMIT, "ada").await.unwrap();
    server.revive().await;
    crate::support::soon("a connection", link.connected()).await;
    limiter.take(LIMIT, "ada").await.unwrap();
}
