//! Sessions and their refresh tokens.

use app::{
    domain::{SessionId, Timestamp, UserId},
    error::ErrorCode,
    ports::{NewSession, RefreshOutcome, RefreshToken, SessionRecord},
};
use futures::TryStreamExt;
use mongodb::bson::{Document, doc, oid::ObjectId};

use super::{
    MongoStore,
    documents::{IdDocument, SessionDocument, TokenDocument, binary, date, session_oid, user_oid},
    fault::Fault,
    transaction::{COMMAND, Transaction},
};

pub(super) async fn create(store: &MongoStore, new: &NewSession) -> Result<Vec<SessionId>, Fault> {
    let document = SessionDocument::from(&new.session);
    let owner = store.users.clone_with_type::<IdDocument>();
    // Accounts are never deleted: one that is there stays.
    let owner = owner.find_one(doc! { "_id": document.user_id }).projection(doc! { "_id": 1 });
    if owner.max_time(COMMAND).await?.is_none() {
        return Err(ErrorCode::UnknownMember.into());
    }
    let token = TokenDocument { hash: binary(&new.refresh_hash), session_id: document.id, replaced_at: None };
    let mut transaction = Transaction::begin(&store.client).await?;
    // All but the new one and the most recently used of the others. Of two sign-ins at the same moment
    // neither sees the other: the next one ends what is too much.
    let others = live(doc! { "user_id": document.user_id }, new.session.created_at);
    let keep = u64::try_from(new.most.saturating_sub(1)).unwrap_or(u64::MAX);
    let ids = store.sessions.clone_with_type::<IdDocument>();
    let mut surplus = ids
        .find(others)
        .sort(doc! { "last_used_at": -1, "_id": -1 })
        .skip(keep)
        .projection(doc! { "_id": 1 })
        .max_time(COMMAND)
        .session(transaction.session())
        .await?;
    let surplus: Vec<ObjectId> =
        surplus.stream(transaction.session()).map_ok(|session| session.id).try_collect().await?;
    store.sessions.insert_one(document).session(transaction.session()).await?;
    store.tokens.insert_one(token).session(transaction.session()).await?;
    remove(store, &mut transaction, &surplus).await?;
    transaction.commit().await?;
    Ok(surplus.into_iter().map(|id| SessionId::from_bytes(id.bytes())).collect())
}

pub(super) async fn session(
    store: &MongoStore,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<SessionRecord>, Fault> {
    let found = store.sessions.find_one(live(doc! { "_id": session_oid(id) }, now)).max_time(COMMAND).await?;
    Ok(found.map(SessionDocument::into_record))
}

/// In one question, however many they are.
pub(super) async fn sessions(
    store: &MongoStore,
    ids: &[SessionId],
    now: Timestamp,
) -> Result<Vec<SessionRecord>, Fault> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<ObjectId> = ids.iter().copied().map(session_oid).collect();
    let found = store.sessions.find(live(doc! { "_id": { "$in": ids } }, now)).max_time(COMMAND).await?;
    Ok(found.map_ok(SessionDocument::into_record).try_collect().await?)
}

pub(super) async fn of_user(
    store: &MongoStore,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<SessionRecord>, Fault> {
    let found = store
        .sessions
        .find(live(doc! { "user_id": user_oid(user) }, now))
        .sort(doc! { "last_used_at": -1, "_id": -1 })
        .max_time(COMMAND)
        .await?;
    Ok(found.map_ok(SessionDocument::into_record).try_collect().await?)
}

pub(super) async fn of_token(store: &MongoStore, hash: &[u8; 32]) -> Result<Option<SessionId>, Fault> {
    let found = store.tokens.find_one(doc! { "_id": binary(hash) }).max_time(COMMAND).await?;
    Ok(found.map(|token| SessionId::from_bytes(token.session_id.bytes())))
}

/// Reads first and then writes what that led to, as long as it is still so.
pub(super) async fn rotate(store: &MongoStore, token: &RefreshToken) -> Result<RefreshOutcome, Fault> {
    let presented = doc! { "_id": binary(&token.presented) };
    let Some(found) = store.tokens.find_one(presented.clone()).max_time(COMMAND).await? else {
        return Ok(RefreshOutcome::Unknown);
    };
    let id = doc! { "_id": found.session_id };
    let Some(document) = store.sessions.find_one(id.clone()).max_time(COMMAND).await? else {
        return Ok(RefreshOutcome::Unknown);
    };
    let mut session = document.into_record();
    let at_latest = session.created_at.plus_seconds(token.absolute_seconds);
    let expires_at = token.now.plus_seconds(token.idle_seconds).min(at_latest);
    if session.expires_at <= token.now || expires_at <= token.now {
        return Ok(RefreshOutcome::Unknown);
    }
    let grace = date(token.now.plus_seconds(-token.grace_seconds));
    if found.replaced_at.is_some_and(|at| at < grace) {
        end(store, session.user_id, session.id).await?;
        return Ok(RefreshOutcome::Reused { user_id: session.user_id, session_id: session.id });
    }
    session.last_used_at = token.now;
    session.expires_at = expires_at;
    session.address.clone_from(&token.address);

    let mut transaction = Transaction::begin(&store.client).await?;
    let used = doc! { "$set": {
        "last_used_at": date(session.last_used_at),
        "expires_at": date(session.expires_at),
        "address": session.address.as_str(),
    } };
    // The session first: two that exchange tokens of one session take turns by it.
    if store.sessions.update_one(id, used).session(transaction.session()).await?.matched_count == 0 {
        return Ok(RefreshOutcome::Unknown);
    }
    if found.replaced_at.is_none() {
        let mut unreplaced = presented;
        unreplaced.insert("replaced_at", doc! { "$exists": false });
        let replaced = doc! { "$set": { "replaced_at": date(token.now) } };
        let changed = store.tokens.update_one(unreplaced, replaced).session(transaction.session()).await?;
        if changed.matched_count == 0 {
            // The other tab was first. What the grace period says about that is asked anew.
            return Err(Fault::Lost);
        }
    }
    let successor =
        TokenDocument { hash: binary(&token.successor), session_id: found.session_id, replaced_at: None };
    store.tokens.insert_one(successor).session(transaction.session()).await?;
    transaction.commit().await?;
    Ok(RefreshOutcome::Rotated(session))
}

pub(super) async fn end(store: &MongoStore, user: UserId, session: SessionId) -> Result<bool, Fault> {
    let ended = end_all(store, doc! { "_id": session_oid(session), "user_id": user_oid(user) }).await?;
    Ok(!ended.is_empty())
}

pub(super) async fn end_others(
    store: &MongoStore,
    user: UserId,
    keep: SessionId,
) -> Result<Vec<SessionId>, Fault> {
    end_all(store, doc! { "user_id": user_oid(user), "_id": { "$ne": session_oid(keep) } }).await
}

/// Ends sessions. Returns which there were.
async fn end_all(store: &MongoStore, which: Document) -> Result<Vec<SessionId>, Fault> {
    let mut transaction = Transaction::begin(&store.client).await?;
    let ids = store.sessions.clone_with_type::<IdDocument>();
    let mut found = ids
        .find(which)
        .projection(doc! { "_id": 1 })
        .max_time(COMMAND)
        .session(transaction.session())
        .await?;
    let found: Vec<ObjectId> =
        found.stream(transaction.session()).map_ok(|session| session.id).try_collect().await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    remove(store, &mut transaction, &found).await?;
    transaction.commit().await?;
    Ok(found.into_iter().map(|id| SessionId::from_bytes(id.bytes())).collect())
}

/// Removes sessions and their tokens together.
async fn remove(store: &MongoStore, transaction: &mut Transaction, ids: &[ObjectId]) -> Result<(), Fault> {
    if ids.is_empty() {
        return Ok(());
    }
    let sessions = doc! { "_id": { "$in": ids } };
    store.sessions.delete_many(sessions).session(transaction.session()).await?;
    let tokens = doc! { "session_id": { "$in": ids } };
    store.tokens.delete_many(tokens).session(transaction.session()).await?;
    Ok(())
}

/// Only those that have not run out.
fn live(mut filter: Document, now: Timestamp) -> Document {
    filter.insert("expires_at", doc! { "$gt": date(now) });
    filter
}
