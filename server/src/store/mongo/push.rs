//! Subscriptions to Web Push: a part of the session's document, which goes with it.

use app::{
    domain::SessionId,
    error::AppResult,
    ports::{PushAudience, PushQuery, PushStore, PushSubscription, PushTarget},
};
use async_trait::async_trait;
use mongodb::bson::{Binary, Document, doc, oid::ObjectId};
use serde::{Deserialize, Serialize};

use super::{
    MongoStore,
    documents::{IdDocument, binary, chat_oid, date, session_oid, user, user_oid},
    fault::Fault,
    migrations::index,
    transaction::Transaction,
};
use crate::store::mentions::EVERYBODY;

/// A subscription as it stands in a session's document, under `push`.
#[derive(Serialize, Deserialize)]
struct PushDocument {
    endpoint: String,
    p256dh: Binary,
    auth: Binary,
}

/// Somebody in a chat on one of their sessions.
#[derive(Deserialize)]
struct Found {
    name: Option<String>,
    user_id: ObjectId,
    push: PushDocument,
}

#[async_trait]
impl PushStore for MongoStore {
    async fn set_push(&self, session: SessionId, subscription: PushSubscription) -> AppResult<bool> {
        // Doing it twice does what doing it once does.
        self.call(|| set(self, session, &subscription)).await
    }

    async fn has_push(&self, session: SessionId) -> AppResult<bool> {
        self.call(|| has(self, session)).await
    }

    async fn remove_push(&self, session: SessionId) -> AppResult<()> {
        self.call(|| take_away(self, doc! { "_id": session_oid(session) })).await
    }

    async fn forget_endpoint(&self, endpoint: &str) -> AppResult<()> {
        self.call(|| take_away(self, doc! { "push.endpoint": endpoint })).await
    }

    async fn push_audience(&self, query: PushQuery) -> AppResult<Option<PushAudience>> {
        self.call(|| audience(self, query)).await
    }
}

async fn set(store: &MongoStore, session: SessionId, to: &PushSubscription) -> Result<bool, Fault> {
    let mut transaction = Transaction::begin(store).await?;
    let others = doc! { "push.endpoint": to.endpoint.as_str(), "_id": { "$ne": session_oid(session) } };
    let nothing = doc! { "$unset": { "push": "" } };
    store.sessions.update_many(others, nothing).session(transaction.session()).await?;
    let push = doc! {
        "endpoint": to.endpoint.as_str(), "p256dh": binary(&to.p256dh), "auth": binary(&to.auth),
    };
    let own = doc! { "_id": session_oid(session) };
    let set = doc! { "$set": { "push": push } };
    let written = store.sessions.update_one(own, set).session(transaction.session()).await;
    let written = written.map_err(Fault::from).map_err(|fault| match fault.duplicate() {
        // Another session got the endpoint in the same moment: it is taken away from that one.
        Some(index::SESSIONS_BY_ENDPOINT) => Fault::Lost,
        _ => fault,
    })?;
    if written.matched_count == 0 {
        return Ok(false);
    }
    transaction.commit().await?;
    Ok(true)
}

async fn has(store: &MongoStore, session: SessionId) -> Result<bool, Fault> {
    let sessions = store.sessions.clone_with_type::<IdDocument>();
    let which = doc! { "_id": session_oid(session), "push": { "$exists": true } };
    Ok(store.first(sessions.find_one(which).projection(doc! { "_id": 1 })).await?.is_some())
}

async fn take_away(store: &MongoStore, which: Document) -> Result<(), Fault> {
    let mut session = store.causal().await?;
    let nothing = doc! { "$unset": { "push": "" } };
    store.sessions.update_one(which, nothing).session(&mut session).await?;
    store.seen.note(&session);
    Ok(())
}

/// Chat, message, members and sessions in one aggregation. A member without a place to read from counts as having read
/// everything.
async fn audience(store: &MongoStore, query: PushQuery) -> Result<Option<PushAudience>, Fault> {
    let number = |many: usize| i64::try_from(many).unwrap_or(i64::MAX);
    let mut who = doc! {
        "user_id": { "$ne": user_oid(query.except) },
        "read_ordinal": { "$lt": query.ordinal.as_i64() },
        "muted_until": { "$not": { "$gt": date(query.now) } },
    };
    if query.called_only {
        who.insert("mentions_only", true);
    }
    let members =
        [doc! { "$match": who }, doc! { "$project": { "_id": 0, "user_id": 1, "mentions_only": 1 } }];
    let mentions = |user: Document| {
        let mut which = doc! { "chat_id": chat_oid(query.chat), "ordinal": query.ordinal.as_i64() };
        which.extend(user);
        [doc! { "$match": which }, doc! { "$project": { "_id": 1 } }]
    };
    let all = mentions(doc! { "user_id": user_oid(EVERYBODY) });
    let own = mentions(doc! {});
    let sessions = [
        doc! { "$match": { "push.endpoint": { "$exists": true }, "expires_at": { "$gt": date(query.now) } } },
        doc! { "$project": { "_id": 0, "push": 1 } },
    ];
    let deleted = [
        doc! { "$match": { "seq": query.seq.as_i64(), "deleted_at": { "$ne": null } } },
        doc! { "$project": { "_id": 1 } },
    ];
    let blocked =
        [doc! { "$match": { "blocked_id": user_oid(query.except) } }, doc! { "$project": { "_id": 1 } }];
    let pipeline = [
        doc! { "$match": {
            "_id": chat_oid(query.chat), "member_count": { "$lte": number(query.most_members) },
        } },
        doc! { "$project": { "name": 1 } },
        doc! { "$lookup": {
            "from": "messages", "localField": "_id", "foreignField": "chat_id", "pipeline": deleted, "as": "deleted",
        } },
        doc! { "$match": { "deleted": [] } },
        doc! { "$lookup": {
            "from": "mentions", "localField": "_id", "foreignField": "chat_id", "pipeline": all, "as": "all",
        } },
        doc! { "$lookup": {
            "from": "members", "localField": "_id", "foreignField": "chat_id", "pipeline": members, "as": "member",
        } },
        doc! { "$unwind": "$member" },
        doc! { "$lookup": {
            "from": "sessions", "localField": "member.user_id", "foreignField": "user_id", "pipeline": sessions,
            "as": "session",
        } },
        doc! { "$unwind": "$session" },
        doc! { "$lookup": {
            "from": "mentions", "localField": "member.user_id", "foreignField": "user_id", "pipeline": own,
            "as": "own",
        } },
        doc! { "$match": { "$or": [
            { "member.mentions_only": { "$ne": true } }, { "all": { "$ne": [] } }, { "own": { "$ne": [] } },
        ] } },
        doc! { "$lookup": {
            "from": "blocks", "localField": "member.user_id", "foreignField": "blocker_id", "pipeline": blocked,
            "as": "blocked",
        } },
        doc! { "$match": { "blocked": [] } },
        doc! { "$limit": number(query.most_targets) },
        doc! { "$project": { "_id": 0, "name": 1, "user_id": "$member.user_id", "push": "$session.push" } },
    ];
    let found = store.brought(store.chats.aggregate(pipeline).with_type::<Found>()).await?;
    let mut group = None;
    let mut targets = Vec::with_capacity(found.len());
    for Found { name, user_id, push } in found {
        group = name;
        targets.push(PushTarget { user_id: user(user_id), subscription: push.into_subscription()? });
    }
    Ok((!targets.is_empty()).then_some(PushAudience { group, targets }))
}

impl PushDocument {
    fn into_subscription(self) -> Result<PushSubscription, Fault> {
        let auth = self
            .auth
            .bytes
            .try_into()
            .map_err(|_of_another_length: Vec<u8>| Fault::undecodable("secret of a subscription"))?;
        Ok(PushSubscription { endpoint: self.endpoint, p256dh: self.p256dh.bytes, auth })
    }
}
