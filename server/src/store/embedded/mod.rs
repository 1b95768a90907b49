//! The embedded store: one SQLite file, for a server that runs on one machine.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | `writer` | the thread that owns the write connection and commits in groups |
//! | `readers` | the pool of connections for reads |
//! | `migrations` | the schema and its versions |
//! | `fault` | what SQLite's errors mean outside |
//! | `rows` | between rows and values |
//! | `accounts`, `sessions` | people and their sign-ins |
//! | `chats`, `changes` | chats as their members find them; making and changing them |
//! | `groups` | finding members, and invitations |
//! | `messages`, `history` | appending to the log, and reading it |
//! | `amendments` | what one event changes in one message |
//! | `reading` | what a chat is to each of its members alone |
//! | `drafts` | what people are writing and have not sent |
//! | `mentions` | whom messages mention |
//! | `people` | when they were last there, and whom they have blocked |
//! | `push` | where browsers are told while no page is open |
//! | `attachments` | files: which there are and whose they are |
//! | `avatars` | the files that stand for people and groups |
//! | `search`, `indexing` | finding messages, and the index that helps with it |
//! | `purge` | removing what nobody sees any longer |
//!
//! Durability: WAL with `synchronous=FULL`, so a commit is on the disk before anybody is answered. A
//! write is a function that runs on the writer thread in a savepoint of its own; a read is a function
//! that runs on a blocking thread. SQL stands beside the function that uses it, always with an index to
//! walk: [`HOT_QUERIES`] are checked for that.
//!
//! To see what happens when the store fails, a test closes it ([`EmbeddedStore::close`]: every call then
//! fails as `unavailable`), limits its size ([`EmbeddedOptions::max_bytes`]: writes that need room fail as
//! `storage_full`, reads go on), or holds `BEGIN IMMEDIATE` from a connection of its own for longer than
//! [`EmbeddedOptions::patience`] (writes fail as `unavailable`).

mod accounts;
mod amendments;
mod attachments;
mod avatars;
mod changes;
mod chats;
mod drafts;
mod fault;
mod groups;
mod history;
mod indexing;
mod mentions;
mod messages;
mod migrations;
mod people;
mod purge;
mod push;
mod readers;
mod reading;
mod rows;
mod search;
mod sessions;
mod writer;

use std::{fs, io, path::Path, sync::Arc, time::Duration};

use app::{
    domain::Timestamp,
    error::{AppError, AppResult, ErrorCode},
    ports::Store,
};
use async_trait::async_trait;
use rusqlite::{Connection, OpenFlags, config::DbConfig};

use fault::Fault;
use readers::Readers;
use writer::Writer;

/// The queries that every request or socket runs, by name. Each walks an index; a test asks SQLite.
pub const HOT_QUERIES: &[(&str, &str)] = &[
    ("user", accounts::USER),
    ("user by email", accounts::USER_BY_EMAIL),
    ("search by words", accounts::SEARCH),
    ("session", sessions::SESSION),
    ("sessions", sessions::SESSIONS),
    ("sessions of an account", sessions::SESSIONS_OF),
    ("refresh token", sessions::TOKEN),
    ("role", chats::ROLE),
    ("chat", chats::CHAT),
    ("chats in order", chats::CHATS_OF),
    ("last message", chats::LAST_MESSAGE),
    ("last messages", chats::LAST_MESSAGES),
    ("members in order", chats::MEMBERS),
    ("first members", chats::FIRST_MEMBERS),
    ("heads", chats::HEADS_OF),
    ("heads by chat", chats::HEAD),
    ("member ids", chats::MEMBER_IDS),
    ("contacts", chats::CONTACTS_OF),
    ("small chats", chats::SMALL_CHATS_OF),
    ("search among members", groups::SEARCH_MEMBERS),
    ("members from a place", groups::MEMBERS_FROM),
    ("invitation", groups::INVITE),
    ("invitations", groups::INVITES),
    ("counting invitations", groups::COUNT_INVITES),
    ("removing old invitations", groups::REMOVE_OLD_INVITES),
    ("revoking an invitation", groups::REVOKE_INVITE),
    ("using an invitation", groups::USE_INVITE),
    ("invitations of a purged chat", groups::INVITES_OF_CHAT),
    ("chats that somebody made", changes::COUNT_MADE),
    ("direct chat of a pair", changes::PAIR),
    ("state of a chat", changes::STATE),
    ("members of a state", changes::STATE_MEMBERS),
    ("head of a chat", messages::HEAD),
    ("ground of a send", messages::GROUND),
    ("sender", messages::SENDER),
    ("message by client id", messages::BY_CLIENT_ID),
    ("message by id", messages::BY_ID),
    ("place of a member", drafts::POSITION),
    ("whether a draft is a message", drafts::IS_MESSAGE),
    ("draft", drafts::DRAFT),
    ("drafts of somebody", drafts::DRAFTS_OF),
    ("taking a draft away", drafts::TAKE_AWAY),
    ("what is answered", messages::QUOTE),
    ("what is answered in a page", history::QUOTES),
    ("own reactions", history::MINE),
    ("pinned messages", history::PINNED),
    ("ground of a message", amendments::GROUND),
    ("edits of a message", amendments::EDIT_SEQS),
    ("counting pinned messages", amendments::COUNT_PINNED),
    ("event by seq", amendments::EVENT),
    ("scrubbing an event", amendments::SCRUB_EVENT),
    ("scrubbing edits", amendments::SCRUB_EDITS),
    ("changing a message", amendments::CHANGE_MESSAGE),
    ("taking a reaction away", amendments::DELETE_REACTION),
    ("taking reactions away", amendments::DELETE_REACTIONS),
    ("reactions of a purged chat", purge::REACTIONS),
    ("kind of a chat", mentions::KIND),
    ("members by name", mentions::NAMED),
    ("unread mentions", mentions::UNREAD),
    ("taking a mention away", mentions::DELETE),
    ("mentions of a purged chat", purge::MENTIONS),
    ("latest messages", history::LATEST),
    ("messages before", history::BEFORE),
    ("messages from", history::FROM),
    ("events after", history::EVENTS_AFTER),
    ("what happened to a chat first", history::FIRST_OF_CHAT),
    ("what happened to a chat last", history::LAST_OF_CHAT),
    ("names", history::NAMES),
    ("message at a time", history::MESSAGE_AT),
    ("places", reading::PLACES_OF),
    ("what a chat is to a member", reading::MINE),
    ("changing what a chat is to a member", reading::SET_MINE),
    ("reading by sending", reading::NOTE_SENT),
    ("noting who was there", people::NOTE_LAST_SEEN),
    ("what somebody shows", people::SHOWS_LAST_SEEN),
    ("whom somebody has blocked", people::BLOCKED_BY),
    ("whether somebody is blocked", people::BLOCKED),
    ("whether anybody has blocked somebody", people::ANY_BLOCKER),
    ("who has blocked somebody", people::BLOCKERS),
    ("counting who is blocked", people::COUNT_BLOCKED),
    ("groups that two share", people::SHARED_GROUPS),
    ("unblocking", people::DELETE),
    ("blocking in a direct chat by one", people::SET_BY_LOW),
    ("blocking in a direct chat by the other", people::SET_BY_HIGH),
    ("chats to search in", search::MY_CHATS),
    ("place of a message", search::BY_ID),
    ("first message from a place", search::FIRST_FROM),
    ("last place", search::LAST),
    ("messages that are not in the index", search::NOT_INDEXED),
    ("messages that the index names", search::FOUND),
    ("message at a place", search::AT),
    ("how far the index has come", indexing::INDEXED),
    ("what the index lacks", indexing::MISSING),
    ("next for the index", indexing::NEXT),
    ("place in the index", indexing::POSITION),
    ("places in the index", indexing::POSITIONS),
    ("who is told by push", push::AUDIENCE),
    ("forgetting an endpoint", push::FORGET),
    ("file", attachments::ATTACHMENT),
    ("bytes of somebody's files", attachments::ATTACHED_BYTES),
    ("arriving file", attachments::ARRIVING),
    ("files of a message", attachments::OF_MESSAGE),
    ("files of a chat", attachments::OF_CHAT),
    ("claiming files", attachments::CLAIM),
    ("counting files", attachments::GROW),
    ("counting released files", attachments::SHRINK),
    ("attaching a file", attachments::ATTACH),
    ("releasing a file", attachments::RELEASE),
    ("giving a file up", attachments::GIVE_UP),
    ("forgetting a file", attachments::FORGET),
    ("avatar", avatars::IS_AVATAR),
    ("avatar of a person", avatars::OF_USER),
    ("avatar of a chat", avatars::OF_CHAT),
    ("changing a person's avatar", avatars::SET_OF_USER),
    ("changing a chat's avatar", avatars::SET_OF_CHAT),
    ("attaching an avatar", avatars::ATTACH),
    ("releasing an avatar", avatars::RELEASE),
];

/// How the store is opened.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// How many reads can run at once.
    pub readers: usize,
    /// How many writes may wait.
    pub queue: usize,
    /// How many writes are committed together at most.
    pub group: usize,
    /// How long a call waits for its turn: for room in the queue, for a free reader, for a lock that
    /// another process holds.
    pub patience: Duration,
    /// The largest size of the database file in bytes, or no limit but the disk's.
    pub max_bytes: Option<u64>,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self { readers: 3, queue: 1024, group: 256, patience: Duration::from_secs(3), max_bytes: None }
    }
}

/// What has been written since the store was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteStats {
    /// Writes that were committed, those that changed nothing included.
    pub writes: u64,
    /// Commits that it took: fewer, where writes came together.
    pub commits: u64,
}

/// The version of a database's schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// What the file has; 0 if it is empty.
    pub found: i64,
    /// The newest that this program knows, to which the file is migrated when it is opened.
    pub known: i64,
}

/// The store. Dropping it finishes the writes that wait and closes the file.
pub struct EmbeddedStore {
    readers: Readers,
    writer: Arc<Writer>,
}

impl EmbeddedStore {
    /// Opens the database, makes it and its directory if there is none, and migrates it. Blocks: called
    /// once, at the start.
    pub fn open(path: &Path, options: EmbeddedOptions) -> AppResult<Arc<Self>> {
        prepare_file(path).map_err(|error| {
            let full = error.kind() == io::ErrorKind::StorageFull;
            AppError::new(if full { ErrorCode::StorageFull } else { ErrorCode::Unavailable }).because(error)
        })?;
        let mut write = connect(path, &options, Purpose::Write)?;
        migrations::apply(&mut write)?;
        let readers = (0..options.readers.max(1))
            .map(|_| connect(path, &options, Purpose::Read))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Arc::new(Self {
            readers: Readers::new(readers, options.patience),
            writer: Arc::new(Writer::start(write, &options)?),
        }))
    }

    /// Looks at a database that is there, without changing it. Blocks.
    ///
    /// # Errors
    /// If it cannot be read, belongs to another program, or is newer than this program.
    pub fn look(path: &Path) -> AppResult<Schema> {
        let look = || -> Result<Schema, Fault> {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(EmbeddedOptions::default().patience)?;
            migrations::look(&connection)
        };
        look().map_err(AppError::from)
    }

    /// Finishes the writes that wait, moves everything from the write-ahead log into the database and
    /// closes it. Calls that come afterwards fail as `unavailable`.
    async fn shut_down(&self) -> AppResult<()> {
        self.readers.close();
        let writer = Arc::clone(&self.writer);
        tokio::task::spawn_blocking(move || writer.stop()).await.map_err(AppError::internal)?
    }

    /// What has been written since the store was opened.
    pub fn write_stats(&self) -> WriteStats {
        self.writer.stats()
    }

    async fn read<T, F>(&self, work: F) -> AppResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.readers.read(work).await
    }

    async fn write<T, F>(&self, work: F) -> AppResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.writer.write(work).await
    }
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn close(&self) -> AppResult<()> {
        self.shut_down().await
    }

    async fn check(&self) -> AppResult<()> {
        // The writer begins a transaction for it, so the file, the lock and the thread are all there.
        let tables = "SELECT count(*) FROM sqlite_schema";
        self.write(move |connection| {
            rows::one(connection, tables, [], |row| Ok(row.get::<_, i64>(0)?)).map(|_| ())
        })
        .await
    }

    async fn purge(&self, now: Timestamp) -> AppResult<u64> {
        self.write(move |connection| purge::slice(connection, now)).await
    }
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Read,
    Write,
}

fn connect(path: &Path, options: &EmbeddedOptions, purpose: Purpose) -> AppResult<Connection> {
    open_connection(path, options, purpose).map_err(AppError::from)
}

fn open_connection(path: &Path, options: &EmbeddedOptions, purpose: Purpose) -> Result<Connection, Fault> {
    // Each connection is used by one thread at a time, so SQLite need not lock for itself.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_prepared_statement_cache_capacity(128);
    // Otherwise SQLite plans a cached statement anew for every value that is bound to it, in case a partial
    // index fits that value; ours fit by their text alone.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.busy_timeout(options.patience)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(AppError::internal("the file system cannot hold a write-ahead log").into());
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update_and_check(None, "mmap_size", 0, |_row| Ok(())).or_else(no_answer)?;
    // A last resort: the writer looks after the log itself, when nobody waits.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 8_000, |_row| Ok(()))?;
    // Negative: KiB rather than pages. The system's own cache stands behind it.
    connection.pragma_update(None, "cache_size", if purpose == Purpose::Write { -4096 } else { -2048 })?;
    // A log that a burst has blown up is cut back at the next checkpoint.
    let wal_bytes = 32 * 1024 * 1024;
    connection.pragma_update_and_check(None, "journal_size_limit", wal_bytes, |_row| Ok(()))?;
    if let Some(bytes) = options.max_bytes {
        let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
        connection.pragma_update_and_check(None, "max_page_count", pages.max(1), |_row| Ok(()))?;
    }
    if purpose == Purpose::Read {
        connection.pragma_update(None, "query_only", true)?;
    }
    Ok(connection)
}

/// Some builds of SQLite answer this pragma and some do not.
fn no_answer(error: rusqlite::Error) -> rusqlite::Result<()> {
    if error == rusqlite::Error::QueryReturnedNoRows { Ok(()) } else { Err(error) }
}

/// Makes the directory and the file where they are missing. What is in them is for the server alone; the
/// files beside the database get its permissions from SQLite.
fn prepare_file(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    if let Some(directory) = directory {
        fs::create_dir_all(directory)?;
    }
    let new = !path.exists();
    let mut file = fs::OpenOptions::new();
    file.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    file.open(path)?;
    // The names must be as durable as what will be written under them.
    if cfg!(unix) && new {
        let named = directory.into_iter().flat_map(|directory| directory.ancestors().take(2));
        for directory in named.filter(|directory| !directory.as_os_str().is_empty()) {
            fs::File::open(directory)?.sync_all()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn a_cached_statement_is_planned_once_whatever_is_bound_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samvad.db");
        prepare_file(&path).unwrap();
        let mut connection = connect(&path, &EmbeddedOptions::default(), Purpose::Write).unwrap();
        migrations::apply(&mut connection).unwrap();
        for sql in [messages::HEAD, messages::BY_CLIENT_ID, messages::SENDER] {
            for value in 0..20_u8 {
                let mut statement = connection.prepare_cached(sql).unwrap();
                let bound = vec![[value; 12]; statement.parameter_count()];
                let mut rows = statement.query(rusqlite::params_from_iter(bound)).unwrap();
                assert!(rows.next().unwrap().is_none());
            }
            let statement = connection.prepare_cached(sql).unwrap();
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
        }
    }
}
