//! How many files, sockets among them, the system lets this process hold open.

/// Raises the limit to the most that the system allows without being asked, and returns what it is from
/// now on. `None` if there is none, or the system has no such thing.
#[cfg(unix)]
pub fn raise_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, ?current, ?maximum, "the limit of open files could not be raised");
            current
        }
    }
}

/// Raises the limit to the most that the system allows without being asked, and returns what it is from
/// now on. `None` if there is none, or the system has no such thing.
#[cfg(not(unix))]
pub fn raise_limit() -> Option<u64> {
    None
}
