//! The MongoDB store: a replica set or a sharded cluster, for a chat that runs on many nodes.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | `connect` | the client, and what the connection string cannot take back |
//! | `migrations` | the schema, its versions and its indexes |
//! | `survey` | looking at the servers without changing anything |
//! | `documents`, `log` | the stored documents, typed, and what they are outside |
//! | `fault` | what the driver's errors mean outside |
//! | `abandoned` | ending the transactions of nodes that were killed |
//! | `primary` | noticing that another server has become the primary |
//! | `transaction` | writes of several documents, and trying again |
//! | `reads` | seeing what was written, whichever server answers |
//! | `accounts`, `sessions` | people and their sign-ins |
//! | `chats`, `changes` | chats as their members find them; making and changing them |
//! | `messages`, `history` | appending to the log, and reading it |
//! | `amendments` | what one event changes in one message |
//! | `views` | messages as members see them |
//! | `reading` | what a chat is to each of its members alone |
//! | `drafts` | what people are writing and have not sent |
//! | `mentions` | whom messages mention |
//! | `people` | when they were last there, and whom they have blocked |
//! | `push` | where browsers are told while no page is open |
//! | `attachments` | files: which there are and whose they are |
//! | `avatars` | the files that stand for people and groups |
//! | `search`, `catching_up` | finding messages, and giving those of earlier versions what they are found by |
//! | `purge` | removing what nobody sees any longer |
//!
//! **Writes.** What changes a chat is one transaction. Its first command moves the chat's `head` from where
//! it was read to where the new events end, and only from there: of two nodes that write at once one loses,
//! reads again and takes the next numbers. Membership and roles that were read after the head therefore
//! still hold at the commit, because their changes move the head too. The events go in under their unique
//! `(chat_id, seq)`. Within one node, writes to one chat take turns, so that they do not run into each other.
//!
//! **Reads.** From the primary, of what a majority has: an answered write is seen by everybody at once, on
//! every node, and nothing is shown that could be rolled back. What a node has had confirmed it also sees right
//! after a change of the primary. A read that has to agree with itself (a chat, its members and its head) is one
//! aggregation on one snapshot.
//!
//! **A primary that hangs.** What was asked of it is dropped when another server has become the primary, and asked
//! anew there.
//!
//! **A node that was killed.** Its open transaction locks what it has written. Whoever waits for that ends it.
//!
//! **What nobody answered.** A commit is repeated until its outcome is told. Where time runs out before that, what
//! the last attempt was about to write is looked for, and only if it is not there the answer is `unavailable`.
//!
//! Every call ends within [`transaction::CALL`], whatever the servers do.

mod abandoned;
mod accounts;
mod amendments;
mod attachments;
mod avatars;
mod catching_up;
mod changes;
mod chats;
mod connect;
mod documents;
mod drafts;
mod fault;
mod groups;
mod history;
mod log;
mod mentions;
mod messages;
mod migrations;
mod people;
mod primary;
mod purge;
mod push;
mod reading;
mod reads;
mod search;
mod sessions;
mod survey;
mod transaction;
mod views;

use std::{
    future::Future,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use app::{
    domain::{ChatId, Timestamp},
    error::{AppError, AppResult, ErrorCode},
    ports::Store,
};
use async_trait::async_trait;
use mongodb::{
    Client, Collection, Database,
    bson::{Document, doc},
    options::ReadConcern,
};
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::task::TaskTracker;

use crate::config::MongoUrl;
use abandoned::Abandoned;
use documents::{
    AttachmentDocument, ChatDocument, MemberDocument, SessionDocument, TokenDocument, UserDocument,
};
use fault::Fault;
use groups::InviteDocument;
use log::{EventDocument, MessageDocument, ReactionDocument};
use mentions::MentionDocument;
use people::BlockDocument;
use primary::Primary;
use reads::Seen;
pub use survey::Survey;
use transaction::{CALL, LOOK, retrying};

/// How long the question whether the store can be written to may take.
const CHECK: Duration = Duration::from_secs(4);
/// Turns that are taken apart from each other. Chats that share one wait for each other without need.
const TURNS: usize = 256;

/// How the store is opened.
#[derive(Clone, Debug)]
pub struct MongoOptions {
    /// How long the start waits for a server that takes writes.
    pub patience: Duration,
}

impl Default for MongoOptions {
    fn default() -> Self {
        Self { patience: Duration::from_secs(30) }
    }
}

/// The store: one node's handle to it.
pub struct MongoStore {
    client: Client,
    primary: Primary,
    abandoned: Abandoned,
    schema: Collection<Document>,
    users: Collection<UserDocument>,
    sessions: Collection<SessionDocument>,
    tokens: Collection<TokenDocument>,
    chats: Collection<ChatDocument>,
    members: Collection<MemberDocument>,
    events: Collection<EventDocument>,
    messages: Collection<MessageDocument>,
    attachments: Collection<AttachmentDocument>,
    reactions: Collection<ReactionDocument>,
    mentions: Collection<MentionDocument>,
    blocks: Collection<BlockDocument>,
    invites: Collection<InviteDocument>,
    seen: Seen,
    turns: Vec<Mutex<()>>,
    hasher: RandomState,
    /// The calls that run. Closed with the store.
    calls: TaskTracker,
}

impl MongoStore {
    /// Connects, waits until there is a server that takes writes, and migrates the database.
    ///
    /// Fails with `unavailable` if there is none within the options' patience, and with `internal` where the
    /// servers or the database cannot be used; the cause says why, without the connection string's secrets.
    pub async fn open(url: &MongoUrl, options: MongoOptions) -> AppResult<Arc<Self>> {
        let (client, primary, database) = connect::connect(url, options.patience).await?;
        retrying(&primary, || migrations::apply(&database)).await?;
        Ok(Arc::new(Self::over(client, primary, &connect::name(url), &database)))
    }

    /// Looks at the servers and the database, and changes nothing. Waits at most `patience` for a server that
    /// takes writes, and as long again for a majority.
    ///
    /// # Errors
    /// As [`Self::open`], and if this user may not write or no majority confirms what is written.
    pub async fn survey(url: &MongoUrl, patience: Duration) -> AppResult<Survey> {
        Ok(survey::survey(url, patience).await?)
    }

    fn over(client: Client, primary: Primary, name: &str, database: &Database) -> Self {
        Self {
            client,
            primary,
            abandoned: Abandoned::of(name),
            schema: database.collection("schema"),
            users: database.collection("users"),
            sessions: database.collection("sessions"),
            tokens: database.collection("refresh_tokens"),
            chats: database.collection("chats"),
            members: database.collection("members"),
            events: database.collection("events"),
            messages: database.collection("messages"),
            attachments: database.collection("attachments"),
            reactions: database.collection("reactions"),
            mentions: database.collection("mentions"),
            blocks: database.collection("blocks"),
            invites: database.collection("invites"),
            seen: Seen::default(),
            turns: (0..TURNS).map(|_| Mutex::new(())).collect(),
            hasher: RandomState::new(),
            calls: TaskTracker::new(),
        }
    }

    /// Does the work, anew where that may help, and within the time of a call.
    async fn call<T, F>(&self, work: impl Fn() -> F + Send) -> AppResult<T>
    where
        F: Future<Output = Result<T, Fault>> + Send,
    {
        if self.calls.is_closed() {
            return Err(closed());
        }
        let _running = self.calls.token();
        let work = self.abandoned.beside(&self.client, retrying(&self.primary, work));
        let outcome = tokio::time::timeout(CALL, work).await;
        outcome
            .map_err(|_elapsed| AppError::unavailable("MongoDB did not do it in time"))?
            .map_err(Into::into)
    }

    /// Does the work as [`Self::call`] does. If in the end nobody has said what became of the last attempt, `look`
    /// tells, where it can.
    async fn call_or_look<T, F, L>(
        &self,
        work: impl Fn() -> F + Send,
        look: impl FnOnce() -> L + Send,
    ) -> AppResult<T>
    where
        F: Future<Output = Result<T, Fault>> + Send,
        L: Future<Output = Result<Option<T>, Fault>> + Send,
    {
        match self.call(work).await {
            Err(error) if error.code == ErrorCode::Unavailable => {
                // What cannot be looked up either stays unknown.
                let found = tokio::time::timeout(LOOK, look()).await;
                found.ok().and_then(Result::ok).flatten().ok_or(error)
            }
            outcome => outcome,
        }
    }

    /// The turn to write to this chat from this node.
    async fn turn(&self, chat: ChatId) -> MutexGuard<'_, ()> {
        let place = usize::try_from(self.hasher.hash_one(chat)).unwrap_or_default();
        self.turns[place % TURNS].lock().await
    }
}

fn closed() -> AppError {
    AppError::unavailable("the store is closed")
}

#[async_trait]
impl Store for MongoStore {
    async fn check(&self) -> AppResult<()> {
        if self.calls.is_closed() {
            return Err(closed());
        }
        // A linearizable read is answered once a majority has confirmed that the primary still is one.
        let asked = self
            .schema
            .find_one(doc! { "_id": migrations::ID })
            .read_concern(ReadConcern::linearizable())
            .max_time(CHECK);
        match tokio::time::timeout(CHECK, asked.into_future()).await {
            Ok(found) => Ok(found.map(|_| ()).map_err(Fault::from)?),
            Err(elapsed) => Err(AppError::unavailable(elapsed)),
        }
    }

    async fn purge(&self, now: Timestamp) -> AppResult<u64> {
        self.call(|| purge::slice(self, now)).await
    }

    async fn close(&self) -> AppResult<()> {
        self.calls.close();
        // Whatever runs ends within the time of a call.
        let finished = tokio::time::timeout(CALL, self.calls.wait()).await;
        self.client.clone().shutdown().immediate(true).await;
        finished.map_err(AppError::unavailable)
    }
}
