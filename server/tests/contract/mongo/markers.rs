//! Reading in MongoDB: several nodes at once, and what nodes from before there was any have written.

use app::domain::Ordinal;
use mongodb::bson::{Document, doc};

use super::MongoFixture;
use crate::{
    chats::chat,
    reading::{read_to, sends_beside_marks},
    support::*,
};

/// Takes away from the members what an older node would not have written.
async fn forget(fixture: &MongoFixture) {
    let members = fixture.database.collection::<Document>("members");
    let all = doc! { "read_ordinal": "", "unread_from": "", "archived": "", "my_revision": "", "muted_until": "", "mentions_only": "" };
    members.update_many(doc! {}, doc! { "$unset": all }).await.unwrap();
    let users = fixture.database.collection::<Document>("users");
    users.update_many(doc! {}, doc! { "$unset": { "read_receipts": "" } }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_two_nodes_marks_and_sends_of_one_person_do_not_undo_each_other() {
    let fixture = MongoFixture::open().await;
    let elsewhere: TheStore = fixture.another().await;
    sends_beside_marks(&fixture.store(), &elsewhere).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_two_nodes_a_save_beside_its_send_leaves_no_draft() {
    let fixture = MongoFixture::open().await;
    let elsewhere: TheStore = fixture.another().await;
    crate::drafts::saves_beside_sends(&fixture.store(), &elsewhere).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_nothing_has_no_draft_by_sending() {
    let fixture = MongoFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    send(&store, chat, ada, "hello", 1).await;
    let members = super::all(&fixture.database, "members").await;
    assert!(members.iter().all(|member| !member.contains_key("draft")), "{members:#?}");
    assert_eq!(store.draft(chat, ada).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_begins_as_having_read_everything() {
    let mut fixture = MongoFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chats = [direct(&store, [ada, bob], at(0)).await, group(&store, &[ada, bob]).await];
    for (chat, messages) in chats.into_iter().zip([3, 5]) {
        for number in 0..messages {
            send(&store, chat, ada, "hello", number).await;
        }
    }
    forget(&fixture).await;
    let schema = fixture.database.collection::<Document>("schema");
    schema.update_one(doc! {}, doc! { "$set": { "version": 3 } }).await.unwrap();
    fixture.reopen().await;
    let store = fixture.store();
    for (id, messages) in chats.into_iter().zip([3, 5]) {
        assert_eq!(chat(&store, id, bob).await.mine.read, Ordinal(messages));
        // From then on it is counted.
        send(&store, id, ada, "one more", 9).await;
        assert_eq!(chat(&store, id, bob).await.mine.unread(Ordinal(messages + 1)), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_an_older_node_has_added_counts_as_having_read_everything_until_they_mark_or_send() {
    let fixture = MongoFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let id = direct(&store, [ada, bob], at(0)).await;
    send(&store, id, ada, "hello", 1).await;
    forget(&fixture).await;
    let record = chat(&store, id, bob).await;
    assert_eq!(record.mine.read, Ordinal(1));
    assert!(record.members.iter().all(|member| member.read == Some(Ordinal(1))), "receipts are on");
    assert_eq!(store.places_of(bob).await.unwrap()[&id].mine, record.mine);
    let marked = store.change_mine(id, bob, read_to(1)).await.unwrap().unwrap();
    assert_eq!(marked.after, marked.before, "nothing that anybody sees has changed");
    send(&store, id, ada, "after it", 2).await;
    assert_eq!(chat(&store, id, bob).await.mine.unread(Ordinal(2)), 1);
    forget(&fixture).await;
    send(&store, id, bob, "mine", 3).await;
    send(&store, id, ada, "and on", 4).await;
    assert_eq!(chat(&store, id, bob).await.mine.unread(Ordinal(4)), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_from_before_shows_when_it_was_last_there_and_nobody_is_blocked() {
    let mut fixture = MongoFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let id = direct(&store, [ada, bob], at(0)).await;
    let users = fixture.database.collection::<Document>("users");
    users.update_many(doc! {}, doc! { "$unset": { "show_last_seen": "" } }).await.unwrap();
    fixture.database.collection::<Document>("blocks").drop().await.unwrap();
    let schema = fixture.database.collection::<Document>("schema");
    schema.update_one(doc! {}, doc! { "$set": { "version": 10 } }).await.unwrap();
    fixture.reopen().await;
    let store = fixture.store();
    let user = store.user(ada).await.unwrap().unwrap();
    assert_eq!((user.show_last_seen, user.last_seen), (true, None));
    assert!(store.privacy_of(ada).await.unwrap().shows_last_seen);
    assert_eq!(chat(&store, id, bob).await.blocking, Default::default());
    send(&store, id, ada, "as ever", 1).await;
    store.block(bob, ada, at(2)).await.unwrap();
    assert!(chat(&store, id, ada).await.blocking.by_them);
}
