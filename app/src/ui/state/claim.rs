//! Which tab sends a message: pure. All tabs of an account have one outbox, and a message is to be sent by one
//! of them. That two send it does no harm, for its id is the same; a claim spares the second request, and lets
//! the tab that has not heard of it find that the message was discarded in another.

use crate::domain::Timestamp;

/// For so many milliseconds a claim holds; a tab renews it while its request is under way.
pub const LEASE_MS: i64 = 10_000;

/// How often it is renewed, in milliseconds.
pub const RENEWAL_MS: u32 = 4_000;

/// Which tab has a message, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The tab's id; a tab keeps its id over a reload.
    pub tab: String,
    /// When it runs out.
    pub until: Timestamp,
}

/// What a tab may do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Send it.
    Mine,
    /// Wait: another tab has it for so many milliseconds yet.
    Theirs(u32),
    /// Forget it: it was sent or discarded elsewhere.
    Gone,
}

impl Claim {
    /// The claim of this tab from now on.
    pub fn of(tab: String, now: Timestamp) -> Self {
        Self { tab, until: Timestamp::from_millis(now.as_millis() + LEASE_MS) }
    }

    /// Whether the message that has this claim is the tab's to send.
    pub fn turn(&self, tab: &str, now: Timestamp) -> Turn {
        let left = self.until.as_millis() - now.as_millis();
        // One that holds for longer than any can was made before the clock was put back.
        if self.tab == tab || left <= 0 || left > LEASE_MS {
            Turn::Mine
        } else {
            Turn::Theirs(u32::try_from(left).unwrap_or_default())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn one_tab_has_a_message_until_its_claim_runs_out() {
        let claim = Claim::of("one".into(), at(1_000));
        assert_eq!(claim.turn("two", at(1_000)), Turn::Theirs(10_000));
        assert_eq!(claim.turn("two", at(10_999)), Turn::Theirs(1));
        assert_eq!(claim.turn("two", at(11_000)), Turn::Mine);
        let renewed = Claim::of("one".into(), at(5_000));
        assert_eq!(renewed.turn("two", at(11_000)), Turn::Theirs(4_000));
    }

    #[test]
    fn a_tab_that_was_reloaded_has_its_messages_at_once() {
        assert_eq!(Claim::of("one".into(), at(1_000)).turn("one", at(1_001)), Turn::Mine);
    }

    #[test]
    fn a_clock_that_was_put_back_keeps_nobody_waiting() {
        assert_eq!(Claim::of("one".into(), at(90_000)).turn("two", at(1_000)), Turn::Mine);
    }
}
