//! Several nodes over one database, and servers that die. Figures are printed (`--nocapture`).

#![allow(clippy::print_stdout)]

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use app::{
    domain::{ChatId, ClientId, UserId},
    error::{AppResult, ErrorCode},
    ports::{Bus, BusMessage, NewMessage},
    protocol::{EventBody, LogEvent, MessageView},
    service::Sequencer,
};
use async_trait::async_trait;
use mongodb::bson::doc;
use server::{
    config::MongoUrl,
    store::mongo::{MongoOptions, MongoStore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::MongoFixture;
use crate::{replica_set::ReplicaSet, support::*};

/// Nobody listens.
struct Silence;

#[async_trait]
impl Bus for Silence {
    async fn publish(&self, _news: BusMessage) -> AppResult<()> {
        Ok(())
    }

    async fn reached(&self, _chats: &[ChatId]) {}
}

/// A node as it writes in production: one writer per chat, over the store.
fn node(store: Arc<MongoStore>) -> Sequencer {
    Sequencer::new(store, Arc::new(Silence), Default::default(), TaskTracker::new(), CancellationToken::new())
}

fn messages(events: &[LogEvent]) -> Vec<&MessageView> {
    let message = |event| match event {
        &LogEvent { body: EventBody::NewMessage { ref message }, .. } => Some(message),
        _ => None,
    };
    events.iter().filter_map(message).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_write_one_log() {
    const EACH: usize = 200;
    let fixture = MongoFixture::open().await;
    let store = fixture.store();
    let all: [UserId; 8] = people(&store).await;
    let chat = group(&store, &all).await;
    let nodes = [node(fixture.store.clone()), node(fixture.another().await)];
    let began = Instant::now();
    let writers = (0..16).map(|number| {
        let (node, writer) = (nodes[number % 2].clone(), all[number / 2]);
        tokio::spawn(async move {
            let mut last = app::domain::Seq(0);
            for turn in 0..EACH {
                let new = text(writer, &format!("{number} {turn}"), at(1));
                let message = node.append(chat, new).await.unwrap();
                assert!(message.seq > last, "one's own messages are in the order of sending");
                last = message.seq;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let sends = 16 * EACH;
    println!("two nodes: {:.0} sends/s into one chat", sends as f64 / began.elapsed().as_secs_f64());
    let events = log(&store, chat).await;
    let messages = messages(&events);
    assert_eq!(messages.len(), sends);
    let ordinals: Vec<_> = messages.iter().map(|message| message.ordinal.0).collect();
    assert_eq!(ordinals, (1..=sends as u64).collect::<Vec<_>>());
    for number in 0..16 {
        let own = format!("{number} ");
        let own = messages.iter().filter_map(|message| message.body.strip_prefix(&own));
        let sent: Vec<_> = (0..EACH).map(|turn| turn.to_string()).collect();
        assert_eq!(own.collect::<Vec<_>>(), sent);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_change_one_message() {
    let fixture = MongoFixture::open().await;
    crate::conversation::race(&[fixture.store(), fixture.another().await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_removed_on_one_node_writes_no_more_on_another() {
    let fixture = MongoFixture::open().await;
    let (store, other) = (fixture.store(), fixture.another().await as TheStore);
    let [ada, eve] = people(&store).await;
    for _ in 0..10 {
        let chat = group(&store, &[ada, eve]).await;
        let spammer = tokio::spawn({
            let other = other.clone();
            async move {
                while matches!(
                    append(&other, chat, text(eve, "spam", at(1))).await,
                    app::ports::Appended::New(_)
                ) {}
            }
        });
        while log(&store, chat).await.len() < 3 {}
        let remove = always(vec![EventBody::MemberRemoved { user_id: eve }]);
        store.change_chat(chat, ada, at(2), remove).await.unwrap().unwrap();
        spammer.await.unwrap();
        let events = log(&store, chat).await;
        let last = events.last().map(|event| &event.body);
        assert_eq!(last, Some(&EventBody::MemberRemoved { user_id: eve }), "nothing of hers comes after it");
    }
}

/// Sends until told to stop, as a device does: what is not acknowledged is sent again under the same id.
async fn write(
    node: Sequencer,
    chat: ChatId,
    writer: UserId,
    count: Arc<AtomicUsize>,
    stop: CancellationToken,
) -> (Vec<ClientId>, usize) {
    let (mut acknowledged, mut refused) = (Vec::new(), 0);
    while !stop.is_cancelled() {
        let new = text(writer, "survives", at(1));
        loop {
            // Another try makes another id of the message; the device's own stays.
            let again = NewMessage { id: text(writer, "x", at(1)).id, ..new.clone() };
            match node.append(chat, again).await {
                Ok(message) => break acknowledged.push(message.client_id),
                Err(error) if error.code.is_retryable() => refused += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
        count.fetch_add(1, Ordering::Relaxed);
    }
    (acknowledged, refused)
}

async fn acknowledged(count: &AtomicUsize, more: usize) {
    let until = count.load(Ordering::Relaxed) + more;
    let wait = async {
        while count.load(Ordering::Relaxed) < until {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("sends go on within a minute");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_the_loss_of_two_primaries() {
    let mut servers = ReplicaSet::start().await;
    let url = MongoUrl::from(servers.url.clone());
    let first = MongoStore::open(&url, MongoOptions::default()).await.unwrap();
    let second = MongoStore::open(&url, MongoOptions::default()).await.unwrap();
    let store: TheStore = first.clone();
    let all: [UserId; 4] = people(&store).await;
    let chat = group(&store, &all).await;
    let nodes = [node(first), node(second)];
    let (count, stop) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
    let writers: Vec<_> = (0..4)
        .map(|place: usize| {
            let node = nodes[place % 2].clone();
            tokio::spawn(write(node, chat, all[place], Arc::clone(&count), stop.clone()))
        })
        .collect();

    acknowledged(&count, 100).await;
    let began = Instant::now();
    servers.step_down().await;
    acknowledged(&count, 100).await;
    println!("a primary stepped down: 100 more sends within {:.1} s", began.elapsed().as_secs_f64());
    let began = Instant::now();
    let primary = servers.primary().await;
    servers.kill(primary);
    acknowledged(&count, 100).await;
    println!("a primary was killed: 100 more sends within {:.1} s", began.elapsed().as_secs_f64());
    stop.cancel();

    let (mut sent, mut refusals) = (Vec::new(), 0);
    for writer in writers {
        let (acknowledged, refused) = writer.await.unwrap();
        sent.extend(acknowledged);
        refusals += refused;
    }
    println!("{} sends acknowledged, {refusals} told to come again", sent.len());
    let events = log(&store, chat).await;
    let stored: Vec<_> = messages(&events).iter().map(|message| message.client_id).collect();
    let once: BTreeSet<_> = stored.iter().copied().collect();
    assert_eq!(once.len(), stored.len(), "nothing is there twice");
    assert_eq!(once, sent.into_iter().collect(), "what was acknowledged is there, and nothing else");

    // One of three is left: no majority, no primary.
    let primary = servers.primary().await;
    servers.kill(primary);
    let began = Instant::now();
    let refused = store.append_messages(chat, vec![text(all[0], "in vain", at(2))]);
    let (refused, check) = tokio::join!(refused, async {
        let answer = store.check().await;
        (answer, began.elapsed())
    });
    let refused = refused.unwrap_err();
    assert_eq!((refused.code, refused.retry_after.is_some()), (ErrorCode::Unavailable, true));
    assert!(began.elapsed() < Duration::from_secs(30), "a wait of {:?}", began.elapsed());
    assert_eq!(code(check.0), Some(ErrorCode::Unavailable));
    assert!(check.1 < Duration::from_secs(5), "readiness is told within {:?}", check.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_hangs_is_given_up() {
    let servers = ReplicaSet::start().await;
    let url = MongoUrl::from(servers.url.clone());
    let first = MongoStore::open(&url, MongoOptions::default()).await.unwrap();
    let store: TheStore = first.clone();
    let [ada] = people(&store).await;
    let chat = group(&store, &[ada]).await;
    let (count, stop) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
    let writer = tokio::spawn(write(node(first), chat, ada, Arc::clone(&count), stop.clone()));
    acknowledged(&count, 20).await;
    let frozen = servers.primary().await;
    servers.freeze(frozen);
    let mut gap = Duration::ZERO;
    for _ in 0..5 {
        let began = Instant::now();
        acknowledged(&count, 1).await;
        gap = gap.max(began.elapsed());
    }
    println!("a primary hung: sends went on after {:.1} s", gap.as_secs_f64());
    assert_ne!(servers.primary().await, frozen);
    servers.thaw(frozen);
    stop.cancel();
    let (sent, _) = writer.await.unwrap();
    let events = log(&store, chat).await;
    let stored: Vec<_> = messages(&events).iter().map(|message| message.client_id).collect();
    assert_eq!(stored, sent, "what was acknowledged is there once, in its order");
    // Beside all other tests, and sometimes with a second round of the election. Without giving it up, 35 s.
    assert!(gap < Duration::from_secs(30), "{gap:?}");
}

/// Writes as many messages as fit into three seconds with so many writers at once.
async fn pace(node: &Sequencer, chat: ChatId, writer: UserId, writers: usize) -> Vec<Duration> {
    let until = Instant::now() + Duration::from_secs(3);
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let node = node.clone();
            tokio::spawn(async move {
                let mut took = Vec::new();
                while Instant::now() < until {
                    let began = Instant::now();
                    node.append(chat, text(writer, "how fast?", at(1))).await.unwrap();
                    took.push(began.elapsed());
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.unwrap());
    }
    took
}

fn report(what: &str, mut took: Vec<Duration>, seconds: f64) {
    took.sort_unstable();
    let at = |part: usize| took[(took.len() - 1) * part / 100].as_secs_f64() * 1e3;
    let rate = took.len() as f64 / seconds;
    println!("{what:<28} {rate:>7.0}/s  p50 {:>6.1} ms  p99 {:>6.1} ms", at(50), at(99));
}

/// Prints figures; asks only that sends do not cost many times what the servers' own durability does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_costs_a_few_bare_durable_inserts() {
    let fixture = MongoFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let majority = mongodb::options::WriteConcern::builder()
        .w(mongodb::options::Acknowledgment::Majority)
        .journal(true)
        .build();
    let options = mongodb::options::CollectionOptions::builder().write_concern(majority).build();
    let bare = fixture.database.collection_with_options("bare", options);
    let (until, mut took) = (Instant::now() + Duration::from_secs(3), Vec::new());
    while Instant::now() < until {
        let began = Instant::now();
        bare.insert_one(doc! { "text": "how fast?" }).await.unwrap();
        took.push(began.elapsed());
    }
    took.sort_unstable();
    let bare = took[took.len() / 2];
    report("bare durable insert, 1 writer", took, 3.0);
    let node = node(fixture.store.clone());
    let mut one = pace(&node, chat, ada, 1).await;
    one.sort_unstable();
    let median = one[one.len() / 2];
    report("send, 1 writer", one, 3.0);
    report("send, 16 writers", pace(&node, chat, ada, 16).await, 3.0);
    assert!(median < bare * 12 + Duration::from_millis(20), "{median:?} against {bare:?}");
}
