//! What finding people means to every adapter, beyond what its queries say.

use app::{
    domain::{UserId, name_key},
    ports::UserRecord,
    protocol::SharedGroupView,
};

/// How many people one word may bring into a search before the rest is left out: a single letter must not
/// make the store sort everybody.
pub(super) const CANDIDATES: i64 = 10_000;

/// The people found by words, in their order, with the one found by the exact address among them, unless
/// that is `except`; at most `limit`.
pub(super) fn with_exact(
    mut found: Vec<UserRecord>,
    exact: Option<UserRecord>,
    except: UserId,
    limit: usize,
) -> Vec<UserRecord> {
    if let Some(exact) = exact
        && exact.id != except
        && found.iter().all(|user| user.id != exact.id)
    {
        found.push(exact);
        found.sort_by_cached_key(|user| (name_key(user.display_name.as_str()), user.id));
        found.truncate(limit);
    }
    found
}

/// The first of these groups by name.
pub(super) fn by_name(mut groups: Vec<SharedGroupView>, most: usize) -> Vec<SharedGroupView> {
    groups.sort_by_cached_key(|group| (name_key(&group.name), group.id));
    groups.truncate(most);
    groups
}
