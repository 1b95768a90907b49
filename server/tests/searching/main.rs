//! How long a search takes in a store with many messages, on both stores, and that it finds what a scan finds. A target of
//! its own, so that no other test of ours runs beside it.
//!
//! The store has 3,000 messages, or as many as `SAMVAD_TEST_SEARCH` says; then 99 of 100 searches of each kind have to take at
//! most 100 ms. Figures are printed:
//! `SAMVAD_TEST_SEARCH=1000000 cargo test --release -p server --test searching -- --nocapture`. The MongoDB store needs
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
#[path = "../support/random.rs"]
mod random;
#[allow(dead_code)]
#[path = "../contract/support.rs"]
mod support;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use app::{
    domain::{ChatId, MessageId, UserId, search::SearchText},
    ports::{SearchCursor, SearchRequest},
};
use tokio::sync::Mutex;

use crate::{random::Random, support::*};

/// Messages, unless [`VARIABLE`] says otherwise.
const MESSAGES: usize = 3_000;
const VARIABLE: &str = "SAMVAD_TEST_SEARCH";
/// Messages that are appended with one call.
const BATCH: usize = 500;
/// Chats beside the large one, which has half of all messages.
const CHATS: usize = 400;
/// Of these, the ones that the person who searches is in.
const MINE: usize = 120;
/// Searches of each kind.
const SEARCHES: usize = 100;
/// What is asked for at once.
const PAGE: usize = 30;
/// What 99 of 100 searches may take.
const MOST: Duration = Duration::from_millis(100);

/// Held by the test that measures.
static ALONE: Mutex<()> = Mutex::const_new(());

/// Words by how often they are said: the first as often as the next two together, and so on.
struct Words {
    latin: Vec<String>,
    han: Vec<char>,
}

impl Words {
    fn new(random: &mut Random) -> Self {
        const SYLLABLES: [&str; 40] = [
            "an", "be", "co", "den", "er", "fi", "ga", "ho", "in", "ja", "ke", "la", "mo", "ne", "or", "per",
            "qua", "re", "sta", "tion", "un", "ver", "wi", "xe", "ya", "zo", "ing", "ment", "ly", "ous",
            "al", "tri", "pro", "con", "dis", "ex", "sub", "ter", "ble", "th",
        ];
        let mut latin = BTreeSet::new();
        while latin.len() < 20_000 {
            let syllables = 1 + random.below(4);
            latin
                .insert((0..syllables).map(|_| SYLLABLES[random.below(SYLLABLES.len())]).collect::<String>());
        }
        let mut latin: Vec<String> = latin.into_iter().collect();
        // In an order that has nothing to do with how they are spelled.
        for place in (1..latin.len()).rev() {
            latin.swap(place, random.below(place + 1));
        }
        let han = (0x4e00..0x4e00 + 3_000).filter_map(char::from_u32).collect();
        Self { latin, han }
    }

    /// A place that small numbers are much more frequent at.
    fn rank(random: &mut Random, of: usize) -> usize {
        ((of as f64).powf(random.fraction()) - 1.0) as usize
    }

    fn sentence(&self, random: &mut Random) -> String {
        if random.once_in(10) {
            let length = 6 + random.below(30);
            return (0..length).map(|_| self.han[Self::rank(random, self.han.len())]).collect();
        }
        let length = 3 + random.below(15);
        let words: Vec<&str> =
            (0..length).map(|_| self.latin[Self::rank(random, self.latin.len())].as_str()).collect();
        words.join(" ")
    }
}

struct Town {
    store: TheStore,
    /// In the large chat and some others.
    ada: UserId,
    /// In three small chats.
    ben: UserId,
    said: Vec<(MessageId, ChatId, String)>,
    ada_in: Vec<ChatId>,
    ben_in: Vec<ChatId>,
}

impl Town {
    async fn filled(store: TheStore, messages: usize, words: &Words) -> Self {
        let mut random = Random::of(11);
        let [ada, ben, eve] = people(&store).await;
        let large = group(&store, &[eve, ada]).await;
        let (mut chats, mut ada_in, mut ben_in) = (Vec::new(), vec![large], Vec::new());
        for number in 0..CHATS {
            let mut members = vec![eve];
            let is_bens = number >= CHATS - 3;
            members.extend((number < MINE).then_some(ada));
            members.extend(is_bens.then_some(ben));
            let chat = group(&store, &members).await;
            ada_in.extend((number < MINE).then_some(chat));
            ben_in.extend(is_bens.then_some(chat));
            chats.push(chat);
        }
        let (began, mut said, mut second) = (Instant::now(), Vec::with_capacity(messages), 0);
        while said.len() < messages {
            second += 60;
            let chat = if random.once_in(2) { large } else { chats[random.below(CHATS)] };
            let batch: Vec<_> = (0..if chat == large { BATCH } else { BATCH / 10 })
                .map(|_| {
                    let sender = if chat == large && random.once_in(50) { ada } else { eve };
                    text(sender, &words.sentence(&mut random), at(second))
                })
                .collect();
            said.extend(batch.iter().map(|message| (message.id, chat, message.body.as_str().to_owned())));
            store.append_messages(chat, batch).await.unwrap();
        }
        println!("{} messages appended in {:.1} s", said.len(), began.elapsed().as_secs_f64());
        Self { store, ada, ben, said, ada_in, ben_in }
    }

    /// All that is found, and how many calls it took.
    async fn find_all(&self, who: UserId, request: &SearchRequest) -> BTreeSet<MessageId> {
        let (mut all, mut after) = (BTreeSet::new(), None);
        loop {
            let found = self.store.search_messages(who, request.clone(), after, 1_000).await.unwrap();
            all.extend(found.messages.iter().map(|message| message.id));
            let next: Option<SearchCursor> = found.next;
            if next.is_none() {
                return all;
            }
            after = next;
        }
    }

    fn scan(&self, chats: &[ChatId], request: &SearchRequest) -> BTreeSet<MessageId> {
        let chats: BTreeSet<&ChatId> = chats.iter().collect();
        let found = self
            .said
            .iter()
            .filter(|(_, chat, body)| chats.contains(chat) && request.text.matches([body.as_str()]));
        found.map(|(id, _, _)| *id).collect()
    }
}

fn part(random: &mut Random, text: &str, length: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    let from = random.below(chars.len().saturating_sub(length) + 1);
    chars[from..].iter().take(length).collect()
}

/// A query of each kind.
fn queries(random: &mut Random, words: &Words) -> Vec<(&'static str, Vec<String>)> {
    let latin = |rank: usize| words.latin[rank].clone();
    let rare = 10_000 + random.below(10_000);
    let (common, other) = (random.below(20), random.below(2_000));
    let han = |rank: usize| words.han[rank];
    let long: String = [latin(rare), latin(other)].concat();
    vec![
        ("frequent word", vec![latin(common)]),
        ("word", vec![latin(100 + other)]),
        ("rare word", vec![latin(rare)]),
        ("part of a word, 4", vec![part(random, &long, 4)]),
        ("part of a word, 3", vec![part(random, &long, 3)]),
        ("two letters", vec![part(random, &latin(other), 2)]),
        ("one letter", vec![part(random, &latin(other), 1)]),
        ("two words", vec![latin(common), latin(other)]),
        ("phrase", vec![format!("{} {}", latin(common), latin(random.below(50)))]),
        ("one ideograph", vec![han(random.below(3_000)).to_string()]),
        ("two ideographs", vec![[han(random.below(50)), han(random.below(300))].iter().collect()]),
        ("three ideographs", vec![(0..3).map(|_| han(random.below(40))).collect()]),
        ("nowhere, of frequent parts", vec![format!("{}{}{}", latin(common), latin(common), latin(other))]),
        ("nowhere", vec![format!("{}qzx", latin(other))]),
    ]
}

fn quantile(times: &mut [Duration], of: f64) -> f64 {
    times.sort_unstable();
    let place = ((times.len() as f64 * of).ceil() as usize).clamp(1, times.len()) - 1;
    times[place].as_secs_f64() * 1e3
}

async fn everything_is_found_in_time<F: Fixture>(size: impl AsyncFn(&F) -> u64) {
    let _alone = ALONE.lock().await;
    let wanted: Option<usize> =
        std::env::var(VARIABLE).ok().map(|number| number.parse().expect("a number of messages"));
    let messages = wanted.unwrap_or(MESSAGES);
    let fixture = F::open().await;
    let words = Words::new(&mut Random::of(5));
    let town = Town::filled(fixture.store(), messages, &words).await;
    // What is written behind the messages is to be there.
    let (mut before, began) = (0, Instant::now());
    for _ in 0..8 {
        town.store.check().await.unwrap();
    }
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let now = size(&fixture).await;
        if now == before {
            break;
        }
        before = now;
    }
    println!("{:.1} s later: {:.0} MB in all", began.elapsed().as_secs_f64(), before as f64 / 1e6);
    // A scan of a million messages takes a while.
    let compared = if wanted.is_some() { 1 } else { 3 };
    let mut random = Random::of(3);
    let mut slow = Vec::new();
    for (who, name, chats) in [(town.ada, "Ada", &town.ada_in), (town.ben, "Ben", &town.ben_in)] {
        println!("{name} is in {} of {} chats", chats.len(), CHATS + 1);
        let mut times: Vec<(&str, Vec<Duration>, usize)> = Vec::new();
        for turn in 0..SEARCHES {
            for (place, (kind, terms)) in queries(&mut random, &words).into_iter().enumerate() {
                let text = SearchText::new(terms.iter().map(String::as_str));
                let request = SearchRequest { text, ..SearchRequest::default() };
                let began = Instant::now();
                let found = town.store.search_messages(who, request.clone(), None, PAGE).await.unwrap();
                let took = began.elapsed();
                if times.len() <= place {
                    times.push((kind, Vec::new(), 0));
                }
                times[place].1.push(took);
                times[place].2 += found.messages.len();
                if turn < compared {
                    let found = town.find_all(who, &request).await;
                    assert_eq!(found, town.scan(chats, &request), "{kind}: {terms:?}");
                }
            }
        }
        for (kind, mut times, found) in times {
            let (half, most) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
            println!(
                "{kind:<28} p50 {half:>8.2} ms   p99 {most:>8.2} ms   {:>5.1} found",
                found as f64 / SEARCHES as f64
            );
            if wanted.is_some() && most > MOST.as_secs_f64() * 1e3 {
                slow.push(format!("{name}, {kind}: {most:.1} ms"));
            }
        }
    }
    assert!(slow.is_empty(), "slower than {MOST:?}: {slow:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_store_finds_everything_in_time() {
    everything_is_found_in_time::<embedded::EmbeddedFixture>(async |fixture| {
        let path = embedded::file(&fixture.directory);
        let connection = rusqlite::Connection::open(path).unwrap();
        let index = "SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name GLOB 'search_*'";
        let bytes = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).ok();
        if let Some(index) = bytes(index) {
            println!("index of search: {:.0} MB", index as f64 / 1e6);
        }
        let pages = bytes("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").unwrap();
        let indexed = bytes("SELECT indexed FROM search_progress").unwrap();
        (pages + indexed).unsigned_abs()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mongo_store_finds_everything_in_time() {
    everything_is_found_in_time::<mongo::MongoFixture>(async |fixture| {
        let stats =
            fixture.database.run_command(mongodb::bson::doc! { "collStats": "messages" }).await.unwrap();
        let number = |document: &mongodb::bson::Document, field: &str| match document.get(field) {
            Some(mongodb::bson::Bson::Int32(number)) => i64::from(*number),
            Some(mongodb::bson::Bson::Int64(number)) => *number,
            Some(mongodb::bson::Bson::Double(number)) => *number as i64,
            _ => 0,
        };
        let indexes = stats.get_document("indexSizes").unwrap();
        println!("index of search: {:.0} MB", number(indexes, "messages_by_gram") as f64 / 1e6);
        (number(&stats, "storageSize") + number(&stats, "totalIndexSize")).unsigned_abs()
    })
    .await;
}
