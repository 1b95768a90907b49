//! Reactions that were asked for and are not answered yet: pure. They are shown as if they were, over what is known.

use crate::{
    domain::{MessageId, UserId},
    protocol::ReactionView,
};

/// What somebody wants to have under messages: of each emoji under a message the last wish. One request at a time is
/// under way for it, so that none overtakes another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    wishes: Vec<Wish>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Wish {
    message_id: MessageId,
    emoji: String,
    on: bool,
}

impl Wishes {
    /// Takes note of a wish. Answers whether it is to be sent now; otherwise that is decided when the request that
    /// is under way is answered.
    pub fn add(&mut self, message_id: MessageId, emoji: &str, on: bool) -> bool {
        let same = |wish: &&mut Wish| wish.message_id == message_id && wish.emoji == emoji;
        if let Some(wish) = self.wishes.iter_mut().find(same) {
            wish.on = on;
            return false;
        }
        self.wishes.push(Wish { message_id, emoji: emoji.into(), on });
        true
    }

    /// What was `sent` was answered, one way or the other. Answers what is to be sent next, if something else is
    /// wished by now.
    pub fn answered(&mut self, message_id: MessageId, emoji: &str, sent: bool) -> Option<bool> {
        let same = |wish: &Wish| wish.message_id == message_id && wish.emoji == emoji;
        let place = self.wishes.iter().position(same)?;
        let on = self.wishes[place].on;
        if on == sent {
            self.wishes.remove(place);
        }
        (on != sent).then_some(on)
    }

    /// What stands under a message if all of it comes true. A wish that has come true changes nothing any more.
    pub fn over(
        &self,
        message_id: MessageId,
        known: &[ReactionView],
        me: Option<UserId>,
    ) -> Vec<ReactionView> {
        let mut shown = known.to_vec();
        for wish in self.wishes.iter().filter(|wish| wish.message_id == message_id) {
            let place = shown.iter().position(|reaction| reaction.emoji == wish.emoji);
            match place.map(|place| &mut shown[place]) {
                Some(reaction) if reaction.mine == wish.on => {}
                Some(reaction) => {
                    reaction.mine = wish.on;
                    if wish.on {
                        reaction.count += 1;
                        reaction.user_ids.extend(me);
                    } else {
                        reaction.count = reaction.count.saturating_sub(1);
                        reaction.user_ids.retain(|user| Some(*user) != me);
                    }
                }
                None if wish.on => {
                    let (emoji, user_ids) = (wish.emoji.clone(), me.into_iter().collect());
                    shown.push(ReactionView { emoji, count: 1, user_ids, mine: true });
                }
                None => {}
            }
        }
        shown.retain(|reaction| reaction.count > 0);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::state::testing::{ADA, BEN, message};

    fn reaction(emoji: &str, user_ids: &[UserId]) -> ReactionView {
        let (count, mine) = (user_ids.len() as u64, user_ids.contains(&ADA));
        ReactionView { emoji: emoji.into(), count, user_ids: user_ids.to_vec(), mine }
    }

    #[test]
    fn a_wish_is_shown_until_it_is_answered_and_never_twice() {
        let id = message(1, BEN, "").id;
        let mut wishes = Wishes::default();
        assert!(wishes.add(id, "👍", true));
        let shown = |wishes: &Wishes, known: &[ReactionView]| wishes.over(id, known, Some(ADA));
        assert_eq!(shown(&wishes, &[reaction("👍", &[BEN])]), [reaction("👍", &[BEN, ADA])]);
        assert_eq!(shown(&wishes, &[]), [reaction("👍", &[ADA])]);
        // The event has come before the answer.
        assert_eq!(shown(&wishes, &[reaction("👍", &[ADA])]), [reaction("👍", &[ADA])]);
        assert!(wishes.over(message(2, BEN, "").id, &[], Some(ADA)).is_empty());
        assert_eq!(wishes.answered(id, "👍", true), None);
        assert_eq!(shown(&wishes, &[]), []);
    }

    #[test]
    fn the_last_of_two_wishes_counts() {
        let id = message(1, BEN, "").id;
        let mut wishes = Wishes::default();
        wishes.add(id, "👍", true);
        wishes.add(id, "👍", false);
        assert_eq!(wishes.over(id, &[], Some(ADA)), []);
        assert_eq!(wishes.over(id, &[reaction("👍", &[ADA])], Some(ADA)), []);
        assert_eq!(wishes.over(id, &[reaction("👍", &[BEN, ADA])], Some(ADA)), [reaction("👍", &[BEN])]);
    }

    #[test]
    fn one_request_is_under_way_at_a_time_and_the_last_wish_is_sent_after_it() {
        let id = message(1, BEN, "").id;
        let mut wishes = Wishes::default();
        assert!(wishes.add(id, "👍", true));
        assert!(!wishes.add(id, "👍", false));
        assert!(wishes.add(id, "🎉", true), "another emoji does not wait");
        assert!(wishes.add(message(2, BEN, "").id, "👍", true), "nor does another message");
        assert_eq!(wishes.answered(id, "👍", true), Some(false));
        assert!(!wishes.add(id, "👍", true));
        assert!(!wishes.add(id, "👍", false));
        // What is wished in the end is what was sent.
        assert_eq!(wishes.answered(id, "👍", false), None);
        assert!(wishes.add(id, "👍", true), "nothing is under way any more");
    }
}
