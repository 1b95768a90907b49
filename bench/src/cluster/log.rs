//! A chat's log as a client applies it: each event once and in order, whatever comes. Pure.

use std::collections::BTreeMap;

/// What a message says of itself: when its POST began, in nanoseconds of the clock, and its number.
pub type Mark = (u64, u32);

/// A message that was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its place in the chat's log.
    pub seq: u64,
    /// Its number.
    pub number: u32,
    /// Microseconds since its POST began.
    pub micros: u32,
}

/// What a client has to ask the server for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What came after this event, over the socket.
    Resume(u64),
    /// What came after this event, page by page, up to that one at least.
    Pages {
        /// The last event applied.
        after: u64,
        /// Where the log stood.
        head: u64,
    },
}

/// The log, as far as it was applied, and how it came.
#[derive(Debug, Default)]
pub struct ChatLog {
    /// The last event applied.
    pub applied: u64,
    /// The messages, in the order in which they were applied.
    pub deliveries: Vec<Delivery>,
    /// Events that were applied already, and dropped.
    pub again: u64,
    /// Events that had to wait for others before them.
    pub early: u64,
    /// How often the client asked for what was missing.
    pub resumes: u64,
    /// How often that was too much to come inline.
    pub limited: u64,
    held: BTreeMap<u64, Option<Mark>>,
    /// After which event was last asked, so that a burst beyond a hole asks once.
    asked: Option<u64>,
    catching_up: bool,
}

impl ChatLog {
    /// A log that is known up to here.
    pub fn new(applied: u64) -> Self {
        Self { applied, ..Self::default() }
    }

    /// An event came.
    pub fn event(&mut self, seq: u64, mark: Option<Mark>, now_ns: u64) -> Option<Ask> {
        if seq <= self.applied {
            self.again += 1;
            return None;
        }
        if seq == self.applied + 1 {
            self.take(seq, mark, now_ns);
            self.drain(now_ns);
            return None;
        }
        self.early += 1;
        self.held.insert(seq, mark);
        if self.asked == Some(self.applied) { None } else { self.ask() }
    }

    /// The log is said to reach up to here.
    pub fn head(&mut self, head: u64) -> Option<Ask> {
        if head > self.applied { self.ask() } else { None }
    }

    /// What is missing is more than comes over the socket.
    pub fn limited(&mut self, head: u64) -> Option<Ask> {
        self.limited += 1;
        if self.catching_up || head <= self.applied {
            return None;
        }
        self.catching_up = true;
        Some(Ask::Pages { after: self.applied, head })
    }

    /// The pages up to this head were fetched.
    pub fn caught_up(&mut self, messages: Vec<(u64, Option<Mark>)>, head: u64, now_ns: u64) -> Option<Ask> {
        (self.catching_up, self.asked) = (false, None);
        for (seq, mark) in messages {
            if seq > self.applied {
                self.take(seq, mark, now_ns);
            }
        }
        // What stands between messages is no message, and nothing is missed without it.
        self.applied = self.applied.max(head);
        self.held = self.held.split_off(&(self.applied + 1));
        self.drain(now_ns);
        if self.held.is_empty() { None } else { self.ask() }
    }

    fn ask(&mut self) -> Option<Ask> {
        if self.catching_up {
            return None;
        }
        self.asked = Some(self.applied);
        self.resumes += 1;
        Some(Ask::Resume(self.applied))
    }

    fn drain(&mut self, now_ns: u64) {
        while let Some(mark) = self.held.remove(&(self.applied + 1)) {
            self.take(self.applied + 1, mark, now_ns);
        }
    }

    fn take(&mut self, seq: u64, mark: Option<Mark>, now_ns: u64) {
        self.applied = seq;
        if let Some((sent_ns, number)) = mark {
            let micros = u32::try_from(now_ns.saturating_sub(sent_ns) / 1_000).unwrap_or(u32::MAX);
            self.deliveries.push(Delivery { seq, number, micros });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(log: &ChatLog) -> Vec<u64> {
        log.deliveries.iter().map(|delivery| delivery.seq).collect()
    }

    #[test]
    fn an_early_event_waits_and_the_hole_is_asked_for_once() {
        let mut log = ChatLog::new(4);
        assert_eq!(log.event(5, Some((1_000, 0)), 4_000), None);
        assert_eq!(log.event(7, Some((0, 2)), 0), Some(Ask::Resume(5)));
        assert_eq!(log.event(8, Some((0, 3)), 0), None);
        assert_eq!(applied(&log), [5]);
        assert_eq!(log.event(6, Some((0, 1)), 0), None);
        assert_eq!(log.event(7, Some((0, 2)), 0), None);
        assert_eq!(applied(&log), [5, 6, 7, 8]);
        assert_eq!(log.deliveries[0], Delivery { seq: 5, number: 0, micros: 3 });
        assert_eq!((log.again, log.early, log.resumes), (1, 2, 1));
    }

    #[test]
    fn a_head_that_is_further_is_asked_for_each_time() {
        let mut log = ChatLog::new(4);
        assert_eq!(log.head(4), None);
        assert_eq!(log.head(6), Some(Ask::Resume(4)));
        assert_eq!(log.head(6), Some(Ask::Resume(4)));
    }

    #[test]
    fn what_is_too_much_for_the_socket_comes_by_pages_and_nothing_is_taken_twice() {
        let mut log = ChatLog::new(1);
        assert_eq!(log.event(9, Some((0, 9)), 0), Some(Ask::Resume(1)));
        assert_eq!(log.limited(8), Some(Ask::Pages { after: 1, head: 8 }));
        assert_eq!((log.limited(8), log.head(9)), (None, None));
        assert_eq!(log.event(2, Some((0, 2)), 0), None);
        // The fifth is no message.
        let pages = [2, 3, 4, 6, 7, 8].map(|seq| (seq, Some((0, seq as u32)))).to_vec();
        assert_eq!(log.caught_up(pages, 8, 0), None);
        assert_eq!(applied(&log), [2, 3, 4, 6, 7, 8, 9]);
        assert_eq!(log.applied, 9);
    }
}
