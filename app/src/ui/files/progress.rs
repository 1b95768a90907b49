//! How far each file of an upload has gone. The browser tells of the request as a whole; its parts go one
//! after the other, so that says where it is.

/// Hundredths of each file that have gone, by the request's bytes that have gone, all of its bytes, and the
/// files' sizes in their order. What stands around the files is counted before the first one: so the last one
/// is through when the request is.
pub fn shares(gone: u64, all: u64, sizes: impl Iterator<Item = u64> + Clone) -> Vec<u8> {
    let files = sizes.clone().fold(0, u64::saturating_add);
    let mut left = gone.saturating_sub(all.saturating_sub(files));
    let share = |size: u64| {
        let through = left.min(size);
        left -= through;
        // An empty file is through when its turn has come, which nobody sees.
        u8::try_from(u128::from(through) * 100 / u128::from(size.max(1))).unwrap_or(100)
    };
    sizes.map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(gone: u64, all: u64, sizes: &[u64]) -> Vec<u8> {
        shares(gone, all, sizes.iter().copied())
    }

    #[test]
    fn files_go_one_after_the_other_and_are_through_with_the_request() {
        let sizes = [100, 200];
        assert_eq!(of(0, 350, &sizes), [0, 0]);
        assert_eq!(of(50, 350, &sizes), [0, 0], "what stands around them has gone");
        assert_eq!(of(100, 350, &sizes), [50, 0]);
        assert_eq!(of(250, 350, &sizes), [100, 50]);
        assert_eq!(of(350, 350, &sizes), [100, 100]);
    }

    #[test]
    fn what_a_browser_says_is_never_beyond_the_bounds() {
        assert_eq!(of(900, 350, &[100, 200]), [100, 100]);
        assert_eq!(of(10, 0, &[100]), [10]);
        assert_eq!(of(u64::MAX, u64::MAX, &[u64::MAX, u64::MAX]), [100, 0]);
        assert_eq!(of(5, 5, &[0]), [0]);
    }
}
