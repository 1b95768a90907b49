//! What people are writing and have not sent, on all of their devices.

use std::sync::Arc;

use super::{
    Actor, Errands,
    sequencer::{encode, publish},
};
use crate::{
    domain::{ChatId, ClientId, DraftBody, MessageId, limits, policy},
    error::{AppError, AppResult, ErrorCode},
    ports::{Bus, BusMessage, Clock, Limit, Limiter, NewDraft, Store},
    protocol::{ChatView, DraftView, DraftsView, Notice},
};

/// A page saves when nothing was typed for a second, and whenever it is left.
const SAVES: Limit = Limit { name: "save_draft", burst: 60, period_ms: 500 };
/// Each page asks once for each of its sockets.
const READS: Limit = Limit { name: "list_drafts", burst: 20, period_ms: 2_000 };

/// What somebody has written so far.
pub struct Written {
    /// The id that its message will have.
    pub id: ClientId,
    /// The text, unchecked.
    pub body: String,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// The revision of the draft that it was made of; 0 if of none.
    pub base: u64,
}

/// Drafts.
pub struct Drafts {
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    errands: Errands,
    limiter: Arc<dyn Limiter>,
    clock: Arc<dyn Clock>,
}

impl Drafts {
    /// Drafts over these ports.
    pub fn new(
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        errands: Errands,
        limiter: Arc<dyn Limiter>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, bus, errands, limiter, clock }
    }

    /// Saves what the caller is writing in the chat and tells their other sessions. Returns what is kept then: it is
    /// something else if a message has the id already, or if a draft was to be taken away that was not known. Fails with
    /// `not_found` for who is not in the chat, and with `unknown_reply` if what it answers is not in it.
    pub async fn save(&self, actor: Actor, chat: ChatId, written: Written) -> AppResult<DraftView> {
        let me = actor.user_id;
        self.limiter.take(SAVES, &me.to_string()).await?;
        let body = DraftBody::parse(&written.body);
        if body.is_err() || written.reply_to.is_some() {
            // Who may not even know of the chat learns nothing from how something is refused.
            policy::read(self.store.role(chat, me).await?)?;
        }
        if let Some(answered) = written.reply_to
            && self.store.message(chat, me, answered).await?.is_none()
        {
            return Err(ErrorCode::UnknownReply.into());
        }
        let Written { id, reply_to, base, .. } = written;
        let new = NewDraft { id, body: body?, reply_to, base, saved_at: self.clock.now() };
        let (store, bus) = (Arc::clone(&self.store), Arc::clone(&self.bus));
        let done = self.errands.run(async move {
            let draft = store.save_draft(chat, me, new).await?.ok_or_else(AppError::not_found)?;
            // Also if it was there: who saved it before may have been told that it failed, and others nothing.
            if draft.id == id && draft.revision > 0 {
                publish(&*bus, news(actor, chat, &draft)?).await;
            }
            Ok(draft)
        });
        done.await
    }

    /// What the caller is writing, in all chats.
    pub async fn list(&self, actor: Actor) -> AppResult<DraftsView> {
        self.limiter.take(READS, &actor.user_id.to_string()).await?;
        let drafts = self.store.drafts_of(actor.user_id, limits::CHATS_IN_LIST).await?;
        Ok(DraftsView { drafts })
    }
}

fn news(actor: Actor, chat_id: ChatId, draft: &DraftView) -> AppResult<BusMessage> {
    let notice = Notice::DraftChanged { chat_id, draft: draft.clone() };
    let Actor { user_id, session_id } = actor;
    Ok(BusMessage::Draft { chat_id, user_id, session_id, frame: encode(&notice.into())? })
}

/// Adds to a chat what its viewer is writing. Read after the chat, so that no send is between the two: its message has
/// taken the draft away, or its event is still to come.
pub(super) async fn with_draft(store: &dyn Store, actor: Actor, mut chat: ChatView) -> AppResult<ChatView> {
    chat.draft = store.draft(chat.id, actor.user_id).await?;
    Ok(chat)
}

/// The same for a list of chats, with one question.
pub(super) async fn with_drafts(
    store: &dyn Store,
    actor: Actor,
    mut chats: Vec<ChatView>,
) -> AppResult<Vec<ChatView>> {
    let mut drafts = store.drafts_of(actor.user_id, limits::CHATS_IN_LIST).await?;
    for chat in &mut chats {
        chat.draft = drafts.remove(&chat.id);
    }
    Ok(chats)
}
