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
    use super::*;

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
