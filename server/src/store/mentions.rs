//! Whom messages mention, as every adapter keeps it.

use std::collections::BTreeSet;

use app::{domain::UserId, protocol::MentionsView};

/// Who stands in the rows of mentions for everybody in a group: an id that nobody has, for ids begin with a time.
pub(super) const EVERYBODY: UserId = UserId::from_bytes([0; 12]);

/// For whom a message of this sender has a row, each once. Nobody is told that they mention themselves.
pub(super) fn mentioned(mentions: &MentionsView, sender: UserId) -> BTreeSet<UserId> {
    let people = mentions.people.iter().map(|person| person.user_id).filter(|user| *user != sender);
    people.chain(mentions.all.then_some(EVERYBODY)).collect()
}
