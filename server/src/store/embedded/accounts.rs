//! Accounts: people, the words they are found under, and the port's entry to `sessions`.

use app::{
    domain::{About, DisplayName, Email, SessionId, Timestamp, UserId, name_key, search_words},
    error::AppResult,
    ports::{AccountStore, NewSession, NewUser, RefreshOutcome, RefreshToken, SessionRecord, UserRecord},
};
use async_trait::async_trait;
use rusqlite::{Connection, Row, params};

use crate::store::people::{CANDIDATES, with_exact};

use super::{EmbeddedStore, fault::Fault, rows, sessions};

macro_rules! user_columns {
    () => {
        "u.id, u.email, u.display_name, u.about, u.password_hash, u.created_at, u.read_receipts, u.avatar_id,
         u.show_last_seen, u.last_seen_at"
    };
}

pub(super) const USER: &str = concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = ?1");
pub(super) const USER_BY_EMAIL: &str =
    concat!("SELECT ", user_columns!(), " FROM users u WHERE u.email = ?1");
/// The range of the first word is walked; the other words, a JSON array, are looked up for each person
/// found. No word contains the last character of Unicode, so it bounds the words with a prefix.
pub(super) const SEARCH: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", u.name_key
     FROM (SELECT DISTINCT w.user_id FROM user_words w
           WHERE w.word >= ?1 AND w.word < ?1 || char(1114111) LIMIT ?2) found
     CROSS JOIN users u ON u.id = found.user_id
     WHERE u.id <> ?3 AND NOT EXISTS (
         SELECT 1 FROM json_each(?4) other WHERE NOT EXISTS (
             SELECT 1 FROM user_words w
             WHERE w.user_id = u.id AND w.word >= other.value AND w.word < other.value || char(1114111)))
     ORDER BY u.name_key, u.id LIMIT ?5"
);
const INSERT_USER: &str = "INSERT INTO users (id, email, display_name, name_key, password_hash, created_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const INSERT_WORD: &str = "INSERT INTO user_words (user_id, word) VALUES (?1, ?2)";
const DELETE_WORDS: &str = "DELETE FROM user_words WHERE user_id = ?1";
const UPDATE_PROFILE: &str =
    "UPDATE users SET display_name = ?2, name_key = ?3, about = ?4 WHERE id = ?1 RETURNING email";
const REPLACE_PASSWORD: &str = "UPDATE users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2";

#[async_trait]
impl AccountStore for EmbeddedStore {
    async fn create_user(&self, user: NewUser) -> AppResult<()> {
        self.write(move |connection| create(connection, &user)).await
    }

    async fn user(&self, id: UserId) -> AppResult<Option<UserRecord>> {
        self.read(move |connection| rows::one(connection, USER, params![id.as_bytes()], record)).await
    }

    async fn user_by_email(&self, email: &Email) -> AppResult<Option<UserRecord>> {
        let email = email.clone();
        self.read(move |connection| by_email(connection, &email)).await
    }

    async fn users(&self, ids: &[UserId]) -> AppResult<Vec<UserRecord>> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        self.read(move |connection| {
            let find = |id: &UserId| rows::one(connection, USER, params![id.as_bytes()], record);
            ids.iter().filter_map(|id| find(id).transpose()).collect()
        })
        .await
    }

    async fn search_users(
        &self,
        words: &[String],
        email: Option<&Email>,
        except: UserId,
        limit: usize,
    ) -> AppResult<Vec<UserRecord>> {
        let (words, email) = (words.to_vec(), email.cloned());
        self.read(move |connection| {
            rows::snapshot(connection, |connection| search(connection, words, email.as_ref(), except, limit))
        })
        .await
    }

    async fn update_profile(&self, id: UserId, name: DisplayName, about: About) -> AppResult<bool> {
        self.write(move |connection| update_profile(connection, id, &name, &about)).await
    }

    async fn replace_password(&self, id: UserId, expected: &str, new: String) -> AppResult<bool> {
        let expected = expected.to_owned();
        self.write(move |connection| {
            let changed = rows::execute(connection, REPLACE_PASSWORD, params![id.as_bytes(), expected, new])?;
            Ok(changed == 1)
        })
        .await
    }

    async fn create_session(&self, session: NewSession) -> AppResult<Vec<SessionId>> {
        self.write(move |connection| sessions::create(connection, &session)).await
    }

    async fn session(&self, id: SessionId, now: Timestamp) -> AppResult<Option<SessionRecord>> {
        self.read(move |connection| sessions::session(connection, id, now)).await
    }

    async fn sessions(&self, ids: &[SessionId], now: Timestamp) -> AppResult<Vec<SessionRecord>> {
        let ids = ids.to_vec();
        self.read(move |connection| sessions::sessions(connection, &ids, now)).await
    }

    async fn session_by_refresh(&self, hash: &[u8; 32]) -> AppResult<Option<SessionId>> {
        let hash = *hash;
        self.read(move |connection| sessions::of_token(connection, &hash)).await
    }

    async fn rotate_refresh(&self, token: RefreshToken) -> AppResult<RefreshOutcome> {
        self.write(move |connection| sessions::rotate(connection, &token)).await
    }

    async fn sessions_of(&self, user: UserId, now: Timestamp) -> AppResult<Vec<SessionRecord>> {
        self.read(move |connection| sessions::of_user(connection, user, now)).await
    }

    async fn end_session(&self, user: UserId, session: SessionId) -> AppResult<bool> {
        self.write(move |connection| sessions::end(connection, user, session)).await
    }

    async fn end_other_sessions(&self, user: UserId, keep: SessionId) -> AppResult<Vec<SessionId>> {
        self.write(move |connection| sessions::end_others(connection, user, keep)).await
    }
}

fn create(connection: &Connection, user: &NewUser) -> Result<(), Fault> {
    let name = user.display_name.as_str();
    rows::execute(
        connection,
        INSERT_USER,
        params![
            user.id.as_bytes(),
            user.email.as_str(),
            name,
            name_key(name),
            user.password_hash,
            user.created_at.as_millis(),
        ],
    )?;
    insert_words(connection, user.id, name, user.email.as_str())
}

fn by_email(connection: &Connection, email: &Email) -> Result<Option<UserRecord>, Fault> {
    rows::one(connection, USER_BY_EMAIL, params![email.as_str()], record)
}

fn search(
    connection: &Connection,
    mut words: Vec<String>,
    email: Option<&Email>,
    except: UserId,
    limit: usize,
) -> Result<Vec<UserRecord>, Fault> {
    let mut found = Vec::new();
    // The longest word is likely to bring the fewest people. An empty one would bring everybody.
    words.retain(|word| !word.is_empty());
    words.sort_by_key(String::len);
    if let Some(first) = words.pop() {
        let others = serde_json::to_string(&words).map_err(Fault::unencodable)?;
        let params = params![first, CANDIDATES, except.as_bytes(), others, rows::limit(limit)];
        found = rows::all(connection, SEARCH, params, record)?;
    }
    let exact = email.map(|email| by_email(connection, email)).transpose()?.flatten();
    Ok(with_exact(found, exact, except, limit))
}

fn update_profile(
    connection: &Connection,
    id: UserId,
    name: &DisplayName,
    about: &About,
) -> Result<bool, Fault> {
    let name = name.as_str();
    let params = params![id.as_bytes(), name, name_key(name), about.as_str()];
    let email = rows::one(connection, UPDATE_PROFILE, params, |row| Ok(row.get::<_, String>(0)?))?;
    let Some(email) = email else { return Ok(false) };
    rows::execute(connection, DELETE_WORDS, params![id.as_bytes()])?;
    insert_words(connection, id, name, &email)?;
    Ok(true)
}

fn insert_words(connection: &Connection, id: UserId, name: &str, email: &str) -> Result<(), Fault> {
    let local = email.split('@').next().unwrap_or_default();
    for word in search_words(&format!("{name} {local}")) {
        rows::execute(connection, INSERT_WORD, params![id.as_bytes(), word])?;
    }
    Ok(())
}

fn record(row: &Row<'_>) -> Result<UserRecord, Fault> {
    Ok(UserRecord {
        id: rows::user_id(row, 0)?,
        email: Email::from_stored(row.get(1)?),
        display_name: DisplayName::from_stored(row.get(2)?),
        about: About::from_stored(row.get(3)?),
        password_hash: row.get(4)?,
        created_at: rows::time(row, 5)?,
        read_receipts: row.get(6)?,
        avatar: rows::avatar(row, 7)?,
        show_last_seen: row.get(8)?,
        last_seen: row.get::<_, Option<i64>>(9)?.map(Timestamp::from_millis),
    })
}
