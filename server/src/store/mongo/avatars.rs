//! The files that stand for people and groups instead of being in a message: which they are, and releasing those before.

use app::{
    domain::{AttachmentId, Timestamp, UserId, limits},
    error::{AppError, AppResult},
    ports::AvatarStore,
};
use async_trait::async_trait;
use mongodb::bson::{Document, doc, oid::ObjectId};
use serde::Deserialize;

use super::{
    MongoStore,
    documents::{AttachmentState, IdDocument, attachment_oid, date, user_oid},
    fault::Fault,
    transaction::Transaction,
};

/// A person or a chat, of whom only the avatar was asked for.
#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    avatar: Option<ObjectId>,
}

#[async_trait]
impl AvatarStore for MongoStore {
    async fn set_avatar(&self, user: UserId, avatar: Option<AttachmentId>, at: Timestamp) -> AppResult<bool> {
        let (user, avatar) = (user_oid(user), avatar.map(attachment_oid));
        // An id is given once: where this one is seen, or none, it is as it was to be.
        let look = || async move {
            let now = of_user(self, user).await?;
            Ok(now.is_some_and(|now| now == avatar).then_some(true))
        };
        self.call_or_look(|| set(self, user, avatar, at), look).await
    }

    async fn is_avatar(&self, id: AttachmentId) -> AppResult<bool> {
        self.call(|| is_avatar(self, id)).await
    }
}

async fn set(
    store: &MongoStore,
    user: ObjectId,
    avatar: Option<ObjectId>,
    at: Timestamp,
) -> Result<bool, Fault> {
    let Some(before) = of_user(store, user).await? else { return Ok(false) };
    if before == avatar {
        return Ok(true);
    }
    let mut transaction = Transaction::begin(store).await?;
    // Only from what was read: of two that come at once the second begins anew. A field that is not there is null.
    let unchanged = doc! { "_id": user, "avatar": before };
    let change = match avatar {
        Some(id) => doc! { "$set": { "avatar": id } },
        None => doc! { "$unset": { "avatar": "" } },
    };
    let changed = store.users.update_one(unchanged, change).session(transaction.session()).await?;
    if changed.matched_count != 1 {
        return Err(Fault::Lost);
    }
    replace(store, &mut transaction, user, (before, avatar), at).await?;
    transaction.commit().await?;
    Ok(true)
}

/// The person's avatar, if there is such a person.
async fn of_user(store: &MongoStore, user: ObjectId) -> Result<Option<Option<ObjectId>>, Fault> {
    let users = store.users.clone_with_type::<Shown>();
    let found = users.find_one(doc! { "_id": user }).projection(doc! { "avatar": 1 });
    Ok(store.first(found).await?.map(|found| found.avatar))
}

async fn is_avatar(store: &MongoStore, id: AttachmentId) -> Result<bool, Fault> {
    let files = store.attachments.clone_with_type::<IdDocument>();
    let this = doc! { "_id": attachment_oid(id), "is_avatar": true };
    Ok(store.first(files.find_one(this).projection(doc! { "_id": 1 })).await?.is_some())
}

/// Attaches the owner's own arriving file, if there is a new one, and releases the one before, if there was one.
pub(super) async fn replace(
    store: &MongoStore,
    transaction: &mut Transaction<'_>,
    owner: ObjectId,
    (before, after): (Option<ObjectId>, Option<ObjectId>),
    at: Timestamp,
) -> Result<(), Fault> {
    if let Some(id) = after {
        let arriving = doc! { "_id": id, "owner_id": owner, "state": AttachmentState::Arriving };
        let attach = doc! {
            "$set": { "state": AttachmentState::Attached, "is_avatar": true },
            "$unset": { "collect_at": "" },
        };
        let attached = store.attachments.update_one(arriving, attach).session(transaction.session()).await?;
        if attached.matched_count != 1 {
            return Err(AppError::unavailable("the picture was collected").into());
        }
    }
    if let Some(id) = before {
        let (which, release) = release(id, at);
        store.attachments.update_one(which, release).session(transaction.session()).await?;
    }
    Ok(())
}

/// Releases what stands for a chat that is deleted, if something still does: a node of the version before deletes chats
/// without knowing of it.
pub(super) async fn release_of_deleted(
    store: &MongoStore,
    chat: &mongodb::bson::Bson,
    at: Timestamp,
) -> Result<(), Fault> {
    let chats = store.chats.clone_with_type::<Shown>();
    let deleted = doc! { "_id": chat, "deleted_at": { "$exists": true } };
    let found = chats.find_one(deleted).projection(doc! { "avatar": 1 });
    if let Some(id) = store.first(found).await?.and_then(|chat| chat.avatar) {
        let (which, release) = release(id, at);
        store.attachments.update_one(which, release).await?;
    }
    Ok(())
}

/// Finds an avatar, and releases it.
fn release(id: ObjectId, at: Timestamp) -> (Document, Document) {
    let collect_at = date(at.plus_seconds(limits::RELEASED_GRACE_SECONDS));
    let release = doc! {
        "$set": { "state": AttachmentState::Released, "collect_at": collect_at },
        "$unset": { "is_avatar": "" },
    };
    (doc! { "_id": id, "is_avatar": true }, release)
}
