//! A page of history in a long chat and in a short one: were it slower in the long one, some query's
//! cost would grow with the chat.

use std::time::Instant;

use anyhow::{Result, ensure};
use memchr::memmem;

use crate::{
    api,
    http1::Connection,
    load::Senders,
    process::Server,
    report::{self, Figures},
};

/// Messages in the short chat.
const SHORT: u32 = 1_000;
/// Messages on a page.
const PAGE: usize = 50;
/// Who fills the chats.
const SENDERS: usize = 64;
/// How many messages are sent between two words of progress.
const BATCH: u32 = 20_000;

/// What the measure is made of.
#[derive(Clone, Debug, clap::Args)]
pub struct History {
    /// Messages in the long chat; the short one has 1,000.
    #[arg(long, default_value_t = 100_000)]
    pub messages: u32,
    /// Pages read from each chat, at places all over it.
    #[arg(long, default_value_t = 2_000)]
    pub pages: u32,
    /// Bytes in a message.
    #[arg(long, default_value_t = 350)]
    pub bytes: usize,
}

/// Fills two chats and reads pages of both in turn, so that what disturbs the machine disturbs both.
pub async fn run(history: &History, server: &mut Server) -> Result<Figures> {
    ensure!(history.messages >= SHORT, "the long chat has at least as many messages as the short one");
    let (addr, clock) = (server.addr, Instant::now());
    let accounts = api::register(addr, SENDERS).await?;
    let mut connection = Connection::new(addr);
    let mut chats = Vec::new();
    for (name, messages) in [("Short", SHORT), ("Long", history.messages)] {
        let chat = api::create_group(addr, name, &accounts).await?;
        let mut senders = Senders::new(addr, chat.clone(), &accounts, SENDERS, history.bytes, clock);
        let mut left = messages;
        while left > 0 {
            let batch = left.min(BATCH);
            senders.send(batch, 0.0).await?;
            left -= batch;
            report::progress(format_args!("{name}: {} of {messages} messages", messages - left));
        }
        let head = api::head(&mut connection, &accounts[0], &chat).await?;
        ensure!(head >= u64::from(messages), "{name}: the chat's head is {head} after {messages} messages");
        chats.push((chat, head, u64::from(messages), Vec::new()));
    }
    // Both chats are read as after a start: neither from what its writing has left in memory.
    server.restart().await?;
    let (mut places, mut connection) = (Places(0), Connection::new(addr));
    for _ in 0..history.pages {
        for (chat, head, messages, times) in &mut chats {
            // Every place has a full page before it: what is not a message stands at the log's beginning.
            let before = *head + 1 - places.below(*messages - PAGE as u64);
            let began = Instant::now();
            let page = api::history_page(&mut connection, &accounts[0], chat, before, PAGE).await?;
            times.push(u32::try_from(began.elapsed().as_micros())?);
            let found = memmem::find_iter(&page.body, b"\"client_id\":").count();
            ensure!(found == PAGE, "a page before {before} of {head} has {found} messages");
        }
    }
    let mut figures = Figures::new();
    let names = [
        [("short_page_ms_p50", 0.5), ("short_page_ms_p99", 0.99)],
        [("long_page_ms_p50", 0.5), ("long_page_ms_p99", 0.99)],
    ];
    for ((.., times), names) in chats.iter_mut().zip(names) {
        report::insert_percentiles(&mut figures, times, &names);
    }
    let ratio = figures["long_page_ms_p50"] / figures["short_page_ms_p50"].max(f64::MIN_POSITIVE);
    figures.insert("long_to_short_p50", ratio);
    Ok(figures)
}

/// Places that look random and are the same in every run: Knuth's MMIX generator.
struct Places(u64);

impl Places {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    };

    use axum::{Json, Router, extract::State, routing::post};
    use serde_json::{Value, json};
    use tokio::{net::TcpListener, task::JoinSet};

    use super::*;
    use crate::process::Launch;

    /// Two chats in one: each send is counted, and a page has what is before the place that was asked for.
    fn counting_server() -> Router {
        type Sent = State<Arc<AtomicU64>>;
        let group = |State(sent): Sent| async move {
            // The events of a group's making stand before its messages.
            sent.store(3, SeqCst);
            Json(json!({ "id": "c1" }))
        };
        let send = |State(sent): Sent| async move { Json(json!({ "seq": sent.fetch_add(1, SeqCst) + 1 })) };
        let chat = |State(sent): Sent| async move { Json(json!({ "head": sent.load(SeqCst) })) };
        let page = |form: String| async move {
            let field = |name: &str| -> u64 {
                let mut fields = form_urlencoded::parse(form.as_bytes());
                fields.find(|(field, _)| field == name).unwrap().1.parse().unwrap()
            };
            let first = field("before").saturating_sub(field("limit")).max(4);
            let messages = (first..field("before")).map(|seq| json!({ "seq": seq, "client_id": "x" }));
            Json(json!({ "messages": messages.collect::<Vec<Value>>() }))
        };
        Router::new()
            .route("/readyz", axum::routing::get(|| async {}))
            .route("/api/register", post(|| async { Json(json!({ "id": "a1" })) }))
            .route("/api/create_group_chat", post(group))
            .route("/api/send_message", post(send))
            .route("/api/get_chat", post(chat))
            .route("/api/list_messages", post(page))
            .with_state(Arc::default())
    }

    #[tokio::test]
    async fn every_page_read_is_a_full_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let launch = Launch::Running { addr: listener.local_addr().unwrap(), pid: None };
        let mut serving = JoinSet::new();
        serving.spawn(async { axum::serve(listener, counting_server()).await });
        let mut server = Server::start(&launch).await.unwrap();
        let history = History { messages: SHORT, pages: 200, bytes: 40 };
        let figures = run(&history, &mut server).await.unwrap();
        assert!(figures["long_page_ms_p99"] >= figures["long_page_ms_p50"]);
        assert!(figures["long_to_short_p50"] > 0.0);
        serving.shutdown().await;
    }

    #[test]
    fn places_are_all_over_the_chat_and_the_same_again() {
        let draw = || {
            let mut places = Places(0);
            (0..1_000).map(|_| places.below(100)).collect::<Vec<_>>()
        };
        let drawn = draw();
        assert!((0..100).all(|place| drawn.contains(&place)));
        assert_eq!(drawn, draw());
    }
}
