//! Who is online, over three nodes: everybody comes, one node is killed, its people come back elsewhere.

use std::{
    sync::{Arc, atomic::AtomicU32},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::{
    Stage,
    clients::{ClientLog, Clients, Place, Scene, View},
    conversation::{Conversation, Writer},
    nodes::Nodes,
    verdict::Outcome,
};
use crate::{
    api,
    report::{self, Figures},
};

/// How many nodes, the last of which is killed.
const NODES: usize = 3;
/// The node that is killed …
const DEAD: usize = 2;
/// … and the others.
const LIVING: [usize; 2] = [0, 1];
/// Everybody is in a group of about so many, beside the chat of all.
const GROUP: usize = 50;
/// Messages a second, on each of the nodes that live on.
const RATE: f64 = 5.0;
/// Connections of a sender.
const CONNECTIONS: usize = 6;
/// How long the conversation goes on before the node is killed.
const BEFORE: Duration = Duration::from_secs(3);
/// When everybody has to have been told, at the latest. What is untold then is counted.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two looks at what everybody was told.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Measures it with so many people, one socket each.
pub async fn run(stage: &Stage<'_>, people: usize) -> Result<Figures> {
    ensure!((2 * NODES..=500).contains(&people), "presence is told in chats of at most 500 members");
    let mut nodes = Nodes::start(stage.launch, stage.services, NODES).await?;
    let accounts = api::register(nodes.addr(0), people).await?;
    for group in accounts.chunks(GROUP) {
        api::create_group(nodes.addr(0), "Group", group).await?;
    }
    let chat = api::create_group(nodes.addr(0), "All", &accounts).await?;
    let scene = Scene::new(accounts, chat);
    let (mut clients, mut figures, mut untold) = (Clients::new(scene.clone()), Figures::new(), 0);

    let began = Instant::now();
    let places = nodes.places(0..people);
    clients.open(places.iter().copied()).await?;
    let connected = Instant::now();
    untold += until_told(&clients.views_on(&[0, 1, 2]), |_| true).await;
    figures.extend([
        ("connected_s", (connected - began).as_secs_f64()),
        ("agreed_s", began.elapsed().as_secs_f64()),
        ("agreed_after_last_hello_s", connected.elapsed().as_secs_f64()),
    ]);

    let writers = LIVING.map(|node| Writer {
        person: node,
        node,
        addr: nodes.addr(node),
        connections: CONNECTIONS,
        rate: RATE,
        messages: u32::MAX,
    });
    let conversation = Conversation::start(&scene, &Arc::new(AtomicU32::new(0)), writers);
    tokio::time::sleep(BEFORE).await;

    let lost = |person: usize| places[person].node == DEAD;
    let killed = Instant::now();
    nodes.kill(DEAD).await?;
    report::progress(format_args!("a node is dead"));
    let living = clients.views_on(&LIVING);
    untold += until_told(&living, |person| !lost(person)).await;
    figures.insert("offline_s", killed.elapsed().as_secs_f64());

    let again = places.iter().filter(|place| place.node == DEAD).enumerate().map(|(index, place)| {
        let node = LIVING[index % LIVING.len()];
        Place { person: place.person, node, addr: nodes.addr(node) }
    });
    let began = Instant::now();
    clients.open(again).await?;
    let connected = Instant::now();
    let everybody = clients.views_on(&LIVING);
    untold += until_told(&everybody, |_| true).await;
    figures.extend([
        ("back_connected_s", (connected - began).as_secs_f64()),
        ("back_agreed_s", began.elapsed().as_secs_f64()),
        ("back_agreed_after_last_hello_s", connected.elapsed().as_secs_f64()),
    ]);
    // Those of the dead node went once, and who came back later heard of nobody's going.
    let (stayed, newcomers) = everybody.split_at(living.len());
    let wrongly_offline =
        stayed.iter().map(|view| count_went(view, |person| u32::from(lost(person)))).sum::<u32>()
            + newcomers.iter().map(|view| count_went(view, |_| 0)).sum::<u32>();

    let sent = conversation.end().await?;
    let last = sent.iter().map(|sent| sent.seq).max().context("nothing was sent")?;
    clients.wait_until_applied(last).await;
    let logs: Vec<ClientLog> = clients.close().await?.into_iter().filter(|log| log.node != DEAD).collect();
    nodes.stop().await?;
    let outcome = Outcome::new(sent, logs);
    outcome.insert_faults(&mut figures);
    outcome.insert_times(&mut figures, 0)?;
    figures.extend([("untold", untold as f64), ("wrongly_offline", f64::from(wrongly_offline))]);
    Ok(figures)
}

/// Waits until each of these was told that exactly those are online; answers how many of what they hold is
/// wrong when time is up.
async fn until_told(views: &[Arc<View>], online: impl Fn(usize) -> bool) -> usize {
    let since = Instant::now();
    loop {
        let wrong = views.iter().map(|view| count_wrong(&view.told().online, &online)).sum();
        if wrong == 0 || since.elapsed() > LIMIT {
            return wrong;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn count_wrong(told: &[bool], online: impl Fn(usize) -> bool) -> usize {
    told.iter().enumerate().filter(|(person, is)| **is != online(*person)).count()
}

/// How often it was said that somebody went, beyond how often they had.
fn count_went(view: &View, had: impl Fn(usize) -> u32) -> u32 {
    let told = view.told();
    told.went.iter().enumerate().map(|(person, went)| went.saturating_sub(had(person))).sum()
}
