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
    transaction::{Attempted, COMMAND, Transaction},
};

pub(super) async fn create(
    store: &MongoStore,
    new: &NewSession,
    attempted: &Attempted<Vec<ObjectId>>,
) -> Result<Vec<SessionId>, Fault> {
    let document = SessionDocument::from(&new.session);
    let owner = store.users.clone_with_type::<IdDocument>();
    // Accounts are never deleted: one that is there stays.
    let owner = owner.find_one(doc! { "_id": document.user_id }).projection(doc! { "_id": 1 });
    if store.first(owner).await?.is_none() {
        return Err(ErrorCode::UnknownMember.into());
    }
    let token = TokenDocument { hash: binary(&new.refresh_hash), session_id: document.id, replaced_at: None };
    let mut transaction = Transaction::begin(store).await?;
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
    attempted.note(surplus.clone());
    transaction.commit().await?;
    Ok(ids_of(surplus))
}

/// What became of a sign-in that nobody confirmed: the session is there, and ended the surplus, or is not.
pub(super) async fn look_up_created(
    store: &MongoStore,
    new: &NewSession,
    attempted: &Attempted<Vec<ObjectId>>,
) -> Result<Option<Vec<SessionId>>, Fault> {
    let Some(surplus) = attempted.take() else { return Ok(None) };
    let is_there = any(store, &[session_oid(new.session.id)]).await?;
    Ok(is_there.then(|| ids_of(surplus)))
}

pub(super) async fn session(
    store: &MongoStore,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<SessionRecord>, Fault> {
    let found = store.first(store.sessions.find_one(live(doc! { "_id": session_oid(id) }, now))).await?;
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
    let found = store.all(store.sessions.find(live(doc! { "_id": { "$in": ids } }, now))).await?;
    Ok(found.into_iter().map(SessionDocument::into_record).collect())
}

pub(super) async fn of_user(
    store: &MongoStore,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<SessionRecord>, Fault> {
    let found = store
        .sessions
        .find(live(doc! { "user_id": user_oid(user) }, now))
        .sort(doc! { "last_used_at": -1, "_id": -1 });
    Ok(store.all(found).await?.into_iter().map(SessionDocument::into_record).collect())
}

pub(super) async fn of_token(store: &MongoStore, hash: &[u8; 32]) -> Result<Option<SessionId>, Fault> {
    let found = store.first(store.tokens.find_one(doc! { "_id": binary(hash) })).await?;
    Ok(found.map(|token| SessionId::from_bytes(token.session_id.bytes())))
}

/// Reads first and then writes what that led to, as long as it is still so.
pub(super) async fn rotate(
    store: &MongoStore,
    token: &RefreshToken,
    attempted: &Attempted<RefreshOutcome>,
) -> Result<RefreshOutcome, Fault> {
    let presented = doc! { "_id": binary(&token.presented) };
    let Some(found) = store.first(store.tokens.find_one(presented.clone())).await? else {
        return Ok(RefreshOutcome::Unknown);
    };
    let id = doc! { "_id": found.session_id };
    let Some(document) = store.first(store.sessions.find_one(id.clone())).await? else {
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
        let reused = RefreshOutcome::Reused { user_id: session.user_id, session_id: session.id };
        attempted.note(reused.clone());
        end(store, session.user_id, session.id, &Attempted::default()).await?;
        return Ok(reused);
    }
    session.last_used_at = token.now;
    session.expires_at = expires_at;
    session.address.clone_from(&token.address);

    let mut transaction = Transaction::begin(store).await?;
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
    let rotated = RefreshOutcome::Rotated(session);
    attempted.note(rotated.clone());
    transaction.commit().await?;
    Ok(rotated)
}

/// What became of an exchange that nobody confirmed: the successor is there, or the session is gone whose token
/// was used again.
pub(super) async fn look_up_rotated(
    store: &MongoStore,
    token: &RefreshToken,
    attempted: &Attempted<RefreshOutcome>,
) -> Result<Option<RefreshOutcome>, Fault> {
    let Some(outcome) = attempted.take() else { return Ok(None) };
    let came_about = match &outcome {
        RefreshOutcome::Rotated(_) => of_token(store, &token.successor).await?.is_some(),
        RefreshOutcome::Reused { session_id, .. } => !any(store, &[session_oid(*session_id)]).await?,
        RefreshOutcome::Unknown => false,
    };
    Ok(came_about.then_some(outcome))
}

pub(super) async fn end(
    store: &MongoStore,
    user: UserId,
    session: SessionId,
    attempted: &Attempted<Vec<ObjectId>>,
) -> Result<bool, Fault> {
    let which = doc! { "_id": session_oid(session), "user_id": user_oid(user) };
    Ok(!end_all(store, which, attempted).await?.is_empty())
}

pub(super) async fn end_others(
    store: &MongoStore,
    user: UserId,
    keep: SessionId,
    attempted: &Attempted<Vec<ObjectId>>,
) -> Result<Vec<SessionId>, Fault> {
    let which = doc! { "user_id": user_oid(user), "_id": { "$ne": session_oid(keep) } };
    end_all(store, which, attempted).await
}

/// What became of ending sessions, if nobody confirmed it: all of them are gone, or none is.
pub(super) async fn look_up_ended(
    store: &MongoStore,
    attempted: &Attempted<Vec<ObjectId>>,
) -> Result<Option<Vec<SessionId>>, Fault> {
    let Some(ended) = attempted.take() else { return Ok(None) };
    let is_there = any(store, &ended).await?;
    Ok((!is_there).then(|| ids_of(ended)))
}

/// Whether one of these sessions is stored.
async fn any(store: &MongoStore, ids: &[ObjectId]) -> Result<bool, Fault> {
    let sessions = store.sessions.clone_with_type::<IdDocument>();
    let found = sessions.find_one(doc! { "_id": { "$in": ids } }).projection(doc! { "_id": 1 });
    Ok(store.first(found).await?.is_some())
}

fn ids_of(sessions: Vec<ObjectId>) -> Vec<SessionId> {
    sessions.into_iter().map(|id| SessionId::from_bytes(id.bytes())).collect()
}

/// Ends sessions. Returns which there were.
async fn end_all(
    store: &MongoStore,
    which: Document,
    attempted: &Attempted<Vec<ObjectId>>,
) -> Result<Vec<SessionId>, Fault> {
    let mut transaction = Transaction::begin(store).await?;
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
    attempted.note(found.clone());
    transaction.commit().await?;
    Ok(ids_of(found))
}

/// Removes sessions and their tokens together.
async fn remove(
    store: &MongoStore,
    transaction: &mut Transaction<'_>,
    ids: &[ObjectId],
) -> Result<(), Fault> {
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
