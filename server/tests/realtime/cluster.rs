//! Two nodes over a Redis Cluster, where what belongs together has to lie together.

use crate::{
    bus::{a_message_reaches_everybody, nothing_falls_between_connecting_and_the_first_event},
    loss::{online_again, told},
    nodes::{Nodes, OverCluster},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_go_over_the_channels_of_their_chats() {
    a_message_reaches_everybody(OverCluster::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn channels_on_different_servers_are_listened_to_in_time() {
    nothing_falls_between_connecting_and_the_first_event(OverCluster::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_limits_and_the_ends_of_sessions_work() {
    let nodes = OverCluster::start().await;
    let ada = nodes.one().register("Ada").await;
    let mut sees = ada.socket().await;
    let mut others = Vec::new();
    // So many that their leases lie in several buckets.
    for number in 0..4 {
        let other = nodes.two().register(&format!("Person {number}")).await;
        ada.direct(&other).await;
        let socket = other.socket().await;
        told(&mut sees, &other, "online").await;
        others.push((other, socket));
    }
    let people: Vec<_> = others.iter().map(|(person, _)| person).collect();
    online_again(&ada, &people).await;
    for (other, mut socket) in others {
        other.call("logout", &[]).await.ok();
        assert_eq!(socket.closed().await, 1008);
        told(&mut sees, &other, "offline").await;
    }
    let wrong = [("email", ada.email.as_str()), ("password", "not the one")];
    let mut refusals = Vec::new();
    for _ in 0..8 {
        refusals.push(nodes.two().browser().call("login", &wrong).await.status);
    }
    let right = [("email", ada.email.as_str()), ("password", ada.password.as_str())];
    assert!(refusals.contains(&429), "{refusals:?}");
    assert_eq!(nodes.one().browser().call("login", &right).await.status, 429, "counted over all nodes");
    nodes.stop().await;
}
