//! Who of the two people of a direct chat has blocked the other.

use crate::error::ErrorCode;

/// How it stands between two people, as one of them sees it. The other one is never told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blocking {
    /// They have blocked the other.
    pub by_me: bool,
    /// The other has blocked them.
    pub by_them: bool,
}

impl Blocking {
    /// Why they cannot write to the other, if they cannot. Who has blocked somebody is told that first: it is what
    /// they can change.
    pub fn refusal(self) -> Option<ErrorCode> {
        match self {
            Self { by_me: true, .. } => Some(ErrorCode::YouBlockedThem),
            Self { by_them: true, .. } => Some(ErrorCode::CannotMessage),
            Self { by_me: false, by_them: false } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_blocked_somebody_is_told_so_and_who_was_blocked_is_not() {
        let refusal = |by_me, by_them| Blocking { by_me, by_them }.refusal();
        assert_eq!(refusal(false, false), None);
        assert_eq!(refusal(true, false), Some(ErrorCode::YouBlockedThem));
        assert_eq!(refusal(false, true), Some(ErrorCode::CannotMessage));
        assert_eq!(refusal(true, true), Some(ErrorCode::YouBlockedThem), "they can change that");
    }
}
