//! The documents of a chat's log: its events, and its messages as they are now. As [`super::documents`] says, a
//! field is only ever added, with a default.

use app::{
    domain::{ChatId, ClientId, MessageId, Ordinal, Seq, UserId},
    ports::NewMessage,
    protocol::{AttachmentView, EventBody, LogEvent, MentionsView, MessageView, QuoteView, ReactionView},
};
use mongodb::bson::{DateTime, Document, Uuid, doc, oid::ObjectId, serde_helpers::HumanReadable};
use serde::{Deserialize, Serialize};

use super::{
    documents::{
        ProfileDocument, Profiles, attachment, chat_oid, date, message_oid, time, user, user_oid, uuid,
    },
    search,
    views::Quotes,
};
use crate::store::conversation;

/// An entry of a chat's log.
#[derive(Serialize, Deserialize)]
pub(super) struct EventDocument {
    pub chat_id: ObjectId,
    pub seq: i64,
    pub at: DateTime,
    pub actor_id: ObjectId,
    /// What happened, in the words of the protocol.
    pub body: HumanReadable<EventBody>,
}

impl From<&LogEvent> for EventDocument {
    fn from(event: &LogEvent) -> Self {
        Self {
            chat_id: chat_oid(event.chat_id),
            seq: event.seq.as_i64(),
            at: date(event.at),
            actor_id: user_oid(event.actor_id),
            body: HumanReadable(conversation::kept(&event.body).into_owned()),
        }
    }
}

impl EventDocument {
    /// Who has to be known by name to tell of it.
    pub(super) fn people(&self) -> impl Iterator<Item = ObjectId> + use<> {
        let people = self.body.0.people(user(self.actor_id)).into_iter().map(user_oid);
        std::iter::once(self.actor_id).chain(people)
    }

    /// Names are read when they are shown, wherever a message comes from. The writer is the actor.
    pub(super) fn into_event(self, profiles: &Profiles) -> LogEvent {
        let HumanReadable(mut body) = self.body;
        if let (EventBody::NewMessage { message }, Some(profile)) = (&mut body, profiles.get(&self.actor_id))
        {
            message.sender_name.clone_from(&profile.display_name);
            message.sender_avatar = profile.avatar.map(attachment);
        }
        let actor_id = user(self.actor_id);
        let name = |user: UserId| Some((user, profiles.get(&user_oid(user))?.display_name.clone()));
        LogEvent {
            named: body.people(actor_id).into_iter().filter_map(name).collect(),
            chat_id: ChatId::from_bytes(self.chat_id.bytes()),
            seq: Seq::from_i64(self.seq),
            at: time(self.at),
            actor_id,
            body,
        }
    }
}

/// A message as it is now.
#[derive(Serialize, Deserialize)]
pub(super) struct MessageDocument {
    #[serde(rename = "_id")]
    pub id: ObjectId,
    pub chat_id: ObjectId,
    pub seq: i64,
    pub ordinal: i64,
    pub sender_id: ObjectId,
    pub client_id: Uuid,
    pub body: String,
    /// Whom it mentions. Written with the documents of `mentions`.
    #[serde(default, skip_serializing_if = "MentionsView::is_empty")]
    pub mentions: MentionsView,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentView>,
    /// What it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyDocument>,
    /// Its reactions as pages are told of them. Written with the documents of `reactions`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<ReactionView>,
    pub created_at: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<DateTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned_at: Option<DateTime>,
    /// When it was deleted. Its text and files are gone then; its place stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<DateTime>,
    /// The last event that changed it; 0 if none did.
    #[serde(default, skip_serializing_if = "is_unchanged")]
    pub changed_seq: i64,
    /// The places of the events that changed its text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edit_seqs: Vec<i64>,
    /// What it is found by. Written with its text, and never read with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty", skip_deserializing)]
    pub grams: Vec<i32>,
}

fn is_unchanged(changed: &i64) -> bool {
    *changed == 0
}

/// The message that another one answers. It stays in its place until the chat goes.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct ReplyDocument {
    pub id: ObjectId,
    pub seq: i64,
}

/// What somebody has put under a message.
#[derive(Serialize, Deserialize)]
pub(super) struct ReactionDocument {
    pub chat_id: ObjectId,
    /// The message's place in the log.
    pub message_seq: i64,
    pub user_id: ObjectId,
    pub emoji: String,
}

impl ReactionDocument {
    /// Finds this one alone.
    pub(super) fn filter(&self) -> Document {
        doc! {
            "chat_id": self.chat_id, "message_seq": self.message_seq, "user_id": self.user_id,
            "emoji": &self.emoji,
        }
    }
}

impl MessageDocument {
    /// The fields that a deleted message has no longer, as an index has them ([`super::migrations::are_half_deleted`]);
    /// `mentions` came later. Nodes of a schema before version 4 know of the files alone.
    pub(super) const GONE_WHEN_DELETED: [&str; 6] =
        ["attachments", "reply_to", "reactions", "edited_at", "edit_seqs", "pinned_at"];

    pub(super) fn new(
        chat: ChatId,
        seq: Seq,
        ordinal: Ordinal,
        new: &NewMessage,
        answered: Option<&QuoteView>,
    ) -> Self {
        Self {
            id: message_oid(new.id),
            chat_id: chat_oid(chat),
            seq: seq.as_i64(),
            ordinal: ordinal.as_i64(),
            sender_id: user_oid(new.sender_id),
            client_id: uuid(new.client_id),
            body: new.body.as_str().to_owned(),
            mentions: new.mentions.clone(),
            attachments: new.attachments.clone(),
            reply_to: answered
                .map(|quote| ReplyDocument { id: message_oid(quote.id), seq: quote.seq.as_i64() }),
            reactions: Vec::new(),
            created_at: date(new.created_at),
            edited_at: None,
            pinned_at: None,
            deleted_at: None,
            changed_seq: 0,
            edit_seqs: Vec::new(),
            grams: search::numbers(new.sender_id, new.body.as_str(), &new.attachments),
        }
    }

    /// The places of the events that brought its texts, oldest first.
    pub(super) fn text_seqs(&self) -> impl Iterator<Item = i64> {
        std::iter::once(self.seq).chain(self.edit_seqs.iter().copied())
    }

    /// As nobody in particular sees it; what it answers is looked for among the quotes.
    pub(super) fn view(&self, sender: Option<&ProfileDocument>, quotes: &Quotes) -> MessageView {
        let quote = |answered: &ReplyDocument| {
            let id = MessageId::from_bytes(answered.id.bytes());
            let reference = || QuoteView { id, seq: Seq::from_i64(answered.seq), ..QuoteView::default() };
            quotes.get(&id).cloned().unwrap_or_else(reference)
        };
        let mut view = MessageView {
            id: MessageId::from_bytes(self.id.bytes()),
            chat_id: ChatId::from_bytes(self.chat_id.bytes()),
            seq: Seq::from_i64(self.seq),
            ordinal: Ordinal::from_i64(self.ordinal),
            sender_id: user(self.sender_id),
            sender_name: sender.map(|sender| sender.display_name.clone()).unwrap_or_default(),
            sender_avatar: sender.and_then(|sender| sender.avatar).map(attachment),
            client_id: ClientId::from_bytes(self.client_id.bytes()),
            body: self.body.clone(),
            mentions: self.mentions.clone(),
            attachments: self.attachments.clone(),
            reply_to: self.reply_to.as_ref().map(quote),
            reactions: self.reactions.clone(),
            created_at: time(self.created_at),
            edited_at: self.edited_at.map(time),
            pinned_at: self.pinned_at.map(time),
            deleted_at: self.deleted_at.map(time),
            changed_seq: Seq::from_i64(self.changed_seq),
        };
        // An older node may have deleted it and left what it did not know of.
        if let Some(at) = view.deleted_at {
            view.delete(at);
        }
        view
    }
}
