//! Whom the reader has blocked, and when others were last there, as far as this page was told: pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Timestamp, UserId};

/// People of whom it is remembered when they were last there; of more some are forgotten, and asked for again.
const REMEMBERED: usize = 2_000;

/// What the page knows of people beside who is online.
#[derive(Clone, Debug, Default)]
pub struct People {
    blocked: BTreeSet<UserId>,
    /// When they were last there; nothing where they do not show it.
    seen: BTreeMap<UserId, Option<Timestamp>>,
    /// Of whom that was told since the socket was opened last.
    fresh: BTreeSet<UserId>,
}

impl People {
    /// What came with the page.
    pub fn new(blocked: Vec<UserId>, seen: &BTreeMap<UserId, Option<Timestamp>>) -> Self {
        let fresh = seen.keys().copied().collect();
        Self { blocked: blocked.into_iter().collect(), seen: seen.clone(), fresh }
    }

    /// Whether the reader has blocked the person.
    pub fn is_blocked(&self, user: UserId) -> bool {
        self.blocked.contains(&user)
    }

    /// When the person was last there, if that was told.
    pub fn last_seen(&self, user: UserId) -> Option<Timestamp> {
        self.seen.get(&user).copied().flatten()
    }

    /// Whether it is not known, or not for sure, when the person was last there.
    pub fn is_stale(&self, user: UserId) -> bool {
        !self.fresh.contains(&user)
    }

    /// Takes in when the person was last there; nothing if they do not show it.
    pub fn note_seen(&mut self, user: UserId, at: Option<Timestamp>) {
        if self.seen.len() >= REMEMBERED
            && !self.seen.contains_key(&user)
            && let Some((forgotten, _at)) = self.seen.pop_first()
        {
            self.fresh.remove(&forgotten);
        }
        self.seen.insert(user, at);
        self.fresh.insert(user);
    }

    /// A socket was opened: people may have come and gone since the last one.
    pub fn doubt_seen(&mut self) {
        self.fresh.clear();
    }

    /// The reader shows no longer when they were last there, and so does not see it of others; or does again.
    pub fn forget_seen(&mut self) {
        self.seen.clear();
        self.fresh.clear();
    }

    /// Takes in whom the reader has blocked. Whether that is news.
    pub fn take_blocked(&mut self, blocked: BTreeSet<UserId>) -> bool {
        let is_news = blocked != self.blocked;
        self.blocked = blocked;
        is_news
    }

    /// Takes in that the reader has blocked somebody, or does so no longer. Whether that is news.
    pub fn set_blocked(&mut self, user: UserId, on: bool) -> bool {
        if on { self.blocked.insert(user) } else { self.blocked.remove(&user) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::state::testing::{BEN, CY};

    #[test]
    fn what_was_told_before_a_socket_is_shown_until_it_is_told_anew() {
        let at = Timestamp::from_millis(7);
        let mut people = People::new(Vec::new(), &BTreeMap::from([(BEN, Some(at))]));
        assert_eq!(
            (people.last_seen(BEN), people.is_stale(BEN), people.is_stale(CY)),
            (Some(at), false, true)
        );
        people.doubt_seen();
        assert_eq!((people.last_seen(BEN), people.is_stale(BEN)), (Some(at), true));
        people.note_seen(BEN, None);
        assert_eq!((people.last_seen(BEN), people.is_stale(BEN)), (None, false), "they show it no longer");
    }

    #[test]
    fn of_very_many_people_some_are_forgotten() {
        let mut people = People::default();
        for number in 0..=REMEMBERED {
            let mut id = [0; 12];
            id[..8].copy_from_slice(&(number as u64).to_be_bytes());
            people.note_seen(UserId::from_bytes(id), Some(Timestamp::default()));
        }
        assert_eq!((people.seen.len(), people.fresh.len()), (REMEMBERED, REMEMBERED));
        assert!(people.is_stale(UserId::from_bytes([0; 12])), "the first");
    }

    #[test]
    fn blocking_twice_is_no_news() {
        let mut people = People::new(vec![CY], &BTreeMap::new());
        assert!(people.set_blocked(BEN, true) && !people.set_blocked(BEN, true));
        assert!(people.is_blocked(BEN) && people.is_blocked(CY));
        assert!(people.take_blocked(BTreeSet::from([CY])) && !people.take_blocked(BTreeSet::from([CY])));
        assert!(!people.is_blocked(BEN) && !people.set_blocked(BEN, false));
    }
}
