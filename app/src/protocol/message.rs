//! A message, as members see it, and what the events of its chat's log change in it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AttachmentView, EventBody, LogEvent, MentionsView};
use crate::domain::{AttachmentId, ChatId, ClientId, MessageId, Ordinal, Seq, Timestamp, UserId, limits};

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageView {
    /// Which message.
    pub id: MessageId,
    /// In which chat.
    pub chat_id: ChatId,
    /// The place of its event in the chat's log.
    pub seq: Seq,
    /// Its place among the chat's messages.
    pub ordinal: Ordinal,
    /// Who wrote it.
    pub sender_id: UserId,
    /// What the writer is called, so that a message of somebody who left still has a name.
    pub sender_name: String,
    /// The picture that stands for the writer, if they have one. Read with the message, as the name is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_avatar: Option<AttachmentId>,
    /// The id that the sender's device gave it.
    pub client_id: ClientId,
    /// Its text, Markdown: never HTML.
    pub body: String,
    /// Whom it mentions.
    #[serde(default, skip_serializing_if = "MentionsView::is_empty")]
    pub mentions: MentionsView,
    /// Its files, in the order in which they were sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentView>,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<QuoteView>,
    /// What people have put under it, in the order in which each emoji came first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<ReactionView>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When its text was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Timestamp>,
    /// When it was pinned, as long as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned_at: Option<Timestamp>,
    /// When it was deleted. Text, files, reactions and what it answered are gone then; its place stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// The last event of the log that changed it; 0 if none did. Events up to this one are in it already.
    #[serde(default, skip_serializing_if = "is_unchanged")]
    pub changed_seq: Seq,
}

fn is_unchanged(changed: &Seq) -> bool {
    *changed == Seq(0)
}

/// What is shown of a message that another one answers. The log keeps `id` and `seq` alone; the rest is read with
/// the answer, so that it never outlives the message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuoteView {
    /// Which message.
    pub id: MessageId,
    /// The place of its event in the chat's log.
    pub seq: Seq,
    /// Who wrote it.
    #[serde(default)]
    pub sender_id: UserId,
    /// What the writer is called.
    #[serde(default)]
    pub sender_name: String,
    /// The beginning of its text, at most [`limits::QUOTE_CHARS`] characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// How many files it has.
    #[serde(default, skip_serializing_if = "is_none")]
    pub files: u32,
    /// Whether it was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// The last event that changed the quoted message, as [`MessageView::changed_seq`]: events up to this one are
    /// in the quote already.
    #[serde(default, skip_serializing_if = "is_unchanged")]
    pub changed_seq: Seq,
}

fn is_none(files: &u32) -> bool {
    *files == 0
}

impl QuoteView {
    /// What is shown of this message where it is answered.
    pub fn of(message: &MessageView) -> Self {
        Self {
            id: message.id,
            seq: message.seq,
            sender_id: message.sender_id,
            sender_name: message.sender_name.clone(),
            body: cut(&message.body),
            files: u32::try_from(message.attachments.len()).unwrap_or(u32::MAX),
            deleted: message.deleted_at.is_some(),
            changed_seq: message.changed_seq,
        }
    }

    /// What the log keeps of it.
    pub fn reference(&self) -> Self {
        Self { id: self.id, seq: self.seq, ..Self::default() }
    }

    /// Brings it to where this event leaves the quoted message. False if the event is about another one, or is in
    /// the quote already.
    pub fn apply(&mut self, event: &LogEvent) -> bool {
        if event.body.message_id() != Some(self.id) || event.seq <= self.changed_seq.max(self.seq) {
            return false;
        }
        self.changed_seq = event.seq;
        match &event.body {
            EventBody::MessageEdited { body, .. } if !self.deleted => self.body = cut(body),
            EventBody::MessageDeleted { .. } => self.delete(),
            _ => {}
        }
        true
    }

    /// Takes away what is shown of a message that was deleted.
    pub fn delete(&mut self) {
        self.body.clear();
        (self.files, self.deleted) = (0, true);
    }
}

/// The first characters of a text.
fn cut(body: &str) -> String {
    body.chars().take(limits::QUOTE_CHARS).collect()
}

/// One emoji under a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReactionView {
    /// The emoji.
    pub emoji: String,
    /// How many people have put it there.
    pub count: u64,
    /// Up to [`limits::REACTION_USERS`] of them. Where one takes theirs back, nobody who was not named moves up.
    pub user_ids: Vec<UserId>,
    /// Whether the reader is one of them. False in events, which are the same for all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mine: bool,
}

impl MessageView {
    /// Takes away what a deleted message has no longer.
    pub fn delete(&mut self, at: Timestamp) {
        self.body.clear();
        self.mentions = MentionsView::default();
        self.attachments.clear();
        self.reply_to = None;
        self.reactions.clear();
        (self.edited_at, self.pinned_at) = (None, None);
        self.deleted_at = Some(at);
    }

    /// Says of no reaction that it is the reader's: for what is told to many alike, and for what is stored.
    pub fn disown(&mut self) {
        self.reactions.iter_mut().for_each(|reaction| reaction.mine = false);
    }

    /// Brings it to where this event of its chat leaves it, as `me` sees it. False if the event changes nothing of
    /// it, or is in it already.
    pub fn apply(&mut self, event: &LogEvent, me: Option<UserId>) -> bool {
        let quoted = self.reply_to.as_mut().is_some_and(|quote| quote.apply(event));
        if event.body.message_id() != Some(self.id) || event.seq <= self.changed_seq.max(self.seq) {
            return quoted;
        }
        self.changed_seq = event.seq;
        match &event.body {
            EventBody::MessageDeleted { .. } => self.delete(event.at),
            _ if self.deleted_at.is_some() => {}
            EventBody::MessageEdited { body, mentions, .. } => {
                self.body.clone_from(body);
                self.mentions.clone_from(mentions);
                self.edited_at = Some(event.at);
            }
            EventBody::ReactionChanged { emoji, on, .. } => self.react(emoji, *on, event.actor_id, me),
            EventBody::PinChanged { on, .. } => self.pinned_at = on.then_some(event.at),
            _ => {}
        }
        true
    }

    /// Takes over what another view of the same message, read at another time, knows better. False if that is
    /// nothing. What was deleted stays so.
    pub fn adopt(&mut self, other: &Self) -> bool {
        let rank = |view: &Self| (view.deleted_at.is_some(), view.changed_seq);
        let newer_self = rank(other) > rank(self);
        // What it answers changes by itself.
        let known = self.reply_to.take();
        let rank = |quote: &QuoteView| (quote.deleted, quote.changed_seq);
        let newer_quote = match (&known, &other.reply_to) {
            (Some(known), Some(quote)) => rank(quote) > rank(known),
            _ => false,
        };
        if newer_self {
            *self = other.clone();
        }
        if self.deleted_at.is_none() {
            self.reply_to = if newer_quote { other.reply_to.clone() } else { known.or(self.reply_to.take()) };
        }
        newer_self || newer_quote
    }

    fn react(&mut self, emoji: &str, on: bool, actor: UserId, me: Option<UserId>) {
        let place = self.reactions.iter().position(|reaction| reaction.emoji == emoji);
        let place = match place {
            Some(place) => place,
            None if on => {
                let (emoji, user_ids) = (emoji.to_owned(), Vec::new());
                self.reactions.push(ReactionView { emoji, count: 0, user_ids, mine: false });
                self.reactions.len() - 1
            }
            None => return,
        };
        let reaction = &mut self.reactions[place];
        if me == Some(actor) {
            reaction.mine = on;
        }
        if on {
            reaction.count += 1;
            if reaction.user_ids.len() < limits::REACTION_USERS {
                reaction.user_ids.push(actor);
            }
        } else {
            reaction.count = reaction.count.saturating_sub(1);
            reaction.user_ids.retain(|user| *user != actor);
            if reaction.count == 0 {
                self.reactions.remove(place);
            }
        }
    }
}

/// One earlier text of a message, for its author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EditView {
    /// The text.
    pub body: String,
    /// Since when it was the message's text.
    pub at: Timestamp,
}
