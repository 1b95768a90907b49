//! Commits whose answers are lost: what became of them is found out, and told.

use std::time::{Duration, Instant};

use app::{
    domain::{ChatId, Role, policy},
    ports::{NewDirectChat, RefreshOutcome},
    protocol::EventBody,
};
use mongodb::{
    Client,
    bson::{Bson, doc},
};
use server::store::mongo::{MongoOptions, MongoStore};

use super::nodes::Servers;
use crate::support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answers_are_lost_is_found_and_told() {
    let servers = Servers::start();
    let store: TheStore = MongoStore::open(&servers.url, MongoOptions::default()).await.unwrap();
    let [ada, bob, cy, dan] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let team = group(&store, &[ada, bob]).await;
    let gone = group(&store, &[ada, bob]).await;
    let (ended, _) = session(&store, ada, 0, DAY).await;
    let (kept, _) = session(&store, bob, 0, DAY).await;
    let (other, _) = session(&store, bob, 1, DAY).await;
    let (reused, stolen) = session(&store, cy, 0, DAY).await;
    store.rotate_refresh(refresh(stolen, 10)).await.unwrap();

    let admin = Client::with_uri_str(servers.url.expose()).await.unwrap().database("admin");
    // The server commits, and says that it does not know whether a majority has it.
    let doubt = |mode: Bson| {
        let data = doc! {
            "failCommands": ["commitTransaction"],
            "writeConcernError": { "code": 64, "errmsg": "waiting for replication timed out" },
        };
        admin
            .run_command(doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data })
            .into_future()
    };
    doubt(doc! { "times": 3 }.into()).await.unwrap();
    assert_eq!(send(&store, chat, ada, "committed again until it is known", 1).await.seq.0, 1);

    doubt("alwaysOn".into()).await.unwrap();
    let began = Instant::now();
    let new_group = new_group(&[cy, dan], at(2));
    let new_pair = NewDirectChat { id: ChatId::from_bytes(id()), pair: [cy, dan], created_at: at(2) };
    let (group_id, pair_id) = (new_group.id, new_pair.id);
    let sign_in = new_session(dan, 0, DAY);
    let signed_in = sign_in.session.clone();
    let join = move |chat: &_| policy::add_members(chat, ada, &[cy]);
    let outcomes = tokio::join!(
        send(&store, chat, bob, "never known, and looked up", 2),
        store.create_group_chat(new_group),
        store.create_direct_chat(new_pair),
        store.change_chat(team, ada, at(2), by_policy(join)),
        store.change_chat(gone, ada, at(2), always(vec![EventBody::ChatDeleted {}])),
        store.end_session(ada, ended.id),
        store.end_other_sessions(bob, kept.id),
        store.create_session(sign_in),
        store.rotate_refresh(refresh(stolen, 1_000)),
    );
    assert!(began.elapsed() < Duration::from_secs(29), "a wait of {:?}", began.elapsed());
    doubt("off".into()).await.unwrap();

    assert_eq!(outcomes.0.seq.0, 2);
    assert_eq!(log(&store, chat).await.len(), 2);
    outcomes.1.unwrap();
    assert!(store.role(group_id, dan).await.unwrap().is_some());
    assert_eq!(outcomes.2.unwrap(), (pair_id, true));
    assert_eq!(outcomes.3.unwrap().unwrap(), log(&store, team).await);
    assert_eq!(store.role(team, cy).await.unwrap(), Some(Role::Member));
    assert_eq!(outcomes.4.unwrap().unwrap().len(), 1);
    assert!(outcomes.5.unwrap(), "the session has ended, and its sockets are to hear of it");
    assert_eq!(outcomes.6.unwrap(), [other.id]);
    assert_eq!(outcomes.7.unwrap(), []);
    assert_eq!(store.session(signed_in.id, at(10)).await.unwrap(), Some(signed_in));
    assert_eq!(outcomes.8.unwrap(), RefreshOutcome::Reused { user_id: cy, session_id: reused.id });
}
