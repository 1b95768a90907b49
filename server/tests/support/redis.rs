//! Redis for tests: a database of its own on the server that `REDIS_URL` names, or a server of its own, which
//! can be stopped.

use std::{
    hash::{BuildHasher, RandomState},
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use redis::{Client, FromRedisValue, RedisResult, cmd};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{signal::signal, until};

/// Numbers of the databases that a Redis has unless told otherwise, but for the first.
static FREE: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static PLACES: Semaphore = Semaphore::const_new(15);
static MADE: Mutex<u8> = Mutex::new(0);

/// A database that no other test of this process uses, empty. What is published is not kept apart by
/// databases: other tests' news reach these nodes and must not matter.
pub struct Database {
    pub url: String,
    number: u8,
    _place: SemaphorePermit<'static>,
}

impl Database {
    /// Takes one, when one is free.
    pub async fn take() -> Self {
        let server = std::env::var("REDIS_URL").expect(
            "REDIS_URL names the Redis that tests use, such as redis://127.0.0.1:6379: start one with \
             `redis-server --save '' --appendonly no` and set it",
        );
        let place = PLACES.acquire().await.unwrap();
        let returned = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let number = returned.unwrap_or_else(|| {
            let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
            *made += 1;
            *made
        });
        let url = format!("{}/{number}", server.trim_end_matches('/'));
        let this = Self { url, number, _place: place };
        this.flush().await;
        this
    }

    /// Loses everything that is in it.
    pub async fn flush(&self) {
        let () = ask(&self.url, &["FLUSHDB"]).await.expect("the Redis of REDIS_URL answers");
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        FREE.lock().unwrap_or_else(PoisonError::into_inner).push(self.number);
    }
}

async fn ask<T: FromRedisValue>(url: &str, words: &[&str]) -> RedisResult<T> {
    let mut connection = Client::open(url)?.get_multiplexed_async_connection().await?;
    let (name, rest) = words.split_first().unwrap();
    cmd(name).arg(rest).query_async(&mut connection).await
}

/// A Redis Cluster of the test's own: three servers that share the keys.
pub struct RedisCluster {
    /// Two of the three: the third has to be found.
    pub url: String,
    _servers: Vec<RedisServer>,
    _folder: TempDir,
}

impl RedisCluster {
    /// Starts one.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut servers = Vec::new();
        for number in 0..3 {
            // The servers talk to each other at a port ten thousand higher.
            let port = free_port();
            let file = folder.path().join(format!("{number}.conf"));
            let more = ["--cluster-enabled", "yes", "--cluster-config-file", file.to_str().unwrap()];
            let server = RedisServer { url: url_of(port), port, child: run(port, &more) };
            server.answers().await;
            servers.push(server);
        }
        let places: Vec<String> = servers.iter().map(|server| format!("127.0.0.1:{}", server.port)).collect();
        let made = Command::new("redis-cli")
            .args(["--cluster", "create"])
            .args(&places)
            .arg("--cluster-yes")
            .output()
            .expect("redis-cli is installed: apt-get install redis-tools");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        for server in &servers {
            until("the servers to agree", || async {
                let info: String = ask(&server.url, &["CLUSTER", "INFO"]).await.ok()?;
                info.contains("cluster_state:ok").then_some(())
            })
            .await;
        }
        let url = format!("{},{}", servers[0].url, servers[1].url);
        Self { url, _servers: servers, _folder: folder }
    }
}

/// A Redis of the test's own.
pub struct RedisServer {
    pub url: String,
    port: u16,
    child: Child,
}

impl RedisServer {
    /// Starts one that keeps nothing.
    pub async fn start() -> Self {
        let port = free_port();
        let this = Self { url: url_of(port), port, child: run(port, &[]) };
        this.answers().await;
        this
    }

    async fn answers(&self) {
        until("Redis to answer", || async { ask::<()>(&self.url, &["PING"]).await.ok() }).await;
    }

    /// Kills it, and everything in it is lost.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it anew, empty, where it was.
    pub async fn revive(&mut self) {
        self.child = run(self.port, &[]);
        self.answers().await;
    }

    /// Has it hang, with its connections open.
    pub fn freeze(&self) {
        signal("-STOP", self.child.id());
    }

    /// Has it go on, as if nothing had been.
    pub fn thaw(&self) {
        signal("-CONT", self.child.id());
    }

    /// Loses everything that is in it, and goes on.
    pub async fn flush(&self) {
        let () = ask(&self.url, &["FLUSHALL"]).await.expect("Redis answers");
    }

    /// Closes every connection to it but the one that asks for this. Returns how many there were.
    pub async fn kill_clients(&self) -> u64 {
        let mut killed = 0;
        // One connection for both: it is spared.
        let mut connection =
            Client::open(self.url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap();
        for kind in ["normal", "pubsub"] {
            let mut kill = cmd("CLIENT");
            kill.arg(&["KILL", "TYPE", kind, "SKIPME", "yes"]);
            killed += kill.query_async::<u64>(&mut connection).await.expect("Redis answers");
        }
        killed
    }

    /// How many keys it holds.
    pub async fn keys(&self) -> u64 {
        ask(&self.url, &["DBSIZE"]).await.expect("Redis answers")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens on, below those that the system gives to connections; so is the one ten thousand
/// higher.
fn free_port() -> u16 {
    loop {
        let port = 12_000 + u16::try_from(RandomState::new().hash_one(()) % 10_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn url_of(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

fn run(port: u16, more: &[&str]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(more)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("redis-server is installed: apt-get install redis-server")
}
