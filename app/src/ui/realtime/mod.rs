//! The socket that keeps the state up to date.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | [`backoff`] | how long to wait before the next try: pure |
//! | `socket` | (browser) one task that owns the socket, from the page's hydration to its end |

pub mod backoff;
#[cfg(feature = "hydrate")]
mod socket;

use super::state::Store;

/// Keeps a socket open until the reactive owner that calls this is gone. On the server nothing happens:
/// a page is complete when it is rendered.
pub fn connect(store: Store) {
    #[cfg(feature = "hydrate")]
    socket::connect(store);
    #[cfg(not(feature = "hydrate"))]
    let _ = store;
}
