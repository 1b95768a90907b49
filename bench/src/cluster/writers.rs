//! Two nodes on which many people write into one chat at once.

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

/// Over how many nodes the members' sockets are spread.
const NODES: usize = 2;
/// Members of the chat, one socket each.
const MEMBERS: usize = 100;
/// Who writes, on all nodes together.
const WRITERS: usize = 16;
/// What each of them writes, one message after the other.
const MESSAGES: u32 = 500;

/// Measures it.
pub async fn run(stage: &Stage<'_>) -> Result<Figures> {
    let nodes = Nodes::start(stage.launch, stage.services, NODES).await?;
    let people = api::register(nodes.addr(0), MEMBERS).await?;
    let chat = api::create_group(nodes.addr(0), "Writers", &people).await?;
    let scene = Scene::new(people, chat);
    let mut clients = Clients::new(scene.clone());
    clients.open(nodes.places(0..MEMBERS)).await?;

    let writers = nodes.places(0..WRITERS).into_iter().map(|place| Writer {
        person: place.person,
        node: place.node,
        addr: place.addr,
        connections: 1,
        rate: 0.0,
        messages: MESSAGES,
    });
    let cpu = nodes.cpu_seconds()?;
    let sent = Conversation::start(&scene, &Arc::new(AtomicU32::new(0)), writers).complete().await?;
    let last = sent.iter().map(|sent| sent.seq).max().context("nothing was sent")?;
    clients.wait_until_applied(last).await;
    let cpu = nodes.cpu_seconds()? - cpu;

    let outcome = Outcome::new(sent, clients.close().await?);
    nodes.stop().await?;
    let mut figures = Figures::new();
    outcome.insert_faults(&mut figures);
    outcome.insert_times(&mut figures, 0)?;
    figures.insert("server_cpu_us_per_delivery", cpu * 1e6 / figures["delivered"]);
    Ok(figures)
}
