//! What `samvad check` says of the servers that many nodes need.

use std::{net::TcpListener, process::Command};

use crate::{
    Folder, SECRET,
    support::{RedisCluster, RedisServer},
};

/// With the secret that nodes need.
fn check(folder: &Folder, arguments: &[&str]) -> crate::Said {
    folder.check(&[&["--secret", SECRET], arguments].concat())
}

#[tokio::test]
async fn redis_is_tried_as_nodes_use_it() {
    let redis = RedisServer::start().await;
    let folder = Folder::new();
    let said = check(&folder, &["--redis-url", &redis.url]);
    said.nothing_is_wrong();
    assert!(said.line("Redis").contains("takes keys and news, version 7."), "{}", said.text());

    let alone = folder.check(&["--redis-url", &redis.url]);
    alone.is_wrong("One thing is");
    assert!(alone.line("secret").contains("refuse the tokens of the others"), "{}", alone.text());

    for (rules, what) in [
        ("~samvad:* &samvad:* +@all -@admin -@dangerous", None),
        ("~other:* &samvad:* +@all", Some("write to keys beginning with samvad:")),
        ("~samvad:* &other:* +@all", Some("write to channels beginning with samvad:")),
    ] {
        let user = ["ACL", "SETUSER", "ada", "reset", "on", ">sesame"].into_iter().chain(rules.split(' '));
        let set = Command::new("redis-cli").args(["-u", &redis.url]).args(user).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&set.stdout).trim(), "OK", "{rules}");
        let said = check(&folder, &["--redis-url", &redis.url.replace("redis://", "redis://ada:sesame@")]);
        match what {
            None => said.nothing_is_wrong(),
            Some(what) => {
                said.is_wrong("One thing is");
                assert!(said.line("Redis").contains(what), "{}", said.text());
            }
        }
        assert!(!said.text().contains("ada:") && !said.text().contains(":sesame"), "{}", said.text());
    }
    let wrong = check(&folder, &["--redis-url", &redis.url.replace("redis://", "redis://ada:open@")]);
    wrong.is_wrong("One thing is");
    assert!(wrong.line("Redis").contains("cannot be reached") && !wrong.text().contains("open@"));
}

#[tokio::test]
async fn a_redis_cluster_is_tried_as_well() {
    let cluster = RedisCluster::start().await;
    let said = check(&Folder::new(), &["--redis-url", &cluster.url]);
    said.nothing_is_wrong();
    assert!(said.line("Redis").contains("takes keys and news"), "{}", said.text());
}

#[test]
fn a_redis_that_is_away_or_silent_is_said_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_url = format!("redis://:sesame@{}", silent.local_addr().unwrap());
    let away_url = format!("redis://:sesame@{}", crate::free_address());
    for url in [silent_url, away_url] {
        let said = check(&Folder::new(), &["--redis-url", &url]);
        said.is_wrong("One thing is");
        let line = said.line("Redis");
        assert!(line.starts_with("WRONG Redis") && line.contains("cannot be reached"), "{line}");
        assert!(!said.text().contains("sesame"));
    }
}
