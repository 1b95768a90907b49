//! Taking text and files from messages, and from the events that brought them.

use app::{
    domain::{ChatId, Timestamp, limits},
    protocol::{EventBody, LogEvent},
};
use mongodb::bson::{Document, doc, oid::ObjectId, serde_helpers::HumanReadable, serialize_to_bson};

use super::{
    MongoStore, attachments,
    documents::{MessageDocument, attachment_oid, chat_oid, date, message_oid},
    fault::Fault,
    transaction::Transaction,
};

/// The messages that a change deletes and that are not deleted yet, with the events that brought them.
pub(super) struct Deletions(Vec<Deletion>);

struct Deletion {
    message: MessageDocument,
    /// The event without what is taken away.
    scrubbed: EventBody,
    at: Timestamp,
}

impl Deletions {
    /// Reads what these events delete; nothing, where they delete no message. Deletions move the chat's head, so
    /// that what was read after it still holds when it was not moved.
    pub(super) async fn read(store: &MongoStore, chat: ChatId, events: &[LogEvent]) -> Result<Self, Fault> {
        let mut deletions = Vec::new();
        let mut seen: Vec<ObjectId> = Vec::new();
        for event in events {
            let EventBody::MessageDeleted { message_id } = &event.body else { continue };
            let id = message_oid(*message_id);
            if seen.contains(&id) {
                continue;
            }
            seen.push(id);
            let this = doc! { "_id": id, "chat_id": chat_oid(chat) };
            let message = store.newest(store.messages.find_one(this)).await?;
            let message =
                message.ok_or_else(|| Fault::broken_rule("an event deletes a message of no such chat"))?;
            if message.deleted_at.is_none() {
                deletions.push(Deletion::of(store, message, event.at).await?);
            }
        }
        Ok(Self(deletions))
    }

    /// Writes them, if the messages still are as they were read.
    pub(super) async fn write(
        self,
        store: &MongoStore,
        transaction: &mut Transaction<'_>,
    ) -> Result<(), Fault> {
        for deletion in self.0 {
            deletion.write(store, transaction).await?;
        }
        Ok(())
    }
}

impl Deletion {
    async fn of(store: &MongoStore, message: MessageDocument, at: Timestamp) -> Result<Self, Fault> {
        let place = doc! { "chat_id": message.chat_id, "seq": message.seq };
        let event = store.newest(store.events.find_one(place)).await?;
        let Some(HumanReadable(EventBody::NewMessage { message: mut view })) = event.map(|event| event.body)
        else {
            return Err(Fault::broken_rule("a message is not in the log"));
        };
        view.delete(at);
        Ok(Self { message, scrubbed: EventBody::NewMessage { message: view }, at })
    }

    async fn write(self, store: &MongoStore, transaction: &mut Transaction<'_>) -> Result<(), Fault> {
        let Self { message, scrubbed, at } = self;
        let undeleted = doc! { "_id": message.id, "deleted_at": null };
        let delete = doc! {
            "$set": { "body": "", "deleted_at": date(at) },
            "$unset": { "attachments": "" },
        };
        let deleted = store.messages.update_one(undeleted, delete).session(transaction.session()).await?;
        let place = doc! { "chat_id": message.chat_id, "seq": message.seq };
        let body = serialize_to_bson(&HumanReadable(scrubbed)).map_err(mongodb::error::Error::from)?;
        let scrub: Document = doc! { "$set": { "body": body } };
        let scrubbed = store.events.update_one(place, scrub).session(transaction.session()).await?;
        if (deleted.matched_count, scrubbed.matched_count) != (1, 1) {
            return Err(Fault::Lost);
        }
        let files = message.attachments.iter().map(|file| {
            let bytes = i64::try_from(file.size).unwrap_or(i64::MAX);
            (attachment_oid(file.id), message.sender_id, bytes)
        });
        let collect_at = at.plus_seconds(limits::RELEASED_GRACE_SECONDS);
        attachments::release(store, transaction, &files.collect::<Vec<_>>(), collect_at).await
    }
}
