//! The files that stand for people and groups: one for each, released when another one takes its place, and none of a
//! message's.

use app::{
    domain::{AttachmentId, ChatId, DisplayName, UserId, limits, policy},
    error::ErrorCode,
    ports::{Appended, Decide, PageQuery},
    protocol::EventBody,
};
use futures::future::join_all;

use crate::{
    attachments::{arriving, several, team, with_files},
    chats::chat,
    groups::new_invite,
    support::*,
};

const GRACE: i64 = limits::RELEASED_GRACE_SECONDS;

async fn new(store: &TheStore, owner: UserId) -> AttachmentId {
    arriving(store, owner, 10).await.id
}

/// What stands for the person, wherever the store says it: they all have to agree.
async fn of_person(store: &TheStore, who: UserId) -> Option<AttachmentId> {
    let avatar = store.user(who).await.unwrap().unwrap().avatar;
    assert_eq!(store.users(&[who]).await.unwrap()[0].avatar, avatar);
    for listed in store.chats_of(who, 10, 10).await.unwrap() {
        let whole = store.chat(listed.id, who, 10).await.unwrap().unwrap();
        let part = store.members_from(listed.id, 0, 10).await.unwrap();
        for members in [listed.members, whole.members, part.members] {
            let me = members.iter().find(|member| member.user.id == who).unwrap();
            assert_eq!(me.user.avatar, avatar);
        }
    }
    avatar
}

/// Has this stand for the chat, whatever the rules say of it.
async fn show(
    store: &TheStore,
    chat: ChatId,
    actor: UserId,
    avatar: Option<AttachmentId>,
    when: i64,
) -> Option<ErrorCode> {
    let decide = always(vec![EventBody::ChatAvatarChanged { avatar }]);
    code(store.change_chat(chat, actor, at(when), decide).await)
}

async fn collected(store: &TheStore, when: i64) -> Vec<AttachmentId> {
    store.collect_attachments(at(when), 100).await.unwrap()
}

pub async fn a_person_has_one_avatar_and_the_one_before_is_released(store: TheStore) {
    let (ada, bob, _) = team(&store).await;
    assert_eq!(of_person(&store, ada).await, None);
    assert!(store.set_avatar(ada, None, at(1)).await.unwrap(), "there was none");
    let (first, second) = (new(&store, ada).await, new(&store, ada).await);
    assert!(!store.is_avatar(first).await.unwrap(), "it is arriving");
    assert!(store.set_avatar(ada, Some(first), at(1)).await.unwrap());
    assert!(store.set_avatar(ada, Some(first), at(2)).await.unwrap(), "again");
    assert_eq!((of_person(&store, ada).await, of_person(&store, bob).await), (Some(first), None));
    assert!(store.is_avatar(first).await.unwrap());
    // Nobody takes it, however late it is.
    store.give_up_attachments(&[first], at(3)).await.unwrap();
    store.forget_attachments(&[first]).await.unwrap();
    assert!(store.set_avatar(ada, Some(second), at(4)).await.unwrap());
    assert_eq!(of_person(&store, ada).await, Some(second));
    assert!(!store.is_avatar(first).await.unwrap(), "at once");
    assert!(collected(&store, 3 + GRACE).await.is_empty());
    assert_eq!(collected(&store, 4 + GRACE).await, [first]);
    store.forget_attachments(&[first]).await.unwrap();

    assert!(store.set_avatar(ada, None, at(10)).await.unwrap());
    assert_eq!(of_person(&store, ada).await, None);
    assert_eq!(collected(&store, 10 + GRACE).await, [second]);
    assert!(!store.set_avatar(NOBODY, None, at(1)).await.unwrap());
    // What else one says of oneself leaves it alone.
    let third = new(&store, ada).await;
    store.set_avatar(ada, Some(third), at(11)).await.unwrap();
    let (name, about) = (DisplayName::parse("Countess").unwrap(), app::domain::About::parse("hi").unwrap());
    assert!(store.update_profile(ada, name, about).await.unwrap());
    assert_eq!(of_person(&store, ada).await, Some(third));
}

pub async fn an_avatar_is_an_arriving_file_of_ones_own(store: TheStore) {
    let (ada, bob, chat_id) = team(&store).await;
    let mine = new(&store, ada).await;
    store.set_avatar(ada, Some(mine), at(1)).await.unwrap();
    let theirs = new(&store, bob).await;
    let [sent, claimed] = several(&store, ada).await;
    append(&store, chat_id, with_files(ada, std::slice::from_ref(&sent), 1)).await;
    store.give_up_attachments(&[claimed.id], at(1)).await.unwrap();
    assert_eq!(collected(&store, 1).await, [claimed.id]);
    let nowhere = AttachmentId::from_bytes(id());
    for wrong in [theirs, sent.id, claimed.id, nowhere] {
        assert_eq!(code(store.set_avatar(ada, Some(wrong), at(2)).await), Some(ErrorCode::Unavailable));
        assert_eq!(show(&store, chat_id, ada, Some(wrong), 2).await, Some(ErrorCode::Unavailable));
    }
    assert_eq!(show(&store, chat_id, ada, Some(mine), 2).await, Some(ErrorCode::Unavailable));
    // Nothing of it was done.
    assert_eq!(of_person(&store, ada).await, Some(mine));
    assert_eq!(chat(&store, chat_id, ada).await.avatar, None);
    assert_eq!(log(&store, chat_id).await.len(), 1);
    assert!(store.attachment(sent.id).await.unwrap().is_some());
}

pub async fn a_group_has_one_avatar_by_its_log(store: TheStore) {
    let (ada, bob, chat_id) = team(&store).await;
    let (first, second) = (new(&store, ada).await, new(&store, ada).await);
    assert_eq!(show(&store, chat_id, ada, Some(first), 1).await, None);
    assert!(store.is_avatar(first).await.unwrap());
    for viewer in [ada, bob] {
        assert_eq!(chat(&store, chat_id, viewer).await.avatar, Some(first));
        assert_eq!(store.chats_of(viewer, 10, 1).await.unwrap()[0].avatar, Some(first));
    }
    // What is decided on sees it.
    let decide: Decide = Box::new(move |state| {
        assert_eq!(state.avatar, Some(first));
        let is_news = policy::change_avatar(state, ada, Some(first))?;
        Ok(is_news.then_some(EventBody::ChatAvatarChanged { avatar: None }).into_iter().collect())
    });
    assert_eq!(store.change_chat(chat_id, ada, at(2), decide).await.unwrap(), Some(Vec::new()));

    assert_eq!(show(&store, chat_id, ada, Some(second), 3).await, None);
    assert_eq!(chat(&store, chat_id, bob).await.avatar, Some(second));
    assert!(!store.is_avatar(first).await.unwrap());
    assert_eq!(show(&store, chat_id, ada, None, 4).await, None);
    assert_eq!(chat(&store, chat_id, bob).await.avatar, None);
    assert_eq!(collected(&store, 3 + GRACE).await, [first]);
    assert_eq!(collected(&store, 4 + GRACE).await, [first, second]);

    let bodies: Vec<EventBody> = log(&store, chat_id).await.into_iter().map(|event| event.body).collect();
    let changed = |avatar| EventBody::ChatAvatarChanged { avatar };
    assert_eq!(bodies, [changed(Some(first)), changed(Some(second)), changed(None)]);
    // A line between the messages, with who did it by name.
    let page = store.history(chat_id, bob, PageQuery::Latest, 10).await.unwrap();
    let shown: Vec<_> = page.events.iter().map(|event| (event.seq.0, event.named.len())).collect();
    assert_eq!(shown, [(1, 1), (2, 1), (3, 1)]);
    let opened = store.history(chat_id, bob, PageQuery::After(app::domain::Seq(0)), 10).await.unwrap();
    assert_eq!(opened.events, page.events);
}

pub async fn the_avatar_of_a_deleted_chat_is_released(store: TheStore) {
    let (ada, bob, chat_id) = team(&store).await;
    let avatar = new(&store, ada).await;
    show(&store, chat_id, ada, Some(avatar), 1).await;
    let [photo] = several(&store, bob).await;
    append(&store, chat_id, with_files(bob, std::slice::from_ref(&photo), 1)).await;
    let remove = by_policy(move |chat| policy::delete(chat, ada));
    store.change_chat(chat_id, ada, at(2), remove).await.unwrap().unwrap();
    assert!(!store.is_avatar(avatar).await.unwrap(), "at once");
    assert_eq!(collected(&store, 2 + GRACE).await, [avatar]);
    while store.purge(at(3)).await.unwrap() > 0 {}
    assert_eq!(collected(&store, 3 + GRACE).await, [avatar, photo.id]);
    store.forget_attachments(&[avatar, photo.id]).await.unwrap();
    assert!(collected(&store, 9 + GRACE).await.is_empty());
}

pub async fn an_avatar_is_no_messages_file(store: TheStore) {
    let (ada, _, chat_id) = team(&store).await;
    let [file, avatar, of_chat] = several(&store, ada).await;
    store.set_avatar(ada, Some(avatar.id), at(1)).await.unwrap();
    show(&store, chat_id, ada, Some(of_chat.id), 1).await;
    append(&store, chat_id, with_files(ada, std::slice::from_ref(&file), 2)).await;
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 10, "the message's alone");
    for shown in [&avatar, &of_chat] {
        assert_eq!(store.attachment(shown.id).await.unwrap(), None);
        let taken = append(&store, chat_id, with_files(ada, std::slice::from_ref(shown), 3)).await;
        assert!(matches!(taken, Appended::AttachmentsGone), "{taken:?}");
    }
    assert!(!store.is_avatar(file.id).await.unwrap());
    store.set_avatar(ada, None, at(4)).await.unwrap();
    assert_eq!(store.attached_bytes(ada).await.unwrap(), 10, "nothing was counted, and nothing is now");
}

pub async fn who_wrote_and_who_is_found_comes_with_their_avatar(store: TheStore) {
    let ada = person(&store, "Ada Lovelace").await;
    let bob = person(&store, "Bob").await;
    let chat_id = group(&store, &[ada, bob]).await;
    let before = send(&store, chat_id, ada, "before", 1).await;
    assert_eq!(before.sender_avatar, None);
    let (first, second) = (new(&store, ada).await, new(&store, ada).await);
    store.set_avatar(ada, Some(first), at(2)).await.unwrap();
    let message = send(&store, chat_id, ada, "after", 3).await;
    assert_eq!(message.sender_avatar, Some(first));
    for avatar in [Some(first), Some(second), None] {
        if avatar != Some(first) {
            store.set_avatar(ada, avatar, at(4)).await.unwrap();
        }
        for sent in [&before, &message] {
            let seen = crate::attachments::everywhere(&store, sent).await;
            assert_eq!(seen.sender_avatar, avatar, "as it is now, wherever it was written");
        }
        let found = store.search_users(&["love".into()], None, bob, 10).await.unwrap();
        assert_eq!(found[0].avatar, avatar);
        let found = store.search_members(chat_id, &["love".into()], 10).await.unwrap();
        assert_eq!(found[0].user.avatar, avatar);
    }
    let of_chat = new(&store, ada).await;
    show(&store, chat_id, ada, Some(of_chat), 5).await;
    let invite = new_invite(chat_id, ada, 0);
    let token = invite.token_hash;
    store.create_invite(invite).await.unwrap();
    let invited = store.invite(&token, NOBODY, at(1)).await.unwrap().unwrap();
    assert_eq!(invited.avatar, Some(of_chat));
}

pub async fn of_many_who_race_one_stays_and_the_others_are_released(store: TheStore) {
    const AT_ONCE: usize = 8;
    let (ada, _, chat_id) = team(&store).await;
    let files = join_all((0..AT_ONCE).map(|_| new(&store, ada))).await;
    let groups = join_all((0..AT_ONCE).map(|_| new(&store, ada))).await;
    let sets = files.iter().map(|file| store.set_avatar(ada, Some(*file), at(1)));
    let shows = groups.iter().map(|file| show(&store, chat_id, ada, Some(*file), 1));
    let (sets, shows) = tokio::join!(join_all(sets), join_all(shows));
    assert!(sets.into_iter().all(|set| set.unwrap()));
    assert!(shows.into_iter().all(|refused| refused.is_none()));
    let mine = of_person(&store, ada).await.unwrap();
    let ours = chat(&store, chat_id, ada).await.avatar.unwrap();
    let mut gone = collected(&store, 1 + GRACE).await;
    gone.sort_unstable();
    let mut others: Vec<_> =
        files.into_iter().chain(groups).filter(|file| ![mine, ours].contains(file)).collect();
    others.sort_unstable();
    assert_eq!(gone, others, "each but these two, once");
}
