//! Web Push: where browsers are told, and who is told of a message.

use app::{
    domain::{ChatId, Ordinal, Seq, SessionId, Timestamp, UserId},
    ports::{NewMessage, PushAudience, PushQuery, PushSubscription},
};

use crate::{deletions::delete, reading::read_to, support::*};

/// A subscription at an address that ends like this.
pub fn subscription(name: &str) -> PushSubscription {
    let mut p256dh = vec![4; 65];
    p256dh[1..][..name.len()].copy_from_slice(name.as_bytes());
    PushSubscription { endpoint: format!("https://push.example/{name}"), p256dh, auth: [3; 16] }
}

/// Signs somebody in on a browser that is told under this name.
pub async fn subscribed(store: &TheStore, who: UserId, name: &str) -> SessionId {
    let session = session(store, who, 0, DAY).await.0.id;
    assert!(store.set_push(session, subscription(name)).await.unwrap());
    session
}

pub fn query(chat: ChatId, except: UserId, ordinal: u64, now: Timestamp) -> PushQuery {
    // Where nothing but messages is in the log, that is the message's place, too.
    let (seq, ordinal) = (Seq(ordinal), Ordinal(ordinal));
    PushQuery { chat, seq, ordinal, except, now, called_only: false, most_members: 500, most_targets: 100 }
}

async fn audience(store: &TheStore, query: PushQuery) -> Option<PushAudience> {
    let mut audience = store.push_audience(query).await.unwrap()?;
    audience.targets.sort_by(|a, b| a.subscription.endpoint.cmp(&b.subscription.endpoint));
    Some(audience)
}

/// The ends of the addresses that are told of this message.
pub async fn told(store: &TheStore, query: PushQuery) -> Vec<String> {
    let targets = audience(store, query).await.map(|audience| audience.targets).unwrap_or_default();
    let end =
        |target: app::ports::PushTarget| target.subscription.endpoint.rsplit('/').next().unwrap().into();
    targets.into_iter().map(end).collect()
}

pub async fn a_subscription_lives_with_its_session(store: TheStore) {
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    send(&store, chat, ada, "hello", 1).await;
    let first = session(&store, bob, 0, DAY).await.0.id;
    assert!(!store.has_push(first).await.unwrap());
    assert_eq!(told(&store, query(chat, ada, 1, at(2))).await, [""; 0]);
    assert!(store.set_push(first, subscription("one")).await.unwrap());
    assert!(store.set_push(first, subscription("two")).await.unwrap(), "in place of the other");
    subscribed(&store, bob, "three").await;
    assert!(store.has_push(first).await.unwrap());
    let audience = audience(&store, query(chat, ada, 1, at(2))).await.unwrap();
    assert_eq!(audience.group, None);
    assert_eq!(audience.targets.iter().map(|target| target.user_id).collect::<Vec<_>>(), [bob, bob]);
    let kept: Vec<_> = audience.targets.into_iter().map(|target| target.subscription).collect();
    assert_eq!(kept, [subscription("three"), subscription("two")]);

    store.remove_push(first).await.unwrap();
    store.remove_push(first).await.unwrap();
    assert!(!store.has_push(first).await.unwrap());
    assert_eq!(told(&store, query(chat, ada, 1, at(2))).await, ["three"]);
    assert!(store.set_push(first, subscription("two")).await.unwrap());
    assert!(store.end_session(bob, first).await.unwrap());
    assert_eq!(told(&store, query(chat, ada, 1, at(2))).await, ["three"]);
    assert!(!store.set_push(first, subscription("three")).await.unwrap(), "there is no such session");
    assert_eq!(told(&store, query(chat, ada, 1, at(2))).await, ["three"], "and nobody lost anything by it");
    assert_eq!(told(&store, query(chat, ada, 1, at(DAY))).await, [""; 0], "the session has run out");
}

pub async fn an_endpoint_belongs_to_who_subscribed_last(store: TheStore) {
    let [ada, bob, cid] = people(&store).await;
    let team = group(&store, &[ada, bob, cid]).await;
    send(&store, team, ada, "hello", 1).await;
    let (bobs, cids) = (subscribed(&store, bob, "browser").await, subscribed(&store, cid, "browser").await);
    let audience = audience(&store, query(team, ada, 1, at(2))).await.unwrap();
    assert_eq!(audience.group.as_deref(), Some("Team"));
    assert_eq!(audience.targets.iter().map(|target| target.user_id).collect::<Vec<_>>(), [cid]);
    assert!(!store.has_push(bobs).await.unwrap());
    // The push service does not know it any longer.
    store.forget_endpoint("https://push.example/other").await.unwrap();
    assert!(store.has_push(cids).await.unwrap());
    store.forget_endpoint("https://push.example/browser").await.unwrap();
    assert!(!store.has_push(cids).await.unwrap());
    // However many take it at once, one of them has it.
    let (one, two) = tokio::join!(
        store.set_push(bobs, subscription("again")),
        store.set_push(cids, subscription("again"))
    );
    assert_eq!((one.unwrap(), two.unwrap()), (true, true));
    assert_ne!(store.has_push(bobs).await.unwrap(), store.has_push(cids).await.unwrap());
}

pub async fn told_is_who_is_in_the_chat_and_wants_to_hear_of_it(store: TheStore) {
    let [ada, bob, cid, dan, eve, outsider] = people(&store).await;
    let team = group(&store, &[ada, bob, cid, dan, eve]).await;
    for (who, name) in
        [(ada, "ada"), (bob, "bob"), (cid, "cid"), (dan, "dan"), (eve, "eve"), (outsider, "outsider")]
    {
        subscribed(&store, who, name).await;
    }
    send(&store, team, ada, "hello", 1).await;
    let last = send(&store, team, ada, "hello", 2).await;
    let of = |ordinal| query(team, ada, ordinal, at(5));
    assert_eq!(told(&store, of(2)).await, ["bob", "cid", "dan", "eve"], "the writer is not");
    let muted = |until: Timestamp| -> app::ports::DecideMine {
        Box::new(move |mine, _| app::protocol::MyChatView { muted_until: Some(until), ..mine.clone() })
    };
    store.change_mine(team, bob, muted(at(10))).await.unwrap().unwrap();
    store.change_mine(team, cid, muted(at(5))).await.unwrap().unwrap();
    store.change_mine(team, dan, read_to(1)).await.unwrap().unwrap();
    store.change_mine(team, eve, read_to(2)).await.unwrap().unwrap();
    assert_eq!(told(&store, of(2)).await, ["cid", "dan"], "not who has muted it, nor who has read it");
    assert_eq!(told(&store, of(1)).await, ["cid"]);
    let removed = app::protocol::EventBody::MemberRemoved { user_id: cid };
    store.change_chat(team, ada, at(6), always(vec![removed])).await.unwrap().unwrap();
    assert_eq!(told(&store, of(2)).await, ["dan"], "nor who is out of it");
    // Beyond what is told of, and nowhere.
    assert_eq!(told(&store, PushQuery { most_members: 3, ..of(2) }).await, [""; 0]);
    assert_eq!(told(&store, PushQuery { most_members: 4, ..of(2) }).await, ["dan"]);
    assert_eq!(told(&store, PushQuery { now: at(11), most_targets: 1, ..of(2) }).await.len(), 1);
    assert_eq!(told(&store, query(ChatId::from_bytes(id()), ada, 1, at(5))).await, [""; 0]);
    delete(&store, team, ada, last.id, 12).await.unwrap();
    assert_eq!(told(&store, of(2)).await, [""; 0], "it is deleted");
}

pub async fn who_wants_to_hear_of_mentions_alone_is_told_of_these(store: TheStore) {
    let [ada, bob, cid, dan] = people(&store).await;
    let team = group(&store, &[ada, bob, cid, dan]).await;
    for (who, name) in [(bob, "bob"), (cid, "cid"), (dan, "dan")] {
        subscribed(&store, who, name).await;
    }
    let wanting = || -> app::ports::DecideMine {
        Box::new(|mine, _| app::protocol::MyChatView { mentions_only: true, ..mine.clone() })
    };
    store.change_mine(team, bob, wanting()).await.unwrap().unwrap();
    store.change_mine(team, cid, wanting()).await.unwrap().unwrap();
    send(&store, team, ada, "hello", 1).await;
    for (ordinal, whom) in
        [(2, mentioning(false, &[bob])), (3, mentioning(true, &[])), (4, mentioning(false, &[dan]))]
    {
        append(&store, team, NewMessage { mentions: whom, ..text(ada, "hi", at(ordinal)) }).await;
    }
    let of = |ordinal| query(team, ada, ordinal, at(9));
    assert_eq!(told(&store, of(1)).await, ["dan"]);
    assert_eq!(told(&store, of(2)).await, ["bob", "dan"]);
    assert_eq!(told(&store, of(3)).await, ["bob", "cid", "dan"], "everybody is mentioned");
    assert_eq!(told(&store, of(4)).await, ["dan"]);
    // Whom nothing else notifies, where a later message is told to the others.
    let called = |ordinal| PushQuery { called_only: true, ..of(ordinal) };
    assert_eq!(told(&store, called(1)).await, [""; 0]);
    assert_eq!(told(&store, called(2)).await, ["bob"]);
    assert_eq!(told(&store, called(3)).await, ["bob", "cid"]);
    store.change_mine(team, bob, read_to(2)).await.unwrap().unwrap();
    assert_eq!(told(&store, called(2)).await, [""; 0], "it is read");
}
