//! Who gets which page, and how much of it.

use super::{EVERYBODY, Who, World};

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_the_same_rules() {
    let world = World::new().await;
    let chat = world.group().await;
    let seq = world.admin.send(&chat, "for members only").await["seq"].clone();
    let invite = world.admin.call("create_invite", &[("chat_id", &chat)]).await.ok();
    let invitation = format!("/join/{}", invite["token"].as_str().unwrap());
    // With the status for who is signed in and not in the group, and for who is in it.
    let pages = [
        (format!("/c/{chat}"), 404, 200),
        (format!("/c/{chat}/{seq}"), 404, 200),
        (format!("/c/{chat}/details"), 404, 200),
        (format!("/search?q=members&chat={chat}"), 404, 200),
        // People are there for everybody, and a group's name for who has a link to join it.
        (format!("/u/{}", world.other.id), 200, 200),
        (invitation.clone(), 200, 200),
        ("/join/guessed".to_owned(), 404, 404),
    ];
    for (page, for_others, for_members) in pages {
        for who in EVERYBODY {
            let answer = world.browser(who).get(&page).await;
            let expected = match who {
                Who::Anonymous => 303,
                Who::Outsider | Who::Former => for_others,
                Who::Member | Who::Admin => for_members,
            };
            assert_eq!(answer.status, expected, "{page} by {who:?}");
            if !matches!(who, Who::Member | Who::Admin) {
                let text = answer.text();
                assert!(!text.contains("for members only"), "{page} by {who:?}: {text}");
                let is_invited = expected == 200 && page == invitation;
                assert_eq!(text.contains("Team"), is_invited, "{page} by {who:?}: {text}");
            }
        }
    }
    world.server.stop().await;
}
