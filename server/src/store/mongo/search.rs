//! Finding messages, and what their documents hold for it.
//!
//! A message has numbers of what is in it: its grams, its sender, whether it has files. One index has them with the chat and
//! the time, so the messages of some chats that have one number come newest first from the index. The number is the
//! one that looks rarest; the others, and at last the text, are compared.

use app::{
    domain::{ChatId, MessageId, UserId, search},
    error::AppResult,
    ports::{SearchCursor, SearchPage, SearchRequest, SearchStore},
    protocol::{AttachmentView, MessageView},
};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use mongodb::{
    bson::{DateTime, Document, doc, oid::ObjectId},
    options::Hint,
};
use serde::Deserialize;

use super::{
    MongoStore,
    chats::places,
    documents::{chat_oid, date, message_oid, time, user},
    fault::Fault,
    log::MessageDocument,
    migrations::index,
    transaction::COMMAND,
    views,
};

/// Messages that one call looks at, step by step: a few first, which mostly do.
const LOOKED_AT: [usize; 8] = [120, 280, 280, 280, 280, 280, 280, 200];
/// Bytes of texts after which a call looks no further.
const COMPARED_BYTES: usize = 2 * 1024 * 1024;
/// Questions to the store at once, of one call.
const ASKED_AT_ONCE: usize = 4;
/// The fewest messages that one question to the store looks at.
const LEAST_LOOKED_AT: usize = 60;
/// Chats that one question is about: of more, MongoDB would read all and sort them.
const CHATS_TOGETHER: usize = 150;

/// Every message has it.
const ANY: &[u8] = b"any";
/// Messages with files have it.
const FILE: &[u8] = b"file";

/// A number for what is no gram (FNV-1a). Another may have the same: what is found is compared.
fn number(what: &[u8]) -> i32 {
    let mark = [0xff; 4];
    let bytes = mark.iter().chain(what);
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    i32::from_le_bytes(hash.to_le_bytes())
}

/// The numbers under which a message is found, each once.
pub(super) fn numbers(sender: UserId, body: &str, files: &[AttachmentView]) -> Vec<i32> {
    let mut numbers = vec![number(ANY), number(sender.as_bytes())];
    if !files.is_empty() {
        numbers.push(number(FILE));
    }
    for text in std::iter::once(body).chain(files.iter().map(|file| file.name.as_str())) {
        numbers.extend(search::grams(&search::fold(text)).into_iter().map(search::Gram::number));
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// A message that may be one that is looked for.
#[derive(Deserialize)]
struct Candidate {
    #[serde(rename = "_id")]
    id: ObjectId,
    created_at: DateTime,
    sender_id: ObjectId,
    /// Whether it has the other numbers, too.
    has_all: bool,
    #[serde(default)]
    body: String,
    #[serde(default)]
    attachments: Vec<Name>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

impl Candidate {
    /// What they are ordered by, newest first.
    fn place(&self) -> (DateTime, ObjectId) {
        (self.created_at, self.id)
    }

    /// What it takes to bring it and to compare it.
    fn bytes(&self) -> usize {
        self.body.len() + self.attachments.iter().map(|file| file.name.len()).sum::<usize>()
    }

    fn is_meant(&self, request: &SearchRequest) -> bool {
        let texts =
            std::iter::once(self.body.as_str()).chain(self.attachments.iter().map(|file| file.name.as_str()));
        self.has_all
            && request.admits(user(self.sender_id), time(self.created_at), !self.attachments.is_empty())
            && request.text.matches(texts)
    }
}

#[async_trait]
impl SearchStore for MongoStore {
    async fn search_messages(
        &self,
        viewer: UserId,
        request: SearchRequest,
        after: Option<SearchCursor>,
        limit: usize,
    ) -> AppResult<SearchPage> {
        self.call(|| find(self, viewer, &request, after, limit)).await
    }
}

async fn find(
    store: &MongoStore,
    viewer: UserId,
    request: &SearchRequest,
    after: Option<SearchCursor>,
    limit: usize,
) -> Result<SearchPage, Fault> {
    let mut chats = places(store, viewer).await?;
    if let Some(only) = &request.chats {
        let only: Vec<ObjectId> = only.iter().map(|chat: &ChatId| chat_oid(*chat)).collect();
        chats.retain(|chat| only.contains(chat));
    }
    let nobody = request.senders.as_ref().is_some_and(Vec::is_empty);
    if chats.is_empty() || nobody || limit == 0 {
        return Ok(SearchPage::default());
    }
    let groups = chats.len().div_ceil(CHATS_TOGETHER);
    let (mut meant, mut next, mut place, mut bytes) = (Vec::new(), None, after, 0);
    for most in LOOKED_AT {
        let most = (most / groups).max(LEAST_LOOKED_AT);
        let asked = chats.chunks(CHATS_TOGETHER).map(|chats| candidates(store, chats, request, place, most));
        let asked: Vec<_> = asked.collect();
        let answers = stream::iter(asked).buffered(ASKED_AT_ONCE).try_collect::<Vec<_>>().await?;
        bytes += answers.iter().flatten().map(Candidate::bytes).sum::<usize>();
        // Where one answer ends without being whole, there may be others behind: what comes after that is for later.
        let ends = answers.iter().filter(|found| found.len() == most).filter_map(|found| found.last());
        next = ends.map(Candidate::place).max();
        let mut found: Vec<Candidate> = answers.into_iter().flatten().collect();
        found.retain(|candidate| next.is_none_or(|next| candidate.place() >= next));
        found.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.place()));
        // One more than the limit tells that there are others.
        let room = limit.saturating_add(1) - meant.len();
        let these = found.iter().filter(|candidate| candidate.is_meant(request)).take(room);
        meant.extend(these.map(Candidate::place));
        if meant.len() > limit {
            meant.truncate(limit);
            next = meant.last().copied();
            break;
        }
        match next {
            Some(next) if bytes < COMPARED_BYTES => place = Some(cursor(next)),
            _ => break,
        }
    }
    let messages = shown(store, viewer, meant.into_iter().map(|(_, id)| id).collect()).await?;
    Ok(SearchPage { messages, next: next.map(cursor) })
}

fn cursor((at, id): (DateTime, ObjectId)) -> SearchCursor {
    SearchCursor { at: time(at), id: MessageId::from_bytes(id.bytes()) }
}

/// The newest messages of these chats that may be meant, newest first, at most so many.
async fn candidates(
    store: &MongoStore,
    chats: &[ObjectId],
    request: &SearchRequest,
    after: Option<SearchCursor>,
    most: usize,
) -> Result<Vec<Candidate>, Fault> {
    let (first, others) = wanted(request);
    let mut at = Document::new();
    if let Some(since) = request.since {
        at.insert("$gte", date(since));
    }
    if let Some(until) = request.until {
        at.insert("$lt", date(until));
    }
    let mut which = doc! { "chat_id": { "$in": chats }, "grams": first };
    if let Some(SearchCursor { at: last, id }) = after {
        at.insert("$lte", date(last));
        let same = doc! { "created_at": date(last), "_id": { "$gte": message_oid(id) } };
        which.insert("$nor", vec![same]);
    }
    if !at.is_empty() {
        which.insert("created_at", at);
    }
    let has_all = doc! { "$setIsSubset": [others, "$grams"] };
    let only_then = |field: &str| doc! { "$cond": ["$has_all", field, "$$REMOVE"] };
    let pipeline = [
        doc! { "$match": which },
        doc! { "$sort": { "created_at": -1, "_id": -1 } },
        doc! { "$limit": i64::try_from(most).unwrap_or(i64::MAX) },
        doc! { "$project": {
            "created_at": 1, "sender_id": 1, "body": 1, "attachments.name": 1, "has_all": has_all,
        } },
        doc! { "$project": {
            "created_at": 1,
            "sender_id": 1,
            "has_all": 1,
            "body": only_then("$body"),
            "attachments": only_then("$attachments"),
        } },
    ];
    let found = store
        .messages
        .aggregate(pipeline)
        .with_type::<Candidate>()
        .hint(Hint::Name(index::MESSAGES_BY_GRAM.to_owned()))
        .max_time(COMMAND);
    store.brought(found).await
}

/// The number by which the index is walked, and those that a message has to have besides.
fn wanted(request: &SearchRequest) -> (i32, Vec<i32>) {
    let mut wanted: Vec<i32> = request.text.grams().into_iter().map(search::Gram::number).collect();
    if let Some([sender]) = request.senders.as_deref() {
        wanted.push(number(sender.as_bytes()));
    }
    if request.has_file {
        wanted.push(number(FILE));
    }
    if wanted.is_empty() {
        wanted.push(number(ANY));
    }
    let first = wanted.remove(0);
    (first, wanted)
}

/// The messages with these ids as the viewer sees them, in this order.
async fn shown(store: &MongoStore, viewer: UserId, ids: Vec<ObjectId>) -> Result<Vec<MessageView>, Fault> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let these = doc! { "_id": { "$in": &ids }, "deleted_at": null };
    let mut found: Vec<MessageDocument> =
        store.all(store.messages.find(these).projection(doc! { "grams": 0 })).await?;
    found.sort_by_key(|message| ids.iter().position(|id| *id == message.id));
    views::views(store, &found, viewer).await
}
