//! How long to wait before connecting again: longer each time, and different for each client, so that
//! those who lost the same server do not come back all at once.

/// The first wait, in milliseconds.
const FIRST: u32 = 500;
/// The longest wait, in milliseconds.
const LONGEST: u32 = 30_000;

/// The waits so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    tries: u32,
}

impl Backoff {
    /// The next wait in milliseconds; `random` is from 0 up to 1.
    pub fn next_delay(&mut self, random: f64) -> u32 {
        let doubled = FIRST.saturating_mul(1 << self.tries.min(16)).min(LONGEST);
        self.tries = self.tries.saturating_add(1);
        (f64::from(doubled) * (0.5 + random / 2.0)) as u32
    }

    /// The connection held: the next loss starts anew.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_a_bound_and_start_anew() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..9).map(|_| backoff.next_delay(1.0)).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        backoff.reset();
        assert_eq!(backoff.next_delay(1.0), 500);
    }

    #[test]
    fn chance_spreads_a_wait_over_its_upper_half() {
        let wait = |random| Backoff::default().next_delay(random);
        assert_eq!((wait(0.0), wait(0.5)), (250, 375));
    }
}
