//! Stopping the server while people write.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::http::{Method, header};
use serde_json::Value;

use crate::support::{GROUP_ID, Person, Process, client_id, message_form, until};

/// What one person sent: the ids of what was acknowledged with their places, and the id of what was on
/// its way when the server went.
#[derive(Default)]
struct Sent {
    acknowledged: BTreeMap<String, u64>,
    in_doubt: Option<String>,
}

/// Writes until no answer comes.
async fn write(person: Person, acknowledged: Arc<AtomicU64>) -> Sent {
    let mut sent = Sent::default();
    loop {
        let id = client_id();
        let form = message_form(&[("chat_id", GROUP_ID), ("client_id", &id), ("body", &id)]);
        let request = person
            .request(Method::POST, "/api/send_message")
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=limit");
        match person.try_exchange(request.body(form.into()).unwrap()).await {
            Ok(answer) if answer.status == 200 => {
                sent.acknowledged.insert(id, answer.json()["seq"].as_u64().unwrap());
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            // A server that stops may still say that it does.
            Ok(answer) if answer.status == 503 => {
                sent.in_doubt = Some(id);
                return sent;
            }
            Ok(answer) => panic!("{answer:?}"),
            Err(_gone) => {
                sent.in_doubt = Some(id);
                return sent;
            }
        }
    }
}

/// Five people who write until the server is gone; `stop` is called after `enough` acknowledgements.
async fn writing(process: &Process, enough: u64) -> (Vec<tokio::task::JoinHandle<Sent>>, Arc<AtomicU64>) {
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut writers = Vec::new();
    for index in 0..5 {
        let person = process.person(index).await;
        writers.push(tokio::spawn(write(person, Arc::clone(&acknowledged))));
    }
    let count = Arc::clone(&acknowledged);
    until("enough to be written", || async { (count.load(Ordering::SeqCst) >= enough).then_some(()) }).await;
    (writers, acknowledged)
}

async fn all(writers: Vec<tokio::task::JoinHandle<Sent>>) -> Vec<Sent> {
    let mut all = Vec::new();
    for writer in writers {
        all.push(writer.await.unwrap());
    }
    all
}

async fn history(person: &Person) -> Vec<Value> {
    let mut history: Vec<Value> = Vec::new();
    loop {
        let after = history.last().map_or(0, |message| message["seq"].as_u64().unwrap()).to_string();
        let page = person.messages(GROUP_ID, &[("after", &after), ("limit", "100")]).await;
        if page.is_empty() {
            return history;
        }
        history.extend(page);
    }
}

/// Everything acknowledged is there once, at its place; the log has no hole; what was in doubt is there
/// once after it has been sent again.
async fn check(process: &Process, sent: &[Sent]) {
    let mut people = Vec::new();
    for index in 0..5 {
        people.push(process.person(index).await);
    }
    for (person, sent) in people.iter().zip(sent) {
        if let Some(id) = &sent.in_doubt {
            let again = person.try_send(GROUP_ID, id, id).await.ok();
            assert_eq!(person.try_send(GROUP_ID, id, id).await.ok(), again);
        }
    }
    let history = history(&people[0]).await;
    let mut places: BTreeMap<String, u64> = BTreeMap::new();
    for (index, message) in history.iter().enumerate() {
        let seq = message["seq"].as_u64().unwrap();
        assert_eq!(seq, index as u64 + 1, "a hole in the log");
        assert_eq!(message["ordinal"], seq);
        assert_eq!(message["client_id"], message["body"], "one message's text under another's id");
        let id = message["client_id"].as_str().unwrap().to_owned();
        assert!(places.insert(id, seq).is_none(), "a message that is there twice");
    }
    for sent in sent {
        for (id, seq) in &sent.acknowledged {
            assert_eq!(places.get(id), Some(seq), "an acknowledged message that is not at its place");
        }
        if let Some(id) = &sent.in_doubt {
            assert!(places.contains_key(id));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let mut sent: Vec<Sent> = (0..5).map(|_| Sent::default()).collect();
    for _ in 0..3 {
        let process = Process::start(data.path()).await;
        let (writers, _) = writing(&process, 150).await;
        process.kill();
        for (sum, one) in sent.iter_mut().zip(all(writers).await) {
            sum.acknowledged.extend(one.acknowledged);
            sum.in_doubt = one.in_doubt;
        }
        let process = Process::start(data.path()).await;
        check(&process, &sent).await;
        process.kill();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_stop_loses_nothing_and_ends_well() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path()).await;
    let mut socket = process.person(0).await.socket().await;
    let (writers, _) = writing(&process, 150).await;
    process.terminate();
    socket.next_event("bye").await;
    assert_eq!(socket.closed().await, 1012);
    let sent = all(writers).await;
    let status = process.ended().await;
    assert_eq!(status.code(), Some(0));
    let process = Process::start(data.path()).await;
    check(&process, &sent).await;
    process.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_outlives_the_process() {
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path()).await;
    let person = process.person(0).await;
    process.kill();
    let process = Process::start(data.path()).await;
    let back = crate::support::Browser::new(process.site.clone());
    for name in ["samvad_access", "samvad_refresh"] {
        back.set_cookie(name, &person.cookie(name));
    }
    back.call("me", &[]).await.ok();
    process.kill();
}
