//! How many files, sockets among them, the system lets this process hold open.

/// More than any number of connections that we serve at once needs. A system that names no limit of its own may
/// still have one: a number that is asked for is one that it can refuse.
#[cfg(unix)]
const ENOUGH: u64 = 131_072;

/// What every system gives, macOS among them.
#[cfg(unix)]
const MODEST: u64 = 10_240;

/// Raises the limit as far as the system allows without being asked, and returns what it is from now on.
/// `None` if there is none, or the system has no such thing.
#[cfg(unix)]
pub fn raise_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    for wanted in [ENOUGH, MODEST].map(|wanted| wanted.min(maximum.unwrap_or(u64::MAX))) {
        if current.is_none_or(|current| current >= wanted) {
            break;
        }
        match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }) {
            Ok(()) => break,
            Err(error) => {
                tracing::warn!(%error, ?current, wanted, "the limit of open files could not be raised");
            }
        }
    }
    getrlimit(Resource::Nofile).current
}

/// Raises the limit to the most that the system allows without being asked, and returns what it is from
/// now on. `None` if there is none, or the system has no such thing.
#[cfg(not(unix))]
pub fn raise_limit() -> Option<u64> {
    None
}
