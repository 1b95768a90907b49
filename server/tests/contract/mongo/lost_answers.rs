//! Commits whose answers are lost: what became of them is found out, and told.

use std::time::{Duration, Instant};

use app::{
    domain::{ChatId, Role, SessionId, UserId, policy},
    error::{AppResult, ErrorCode},
    ports::{Appended, MessageChange, NewDirectChat, NewMessage, RefreshOutcome},
    protocol::{AttachmentView, EventBody, LogEvent, MessageView},
};
use mongodb::{
    Client,
    bson::{Bson, Document, doc},
};
use server::{
    config::MongoUrl,
    store::mongo::{MongoOptions, MongoStore},
};

use crate::{
    attachments::{arriving, with_files},
    replica_set::ReplicaSet,
    support::*,
};

/// Servers of its own, with what there is before the answers are lost.
struct Scene {
    servers: ReplicaSet,
    store: TheStore,
    people: [UserId; 4],
    chat: ChatId,
    /// Where Ada sends a file.
    album: ChatId,
    photo: AttachmentView,
    team: ChatId,
    gone: ChatId,
    /// Ada's, to be changed, in a chat of its own.
    draft: MessageView,
    /// Ada's, to be ended.
    ended: SessionId,
    /// Bob's, which ends his other one.
    kept: SessionId,
    other: SessionId,
    /// Cy's, whose first token was exchanged.
    reused: SessionId,
    stolen: [u8; 32],
    /// Dan's, whose first token is to be exchanged.
    used: [u8; 32],
}

/// What was answered to each of the writes.
struct Answers {
    sent: AppResult<Vec<Appended>>,
    filed: AppResult<Vec<Appended>>,
    group: (ChatId, AppResult<()>),
    pair: (ChatId, AppResult<(ChatId, bool)>),
    joined: AppResult<Option<Vec<LogEvent>>>,
    deleted: AppResult<Option<Vec<LogEvent>>>,
    edited: AppResult<MessageChange>,
    ended: AppResult<bool>,
    others: AppResult<Vec<SessionId>>,
    signed_in: (SessionId, AppResult<Vec<SessionId>>),
    reused: AppResult<RefreshOutcome>,
    rotated: AppResult<RefreshOutcome>,
}

impl Scene {
    async fn begin() -> Self {
        let servers = ReplicaSet::start().await;
        let url = MongoUrl::from(servers.url.clone());
        let store: TheStore = MongoStore::open(&url, MongoOptions::default()).await.unwrap();
        let people @ [ada, bob, cy, dan] = people(&store).await;
        let (reused, stolen) = session(&store, cy, 0, DAY).await;
        store.rotate_refresh(refresh(stolen, 10)).await.unwrap();
        let notes = group(&store, &[ada, bob]).await;
        Self {
            draft: send(&store, notes, ada, "a draft", 1).await,
            people,
            chat: direct(&store, [ada, bob], at(0)).await,
            album: group(&store, &[ada, bob]).await,
            photo: arriving(&store, ada, 10).await,
            team: group(&store, &[ada, bob]).await,
            gone: group(&store, &[ada, bob]).await,
            ended: session(&store, ada, 0, DAY).await.0.id,
            kept: session(&store, bob, 0, DAY).await.0.id,
            other: session(&store, bob, 1, DAY).await.0.id,
            reused: reused.id,
            stolen,
            used: session(&store, dan, 0, DAY).await.1,
            servers,
            store,
        }
    }

    /// Has commits answered otherwise.
    async fn commits(&self, mode: impl Into<Bson>, answer: Document) {
        let admin = Client::with_uri_str(&self.servers.url).await.unwrap().database("admin");
        let mut data = doc! { "failCommands": ["commitTransaction"] };
        data.extend(answer);
        let fault = doc! { "configureFailPoint": "failCommand", "mode": mode.into(), "data": data };
        admin.run_command(fault).await.unwrap();
    }

    /// Ada's message with her file.
    fn with_the_photo(&self) -> NewMessage {
        with_files(self.people[0], std::slice::from_ref(&self.photo), 2)
    }

    /// Every kind of write that is a transaction, all at once.
    async fn write(&self) -> Answers {
        let [ada, bob, cy, dan] = self.people;
        let store = &self.store;
        let began = Instant::now();
        let group = new_group(&[cy, dan], at(2));
        let pair = NewDirectChat { id: ChatId::from_bytes(id()), pair: [cy, dan], created_at: at(2) };
        let (group_id, pair_id) = (group.id, pair.id);
        let sign_in = new_session(dan, 0, DAY);
        let signed_in = sign_in.session.id;
        let join = move |chat: &_| policy::add_members(chat, ada, &[cy]);
        let outcomes = tokio::join!(
            store.append_messages(self.chat, vec![text(bob, "is it there?", at(2))]),
            store.append_messages(self.album, vec![self.with_the_photo()]),
            store.create_group_chat(group),
            store.create_direct_chat(pair),
            store.change_chat(self.team, ada, at(2), by_policy(join)),
            store.change_chat(self.gone, ada, at(2), always(vec![EventBody::ChatDeleted {}])),
            try_amend(store, &self.draft, ada, 2, edited(&self.draft, "the text")),
            store.end_session(ada, self.ended),
            store.end_other_sessions(bob, self.kept),
            store.create_session(sign_in),
            store.rotate_refresh(refresh(self.stolen, 1_000)),
            store.rotate_refresh(refresh(self.used, 10)),
        );
        assert!(began.elapsed() < Duration::from_secs(29), "a wait of {:?}", began.elapsed());
        Answers {
            sent: outcomes.0,
            filed: outcomes.1,
            group: (group_id, outcomes.2),
            pair: (pair_id, outcomes.3),
            joined: outcomes.4,
            deleted: outcomes.5,
            edited: outcomes.6,
            ended: outcomes.7,
            others: outcomes.8,
            signed_in: (signed_in, outcomes.9),
            reused: outcomes.10,
            rotated: outcomes.11,
        }
    }
}

/// The server commits, and says that it does not know whether a majority has it.
fn doubtful() -> Document {
    doc! { "writeConcernError": { "code": 64, "errmsg": "waiting for replication timed out" } }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answers_are_lost_is_found_and_told() {
    let scene = Scene::begin().await;
    let (store, [ada, .., cy, dan]) = (&scene.store, scene.people);
    scene.commits("alwaysOn", doubtful()).await;
    let answers = scene.write().await;
    scene.commits("off", doubtful()).await;

    assert_eq!(stored(&answers.sent.unwrap()[0]).seq.0, 1);
    assert_eq!(log(store, scene.chat).await.len(), 1);
    assert_eq!(stored(&answers.filed.unwrap()[0]).attachments, std::slice::from_ref(&scene.photo));
    assert!(store.attachment(scene.photo.id).await.unwrap().is_some());
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 10);
    answers.group.1.unwrap();
    assert_eq!(store.role(answers.group.0, dan).await.unwrap(), Some(Role::Member));
    assert_eq!(answers.pair.1.unwrap(), (answers.pair.0, true));
    assert_eq!(answers.joined.unwrap().unwrap(), log(store, scene.team).await);
    assert_eq!(store.role(scene.team, cy).await.unwrap(), Some(Role::Member));
    assert_eq!(answers.deleted.unwrap().unwrap().len(), 1);
    let edited = answers.edited.unwrap();
    assert_eq!(edited.event.as_ref(), log(store, scene.draft.chat_id).await.get(1));
    let found = store.message(scene.draft.chat_id, ada, scene.draft.id).await.unwrap();
    assert_eq!((edited.message.body.as_str(), Some(edited.message.clone())), ("the text", found));
    assert!(answers.ended.unwrap(), "the session has ended, and its sockets are to hear of it");
    assert_eq!(answers.others.unwrap(), [scene.other]);
    assert_eq!(answers.signed_in.1.unwrap(), []);
    assert!(store.session(answers.signed_in.0, at(10)).await.unwrap().is_some());
    assert_eq!(answers.reused.unwrap(), RefreshOutcome::Reused { user_id: cy, session_id: scene.reused });
    assert!(matches!(answers.rotated.unwrap(), RefreshOutcome::Rotated(session) if session.user_id == dan));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_never_happened_is_not_told_as_one() {
    let scene = Scene::begin().await;
    let (store, [ada, .., cy, dan]) = (&scene.store, scene.people);
    // Nothing is committed, and nobody says that either.
    let never = || doc! { "errorCode": 50 };
    scene.commits("alwaysOn", never()).await;
    let answers = scene.write().await;
    scene.commits("off", never()).await;

    let codes = [
        code(answers.sent),
        code(answers.filed),
        code(answers.group.1),
        code(answers.pair.1),
        code(answers.joined),
        code(answers.deleted),
        code(answers.edited),
        code(answers.ended),
        code(answers.others),
        code(answers.signed_in.1),
        code(answers.reused),
        code(answers.rotated),
    ];
    assert_eq!(codes, [Some(ErrorCode::Unavailable); 12]);
    assert!(log(store, scene.chat).await.is_empty() && log(store, scene.team).await.is_empty());
    let draft = store.message(scene.draft.chat_id, ada, scene.draft.id).await.unwrap();
    assert_eq!(draft, Some(scene.draft.clone()));
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 0);
    // The file is arriving as it was: what is sent again has it.
    stored(&append(store, scene.album, scene.with_the_photo()).await);
    assert_eq!(store.role(answers.group.0, dan).await.unwrap(), None);
    assert_eq!(store.role(scene.team, cy).await.unwrap(), None);
    assert!(store.role(scene.gone, ada).await.unwrap().is_some());
    for session in [scene.ended, scene.kept, scene.other, scene.reused] {
        assert!(store.session(session, at(10)).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_repeated_until_it_is_known() {
    let scene = Scene::begin().await;
    scene.commits(doc! { "times": 3 }, doubtful()).await;
    let began = Instant::now();
    let [ada, ..] = scene.people;
    assert_eq!(send(&scene.store, scene.chat, ada, "committed again until it is known", 1).await.seq.0, 1);
    assert!(began.elapsed() < Duration::from_secs(10), "a wait of {:?}", began.elapsed());
}
