//! People who write into the chat, each on a node of their own choice. What is refused is sent again under the
//! same `client_id`, as a browser does, so that in the end everything was accepted exactly once.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::{sync::watch, task::JoinSet};

use super::clients::Scene;
use crate::{
    api::{self, ClientIds},
    http1::Connection,
    socket::{elapsed_ns, marked_body},
};

/// Bytes in a message, as in the other rows.
const BYTES: usize = 350;
/// How often one message is sent before the writer gives up.
const ATTEMPTS: u32 = 100;
/// Between two attempts, unless the server says otherwise.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// One person who writes.
#[derive(Clone)]
pub struct Writer {
    /// The person's number.
    pub person: usize,
    /// The node's number …
    pub node: usize,
    /// … and address.
    pub addr: SocketAddr,
    /// Over how many connections, each with one message on its way.
    pub connections: usize,
    /// Messages a second; 0 is as fast as the answers come.
    pub rate: f64,
    /// How many messages, unless the conversation is ended before.
    pub messages: u32,
}

/// A message that was accepted.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Its number: all messages of a run are numbered from 0.
    pub number: u32,
    /// The node that took it.
    pub node: usize,
    /// When its POST began, in nanoseconds of the clock.
    pub began_ns: u64,
    /// Microseconds until it was accepted, over all attempts.
    pub micros: u32,
    /// Its place in the chat's log, as it was answered.
    pub seq: u64,
    /// Answers that were no acceptance.
    pub refused: u32,
}

/// Writers at work. They end when this is dropped.
pub struct Conversation {
    stop: watch::Sender<bool>,
    lanes: JoinSet<Result<Vec<Sent>>>,
}

impl Conversation {
    /// Begins. `numbers` counts the messages of the run, over all of its conversations.
    pub fn start(
        scene: &Arc<Scene>,
        numbers: &Arc<AtomicU32>,
        writers: impl IntoIterator<Item = Writer>,
    ) -> Self {
        let (stop, ids, start) = (watch::Sender::new(false), ClientIds::new(), Instant::now());
        let mut lanes = JoinSet::new();
        for writer in writers {
            let begun = Arc::new(AtomicU32::new(0));
            for _ in 0..writer.connections {
                let (scene, writer, numbers) = (scene.clone(), writer.clone(), numbers.clone());
                let lane = Lane { scene, writer, numbers, ids, start, begun: begun.clone() };
                lanes.spawn(lane.run(stop.subscribe()));
            }
        }
        Self { stop, lanes }
    }

    /// Waits until the writers have written all that they were to.
    pub async fn complete(mut self) -> Result<Vec<Sent>> {
        let mut sent = Vec::new();
        while let Some(lane) = self.lanes.join_next().await {
            sent.extend(lane.context("a writer's task failed")??);
        }
        Ok(sent)
    }

    /// Has the writers end after the message that each is at.
    pub async fn end(self) -> Result<Vec<Sent>> {
        self.stop.send_replace(true);
        self.complete().await
    }
}

/// One connection of a writer's.
struct Lane {
    scene: Arc<Scene>,
    writer: Writer,
    numbers: Arc<AtomicU32>,
    ids: ClientIds,
    start: Instant,
    begun: Arc<AtomicU32>,
}

impl Lane {
    async fn run(self, mut stop: watch::Receiver<bool>) -> Result<Vec<Sent>> {
        let (mut connection, mut all) = (Connection::new(self.writer.addr), Vec::new());
        loop {
            let index = self.begun.fetch_add(1, Relaxed);
            if index >= self.writer.messages || *stop.borrow() {
                return Ok(all);
            }
            if self.writer.rate > 0.0 {
                let due = self.start + Duration::from_secs_f64(f64::from(index) / self.writer.rate);
                tokio::select! {
                    () = tokio::time::sleep_until(due.into()) => {}
                    _stopped = stop.wait_for(|stop| *stop) => return Ok(all),
                }
            }
            all.push(self.send(&mut connection).await?);
        }
    }

    async fn send(&self, connection: &mut Connection) -> Result<Sent> {
        let (scene, number) = (&self.scene, self.numbers.fetch_add(1, Relaxed));
        let (account, id) = (&scene.people[self.writer.person], self.ids.get(number.into()));
        let began_ns = elapsed_ns(scene.clock);
        let body = marked_body(began_ns, number, BYTES);
        let mut refused = 0;
        loop {
            let answer = api::post_message(connection, account, &scene.chat, &id, &body).await;
            let (why, pause) = match answer {
                Ok(answer) if (200..300).contains(&answer.status) => {
                    let message: Value =
                        serde_json::from_slice(&answer.body).context("an answer that is no JSON")?;
                    let seq = message["seq"].as_u64().context("a message without a place")?;
                    let micros =
                        u32::try_from((elapsed_ns(scene.clock) - began_ns) / 1_000).unwrap_or(u32::MAX);
                    return Ok(Sent { number, node: self.writer.node, began_ns, micros, seq, refused });
                }
                Ok(answer) => {
                    let pause = answer.retry_after.map_or(PAUSE, Duration::from_secs);
                    (format!("status {}", answer.status), pause)
                }
                Err(error) => (format!("{error:#}"), PAUSE),
            };
            refused += 1;
            if refused >= ATTEMPTS {
                bail!("message {number} was sent {refused} times and never accepted; at last: {why}");
            }
            tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
        }
    }
}
