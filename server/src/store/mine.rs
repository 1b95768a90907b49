//! What a chat is to one of its members alone, as every adapter numbers it.

/// Bits of a revision that count changes within one membership.
const CHANGES: u32 = 32;

/// The revision, from the member's position in the chat, which nobody ever gets again, and the number of changes: those
/// of a later membership are higher than all of an earlier one, which devices may still remember.
pub(super) fn revision(position: i64, changes: i64) -> u64 {
    (position.unsigned_abs() << CHANGES) + changes.unsigned_abs()
}
