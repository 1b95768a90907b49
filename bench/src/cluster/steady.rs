//! One person who writes at a steady rate, to a chat whose members' sockets are spread over the nodes.

use std::sync::{Arc, atomic::AtomicU32};

use anyhow::{Context, Result};

use super::{
    Stage,
    clients::{Clients, Scene},
    conversation::{Conversation, Writer},
    nodes::Nodes,
    verdict::Outcome,
};
use crate::{api, report::Figures};

/// Members of the chat, one socket each.
const MEMBERS: usize = 100;
/// Messages a second.
const RATE: f64 = 92.0;
/// Messages that are measured, as in the row `rate-92`.
const MESSAGES: u32 = 2_000;
/// Messages before those, so that connections and caches are as they are in the long run.
const WARM_UP: u32 = 200;
/// Connections that the person's messages go over, as many as a browser opens to one server.
const CONNECTIONS: usize = 6;

/// Measures it on so many nodes.
pub async fn run(stage: &Stage<'_>, count: usize) -> Result<Figures> {
    let nodes = Nodes::start(stage.launch, stage.services, count).await?;
    let people = api::register(nodes.addr(0), MEMBERS).await?;
    let chat = api::create_group(nodes.addr(0), "Steady", &people).await?;
    let scene = Scene::new(people, chat);
    let mut clients = Clients::new(scene.clone());
    clients.open(nodes.places(0..MEMBERS)).await?;

    let numbers = Arc::new(AtomicU32::new(0));
    let write = async |messages| {
        let writer = Writer {
            person: 0,
            node: 0,
            addr: nodes.addr(0),
            connections: CONNECTIONS,
            rate: RATE,
            messages,
        };
        let sent = Conversation::start(&scene, &numbers, [writer]).complete().await?;
        let last = sent.iter().map(|sent| sent.seq).max().context("nothing was sent")?;
        clients.wait_until_applied(last).await;
        anyhow::Ok(sent)
    };
    let mut sent = write(WARM_UP).await?;
    let cpu = nodes.cpu_seconds()?;
    sent.extend(write(MESSAGES).await?);
    let cpu = nodes.cpu_seconds()? - cpu;

    let outcome = Outcome::new(sent, clients.close().await?);
    nodes.stop().await?;
    let mut figures = Figures::new();
    outcome.insert_faults(&mut figures);
    outcome.insert_times(&mut figures, WARM_UP)?;
    let deliveries = f64::from(MESSAGES) * MEMBERS as f64;
    figures.insert("server_cpu_us_per_delivery", cpu * 1e6 / deliveries);
    Ok(figures)
}
