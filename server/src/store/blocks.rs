//! Who of a direct chat's two people has blocked the other, as every adapter keeps it with the chat.

use app::domain::{Blocking, UserId};

/// What stands with a chat. In a group nobody has blocked anybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PairBlocks {
    /// The one of the two with the lower id; none in a group.
    pub low: Option<UserId>,
    /// Whether that one has blocked the other.
    pub by_low: bool,
    /// Whether the other has blocked that one.
    pub by_high: bool,
}

impl PairBlocks {
    /// How it stands for one of the two.
    pub(super) fn seen_by(&self, person: UserId) -> Blocking {
        let (by_me, by_them) = match self.low {
            None => (false, false),
            Some(low) if low == person => (self.by_low, self.by_high),
            Some(_other) => (self.by_high, self.by_low),
        };
        Blocking { by_me, by_them }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_two_sees_it_from_their_side_and_a_group_knows_none() {
        let [low, high] = [1, 2].map(|byte| UserId::from_bytes([byte; 12]));
        let blocks = PairBlocks { low: Some(low), by_low: true, by_high: false };
        assert_eq!(blocks.seen_by(low), Blocking { by_me: true, by_them: false });
        assert_eq!(blocks.seen_by(high), Blocking { by_me: false, by_them: true });
        assert_eq!(PairBlocks { low: None, ..blocks }.seen_by(low), Blocking::default());
    }
}
