//! Groups: finding their members, and the invitations to them.

use app::{
    domain::{ChatId, InviteId, Role, Timestamp, UserId, limits},
    error::{AppError, AppResult, ErrorCode},
    ports::{Decide, GroupStore, InvitedTo, NewInvite},
    protocol::{InviteView, LogEvent, MemberView, MembersPage},
};
use async_trait::async_trait;
use mongodb::bson::{Binary, DateTime, Document, doc, oid::ObjectId};
use serde::{Deserialize, Serialize};

use crate::store::people::CANDIDATES;

use super::{
    MongoStore,
    accounts::{self, begins_with},
    changes,
    documents::{IdDocument, MemberDocument, attachment, binary, chat_oid, date, time, user, user_oid},
    fault::Fault,
    transaction::Attempted,
};

/// In chats of at most so many members these are walked to find some of them, in larger ones the people with a word.
const WALKED: i64 = 1_000;

/// An invitation. One that is good no longer is removed when another one is made.
#[derive(Serialize, Deserialize)]
pub(super) struct InviteDocument {
    #[serde(rename = "_id")]
    pub id: ObjectId,
    pub chat_id: ObjectId,
    /// The SHA-256 of the token in the link, which is shown once.
    pub token_hash: Binary,
    pub created_by: ObjectId,
    pub created_at: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses: Option<i64>,
    pub uses: i64,
}

impl InviteDocument {
    fn is_good(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| time(end) > now) && self.max_uses.is_none_or(|most| self.uses < most)
    }
}

/// Finds the invitations of a chat that are good, or those that are so no longer.
fn of_chat(chat: ChatId, now: Timestamp, good: bool) -> Document {
    // A field that is missing is less than any number.
    let is_used_up = doc! { "max_uses": { "$exists": true }, "$expr": { "$gte": ["$uses", "$max_uses"] } };
    let over = vec![doc! { "expires_at": { "$lte": date(now) } }, is_used_up];
    let which = if good { "$nor" } else { "$or" };
    doc! { "chat_id": chat_oid(chat), which: over }
}

#[derive(Deserialize)]
struct Who {
    user_id: ObjectId,
}

#[derive(Deserialize)]
struct Size {
    member_count: i64,
}

#[async_trait]
impl GroupStore for MongoStore {
    async fn search_members(
        &self,
        chat: ChatId,
        words: &[String],
        limit: usize,
    ) -> AppResult<Vec<MemberView>> {
        self.call(|| search(self, chat, words, limit)).await
    }

    async fn members_from(&self, chat: ChatId, from: u64, limit: usize) -> AppResult<MembersPage> {
        self.call(|| members_from(self, chat, from, limit)).await
    }

    async fn create_invite(&self, invite: NewInvite) -> AppResult<()> {
        let id = ObjectId::from_bytes(*invite.id.as_bytes());
        let look = || async {
            let made = by_id(self, id).await?.is_some();
            // Who may not make it is not told that it was made.
            Ok((made && refused(self, &invite).await?.is_none()).then_some(()))
        };
        self.call_or_look(|| create(self, &invite), look).await
    }

    async fn invites(&self, chat: ChatId, now: Timestamp) -> AppResult<Vec<InviteView>> {
        self.call(|| invites(self, chat, now)).await
    }

    async fn revoke_invite(&self, chat: ChatId, invite: InviteId) -> AppResult<bool> {
        let which = doc! { "_id": ObjectId::from_bytes(*invite.as_bytes()), "chat_id": chat_oid(chat) };
        self.call(|| revoke(self, which.clone())).await
    }

    async fn invite(
        &self,
        token_hash: &[u8; 32],
        viewer: UserId,
        now: Timestamp,
    ) -> AppResult<Option<InvitedTo>> {
        self.call(|| invited_to(self, token_hash, viewer, now)).await
    }

    async fn join_by_invite(
        &self,
        chat: ChatId,
        token_hash: [u8; 32],
        actor: UserId,
        at: Timestamp,
        decide: Decide,
    ) -> AppResult<Option<Vec<LogEvent>>> {
        let attempted = Attempted::default();
        let work = || join(self, chat, &token_hash, actor, at, &decide, &attempted);
        self.call_or_look(work, || changes::look_up(self, chat, &attempted)).await
    }
}

/// The members of the chat among the people that both have: those of a small one, or those with the longest word, of
/// whom so many are looked at as when people are searched for.
async fn search(
    store: &MongoStore,
    chat: ChatId,
    words: &[String],
    limit: usize,
) -> Result<Vec<MemberView>, Fault> {
    let mut words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
    words.sort_by_key(|word| word.len());
    let Some(first) = words.last().copied() else { return Ok(Vec::new()) };
    let Some(most) = i64::try_from(limit).ok().filter(|limit| *limit > 0) else { return Ok(Vec::new()) };
    let sizes = store.chats.clone_with_type::<Size>();
    let size = sizes.find_one(doc! { "_id": chat_oid(chat) }).projection(doc! { "member_count": 1 });
    let Some(size) = store.first(size).await? else { return Ok(Vec::new()) };
    let mut members = doc! { "chat_id": chat_oid(chat) };
    if size.member_count > WALKED {
        let candidates = [
            doc! { "$match": begins_with(first) },
            doc! { "$limit": CANDIDATES },
            doc! { "$project": { "_id": 1 } },
        ];
        let found = store.brought(store.users.aggregate(candidates).with_type::<IdDocument>()).await?;
        let found: Vec<_> = found.into_iter().map(|user| user.id).collect();
        members.insert("user_id", doc! { "$in": found });
    }
    // Read from the index alone.
    let who = store.members.clone_with_type::<Who>();
    let members = store.all(who.find(members).projection(doc! { "_id": 0, "user_id": 1 })).await?;
    let members: Vec<_> = members.into_iter().map(|member| member.user_id).collect();
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let all: Vec<Document> = words.iter().map(|word| begins_with(word)).collect();
    let users = store.users.clone_with_type::<IdDocument>();
    let matching = doc! { "_id": { "$in": members }, "$and": all };
    let found =
        users.find(matching).sort(doc! { "name_key": 1, "_id": 1 }).limit(most).projection(doc! { "_id": 1 });
    let found: Vec<_> = store.all(found).await?.into_iter().map(|user| user.id).collect();
    let these = doc! { "chat_id": chat_oid(chat), "user_id": { "$in": &found } };
    let members = store.all(store.members.find(these).projection(doc! { "draft": 0 })).await?;
    let mut shown = shown(store, &members).await?;
    let place = |member: &MemberView| found.iter().position(|id| user(*id) == member.user.id);
    shown.sort_by_key(place);
    Ok(shown)
}

/// As others see these members, without how far they have read.
async fn shown(store: &MongoStore, members: &[MemberDocument]) -> Result<Vec<MemberView>, Fault> {
    let people = members.iter().map(|member| member.user_id).collect();
    let profiles = accounts::profiles(store, people).await?;
    let views = members.iter().filter_map(|member| member.view(&profiles, 0));
    Ok(views.map(|member| MemberView { read: None, ..member }).collect())
}

async fn members_from(
    store: &MongoStore,
    chat: ChatId,
    from: u64,
    limit: usize,
) -> Result<MembersPage, Fault> {
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let some = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let which = doc! { "chat_id": chat_oid(chat), "position": { "$gte": from } };
    // One more than is wanted tells whether there are others, and where they begin.
    let found =
        store.members.find(which).sort(doc! { "position": 1 }).limit(some).projection(doc! { "draft": 0 });
    let mut found = store.all(found).await?;
    let next = found.get(limit).map(|member| member.position.unsigned_abs());
    found.truncate(limit);
    Ok(MembersPage { members: shown(store, &found).await?, next })
}

/// Two that are made at the same moment do not count each other, so that a chat may come to have a few more than
/// [`limits::INVITES_PER_CHAT`].
async fn create(store: &MongoStore, invite: &NewInvite) -> Result<(), Fault> {
    let (chat, now) = (invite.chat_id, invite.created_at);
    let there = doc! { "_id": chat_oid(chat), "deleted_at": null };
    let ids = store.chats.clone_with_type::<IdDocument>();
    if store.first(ids.find_one(there).projection(doc! { "_id": 1 })).await?.is_none() {
        return Err(AppError::not_found().into());
    }
    let mut session = store.causal().await?;
    store.invites.delete_many(of_chat(chat, now, false)).session(&mut session).await?;
    store.seen.note(&session);
    let most = u64::try_from(limits::INVITES_PER_CHAT).unwrap_or(u64::MAX);
    let good = store.count(store.invites.count_documents(of_chat(chat, now, true)).limit(most)).await?;
    if good >= most {
        return Err(ErrorCode::TooManyInvites.into());
    }
    let document = InviteDocument {
        id: ObjectId::from_bytes(*invite.id.as_bytes()),
        chat_id: chat_oid(chat),
        token_hash: binary(&invite.token_hash),
        created_by: user_oid(invite.created_by),
        created_at: date(now),
        expires_at: invite.expires_at.map(date),
        max_uses: invite.max_uses.map(i64::from),
        uses: 0,
    };
    let id = document.id;
    let mut session = store.causal().await?;
    match store.invites.insert_one(document).session(&mut session).await.map_err(Fault::from) {
        // The answer to our own first attempt may have been lost.
        Err(fault) if fault.duplicate().is_some() => {
            by_id(store, id).await?.ok_or(fault)?;
        }
        outcome => {
            outcome?;
            store.seen.note(&session);
        }
    }
    let Some(refused) = refused(store, invite).await? else { return Ok(()) };
    revoke(store, doc! { "_id": id }).await?;
    Err(refused)
}

/// Why who makes it may not: they may be no admin any longer. Looked at once it is written, so that nobody who stops
/// being one meanwhile leaves one behind; nobody knows its token yet.
async fn refused(store: &MongoStore, invite: &NewInvite) -> Result<Option<Fault>, Fault> {
    let maker = doc! { "chat_id": chat_oid(invite.chat_id), "user_id": user_oid(invite.created_by) };
    let maker = store.first(store.members.find_one(maker)).await?;
    if maker.is_some_and(|maker| maker.role == Role::Admin) {
        return Ok(None);
    }
    let people = accounts::profiles(store, vec![user_oid(invite.created_by)]).await?;
    Ok(Some(if people.is_empty() { ErrorCode::UnknownMember.into() } else { AppError::forbidden().into() }))
}

async fn by_id(store: &MongoStore, id: ObjectId) -> Result<Option<InviteDocument>, Fault> {
    store.first(store.invites.find_one(doc! { "_id": id })).await
}

async fn invites(store: &MongoStore, chat: ChatId, now: Timestamp) -> Result<Vec<InviteView>, Fault> {
    let found = store.all(store.invites.find(of_chat(chat, now, true))).await?;
    let makers = found.iter().map(|invite| invite.created_by).collect();
    let profiles = accounts::profiles(store, makers).await?;
    let view = |invite: InviteDocument| {
        let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
        Some(InviteView {
            id: InviteId::from_bytes(invite.id.bytes()),
            created_by: user(invite.created_by),
            created_by_name: profiles.get(&invite.created_by)?.display_name.clone(),
            created_at: time(invite.created_at),
            expires_at: invite.expires_at.map(time),
            max_uses: invite.max_uses.map(count),
            uses: count(invite.uses),
        })
    };
    let mut invites: Vec<_> = found.into_iter().filter_map(view).collect();
    invites.sort_unstable_by_key(|invite| std::cmp::Reverse((invite.created_at, invite.id)));
    Ok(invites)
}

/// Whether there was one.
async fn revoke(store: &MongoStore, which: Document) -> Result<bool, Fault> {
    let mut session = store.causal().await?;
    let revoked = store.invites.delete_one(which).session(&mut session).await?;
    store.seen.note(&session);
    Ok(revoked.deleted_count == 1)
}

fn by_hash(token_hash: &[u8; 32]) -> Document {
    doc! { "token_hash": binary(token_hash) }
}

async fn invited_to(
    store: &MongoStore,
    token_hash: &[u8; 32],
    viewer: UserId,
    now: Timestamp,
) -> Result<Option<InvitedTo>, Fault> {
    let found = store.first(store.invites.find_one(by_hash(token_hash))).await?;
    let Some(invite) = found else { return Ok(None) };
    let membership = doc! { "chat_id": invite.chat_id, "user_id": user_oid(viewer) };
    let chat = store.chats.find_one(doc! { "_id": invite.chat_id, "deleted_at": null });
    let (chat, me) = tokio::try_join!(store.first(chat), store.first(store.members.find_one(membership)))?;
    let is_member = me.is_some();
    let Some(chat) = chat.filter(|_| is_member || invite.is_good(now)) else { return Ok(None) };
    Ok(Some(InvitedTo {
        chat_id: ChatId::from_bytes(chat.id.bytes()),
        name: chat.name.unwrap_or_default(),
        description: chat.description,
        avatar: chat.avatar.map(attachment),
        member_count: chat.member_count.unsigned_abs(),
        is_member,
    }))
}

async fn join(
    store: &MongoStore,
    chat: ChatId,
    token_hash: &[u8; 32],
    actor: UserId,
    at: Timestamp,
    decide: &Decide,
    attempted: &Attempted<Vec<LogEvent>>,
) -> Result<Option<Vec<LogEvent>>, Fault> {
    let found = store.newest(store.invites.find_one(by_hash(token_hash))).await?;
    let Some(invite) = found.filter(|invite| invite.chat_id == chat_oid(chat)) else { return Ok(None) };
    if !invite.is_good(at) {
        let membership = doc! { "chat_id": invite.chat_id, "user_id": user_oid(actor) };
        if store.newest(store.members.find_one(membership)).await?.is_none() {
            return Ok(None);
        }
    }
    // Counted from where it was read, so that of two who race for the last use one gets it.
    let its_use = doc! { "_id": invite.id, "uses": invite.uses };
    changes::change(store, chat, actor, at, decide, attempted, Some(its_use)).await
}
