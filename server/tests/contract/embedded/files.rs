//! Files in SQLite: databases from before there were any, and what is left of what was deleted.

use app::{
    domain::{ChatId, UserId},
    ports::PageQuery,
};
use rusqlite::{Connection, params, types::ValueRef};
use server::store::embedded::{EmbeddedOptions, EmbeddedStore};

use super::{EmbeddedFixture, file};
use crate::{
    attachments::{arriving, with_files},
    deletions::{SECRET_EDIT, SECRET_NAME, SECRET_TEXT, Secret, a_secret, delete},
    support::*,
};

/// The schema as the program of version 2 left it.
const VERSION_2: [&str; 2] = [
    include_str!("../../../src/store/embedded/migrations/0001_initial.sql"),
    include_str!("../../../src/store/embedded/migrations/0002_chats_made.sql"),
];

#[tokio::test]
async fn a_database_from_before_there_were_files_is_migrated_with_all_that_is_in_it() {
    const MESSAGES: i64 = 300;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("samvad.db");
    let (ada, bob, chat) = ([1; 12], [2; 12], [3; 12]);
    {
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        VERSION_2.iter().for_each(|sql| connection.execute_batch(sql).unwrap());
        connection.pragma_update(None, "application_id", 0x736d_7664).unwrap();
        connection.pragma_update(None, "user_version", 2).unwrap();
        connection.execute_batch("BEGIN").unwrap();
        for (user, name) in [(ada, "ada"), (bob, "bob")] {
            let sql = "INSERT INTO users (id, email, display_name, name_key, password_hash, created_at)
                VALUES (?1, ?2 || '@example.org', ?2, ?2, '$argon2id$', 0)";
            connection.execute(sql, params![user, name]).unwrap();
        }
        let sql = "INSERT INTO chats (id, kind, pair_low, pair_high, created_at, head_seq, head_ordinal,
            member_count, last_position, last_activity_at) VALUES (?1, 'direct', ?2, ?3, 0, ?4, ?4, 2, 2, 1)";
        connection.execute(sql, params![chat, ada, bob, MESSAGES]).unwrap();
        for (user, position) in [(ada, 1), (bob, 2)] {
            let sql = "INSERT INTO members VALUES (?1, ?2, 'member', 0, ?3)";
            connection.execute(sql, params![chat, user, position]).unwrap();
        }
        for seq in 1..=MESSAGES {
            let (mut id, mut client_id, text) = ([9; 12], [9; 16], format!("number {seq}"));
            id[..8].copy_from_slice(&seq.to_le_bytes());
            client_id[..8].copy_from_slice(&seq.to_le_bytes());
            let sender = if seq % 2 == 0 { ada } else { bob };
            let body = serde_json::json!({ "type": "new_message", "message": {
                "id": app::domain::MessageId::from_bytes(id), "chat_id": ChatId::from_bytes(chat), "seq": seq,
                "ordinal": seq, "sender_id": UserId::from_bytes(sender), "sender_name": "as it was",
                "client_id": app::domain::ClientId::from_bytes(client_id), "body": text,
                "created_at": "1970-01-01T00:00:00.001Z",
            } });
            let sql = "INSERT INTO events (chat_id, seq, at, actor_id, body) VALUES (?1, ?2, 1, ?3, ?4)";
            connection.execute(sql, params![chat, seq, sender, body.to_string()]).unwrap();
            let sql =
                "INSERT INTO messages (chat_id, seq, ordinal, id, sender_id, client_id, body, created_at)
                VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, 1)";
            connection.execute(sql, params![chat, seq, id, sender, client_id, text]).unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
    }

    let store: TheStore = EmbeddedStore::open(&path, EmbeddedOptions::default()).unwrap();
    let (ada, chat) = (UserId::from_bytes(ada), ChatId::from_bytes(chat));
    let page = store.history(chat, NOBODY, PageQuery::Latest, 1_000).await.unwrap();
    let wanted: Vec<_> = (1..=MESSAGES).map(|seq| format!("number {seq}")).collect();
    assert_eq!(bodies(&page.messages), wanted);
    for (event, message) in log(&store, chat).await.iter().zip(&page.messages) {
        assert_eq!(stored(&app::ports::Appended::New(event.clone())), message);
        assert!(message.attachments.is_empty() && message.deleted_at.is_none());
    }
    for person in [ada, UserId::from_bytes(bob)] {
        let place = &store.places_of(person).await.unwrap()[&chat];
        assert_eq!(place.mine.read.0, MESSAGES.unsigned_abs(), "everybody begins as having read everything");
        assert!(store.user(person).await.unwrap().unwrap().read_receipts);
    }
    let photo = arriving(&store, ada, 10).await;
    let sent = append(&store, chat, with_files(ada, &[photo], 2)).await;
    assert_eq!(stored(&sent).ordinal.0, MESSAGES.unsigned_abs() + 1);
    let first = delete(&store, chat, ada, page.messages[0].id, 3).await.unwrap();
    assert_eq!(first.seq.0, MESSAGES.unsigned_abs() + 2);
    store.close().await.unwrap();

    let connection = Connection::open(&path).unwrap();
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let loose =
        connection.prepare("PRAGMA foreign_key_check").unwrap().query([]).unwrap().next().unwrap().is_some();
    assert!(!loose, "every reference leads somewhere");
    let rowids: i64 = connection
        .query_row(
            "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT wr",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(rowids, 1, "none but SQLite's own has row numbers");
}

/// Whether the text stands in any column of any table.
fn says(connection: &Connection, text: &str) -> bool {
    let tables = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'";
    let tables = |connection: &Connection| -> Vec<String> {
        let mut statement = connection.prepare(tables).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    tables(connection).iter().any(|table| {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let mut found = false;
        while let Some(row) = rows.next().unwrap() {
            found |= (0..columns).any(|column| match row.get_ref(column).unwrap() {
                ValueRef::Text(value) => String::from_utf8_lossy(value).contains(text),
                _ => false,
            });
        }
        found
    })
}

#[tokio::test]
async fn what_was_deleted_stands_in_no_table() {
    let fixture = EmbeddedFixture::open().await;
    let store = fixture.store();
    let Secret { chat, sender, message, file: id } = a_secret(&store).await;
    let connection = Connection::open(file(&fixture.directory)).unwrap();
    for text in [SECRET_TEXT, SECRET_EDIT, SECRET_NAME, &id] {
        assert!(says(&connection, text), "{text}");
    }
    delete(&store, chat, sender, message, 2).await;
    for text in [SECRET_TEXT, SECRET_EDIT, SECRET_NAME, &id] {
        assert!(!says(&connection, text), "{text}");
    }
}
