//! The schema: its versions, what it refuses, and how the queries use it.

use std::path::Path;

use app::ports::Store;
use rusqlite::Connection;
use server::store::embedded::{EmbeddedOptions, EmbeddedStore, HOT_QUERIES};

use super::{EmbeddedFixture, file};
use crate::{
    attachments::{arriving, with_files},
    support::*,
};

#[tokio::test]
async fn a_new_database_gets_the_newest_schema_and_keeps_it() {
    let mut fixture = EmbeddedFixture::open().await;
    let version = |path: &Path| -> i64 {
        let connection = Connection::open(path).unwrap();
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    };
    let first = version(&file(&fixture.directory));
    assert!(first >= 1);
    fixture.reopen().await;
    assert_eq!(version(&file(&fixture.directory)), first);
    let connection = Connection::open(file(&fixture.directory)).unwrap();
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let loose: Vec<String> = connection
        .prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(loose, ["sqlite_schema"], "every table of ours is strict");
}

#[tokio::test]
async fn a_newer_database_is_refused_and_left_alone() {
    let fixture = EmbeddedFixture::open().await;
    let path = file(&fixture.directory);
    fixture.store.close().await.unwrap();
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 9_999).unwrap();
    let refused = EmbeddedStore::open(&path, EmbeddedOptions::default()).err().unwrap();
    assert!(refused.chain().contains("version 9999"), "{}", refused.chain());
    let version: i64 =
        Connection::open(&path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 9_999);
}

#[test]
fn another_programs_database_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (id INTEGER)").unwrap();
    let refused = EmbeddedStore::open(&path, EmbeddedOptions::default()).err().unwrap();
    assert!(refused.chain().contains("another program"), "{}", refused.chain());
}

/// Whatever the program does wrong, these are not stored.
#[tokio::test]
async fn wrong_states_are_refused() {
    let fixture = EmbeddedFixture::open().await;
    let store = fixture.store();
    let [ada, bob, carol] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let team = group(&store, &[ada, bob]).await;
    send(&store, chat, ada, "one", 1).await;
    let photo = arriving(&store, ada, 10).await;
    append(&store, team, with_files(ada, std::slice::from_ref(&photo), 1)).await;
    session(&store, ada, 0, DAY).await;
    let connection = Connection::open(file(&fixture.directory)).unwrap();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    let (new, nobody) = (hex(&id()), hex(&id()));
    let [ada, bob, carol] = [ada, bob, carol].map(|user| hex(user.as_bytes()));
    let [chat, team] = [chat, team].map(|chat| hex(chat.as_bytes()));
    let event = |chat: &str, seq: i64, actor: &str| {
        format!(
            "INSERT INTO events (chat_id, seq, at, actor_id, body) VALUES ({chat}, {seq}, 0, {actor}, '{{}}')"
        )
    };
    let pair = |low: &str, high: &str| {
        format!(
            "INSERT INTO chats (id, kind, pair_low, pair_high, created_at, last_activity_at)
             VALUES ({new}, 'direct', {low}, {high}, 0, 0)"
        )
    };
    let message = |seq: i64, ordinal: i64, body: &str| {
        format!(
            "INSERT INTO messages (chat_id, seq, ordinal, id, sender_id, client_id, body, created_at)
             VALUES ({chat}, {seq}, {ordinal}, {new}, {ada}, randomblob(16), '{body}', 0)"
        )
    };
    let (fresh, photo) = (hex(&id()), hex(photo.id.as_bytes()));
    let new_file = |columns: &str, values: &str| {
        format!("INSERT INTO attachments (id, owner_id, state{columns}) VALUES ({fresh}, {ada}, {values})")
    };
    let new_invite = |maker: &str, hash: &str| {
        format!(
            "INSERT INTO invites (id, chat_id, token_hash, created_by, created_at)
             VALUES (randomblob(12), {team}, {hash}, {maker}, 0)"
        )
    };
    let new_draft = |writer: &str, body: &str, since: i64| {
        format!(
            "INSERT INTO drafts (chat_id, user_id, client_id, body, revision, since, saved_at)
             VALUES ({team}, {writer}, randomblob(16), '{body}', 1, {since}, 0)"
        )
    };
    let block = |blocker: &str, blocked: &str| {
        format!("INSERT INTO blocks (blocker_id, blocked_id, blocked_at) VALUES ({blocker}, {blocked}, 0)")
    };
    let change = |what: &str| format!("UPDATE attachments SET {what} WHERE id = {photo}");
    for (what, sql) in [
        ("a block of oneself", block(&ada, &ada)),
        ("a block of nobody", block(&ada, &nobody)),
        ("a block in a group", format!("UPDATE chats SET blocked_by_low = 1 WHERE id = {team}")),
        ("a file that is never collected", new_file("", "'arriving'")),
        ("a file that stands somewhere else", new_file(", collect_at", "'lost', 1")),
        (
            "a file of nobody's",
            format!(
                "INSERT INTO attachments (id, owner_id, state, collect_at) VALUES ({new}, {nobody}, 'arriving', 1)"
            ),
        ),
        (
            "a file of no message",
            new_file(", chat_id, message_seq, bytes, view", &format!("'attached', {chat}, 2, 1, '{{}}'")),
        ),
        ("a message's file that is collected", change("collect_at = 1")),
        ("a claimed file that a message has", change("state = 'claimed', collect_at = 1")),
        (
            "a released file of which something is known",
            change("state = 'released', chat_id = NULL, collect_at = 1"),
        ),
        ("a message's file without its size", change("bytes = NULL")),
        ("a message's file without its view", change("view = NULL")),
        ("a file of less than nothing", change("bytes = -1")),
        ("a file that is half an avatar", change("is_avatar = 2")),
        ("a message's file that is an avatar", change("is_avatar = 1")),
        ("an avatar of no file", format!("UPDATE users SET avatar_id = {new} WHERE id = {ada}")),
        ("one avatar of two people", format!("UPDATE users SET avatar_id = {photo}")),
        ("a direct chat with an avatar", format!("UPDATE chats SET avatar_id = {photo} WHERE id = {chat}")),
        (
            "an avatar that goes before who has it",
            format!("UPDATE users SET avatar_id = {photo} WHERE id = {ada}; DELETE FROM attachments WHERE id = {photo}"),
        ),
        ("less than no bytes", format!("UPDATE users SET attached_bytes = -1 WHERE id = {ada}")),
        ("a message that goes before its files", format!("DELETE FROM messages WHERE chat_id = {team}")),
        (
            "a deleted message that says something",
            format!("UPDATE messages SET deleted_at = 1 WHERE chat_id = {chat}"),
        ),
        (
            "a deleted message with files",
            format!("UPDATE messages SET deleted_at = 1 WHERE chat_id = {team}"),
        ),
        (
            "a message without text, files or deletion",
            format!("UPDATE messages SET attachments = '[]' WHERE chat_id = {team}"),
        ),
        (
            "a text that is too long",
            format!("UPDATE messages SET body = printf('%8001s', 'x') WHERE chat_id = {chat}"),
        ),
        (
            "a change before the message",
            format!("UPDATE messages SET changed_seq = 1 WHERE chat_id = {chat}"),
        ),
        (
            "an answer to what comes later",
            format!("UPDATE messages SET reply_seq = 1 WHERE chat_id = {chat}"),
        ),
        ("an edit at no time", format!("UPDATE messages SET edit_seqs = '[2]' WHERE chat_id = {chat}")),
        ("a time without an edit", format!("UPDATE messages SET edited_at = 1 WHERE chat_id = {chat}")),
        (
            "a deleted message that is pinned",
            format!("UPDATE messages SET body = '', deleted_at = 1, pinned_at = 1 WHERE chat_id = {chat}"),
        ),
        (
            "a deleted message with reactions",
            format!(
                "UPDATE messages SET body = '', deleted_at = 1, reactions = '[1]' WHERE chat_id = {chat}"
            ),
        ),
        ("a reaction to no message", format!("INSERT INTO reactions VALUES ({chat}, 2, {ada}, 'x')")),
        ("a reaction of nobody's", format!("INSERT INTO reactions VALUES ({chat}, 1, {nobody}, 'x')")),
        ("a reaction without an emoji", format!("INSERT INTO reactions VALUES ({chat}, 1, {ada}, '')")),
        ("a place in the log that is taken", event(&chat, 1, &ada)),
        ("a place before the log", event(&chat, 0, &ada)),
        ("an event in no chat", event(&nobody, 1, &ada)),
        ("an event by nobody", event(&chat, 2, &nobody)),
        ("a message without its event", message(2, 2, "two")),
        ("a message at another's place", message(1, 2, "two")),
        ("an ordinal that is taken", format!("{}; {}", event(&chat, 2, &ada), message(2, 1, "two"))),
        ("an ordinal beyond the log", format!("{}; {}", event(&chat, 2, &ada), message(2, 3, "two"))),
        ("an empty message", format!("{}; {}", event(&chat, 2, &ada), message(2, 2, ""))),
        ("a second chat of a pair", pair(&ada, &bob)),
        ("a pair in the wrong order", pair(&carol, &ada)),
        ("a chat with oneself", pair(&ada, &ada)),
        ("a chat with nobody", pair(&ada, &nobody)),
        ("a direct chat with a name", format!("UPDATE chats SET name = 'No' WHERE id = {chat}")),
        ("a direct chat without its pair", format!("UPDATE chats SET pair_low = NULL WHERE id = {chat}")),
        (
            "a direct chat with a description",
            format!("UPDATE chats SET description = 'No' WHERE id = {chat}"),
        ),
        (
            "a description that is too long",
            format!("UPDATE chats SET description = printf('%501s', 'x') WHERE id = {team}"),
        ),
        ("a group without a name", format!("UPDATE chats SET name = NULL WHERE id = {team}")),
        (
            "a group with a pair",
            format!("UPDATE chats SET pair_low = {ada}, pair_high = {carol} WHERE id = {team}"),
        ),
        ("more messages than events", format!("UPDATE chats SET head_ordinal = 2 WHERE id = {chat}")),
        ("a deleted chat with members", format!("UPDATE chats SET deleted_at = 1 WHERE id = {team}")),
        ("an unknown role", format!("UPDATE members SET role = 'owner' WHERE chat_id = {team}")),
        ("two members in one place", format!("UPDATE members SET position = 1 WHERE chat_id = {team}")),
        (
            "a member of no chat",
            format!(
                "INSERT INTO members (chat_id, user_id, role, joined_at, position)
                 VALUES ({nobody}, {ada}, 'member', 0, 1)"
            ),
        ),
        ("somebody who has read less than nothing", "UPDATE members SET read_ordinal = -1".to_owned()),
        ("a chat that is unread from before its beginning", "UPDATE members SET unread_from = 0".to_owned()),
        ("half a wish to hear of mentions alone", "UPDATE members SET mentions_only = 2".to_owned()),
        ("a chat that is half put away", "UPDATE members SET archived = 2".to_owned()),
        ("a draft of somebody outside", new_draft(&carol, "x", 1)),
        ("a draft that is too long", new_draft(&ada, &"x".repeat(8_001), 1)),
        ("a draft that was made of a later one", new_draft(&ada, "x", 2)),
        ("an invitation of nobody's", new_invite(&nobody, "randomblob(32)")),
        ("an invitation with half a hash", new_invite(&ada, "randomblob(16)")),
        (
            "an invitation that was used too often",
            format!("{}; UPDATE invites SET max_uses = 1, uses = 2", new_invite(&ada, "randomblob(32)")),
        ),
        (
            "two invitations by one token",
            format!("{}; {}", new_invite(&ada, "zeroblob(32)"), new_invite(&ada, "zeroblob(32)")),
        ),
        ("a subscription without its keys", format!("UPDATE sessions SET push_endpoint = 'https://p/1' WHERE user_id = {ada}")),
        (
            "a key of the wrong length",
            format!(
                "UPDATE sessions SET push_endpoint = 'https://p/1', push_p256dh = x'04', push_auth = zeroblob(16)
                 WHERE user_id = {ada}"
            ),
        ),
        ("an e-mail in capitals", format!("UPDATE users SET email = 'A@B.C' WHERE id = {ada}")),
        ("an id of the wrong length", format!("UPDATE users SET id = x'00' WHERE id = {carol}")),
        ("a chat that goes before its log", format!("DELETE FROM chats WHERE id = {chat}")),
        ("an event that goes before its message", format!("DELETE FROM events WHERE chat_id = {chat}")),
    ] {
        let outcome = connection.execute_batch(&format!("BEGIN; {sql}; COMMIT"));
        let refused = matches!(
            &outcome,
            Err(rusqlite::Error::SqliteFailure(error, _))
                if error.code == rusqlite::ErrorCode::ConstraintViolation
        );
        assert!(refused, "{what}: {outcome:?}");
        connection.execute_batch("ROLLBACK").unwrap();
    }
}

fn hex(bytes: &[u8; 12]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("x'{digits}'")
}

#[tokio::test]
async fn hot_queries_walk_an_index() {
    // These sort, what they sort being bounded by something else than the length of a log.
    const SORTED: [&str; 4] = ["search among members", "search by words", "chats in order", "contacts"];
    // Where a part of an index would do for SQLite, all of it is wanted.
    const WHOLE: [(&str, &str); 42] = [
        ("what happened to a chat first", "events_of_chat (chat_id=? AND seq>? AND seq<?)"),
        ("what happened to a chat last", "events_of_chat (chat_id=? AND seq>? AND seq<?)"),
        ("message at a time", "messages_by_time (chat_id=? AND created_at>?)"),
        ("search among members", "(user_id=? AND word>? AND word<?)"),
        ("members from a place", "(chat_id=? AND position>?)"),
        ("invitation", "(chat_id=? AND user_id=?) LEFT-JOIN"),
        ("invitations", "invites_by_chat (chat_id=?)"),
        ("removing old invitations", "invites_by_chat (chat_id=?)"),
        ("who is told by push", "sessions_with_push (user_id=?)"),
        ("forgetting an endpoint", "sessions_by_endpoint (push_endpoint=?)"),
        ("scrubbing edits", "(chat_id=? AND seq=?)"),
        ("own reactions", "(chat_id=? AND message_seq=? AND user_id=?)"),
        ("pinned messages", "messages_pinned (chat_id=? AND pinned_at>?)"),
        ("counting pinned messages", "messages_pinned (chat_id=? AND pinned_at>?)"),
        ("what is answered in a page", "q USING PRIMARY KEY (chat_id=? AND seq=?)"),
        ("taking a reaction away", "(chat_id=? AND message_seq=? AND user_id=? AND emoji=?)"),
        ("chats that somebody made", "members_who_made (user_id=?)"),
        ("role", "(chat_id=? AND user_id=?)"),
        ("what a chat is to a member", "(chat_id=? AND user_id=?)"),
        ("changing what a chat is to a member", "(chat_id=? AND user_id=?)"),
        ("reading by sending", "(chat_id=? AND user_id=?)"),
        ("place of a member", "(chat_id=? AND user_id=?)"),
        ("whether a draft is a message", "(sender_id=? AND client_id=?)"),
        ("draft", "d USING PRIMARY KEY (chat_id=? AND user_id=?)"),
        ("drafts of somebody", "drafts_by_user (user_id=?)"),
        ("taking a draft away", "drafts USING PRIMARY KEY (chat_id=? AND user_id=?)"),
        ("last message", "(chat_id=? AND ordinal=?)"),
        ("last messages", "(chat_id=? AND ordinal=?)"),
        ("first members", "(chat_id=? AND position<?)"),
        ("message by client id", "(sender_id=? AND client_id=?)"),
        ("direct chat of a pair", "(pair_low=? AND pair_high=?)"),
        ("messages before", "(chat_id=? AND seq<?)"),
        ("messages from", "(chat_id=? AND seq>?)"),
        ("events after", "(chat_id=? AND seq>?)"),
        ("search by words", "(word>? AND word<?)"),
        ("members by name", "users_by_name (name_key=?)"),
        ("unread mentions", "(chat_id=? AND user_id=? AND ordinal>?)"),
        ("taking a mention away", "(chat_id=? AND user_id=? AND ordinal=?)"),
        ("files of a message", "attachments_by_message (chat_id=? AND message_seq=?)"),
        ("files of a chat", "attachments_by_message (chat_id=?)"),
        ("avatar", "(id=?)"),
        ("claiming files", "attachments_to_collect (collect_at>? AND collect_at<?)"),
    ];
    let fixture = EmbeddedFixture::open().await;
    let connection = Connection::open(file(&fixture.directory)).unwrap();
    for (name, sql) in HOT_QUERIES {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = statement.raw_query();
        let (mut searches, mut whole) = (0, WHOLE.iter().find(|(wanted, _)| wanted == name));
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get("detail").unwrap();
            whole = whole.filter(|(_, index)| !step.ends_with(index));
            searches += usize::from(step.starts_with("SEARCH"));
            // A subquery's own rows and a JSON array in a parameter are no tables.
            let scan = step.starts_with("SCAN")
                && !step.starts_with("SCAN found")
                && !step.starts_with("SCAN other VIRTUAL TABLE")
                && !step.starts_with("SCAN page VIRTUAL TABLE");
            assert!(!scan, "{name} scans: {step}");
            let sorts = step.contains("TEMP B-TREE") && !SORTED.contains(name);
            assert!(!sorts, "{name} sorts: {step}");
            assert!(!step.contains("AUTOMATIC"), "{name} lacks an index: {step}");
        }
        assert_eq!(whole, None, "{name} does not use all of its index");
        assert!(searches > 0, "{name} searches nothing");
    }
}

#[tokio::test]
async fn an_event_that_a_newer_version_wrote_is_passed_on_as_it_is() {
    let fixture = EmbeddedFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    for text in ["before", "of another kind", "after"] {
        send(&store, chat, ada, text, 1).await;
    }
    let newer = r#"{"type":"poll_opened","poll":{"question":"When?","choices":["now",2,null]}}"#;
    let connection = Connection::open(file(&fixture.directory)).unwrap();
    let changed = connection.execute("UPDATE events SET body = ?1 WHERE seq = 2", [newer]).unwrap();
    assert_eq!(changed, 1);
    passes_on_what_is_newer(&log(&store, chat).await);
}
