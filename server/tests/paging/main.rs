//! How long a page of a long chat takes beside one of a short chat, on both stores: however long a chat gets,
//! reading it gets no slower. A target of its own, so that no other test of ours runs beside it.
//!
//! The long chat has 20,000 messages, or as many as `SAMVAD_TEST_LONG_CHAT` says. Figures are printed:
//! `SAMVAD_TEST_LONG_CHAT=1000000 cargo test -p server --test paging -- --nocapture`. The MongoDB store needs
//! `MONGODB_URL`, as in the contract.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

// Parts of the contract suite, of which the rest is not needed here.
#[allow(dead_code)]
#[path = "../contract/embedded/fixture.rs"]
mod embedded;
#[allow(dead_code)]
#[path = "../contract/mongo/fixture.rs"]
mod mongo;
#[allow(dead_code)]
#[path = "../contract/support.rs"]
mod support;

use std::time::{Duration, Instant};

use app::{
    domain::{ChatId, Seq, UserId},
    ports::PageQuery,
};
use tokio::sync::Mutex;

use crate::support::*;

/// Messages of the short chat.
const SHORT: u64 = 1_000;
/// Messages of the long chat, unless [`LONG_VARIABLE`] says otherwise.
const LONG: u64 = 20_000;
const LONG_VARIABLE: &str = "SAMVAD_TEST_LONG_CHAT";
/// Messages that are appended with one call: what MongoDB takes in one transaction, with what they are found by.
const BATCH: u64 = 1_000;
/// How many messages or events are asked for.
const LIMITS: [usize; 2] = [50, 100];
/// How often each question is asked of each chat.
const TRIES: u64 = 200;
/// How much longer the long chat may take, by the medians.
const MOST: f64 = 1.5;
/// How often it is measured again if the machine was busy with something else.
const REPEATS: usize = 2;

/// Held by the test that measures.
static ALONE: Mutex<()> = Mutex::const_new(());

#[derive(Clone, Copy, Debug)]
enum Place {
    Beginning,
    Middle,
    End,
}

#[derive(Clone, Copy, Debug)]
enum Question {
    Latest,
    Before(Place),
    After(Place),
    Around(Place),
    EventsAfter(Place),
}

/// A chat with nothing but messages, so that these have the numbers from 1. It is the only one of its store:
/// what would look through all messages there are would find no more in the short chat's.
struct Chat {
    store: TheStore,
    id: ChatId,
    messages: u64,
}

impl Chat {
    async fn filled(store: TheStore, messages: u64) -> Self {
        let members: [UserId; 8] = people(&store).await;
        let id = group(&store, &members).await;
        let began = Instant::now();
        let mut senders = members.iter().cycle();
        let mut left = messages;
        while left > 0 {
            let batch = left.min(BATCH);
            left -= batch;
            let new = senders.by_ref().take(usize::try_from(batch).unwrap());
            let new =
                new.map(|sender| text(*sender, "So it goes, and so it went on, year after year.", at(1)));
            store.append_messages(id, new.collect()).await.unwrap();
        }
        println!("{messages} messages appended in {:.1} s", began.elapsed().as_secs_f64());
        assert_eq!(store.heads(&[id]).await.unwrap()[&id], Seq(messages));
        Self { store, id, messages }
    }

    /// The event at this place; in the middle it is another one each time, far from the last, so that a page
    /// does not come out of a cache only because it has just been asked for.
    fn seq(&self, place: Place, turn: u64) -> Seq {
        match place {
            Place::Beginning => Seq(1),
            Place::Middle => Seq(self.messages / 4 + turn * 7_919 % (self.messages / 2)),
            Place::End => Seq(self.messages),
        }
    }

    /// Asks, and gives how much the answer has.
    async fn ask(&self, question: Question, limit: usize, turn: u64) -> usize {
        let page = match question {
            Question::Latest => PageQuery::Latest,
            Question::Before(place) => PageQuery::Before(self.seq(place, turn)),
            Question::After(place) => PageQuery::After(self.seq(place, turn)),
            Question::Around(place) => PageQuery::Around(self.seq(place, turn)),
            Question::EventsAfter(place) => {
                return self.store.events_after(self.id, self.seq(place, turn), limit).await.unwrap().len();
            }
        };
        self.store.history(self.id, app::domain::UserId::default(), page, limit).await.unwrap().messages.len()
    }
}

/// The medians of asking two chats. In turn, and each first as often as the other, so that whatever the
/// machine does besides meets both alike.
async fn medians(chats: &[Chat; 2], question: Question, limit: usize) -> [Duration; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for turn in 0..TRIES {
        let mut found = [0; 2];
        for which in if turn % 2 == 0 { [0, 1] } else { [1, 0] } {
            let began = Instant::now();
            found[which] = chats[which].ask(question, limit, turn).await;
            times[which].push(began.elapsed());
        }
        assert_eq!(found[0], found[1], "{question:?} is answered alike");
    }
    times.map(|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    })
}

/// Whether the long chat is as fast as the short one, measured again where it seems not to be.
async fn is_as_fast(chats: &[Chat; 2], question: Question, limit: usize) -> bool {
    for _ in 0..=REPEATS {
        let [short, long] = medians(chats, question, limit).await.map(|time| time.as_secs_f64() * 1e3);
        let (asked, ratio) = (format!("{question:?}, {limit}"), long / short);
        println!("{asked:<27} short {short:>7.3} ms   long {long:>7.3} ms   ratio {ratio:.2}");
        if ratio <= MOST {
            return true;
        }
    }
    false
}

async fn a_long_chat_is_read_as_fast_as_a_short_one<F: Fixture>() {
    let _alone = ALONE.lock().await;
    let long = match std::env::var(LONG_VARIABLE) {
        Ok(number) => number.parse().expect("SAMVAD_TEST_LONG_CHAT is a number of messages"),
        Err(_not_said) => LONG,
    };
    let fixtures = [F::open().await, F::open().await];
    let chats =
        [Chat::filled(fixtures[0].store(), SHORT).await, Chat::filled(fixtures[1].store(), long).await];
    let places = [Place::Beginning, Place::Middle, Place::End];
    let at_places = [Question::Before, Question::After, Question::Around, Question::EventsAfter];
    let questions = at_places.into_iter().flat_map(|question| places.map(question));
    let questions: Vec<_> = std::iter::once(Question::Latest).chain(questions).collect();
    let mut slow = Vec::new();
    for limit in LIMITS {
        for question in &questions {
            if !is_as_fast(&chats, *question, limit).await {
                slow.push((limit, *question));
            }
        }
    }
    assert!(slow.is_empty(), "each time slower than {MOST} times a chat of {SHORT}: {slow:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_store_reads_a_long_chat_as_fast_as_a_short_one() {
    a_long_chat_is_read_as_fast_as_a_short_one::<embedded::EmbeddedFixture>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mongo_store_reads_a_long_chat_as_fast_as_a_short_one() {
    a_long_chat_is_read_as_fast_as_a_short_one::<mongo::MongoFixture>().await;
}
