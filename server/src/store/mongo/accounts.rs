//! Accounts: people, the words they are found under, and the port's entry to `sessions`.

use app::{
    domain::{About, DisplayName, Email, SessionId, Timestamp, UserId, name_key, search_words},
    error::AppResult,
    ports::{AccountStore, NewSession, NewUser, RefreshOutcome, RefreshToken, SessionRecord, UserRecord},
};
use async_trait::async_trait;
use mongodb::bson::{Document, doc, oid::ObjectId};

use crate::store::people::{CANDIDATES, with_exact};

use super::{
    MongoStore,
    documents::{ProfileDocument, Profiles, UserDocument, date, user_oid},
    fault::Fault,
    sessions,
    transaction::Attempted,
};

#[async_trait]
impl AccountStore for MongoStore {
    async fn create_user(&self, user: NewUser) -> AppResult<()> {
        self.call_or_look(|| create(self, &user), || created(self, &user)).await
    }

    async fn user(&self, id: UserId) -> AppResult<Option<UserRecord>> {
        self.call(|| one(self, doc! { "_id": user_oid(id) })).await
    }

    async fn user_by_email(&self, email: &Email) -> AppResult<Option<UserRecord>> {
        self.call(|| one(self, doc! { "email": email.as_str() })).await
    }

    async fn users(&self, ids: &[UserId]) -> AppResult<Vec<UserRecord>> {
        self.call(|| several(self, ids)).await
    }

    async fn search_users(
        &self,
        words: &[String],
        email: Option<&Email>,
        except: UserId,
        limit: usize,
    ) -> AppResult<Vec<UserRecord>> {
        self.call(|| search(self, words, email, except, limit)).await
    }

    async fn update_profile(&self, id: UserId, name: DisplayName, about: About) -> AppResult<bool> {
        self.call(|| update_profile(self, id, &name, &about)).await
    }

    async fn replace_password(&self, id: UserId, expected: &str, new: String) -> AppResult<bool> {
        let new = new.as_str();
        let with_it = || doc! { "_id": user_oid(id), "password_hash": new };
        let look = || async move { Ok(one(self, with_it()).await?.map(|_it| true)) };
        self.call_or_look(|| replace_password(self, id, expected, new), look).await
    }

    async fn create_session(&self, session: NewSession) -> AppResult<Vec<SessionId>> {
        let attempted = Attempted::default();
        let work = || sessions::create(self, &session, &attempted);
        self.call_or_look(work, || sessions::look_up_created(self, &session, &attempted)).await
    }

    async fn session(&self, id: SessionId, now: Timestamp) -> AppResult<Option<SessionRecord>> {
        self.call(|| sessions::session(self, id, now)).await
    }

    async fn sessions(&self, ids: &[SessionId], now: Timestamp) -> AppResult<Vec<SessionRecord>> {
        self.call(|| sessions::sessions(self, ids, now)).await
    }

    async fn session_by_refresh(&self, hash: &[u8; 32]) -> AppResult<Option<SessionId>> {
        self.call(|| sessions::of_token(self, hash)).await
    }

    async fn rotate_refresh(&self, token: RefreshToken) -> AppResult<RefreshOutcome> {
        let attempted = Attempted::default();
        let work = || sessions::rotate(self, &token, &attempted);
        self.call_or_look(work, || sessions::look_up_rotated(self, &token, &attempted)).await
    }

    async fn sessions_of(&self, user: UserId, now: Timestamp) -> AppResult<Vec<SessionRecord>> {
        self.call(|| sessions::of_user(self, user, now)).await
    }

    async fn end_session(&self, user: UserId, session: SessionId) -> AppResult<bool> {
        let attempted = Attempted::default();
        let work = || sessions::end(self, user, session, &attempted);
        let look = || async { Ok(sessions::look_up_ended(self, &attempted).await?.map(|_it| true)) };
        self.call_or_look(work, look).await
    }

    async fn end_other_sessions(&self, user: UserId, keep: SessionId) -> AppResult<Vec<SessionId>> {
        let attempted = Attempted::default();
        let work = || sessions::end_others(self, user, keep, &attempted);
        self.call_or_look(work, || sessions::look_up_ended(self, &attempted)).await
    }
}

/// The profiles of these people, those that exist.
pub(super) async fn profiles(store: &MongoStore, mut ids: Vec<ObjectId>) -> Result<Profiles, Fault> {
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Profiles::new());
    }
    let users = store.users.clone_with_type::<ProfileDocument>();
    let shown = doc! { "display_name": 1, "about": 1, "read_receipts": 1, "avatar": 1 };
    let found = users.find(doc! { "_id": { "$in": ids } }).projection(shown);
    Ok(store.all(found).await?.into_iter().map(|profile| (profile.id, profile)).collect())
}

async fn create(store: &MongoStore, user: &NewUser) -> Result<(), Fault> {
    let name = user.display_name.as_str();
    let document = UserDocument {
        id: user_oid(user.id),
        email: user.email.as_str().to_owned(),
        display_name: name.to_owned(),
        name_key: name_key(name),
        about: String::new(),
        password_hash: user.password_hash.clone(),
        created_at: date(user.created_at),
        words: words_of(name, user.email.as_str()),
        attached_bytes: 0,
        read_receipts: true,
        avatar: None,
        show_last_seen: true,
        last_seen_at: None,
    };
    let mut session = store.causal().await?;
    match store.users.insert_one(document).session(&mut session).await.map_err(Fault::from) {
        // The answer to our own first attempt may have been lost.
        Err(fault) if fault.duplicate().is_some() => created(store, user).await?.ok_or(fault),
        outcome => {
            outcome?;
            store.seen.note(&session);
            Ok(())
        }
    }
}

/// Whether this very account is stored.
async fn created(store: &MongoStore, user: &NewUser) -> Result<Option<()>, Fault> {
    let own = doc! { "_id": user_oid(user.id), "email": user.email.as_str() };
    Ok(one(store, own).await?.map(|_it| ()))
}

async fn one(store: &MongoStore, filter: Document) -> Result<Option<UserRecord>, Fault> {
    Ok(store.first(store.users.find_one(filter)).await?.map(UserDocument::into_record))
}

async fn several(store: &MongoStore, ids: &[UserId]) -> Result<Vec<UserRecord>, Fault> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<ObjectId> = ids.iter().copied().map(user_oid).collect();
    let found = store.all(store.users.find(doc! { "_id": { "$in": ids } })).await?;
    Ok(found.into_iter().map(UserDocument::into_record).collect())
}

async fn search(
    store: &MongoStore,
    words: &[String],
    email: Option<&Email>,
    except: UserId,
    limit: usize,
) -> Result<Vec<UserRecord>, Fault> {
    // The longest word is likely to bring the fewest people. An empty one would bring everybody.
    let mut words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
    words.sort_by_key(|word| word.len());
    let by_words = async {
        match words.pop() {
            Some(first) => by_words(store, first, &words, except, limit).await,
            None => Ok(Vec::new()),
        }
    };
    let by_email = async {
        match email {
            Some(email) => one(store, doc! { "email": email.as_str() }).await,
            None => Ok(None),
        }
    };
    let (found, exact) = tokio::try_join!(by_words, by_email)?;
    Ok(with_exact(found, exact, except, limit))
}

/// Walks the range of the first word; the other words are looked for in the people found.
async fn by_words(
    store: &MongoStore,
    first: &str,
    others: &[&str],
    except: UserId,
    limit: usize,
) -> Result<Vec<UserRecord>, Fault> {
    let Some(limit) = i64::try_from(limit).ok().filter(|limit| *limit > 0) else { return Ok(Vec::new()) };
    let mut all: Vec<Document> = others.iter().map(|word| begins_with(word)).collect();
    all.push(doc! { "_id": { "$ne": user_oid(except) } });
    let pipeline = [
        doc! { "$match": begins_with(first) },
        doc! { "$limit": CANDIDATES },
        doc! { "$match": { "$and": all } },
        doc! { "$sort": { "name_key": 1, "_id": 1 } },
        doc! { "$limit": limit },
    ];
    let found = store.brought(store.users.aggregate(pipeline).with_type::<UserDocument>()).await?;
    Ok(found.into_iter().map(UserDocument::into_record).collect())
}

/// A range, so that nothing in the text means anything. One element has to be in all of it, or the index
/// would be walked from one bound alone. No word contains the last character of Unicode.
pub(super) fn begins_with(word: &str) -> Document {
    doc! { "words": { "$elemMatch": { "$gte": word, "$lt": format!("{word}\u{10FFFF}") } } }
}

async fn update_profile(
    store: &MongoStore,
    id: UserId,
    name: &DisplayName,
    about: &About,
) -> Result<bool, Fault> {
    let id = doc! { "_id": user_oid(id) };
    // The address never changes.
    let Some(user) = store.first(store.users.find_one(id.clone())).await? else { return Ok(false) };
    let name = name.as_str();
    let change = doc! { "$set": {
        "display_name": name,
        "name_key": name_key(name),
        "about": about.as_str(),
        "words": words_of(name, &user.email),
    } };
    update(store, id, change).await
}

async fn replace_password(store: &MongoStore, id: UserId, expected: &str, new: &str) -> Result<bool, Fault> {
    // No two hashes are the same: the new one, if it is there, came by an attempt whose answer was lost.
    let either = doc! { "_id": user_oid(id), "password_hash": { "$in": [expected, new] } };
    update(store, either, doc! { "$set": { "password_hash": new } }).await
}

/// Whether there was such an account.
pub(super) async fn update(store: &MongoStore, which: Document, change: Document) -> Result<bool, Fault> {
    let mut session = store.causal().await?;
    let changed = store.users.update_one(which, change).session(&mut session).await?;
    store.seen.note(&session);
    Ok(changed.matched_count == 1)
}

fn words_of(name: &str, email: &str) -> Vec<String> {
    let local = email.split('@').next().unwrap_or_default();
    search_words(&format!("{name} {local}"))
}
