//! What `samvad check` says of the servers that many nodes need.

use std::{net::TcpListener, process::Command};

use crate::{
    Folder, SECRET,
    support::{RedisCluster, RedisServer, client_id},
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

/// A database of the replica set that `MONGODB_URL` names, which nothing is in and nothing is put into.
fn empty_database() -> String {
    let url = std::env::var("MONGODB_URL").expect(
        "MONGODB_URL names the replica set that tests use: scripts/services.sh start, then eval \
         \"$(scripts/services.sh env)\"",
    );
    let name = format!("samvad_check_{}", client_id()).replace('-', "");
    let (servers, options) = url.split_once('?').unwrap();
    format!("{}/{name}?{options}", servers.rsplit_once('/').unwrap().0)
}

#[test]
fn mongodb_is_tried_without_being_changed() {
    let (folder, url) = (Folder::new(), empty_database());
    for _twice in 0..2 {
        let said = check(&folder, &["--mongodb-url", &url]);
        said.nothing_is_wrong();
        let line = said.line("store");
        assert!(
            line.contains(", MongoDB ") && line.contains("is empty: it is set up at the start"),
            "{line}"
        );
        assert!(said.line("Redis").starts_with("note Redis none"), "{}", said.text());
    }
    let without_secret = folder.check(&["--mongodb-url", &url]);
    without_secret.is_wrong("2 things are");
    assert!(
        without_secret.line("secret").contains("refuse the tokens of the others"),
        "{}",
        without_secret.text()
    );
}

#[tokio::test]
async fn mongodb_with_the_demo_accounts_is_not_for_others() {
    let (folder, url) = (Folder::new(), empty_database());
    assert!(folder.run(&[("MONGODB_URL", &url)], &["seed"]).0.status.success());
    let here = check(&folder, &["--mongodb-url", &url]);
    here.nothing_is_wrong();
    assert!(here.line("store").contains("can be read and written to, version "), "{}", here.text());
    let open = check(&folder, &["--mongodb-url", &url, "--public-url", "https://chat.example"]);
    open.is_wrong("One thing is");
    assert!(open.line("store").contains("demo accounts"), "{}", open.text());

    let client = mongodb::Client::with_uri_str(&url).await.unwrap();
    let database = client.default_database().unwrap();
    let schema = database.collection::<mongodb::bson::Document>("schema");
    schema.delete_one(mongodb::bson::doc! {}).await.unwrap();
    let foreign = check(&folder, &["--mongodb-url", &url]);
    foreign.is_wrong("One thing is");
    assert!(foreign.line("store").contains("belongs to another program"), "{}", foreign.text());
    database.drop().await.unwrap();
}

#[test]
fn a_mongodb_that_is_away_or_silent_is_said_in_time_and_without_its_password() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for place in [silent.local_addr().unwrap(), crate::free_address()] {
        let url = format!("mongodb://ada:sesame@{place}/chat?replicaSet=samvad");
        let said = check(&Folder::new(), &["--mongodb-url", &url]);
        said.is_wrong("One thing is");
        let line = said.line("store");
        assert!(
            line.contains(&format!("no MongoDB server that takes writes was found at {place}")),
            "{line}"
        );
        assert!(!said.text().contains("sesame") && !said.text().contains("ada"), "{}", said.text());
    }
    let broken = check(&Folder::new(), &["--mongodb-url", "ada:sesame@nowhere"]);
    assert!(broken.text().contains("it begins with mongodb://") && !broken.text().contains("sesame"));
}
