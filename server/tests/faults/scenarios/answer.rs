//! The answer to a send is lost after the commit, and it is sent again a hundred times, to any node, also while the
//! first try is still being carried out: one message.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use app::{error::AppError, protocol::MessageView};
use axum::http::header;
use futures::FutureExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    evidence::{Expected, Place},
    nodes::Nodes,
    support::{Answer, Random, Site, message_form, parse_answer},
    trial::{Outcome, Scenario, StoreKind, Trial},
    world::World,
};

/// How often each message is sent again.
const RETRIES: usize = 100;
/// Requests of one message that are on their way at once.
const AT_ONCE: usize = 8;
/// How long everything of one message may take.
const WITHIN: Duration = Duration::from_secs(60);

/// Answers lost, and a hundred retries.
pub const LOST: Scenario = Scenario {
    name: "answer_lost",
    stores: &[StoreKind::Sqlite, StoreKind::Cluster],
    run: |trial| lost(trial).boxed(),
};

async fn lost(trial: &Trial) -> Outcome {
    let nodes = Nodes::start(trial).await;
    let mut world = World::populate(trial, &nodes.entrances).await;
    let mut random = world.random();
    let messages = if trial.is_long { 10 } else { 3 };
    world.write();
    world.acknowledged(20, WITHIN).await;
    let (mut lost, mut answered) = (0, 0);
    for _ in 0..messages {
        let (dropped, told) =
            tokio::time::timeout(WITHIN, send_a_hundred_times(&mut world, &nodes, &mut random))
                .await
                .expect("a hundred retries in time");
        lost += dropped;
        answered += told;
    }
    world.acknowledged(20, WITHIN).await;
    world.quiet().await;
    assert!(
        lost >= messages * RETRIES / 4 && answered >= messages * RETRIES / 4,
        "{lost} lost, {answered} told"
    );
    let expected = Expected { acknowledged: 40 + messages, faults: messages, reconnections: 0, refused: 1 };
    let figure = format!("{} tries of a message, one stored", RETRIES + 1);
    Outcome { evidence: world.finish(nodes, expected).await, figure }
}

/// One message: its first answer is lost for sure, of the others about half. Returns how many were lost and told.
async fn send_a_hundred_times(world: &mut World, nodes: &Nodes, random: &mut Random) -> (usize, usize) {
    let person = random.below(world.persons.len());
    let cookies: Arc<str> = world.persons[person].cookies().into();
    let chat = world.chats[0];
    let client_id = random.client_id();
    let body = format!("{client_id} whose answer is lost");
    let chat_text = chat.to_string();
    let id_text = client_id.to_string();
    let form = message_form(&[("chat_id", &chat_text), ("client_id", &id_text), ("body", &body)]);
    let fault = world.recorder.fault("the answer to a send is lost, and it is sent again a hundred times");
    let under_way = world.recorder.tries(client_id, world.people[person], chat, &body);

    // The first: its answer is lost, at any moment from before it is read to after it is stored.
    let wait = Duration::from_micros(random.within(0..5_000));
    post(&cookies, &nodes.site(0), &form, Some(wait)).await;
    let (mut lost, mut told) = (1, 0);
    let mut requests = JoinSet::new();
    let mut places = BTreeSet::new();
    for _ in 0..RETRIES {
        let site = nodes.site(random.below(nodes.count()));
        let drops = random.once_in(2).then(|| Duration::from_micros(random.within(0..5_000)));
        let (cookies, form) = (Arc::clone(&cookies), form.clone());
        requests.spawn(async move { post(&cookies, &site, &form, drops).await });
        while requests.len() >= AT_ONCE {
            take(requests.join_next().await, &mut places, &mut lost, &mut told);
        }
    }
    while let Some(ended) = requests.join_next().await {
        take(Some(ended), &mut places, &mut lost, &mut told);
    }
    for place in &places {
        world.recorder.stored(client_id, *place);
    }
    drop(under_way);
    world.recorder.healed(fault);
    assert_eq!(places.len(), 1, "all answers tell one place: {places:?}");
    (lost, told)
}

type Ended = Option<Result<Option<Answer>, tokio::task::JoinError>>;

fn take(ended: Ended, places: &mut BTreeSet<Place>, lost: &mut usize, told: &mut usize) {
    match ended.expect("a request").expect("a request that ends in order") {
        None => *lost += 1,
        Some(answer) if answer.status == 200 => {
            let message: MessageView = serde_json::from_slice(&answer.body).expect("a message");
            places.insert(Place { seq: message.seq, ordinal: message.ordinal });
            *told += 1;
        }
        Some(answer) => {
            let error: AppError = serde_json::from_slice(&answer.body).expect("an error");
            assert!(error.code.is_retryable(), "{error:?}");
        }
    }
}

/// Sends the form over a connection of its own. With `drops` nobody reads the answer: the connection is reset that
/// long after the request has gone.
async fn post(cookies: &str, site: &Site, form: &[u8], drops: Option<Duration>) -> Option<Answer> {
    let mut stream = TcpStream::connect(site.addr).await.expect("a node that listens");
    stream.set_nodelay(true).expect("an option of the stream");
    let head = format!(
        "POST /api/send_message HTTP/1.1\r\nHost: chat\r\nConnection: close\r\nOrigin: {}\r\nCookie: {}\r\n\
         {}: multipart/form-data; boundary=limit\r\nContent-Length: {}\r\n\r\n",
        site.origin,
        cookies,
        header::CONTENT_TYPE,
        form.len()
    );
    stream.write_all(&[head.as_bytes(), form].concat()).await.expect("a node that reads");
    if let Some(wait) = drops {
        tokio::time::sleep(wait).await;
        // Reset rather than closed: nothing of the answer is taken.
        stream.set_zero_linger().expect("an option of the stream");
        return None;
    }
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("an answer");
    Some(parse_answer(&bytes))
}
