//! Where in a chat's log the message of an ordinal is.
//!
//! Messages are found by their place in the log, and no index leads to them by their ordinal. Both only grow, so the
//! place is found by interpolation: where nothing but messages was logged, with the first question.

use crate::{
    domain::{ChatId, Ordinal, Seq, UserId},
    error::AppResult,
    ports::{PageQuery, Store},
};

/// What lies between two messages, both included, whose places are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: (Seq, Ordinal),
    to: (Seq, Ordinal),
}

impl Span {
    /// Where the message of this ordinal would be if messages were spread evenly; in the middle `by_halves`, which
    /// ends whatever the spread is.
    fn guess(self, ordinal: Ordinal, by_halves: bool) -> Seq {
        let ((low, first), (high, last)) = (self.from, self.to);
        let (places, messages) = (high.0 - low.0, (last.0 - first.0).max(1));
        let step = if by_halves {
            places / 2
        } else {
            let wanted = u128::from(ordinal.0 - first.0) * u128::from(places) / u128::from(messages);
            u64::try_from(wanted).unwrap_or(places)
        };
        Seq(low.0 + step.clamp(1, places.max(1)))
    }

    /// What is left of it after the first message from a place on turned out to be this one; `None` if it is the one.
    fn narrowed(self, ordinal: Ordinal, guess: Seq, found: (Seq, Ordinal)) -> Option<Self> {
        match found.1.cmp(&ordinal) {
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Less => Some(Self { from: found, ..self }),
            // The message before that place is the one before it in number, too.
            std::cmp::Ordering::Greater => {
                Some(Self { to: (Seq(guess.0 - 1), Ordinal(found.1.0 - 1)), ..self })
            }
        }
    }
}

/// The place of that message, or of the last one if there are fewer; `None` if there is none.
pub(super) async fn place_of(
    store: &dyn Store,
    chat: ChatId,
    viewer: UserId,
    ordinal: Ordinal,
) -> AppResult<Option<Seq>> {
    let last = store.history(chat, viewer, PageQuery::Latest, 1).await?;
    let Some(last) = last.messages.last() else { return Ok(None) };
    if last.ordinal <= ordinal {
        return Ok(Some(last.seq));
    }
    let wanted = ordinal.max(Ordinal(1));
    let mut span = Span { from: (Seq(0), Ordinal(0)), to: (last.seq, last.ordinal) };
    for by_halves in [false, true].into_iter().cycle() {
        let guess = span.guess(wanted, by_halves);
        let page = store.history(chat, viewer, PageQuery::After(Seq(guess.0 - 1)), 1).await?;
        let Some(found) = page.messages.first().map(|message| (message.seq, message.ordinal)) else {
            return Ok(Some(last.seq));
        };
        match span.narrowed(wanted, guess, found) {
            Some(narrower) if narrower != span => span = narrower,
            Some(_) | None => return Ok(Some(found.0)),
        }
    }
    Ok(Some(last.seq))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// Seeks in a log of which it is known which events are messages; answers the place and how often it asked.
    fn seek(messages: &[u64], wanted: u64) -> (u64, u32) {
        let at = |place: usize| (Seq(messages[place]), Ordinal(place as u64 + 1));
        let mut span = Span { from: (Seq(0), Ordinal(0)), to: at(messages.len() - 1) };
        let mut asked = 0;
        for by_halves in [false, true].into_iter().cycle() {
            asked += 1;
            let guess = span.guess(Ordinal(wanted), by_halves);
            let found = at(messages.partition_point(|seq| *seq < guess.0));
            match span.narrowed(Ordinal(wanted), guess, found) {
                Some(narrower) => span = narrower,
                None => return (found.0.0, asked),
            }
        }
        unreachable!("the cycle has no end")
    }

    #[test]
    fn where_nothing_but_messages_was_logged_it_is_found_at_once() {
        let messages: Vec<_> = (1..=10_000).collect();
        assert_eq!(seek(&messages, 7_321), (7_321, 1));
    }

    proptest! {
        #[test]
        fn every_message_is_found_with_few_questions(gaps in vec(1..40_u64, 2..2_000), wanted in any::<prop::sample::Index>()) {
            let messages: Vec<_> = gaps.iter().scan(0, |seq, gap| { *seq += gap; Some(*seq) }).collect();
            // The last one is found without seeking.
            let wanted = wanted.index(messages.len() - 1) + 1;
            let (seq, asked) = seek(&messages, wanted as u64);
            prop_assert_eq!(seq, messages[wanted - 1]);
            prop_assert!(asked <= 40, "{} questions", asked);
        }
    }
}
