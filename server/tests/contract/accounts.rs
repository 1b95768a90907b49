//! Accounts, sessions and refresh tokens.

use app::{
    domain::{About, DisplayName, Email, SessionId, UserId},
    error::ErrorCode,
    ports::{RefreshOutcome, RefreshToken},
};

use crate::support::*;

const DAY: i64 = 24 * 60 * 60;

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

async fn found(store: &TheStore, all: &[&str], except: UserId) -> Vec<String> {
    let found = store.search_users(&words(all), None, except, 20).await.unwrap();
    found.into_iter().map(|user| user.display_name.into_string()).collect()
}

fn nobody() -> UserId {
    UserId::from_bytes(id())
}

pub async fn an_account_is_found_by_its_id_and_its_email(store: TheStore) {
    let user = new_user("Ada Lovelace", "ada@example.org");
    let id = user.id;
    store.create_user(user).await.unwrap();
    let by_id = store.user(id).await.unwrap().unwrap();
    assert_eq!(by_id.email.as_str(), "ada@example.org");
    assert_eq!(by_id.display_name.as_str(), "Ada Lovelace");
    assert_eq!(by_id.about.as_str(), "");
    assert_eq!(by_id.password_hash, "$argon2id$first");
    assert_eq!(by_id.created_at, at(0));
    let by_email = store.user_by_email(&Email::parse("ada@example.org").unwrap()).await.unwrap();
    assert_eq!(by_email.unwrap().id, id);
    assert!(store.user(nobody()).await.unwrap().is_none());
    assert!(store.user_by_email(&Email::parse("bob@example.org").unwrap()).await.unwrap().is_none());
    store.check().await.unwrap();
}

pub async fn an_email_is_unique_and_folded(store: TheStore) {
    store.create_user(new_user("Ada", "ada@example.org")).await.unwrap();
    let second = new_user("Eve", "ADA@Example.org");
    let id = second.id;
    assert_eq!(code(store.create_user(second).await), Some(ErrorCode::EmailTaken));
    assert!(store.user(id).await.unwrap().is_none());
    assert!(found(&store, &["eve"], nobody()).await.is_empty(), "a refused account is not found");
}

pub async fn racing_registrations_make_one_account(store: TheStore) {
    let tasks = (0..10).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.create_user(new_user("Ada", "ada@example.org")).await })
    });
    let mut made = 0;
    for task in tasks.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ok(()) => made += 1,
            Err(error) => assert_eq!(error.code, ErrorCode::EmailTaken),
        }
    }
    assert_eq!(made, 1);
}

pub async fn users_gives_those_that_exist(store: TheStore) {
    let [one, two] = people(&store).await;
    let found = store.users(&[two, nobody(), one, two]).await.unwrap();
    let mut ids: Vec<_> = found.iter().map(|user| user.id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [one, two]);
    assert!(store.users(&[]).await.unwrap().is_empty());
}

pub async fn people_are_found_by_the_beginnings_of_words(store: TheStore) {
    let ada = person(&store, "Ada Lovelace").await;
    person(&store, "adam smith").await;
    person(&store, "Zoë Adams").await;
    person(&store, "संवाद Team").await;
    assert_eq!(found(&store, &["ada"], nobody()).await, ["Ada Lovelace", "adam smith", "Zoë Adams"]);
    assert_eq!(found(&store, &["ada"], ada).await, ["adam smith", "Zoë Adams"]);
    assert_eq!(found(&store, &["a", "lo"], nobody()).await, ["Ada Lovelace"]);
    assert_eq!(found(&store, &["lovelace", "ad"], nobody()).await, ["Ada Lovelace"]);
    assert_eq!(found(&store, &["zoë"], nobody()).await, ["Zoë Adams"]);
    assert_eq!(found(&store, &["सं"], nobody()).await, ["संवाद Team"]);
    assert!(found(&store, &["da"], nobody()).await.is_empty(), "only beginnings count");
    assert!(found(&store, &["ada", "team"], nobody()).await.is_empty(), "every word counts");
    assert!(found(&store, &[], nobody()).await.is_empty());
    let two = store.search_users(&words(&["ada"]), None, nobody(), 2).await.unwrap();
    assert_eq!(
        two.iter().map(|user| user.display_name.as_str()).collect::<Vec<_>>(),
        ["Ada Lovelace", "adam smith"]
    );
}

pub async fn people_are_found_by_their_exact_email(store: TheStore) {
    let ada = person(&store, "Ada Lovelace").await;
    let bob = person(&store, "Bob").await;
    let email = Email::parse("ada.lovelace@example.org").unwrap();
    let find = async |all: &[&str], email: &Email, except| {
        let found = store.search_users(&words(all), Some(email), except, 20).await.unwrap();
        found.into_iter().map(|user| user.id).collect::<Vec<_>>()
    };
    assert_eq!(find(&[], &email, nobody()).await, [ada]);
    assert_eq!(find(&["bob"], &email, nobody()).await, [ada, bob], "either is enough");
    assert_eq!(find(&["ada"], &email, nobody()).await, [ada], "nobody stands twice");
    assert!(find(&[], &email, ada).await.is_empty(), "not oneself");
    assert!(find(&[], &Email::parse("ada.l@example.org").unwrap(), nobody()).await.is_empty());
}

pub async fn wildcards_find_nobody(store: TheStore) {
    person(&store, "Ada").await;
    for word in ["%", "_da", "a%", "*", ".", "^a", "a*", "'", "\"", "\\", "$ne", "[a-z]", ""] {
        assert!(found(&store, &[word], nobody()).await.is_empty(), "{word}");
    }
}

pub async fn a_new_name_is_found_and_the_old_one_is_not(store: TheStore) {
    let ada = person(&store, "Ada").await;
    let name = || DisplayName::parse("Countess Lovelace").unwrap();
    let about = || About::parse("First programmer\nof the world").unwrap();
    assert!(store.update_profile(ada, name(), about()).await.unwrap());
    let user = store.user(ada).await.unwrap().unwrap();
    assert_eq!(user.display_name, name());
    assert_eq!(user.about, about());
    assert_eq!(found(&store, &["count"], nobody()).await, ["Countess Lovelace"]);
    assert_eq!(found(&store, &["ada"], nobody()).await, ["Countess Lovelace"], "the e-mail still says Ada");
    assert!(store.update_profile(ada, DisplayName::parse("Lady").unwrap(), about()).await.unwrap());
    assert!(found(&store, &["count"], nobody()).await.is_empty());
    assert!(!store.update_profile(nobody(), name(), about()).await.unwrap());
}

pub async fn a_password_is_replaced_only_if_it_is_the_expected_one(store: TheStore) {
    let ada = person(&store, "Ada").await;
    assert!(!store.replace_password(ada, "$other", "$second".into()).await.unwrap());
    assert!(store.replace_password(ada, "$argon2id$first", "$second".into()).await.unwrap());
    assert!(!store.replace_password(ada, "$argon2id$first", "$third".into()).await.unwrap());
    assert_eq!(store.user(ada).await.unwrap().unwrap().password_hash, "$second");
    assert!(!store.replace_password(nobody(), "$second", "$third".into()).await.unwrap());
}

pub async fn sessions_are_listed_and_ended(store: TheStore) {
    let [ada, eve] = people(&store).await;
    let (first, token) = session(&store, ada, 0, DAY).await;
    let (second, _) = session(&store, ada, 10, DAY).await;
    let (third, _) = session(&store, ada, 5, DAY).await;
    let (hers, _) = session(&store, eve, 0, DAY).await;
    let listed = store.sessions_of(ada, at(20)).await.unwrap();
    assert_eq!(listed, [second.clone(), third.clone(), first.clone()], "last used first");
    assert_eq!(store.session(first.id, at(20)).await.unwrap(), Some(first.clone()));

    assert!(!store.end_session(eve, first.id).await.unwrap(), "nobody ends another's session");
    assert!(store.end_session(ada, first.id).await.unwrap());
    assert!(!store.end_session(ada, first.id).await.unwrap());
    assert_eq!(store.session(first.id, at(20)).await.unwrap(), None);
    assert_eq!(store.rotate_refresh(refresh(token, 20)).await.unwrap(), RefreshOutcome::Unknown);

    assert_eq!(store.end_other_sessions(ada, second.id).await.unwrap(), [third.id]);
    assert_eq!(store.sessions_of(ada, at(20)).await.unwrap(), [second]);
    assert_eq!(store.sessions_of(eve, at(20)).await.unwrap(), [hers]);
}

pub async fn a_session_expires(store: TheStore) {
    let ada = person(&store, "Ada").await;
    let (session, token) = session(&store, ada, 0, 60).await;
    assert!(store.session(session.id, at(59)).await.unwrap().is_some());
    assert!(store.session(session.id, at(60)).await.unwrap().is_none());
    assert!(store.sessions_of(ada, at(60)).await.unwrap().is_empty());
    assert_eq!(store.rotate_refresh(refresh(token, 60)).await.unwrap(), RefreshOutcome::Unknown);
    assert!(store.session(SessionId::from_bytes(id()), at(0)).await.unwrap().is_none());
}

pub async fn sessions_gives_those_that_live(store: TheStore) {
    let [ada, eve] = people(&store).await;
    let (hers, _) = session(&store, ada, 0, DAY).await;
    let (short, _) = session(&store, ada, 0, 60).await;
    let (ended, _) = session(&store, ada, 0, DAY).await;
    let (eves, _) = session(&store, eve, 0, DAY).await;
    session(&store, eve, 0, DAY).await;
    store.end_session(ada, ended.id).await.unwrap();
    let nothing = SessionId::from_bytes(id());
    let mut living = store.sessions(&[eves.id, short.id, hers.id, ended.id, nothing], at(60)).await.unwrap();
    living.sort_by_key(|session| session.id);
    assert_eq!(living, [hers, eves]);
    assert!(store.sessions(&[], at(0)).await.unwrap().is_empty());
}

pub async fn beyond_the_most_the_least_recently_used_sessions_end(store: TheStore) {
    let [ada, eve] = people(&store).await;
    let (first, token) = session(&store, ada, 0, DAY).await;
    let (second, second_token) = session(&store, ada, 10, DAY).await;
    let (third, _) = session(&store, ada, 20, DAY).await;
    let (expired, _) = session(&store, ada, 25, 60).await;
    let (eves, _) = session(&store, eve, 0, DAY).await;
    rotate(&store, token, 30).await;
    let begin = async |start: i64, most: usize| {
        let id = SessionId::from_bytes(id());
        let times = [at(start), at(start), at(start + DAY)];
        let [created_at, last_used_at, expires_at] = times;
        let session = app::ports::SessionRecord { id, created_at, last_used_at, expires_at, ..third.clone() };
        let new = app::ports::NewSession { session, refresh_hash: hash(), most };
        (id, store.create_session(new).await.unwrap())
    };
    let (fourth, ended) = begin(100, 3).await;
    assert_eq!(ended, [second.id], "the first was used after it, and the expired one does not count");
    assert_eq!(store.session(second.id, at(100)).await.unwrap(), None);
    assert_eq!(store.rotate_refresh(refresh(second_token, 100)).await.unwrap(), RefreshOutcome::Unknown);
    assert!(store.session(expired.id, at(80)).await.unwrap().is_some());

    let (fifth, mut ended) = begin(100, 1).await;
    ended.sort_unstable();
    assert_eq!(ended, [first.id, third.id, fourth]);
    let left: Vec<_> = store.sessions_of(ada, at(100)).await.unwrap();
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [fifth]);
    assert!(store.session(eves.id, at(100)).await.unwrap().is_some(), "others are not concerned");
}

pub async fn a_session_needs_an_account(store: TheStore) {
    let record = app::ports::SessionRecord {
        id: SessionId::from_bytes(id()),
        user_id: nobody(),
        user_agent: String::new(),
        address: String::new(),
        created_at: at(0),
        last_used_at: at(0),
        expires_at: at(60),
    };
    let session = record.id;
    let new = app::ports::NewSession { session: record, refresh_hash: hash(), most: 100 };
    assert_eq!(code(store.create_session(new).await), Some(ErrorCode::UnknownMember));
    assert!(store.session(session, at(0)).await.unwrap().is_none());
}

/// A token to be exchanged so many seconds after the scenario began.
pub fn refresh(presented: [u8; 32], now: i64) -> RefreshToken {
    RefreshToken {
        presented,
        successor: hash(),
        now: at(now),
        grace_seconds: 30,
        idle_seconds: DAY,
        absolute_seconds: 30 * DAY,
        address: "192.0.2.2".into(),
    }
}

/// Exchanges a token and returns its successor.
async fn rotate(store: &TheStore, presented: [u8; 32], now: i64) -> [u8; 32] {
    let token = refresh(presented, now);
    let successor = token.successor;
    let outcome = store.rotate_refresh(token).await.unwrap();
    assert!(matches!(outcome, RefreshOutcome::Rotated(_)), "{outcome:?}");
    successor
}

pub async fn a_refresh_token_is_exchanged_for_its_successor(store: TheStore) {
    let ada = person(&store, "Ada").await;
    let (session, token) = session(&store, ada, 0, DAY).await;
    let exchange = refresh(token, 600);
    let successor = exchange.successor;
    assert_eq!(store.session_by_refresh(&successor).await.unwrap(), None);
    let RefreshOutcome::Rotated(rotated) = store.rotate_refresh(exchange).await.unwrap() else {
        panic!("the token is valid");
    };
    for token in [token, successor] {
        assert_eq!(store.session_by_refresh(&token).await.unwrap(), Some(session.id));
    }
    assert_eq!(rotated.id, session.id);
    assert_eq!(rotated.created_at, session.created_at);
    assert_eq!(rotated.last_used_at, at(600));
    assert_eq!(rotated.expires_at, at(600 + DAY));
    assert_eq!(rotated.address, "192.0.2.2");
    assert_eq!(store.session(session.id, at(600)).await.unwrap(), Some(rotated));
}

pub async fn the_absolute_lifetime_is_never_extended(store: TheStore) {
    let ada = person(&store, "Ada").await;
    let (session, mut token) = session(&store, ada, 0, DAY).await;
    let mut now = 0;
    while now + DAY / 2 < 30 * DAY {
        now += DAY / 2;
        token = rotate(&store, token, now).await;
    }
    let record = store.session(session.id, at(now)).await.unwrap().unwrap();
    assert_eq!(record.expires_at, at(30 * DAY));
    assert_eq!(store.rotate_refresh(refresh(token, 30 * DAY)).await.unwrap(), RefreshOutcome::Unknown);
}

pub async fn two_that_refresh_at_once_both_stay_signed_in(store: TheStore) {
    let ada = person(&store, "Ada").await;
    let (session, token) = session(&store, ada, 0, DAY).await;
    let (one, other) = tokio::join!(rotate(&store, token, 600), rotate(&store, token, 600));
    let last_moment = rotate(&store, token, 630).await;
    for successor in [one, other, last_moment] {
        rotate(&store, successor, 700).await;
    }
    assert!(store.session(session.id, at(700)).await.unwrap().is_some());
}

pub async fn a_stolen_refresh_token_ends_the_session(store: TheStore) {
    let ada = person(&store, "Ada").await;
    let (session, token) = session(&store, ada, 0, DAY).await;
    let successor = rotate(&store, token, 600).await;
    let reused = store.rotate_refresh(refresh(token, 631)).await.unwrap();
    assert_eq!(reused, RefreshOutcome::Reused { user_id: ada, session_id: session.id });
    assert_eq!(store.session(session.id, at(631)).await.unwrap(), None);
    for token in [successor, token] {
        assert_eq!(store.session_by_refresh(&token).await.unwrap(), None);
        assert_eq!(store.rotate_refresh(refresh(token, 632)).await.unwrap(), RefreshOutcome::Unknown);
    }
}

pub async fn what_is_no_valid_token_is_unknown(store: TheStore) {
    let ada = person(&store, "Ada").await;
    session(&store, ada, 0, DAY).await;
    assert_eq!(store.rotate_refresh(refresh(hash(), 1)).await.unwrap(), RefreshOutcome::Unknown);
}

pub async fn expired_sessions_are_purged(store: TheStore) {
    let ada = person(&store, "Ada").await;
    let (_, expired) = session(&store, ada, 0, 60).await;
    let (kept, token) = session(&store, ada, 0, 40 * DAY).await;
    let mut long = refresh(token, 0);
    (long.idle_seconds, long.absolute_seconds) = (90 * DAY, 90 * DAY);
    let (old, successor) = (long.presented, long.successor);
    store.rotate_refresh(long).await.unwrap();

    assert_eq!(store.purge(at(59)).await.unwrap(), 0);
    assert!(store.purge(at(60)).await.unwrap() > 0);
    assert_eq!(store.purge(at(60)).await.unwrap(), 0);
    assert_eq!(store.rotate_refresh(refresh(expired, 30)).await.unwrap(), RefreshOutcome::Unknown);

    assert!(store.purge(at(31 * DAY)).await.unwrap() > 0, "a token exchanged long ago is forgotten");
    let mut late = refresh(old, 31 * DAY);
    late.absolute_seconds = 90 * DAY;
    assert_eq!(store.rotate_refresh(late).await.unwrap(), RefreshOutcome::Unknown);
    let mut late = refresh(successor, 31 * DAY);
    late.absolute_seconds = 90 * DAY;
    assert!(matches!(store.rotate_refresh(late).await.unwrap(), RefreshOutcome::Rotated(_)));
    assert!(store.session(kept.id, at(31 * DAY)).await.unwrap().is_some());
}
