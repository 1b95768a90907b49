//! What only the primary has, and may lose: nobody is answered from it.

use app::ports::{DecideMessage, DecideMine};
use mongodb::{
    Client,
    bson::{DateTime, Document, doc, oid::ObjectId},
    options::{Acknowledgment, CollectionOptions, WriteConcern},
};
use server::{
    config::MongoUrl,
    store::mongo::{MongoOptions, MongoStore},
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::{replica_set::ReplicaSet, support::*};

/// Waits until something was decided twice: not answered after the first time.
async fn twice(mut decisions: UnboundedReceiver<()>, what: &str) {
    for _ in 0..2 {
        assert!(decisions.recv().await.is_some(), "{what}: answered from what only the primary has");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_nothing_is_to_be_changed_is_told_of_what_a_majority_has() {
    let servers = ReplicaSet::start().await;
    let url = MongoUrl::from(servers.url.clone());
    let store: TheStore = MongoStore::open(&url, MongoOptions::default()).await.unwrap();
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let message = send(&store, chat, ada, "to be pinned", 1).await;
    let others = servers.beside(servers.primary().await);
    for member in others {
        servers.lag(member, true).await;
    }
    // As another node's write looks of which that node has not been told yet that it is kept.
    let alone = WriteConcern::builder().w(Acknowledgment::Nodes(1)).build();
    let alone = CollectionOptions::builder().write_concern(alone).build();
    let database = Client::with_uri_str(&servers.url).await.unwrap().default_database().unwrap();
    let collection = |name: &str| database.collection_with_options::<Document>(name, alone.clone());
    let id = ObjectId::from_bytes(*chat.as_bytes());
    let pin =
        doc! { "$set": { "pinned_at": DateTime::from_millis(at(2).as_millis()), "changed_seq": 2_i64 } };
    let pinned = collection("messages").update_one(doc! { "chat_id": id }, pin).await.unwrap();
    let archive = doc! { "$set": { "archived": true, "my_revision": 1_i64, "read_ordinal": 1_i64 } };
    let hers = doc! { "chat_id": id, "user_id": ObjectId::from_bytes(*ada.as_bytes()) };
    let archived = collection("members").update_one(hers, archive).await.unwrap();
    assert_eq!((pinned.modified_count, archived.modified_count), (1, 1));

    let (decided, pins) = unbounded_channel();
    let pin: DecideMessage = Box::new(move |state| {
        assert!(state.message.pinned_at.is_some());
        // Nobody counts any longer.
        let _ = decided.send(());
        Ok(None)
    });
    let (decided, archivings) = unbounded_channel();
    let archive: DecideMine = Box::new(move |mine, _head| {
        assert!(mine.archived);
        let _ = decided.send(());
        mine.clone()
    });
    let (pinned, archived, ()) = tokio::join!(
        store.change_message(chat, message.id, ada, at(3), pin),
        store.change_mine(chat, ada, archive),
        async {
            tokio::join!(twice(pins, "a message"), twice(archivings, "one's own state"));
            for member in others {
                servers.lag(member, false).await;
            }
        },
    );
    let pinned = pinned.unwrap();
    assert_eq!((pinned.event, pinned.message.pinned_at), (None, Some(at(2))));
    let archived = archived.unwrap().unwrap();
    assert_eq!((&archived.before, archived.after.archived), (&archived.after, true));
}
