//! What the commands of the hot paths cost, as the servers themselves have counted it: every command that a
//! call really sends is looked up in the database's profiler. Figures are printed (`--nocapture`).

#![allow(clippy::print_stdout)]

use app::{
    domain::{ChatId, Email, Seq, SessionId, UserId, name_key, policy},
    ports::{NewAttachment, NewMessage, PageQuery, RefreshOutcome},
    protocol::EventBody,
};
use futures::future::join_all;
use mongodb::bson::{Document, doc};

use super::{MongoFixture, all};
use crate::{
    attachments::{arriving, file, with_files},
    groups::new_invite,
    reading::read_to,
    support::*,
};

/// Documents that a call may look at beside those that its answer is made of.
const BESIDE: i64 = 8;

/// Commands with a plan that a send of words alone takes: where the log stands, whether it was stored before, who
/// sends it, the move of the head, and how far the sender has read. What is only inserted has no plan.
const APPEND_COMMANDS: usize = 5;

/// Turns the profiler on for one call and gives what the call's commands cost.
async fn profiled<T>(fixture: &MongoFixture, call: impl Future<Output = T>) -> (T, Vec<Document>) {
    let database = &fixture.database;
    database.run_command(doc! { "profile": 2 }).await.unwrap();
    let answer = call.await;
    database.run_command(doc! { "profile": 0 }).await.unwrap();
    let mut commands = all(database, "system.profile").await;
    database.collection::<Document>("system.profile").drop().await.unwrap();
    commands.retain(|command| command.contains_key("planSummary"));
    (answer, commands)
}

/// Checks that nothing was scanned or sorted that need not be, and counts the documents looked at.
fn examined(name: &str, commands: &[Document]) -> i64 {
    assert!(!commands.is_empty(), "{name}: nothing was asked");
    let mut documents = 0;
    for command in commands {
        let plan = command.get_str("planSummary").unwrap();
        let walks = plan.contains("IXSCAN") || plan.contains("IDHACK");
        assert!(walks && !plan.contains("COLLSCAN"), "{name} does not use an index: {command}");
        documents += match command.get("docsExamined") {
            Some(number) => number.as_i64().or(number.as_i32().map(i64::from)).unwrap(),
            None => 0,
        };
    }
    documents
}

struct Town {
    ada: UserId,
    ben: UserId,
    /// Ada's chats, the long one first.
    chats: Vec<ChatId>,
    /// Sessions of different people, Ada's first.
    sessions: Vec<SessionId>,
    /// The refresh token of Ada's session, by its hash.
    token: [u8; 32],
    last: app::protocol::MessageView,
}

/// Ada is in ten of sixty chats; one of hers has 600 messages; there are 150 people, each of them signed in.
async fn town(store: &TheStore) -> Town {
    let crowd = (0..148).map(|number| {
        let store = store.clone();
        async move { person(&store, &format!("Resident {number}")).await }
    });
    let crowd = join_all(crowd).await;
    let (ada, ben) = (person(store, "Ada Lovelace").await, person(store, "Ben Lovage").await);
    let chat = group(store, &[ada, ben, crowd[0]]).await;
    let mut chats = vec![chat];
    for number in 0..9 {
        let mine = group(store, &[crowd[number], ada, crowd[number + 9]]).await;
        send(store, mine, ada, "hello", 1).await;
        chats.push(mine);
    }
    join_all((20..70).map(|number| group(store, &crowd[number..number + 5]))).await;
    for _ in 0..6 {
        let batch = (0..100).map(|number| text(if number % 2 == 0 { ada } else { ben }, "so it goes", at(2)));
        store.append_messages(chat, batch.collect()).await.unwrap();
    }
    for start in 0..5 {
        session(store, ben, start, 3_600).await;
    }
    let (hers, token) = session(store, ada, 0, 3_600).await;
    let theirs = join_all(crowd.iter().map(|resident| session(store, *resident, 0, 3_600))).await;
    let sessions = [hers.id].into_iter().chain(theirs.iter().map(|(session, _)| session.id)).collect();
    let last = send(store, chat, ben, "the end", 3).await;
    Town { ada, ben, chats, sessions, token, last }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hot_paths_walk_indexes_and_look_at_no_more_than_they_answer() {
    let fixture = MongoFixture::open().await;
    let store = fixture.store();
    let Town { ada, ben, chats, sessions, token, last } = town(&store).await;
    let (chat, session) = (chats[0], sessions[0]);
    let email = Email::parse("ada.lovelace@example.org").unwrap();
    // A call, and how many documents its answer is made of.
    macro_rules! costs {
        ($name:literal, $made_of:expr, $call:expr) => {{
            let (answer, commands) = profiled(&fixture, $call).await;
            let (examined, made_of): (i64, i64) = (examined($name, &commands), $made_of);
            println!("{:<24} {} commands, {examined} documents", $name, commands.len());
            assert!(examined <= made_of + BESIDE, "{}: {examined} documents: {commands:#?}", $name);
            answer.unwrap()
        }};
    }
    costs!("user", 1, store.user(ada));
    costs!("user by e-mail", 1, store.user_by_email(&email));
    costs!("users", 2, store.users(&[ada, ben]));
    costs!("search", 2, store.search_users(&["lov".into()], None, ben, 10));
    costs!("search, two words", 2, store.search_users(&["a".into(), "love".into()], None, ben, 10));
    costs!("session", 1, store.session(session, at(1)));
    let found = costs!("sessions", 20, store.sessions(&sessions[..20], at(1)));
    assert_eq!(found.len(), 20);
    costs!("sessions of", 5, store.sessions_of(ben, at(1)));
    let found = costs!("session of a token", 1, store.session_by_refresh(&token));
    assert_eq!(found, Some(session));
    costs!("role", 1, store.role(chat, ada));
    costs!("chat", 8, store.chat(chat, ada, 10));
    costs!("chats of", 10 + 10 + 30 + 10 + 20, store.chats_of(ada, 100, 10));
    costs!("heads of", 10, store.heads_of(ada));
    assert_eq!(costs!("places of", 20, store.places_of(ada)).len(), 10);
    assert_eq!(costs!("heads", 10, store.heads(&chats)).len(), 10);
    costs!("member ids", 0, store.member_ids(chat));
    let found = costs!("search among members", 3 * 3, store.search_members(chat, &["lov".into()], 10));
    assert_eq!(found.len(), 2);
    costs!("members from a place", 2 * 2, store.members_from(chat, 2, 10));
    costs!("contacts of", 10, store.contacts_of(ada, 100, 100));
    costs!("small chats of", 10, store.small_chats_of(ada, 100));
    costs!("message by client id", 3, store.message_by_client_id(ben, last.client_id));
    costs!("history, latest", 50, store.history(chat, NOBODY, PageQuery::Latest, 50));
    costs!("history, before", 50, store.history(chat, NOBODY, PageQuery::Before(Seq(300)), 50));
    costs!("history, after", 50, store.history(chat, NOBODY, PageQuery::After(Seq(300)), 50));
    costs!("history, around", 100, store.history(chat, NOBODY, PageQuery::Around(Seq(300)), 50));
    costs!("message at a time", 1, store.message_at(chat, at(2)));
    costs!("events after", 50, store.events_after(chat, Seq(300), 50));
    let link = new_invite(chat, ada, 3);
    costs!("invite", 3, store.create_invite(link.clone()));
    costs!("invitation", 3, store.invite(&link.token_hash, NOBODY, at(3)));
    costs!("invitations", 2, store.invites(chat, at(3)));
    // The invitation, read and written; the chat, read and written; its members; and who joins.
    let guest = person(&store, "A Guest").await;
    let decide = by_policy(move |state| policy::join(state, guest));
    let joined =
        costs!("join", 2 + 2 + 3 + 1, store.join_by_invite(chat, link.token_hash, guest, at(3), decide));
    assert_eq!(joined.unwrap().len(), 1);
    let leave = by_policy(move |state| policy::leave(state, guest));
    store.change_chat(chat, guest, at(3), leave).await.unwrap().unwrap();
    costs!("revoke", 1, store.revoke_invite(chat, link.id));
    let mine = new_group(&[ada, ben], at(3));
    costs!("make", 2, store.create_group_chat(mine));
    let names = [name_key("Ada Lovelace"), name_key("Resident 0"), name_key("Resident 99")];
    let found = costs!("members by name", 1, store.members_named(chat, &names, 50));
    assert_eq!(found.unwrap().1.len(), 2);
    let both = mentioning(true, &[ada]);
    let named = || NewMessage { mentions: both.clone(), ..text(ben, "@all", at(4)) };
    costs!("append, mentions", 3, store.append_messages(chat, vec![named()]));
    let unread = costs!("chat, unread mentions", 8 + 2, store.chat(chat, ada, 10)).unwrap();
    assert_eq!(unread.mentioned.len(), 1);
    let words = || store.append_messages(chat, vec![text(ada, "one more", at(4))]);
    costs!("append", 3, words());
    // That there could be files costs a text nothing.
    let (_, commands) = profiled(&fixture, words()).await;
    assert_eq!(commands.len(), APPEND_COMMANDS, "{commands:#?}");
    // The member, read and written, and read again; whether it is a message, twice.
    let draft = || crate::drafts::new("half a thought", 0);
    costs!("draft, saved", 3, store.save_draft(chat, ada, draft()));
    costs!("draft", 1, store.draft(chat, ada));
    assert_eq!(costs!("drafts of", 1, store.drafts_of(ada, 1_000)).len(), 1);
    // The member, the chat and the account read, and the member written.
    costs!("mark", 4, store.change_mine(chat, ben, read_to(3)));
    let renamed = || always(vec![renamed("Crew")]);
    costs!("change", 4, store.change_chat(chat, ada, at(5), renamed()));
    costs!("purge", 0, store.purge(at(6)));
    // What becomes of files. An update looks its document up and counts it.
    let [one, two] = [arriving(&store, ada, 10).await, arriving(&store, ada, 10).await];
    let late = arriving(&store, ada, 10).await;
    let expected = NewAttachment { id: file(1).id, owner_id: ada, collect_at: at(1) };
    costs!("expect a file", 0, store.expect_attachment(expected));
    let files = with_files(ada, &[one.clone(), two], 6);
    // Each file is read and attached; the room is read, and counted.
    let sent = costs!("append, two files", 3 + 2 * 2 + 2, store.append_messages(chat, vec![files]));
    let sent = stored(&sent[0]).id;
    costs!("file", 2, store.attachment(one.id));
    costs!("bytes of files", 1, store.attached_bytes(ada));
    costs!("message", 3, store.message(chat, NOBODY, sent));
    costs!("give up", 1, store.give_up_attachments(&[late.id], at(2)));
    // The one that was expected above, and the one that was given up: read, and claimed.
    assert_eq!(costs!("collect", 4, store.collect_attachments(at(2), 10)).len(), 2);
    costs!("forget", 1, store.forget_attachments(&[late.id]));
    // The chat, the member, the message and its sender; how many are pinned is counted in the index. Then the chat,
    // the message, and what else there is to change.
    let sent = store.message(chat, ada, sent).await.unwrap().unwrap();
    let ground = 4 + 2;
    costs!("edit a message", ground, try_amend(&store, &sent, ada, 7, edited(&sent, "changed")));
    costs!("react", ground, try_amend(&store, &sent, ben, 7, reacted(&sent, "👍", true)));
    costs!("take it back", ground + 1, try_amend(&store, &sent, ben, 7, reacted(&sent, "👍", false)));
    costs!("pin", ground, try_amend(&store, &sent, ben, 7, pinned(&sent, true)));
    costs!("pinned", 3, store.pinned(chat, ada));
    costs!("edits", 4, store.edits(chat, sent.id));
    let answer = || NewMessage { reply_to: Some(sent.id), ..text(ben, "an answer", at(7)) };
    costs!("append, an answer", 5, store.append_messages(chat, vec![answer()]));
    costs!("history, answers", 50 + 1, store.history(chat, ada, PageQuery::Latest, 50));
    costs!("events after, answers", 3, store.events_after(chat, Seq(sent.seq.0 + 4), 50));
    let deleted = EventBody::MessageDeleted { message_id: sent.id, ordinal: sent.ordinal };
    // Its event, read and written, and that of the edit; two files released, one account counted.
    costs!("delete a message", ground + 3 + 2 + 1, try_amend(&store, &sent, ada, 8, deleted));
    let gone = chats[1];
    let three =
        [arriving(&store, ada, 10).await, arriving(&store, ada, 10).await, arriving(&store, ada, 10).await];
    store.append_messages(gone, vec![with_files(ada, &three, 8)]).await.unwrap();
    store.change_chat(gone, ada, at(9), always(vec![EventBody::ChatDeleted {}])).await.unwrap().unwrap();
    // Three files, two messages, three events, one chat: found, and released or removed.
    let purged = costs!("purge of a chat", 2 * (3 + 2 + 3 + 1) + 1, store.purge(at(10)));
    assert_eq!(purged, 3 + 2 + 3 + 1);
    // The chat, its other two members, and the one session among theirs that has a subscription.
    let phone = crate::push::subscribed(&store, ben, "phone").await;
    let query = crate::push::query(chats[0], ada, u64::MAX >> 1, at(7));
    let audience = costs!("who is told by push", 1 + 2 + 1, store.push_audience(query));
    assert_eq!(audience.unwrap().targets.len(), 1);
    // What people are to each other. The direct chat, read and written; the groups of the one, and those of both.
    let both = direct(&store, [ada, ben], at(8)).await;
    costs!("who was there", 2 * 2, store.note_last_seen(&[ada, ben], at(8)));
    costs!("block", 1, store.block(ada, ben, at(8)));
    costs!("privacy", 1 + 1, store.privacy_of(ada));
    assert_eq!(costs!("blockers", 0, store.blockers_among(ben, &[ada])), [ada]);
    let shared = costs!("what is shared", 1 + 10, store.shared_chats(ada, ben, 20));
    assert_eq!(shared.direct, Some(both));
    costs!("append, refused", 2, store.append_messages(both, vec![text(ben, "hello", at(8))]));
    costs!("unblock", 2, store.unblock(ada, ben));
    costs!("has a subscription", 1, store.has_push(phone));
    costs!("another subscription", 2, store.set_push(phone, crate::push::subscription("tablet")));
    costs!("forgetting an endpoint", 1, store.forget_endpoint("https://push.example/tablet"));
    // The token and its session, read and written.
    let rotated = costs!("exchange of a token", 4, store.rotate_refresh(refresh(token, 7)));
    assert!(matches!(rotated, RefreshOutcome::Rotated(_)), "{rotated:?}");
    // Read, found again and removed: the session, and both of its tokens.
    let reused = costs!("reuse of a token", 6, store.rotate_refresh(refresh(token, 60)));
    assert!(matches!(reused, RefreshOutcome::Reused { .. }), "{reused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_history_costs_what_a_short_one_does() {
    let fixture = MongoFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let mut costs = Vec::new();
    for messages in [100, 5_000] {
        let batch = (0..messages).map(|_| text(ada, "so it goes", at(1))).collect();
        store.append_messages(chat, batch).await.unwrap();
        let mut cost = 0;
        for query in [PageQuery::Latest, PageQuery::Before(Seq(60)), PageQuery::After(Seq(40))] {
            let (page, commands) = profiled(&fixture, store.history(chat, NOBODY, query, 20)).await;
            assert_eq!(page.unwrap().messages.len(), 20);
            cost += examined("history", &commands);
        }
        costs.push(cost);
    }
    assert_eq!(costs[0], costs[1], "documents looked at among 100 messages and among 5,100");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_takes_as_many_commands_however_often_the_text_was_changed() {
    let fixture = MongoFixture::open().await;
    let store = fixture.store();
    let [ada, bob] = people(&store).await;
    let chat = direct(&store, [ada, bob], at(0)).await;
    let mut costs = Vec::new();
    for edits in [1, 12] {
        let message = send(&store, chat, ada, "as it was first", 1).await;
        for number in 0..edits {
            amend(&store, &message, ada, 2, edited(&message, &format!("as it was then: {number}"))).await;
        }
        let deleted = EventBody::MessageDeleted { message_id: message.id, ordinal: message.ordinal };
        let (change, commands) = profiled(&fixture, try_amend(&store, &message, ada, 3, deleted)).await;
        change.unwrap();
        examined("a deletion", &commands);
        costs.push(commands.len());
    }
    assert_eq!(costs[0], costs[1], "after one change of the text and after twelve");
    let texts = all(&fixture.database, "events").await;
    assert!(!texts.iter().any(|event| event.to_string().contains("as it was")), "{texts:#?}");
}
