//! How much of the server its clients can hold, and for how long.

use std::time::Duration;

/// The bounds of connections and calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections that are open at once, sockets among them. One more is told to come back later.
    pub connections: usize,
    /// Files that are being read at once. One more is told to come back in a moment.
    pub downloads: usize,
    /// How long a client that does not read what it is sent keeps its connection. Not of sockets: what
    /// waits for those is bounded by their own queues.
    pub stall: Duration,
    /// How long a call may take, its body included.
    pub call: Duration,
}

/// The most connections without being told to take more: what they need together is memory as well.
const CONNECTIONS: usize = 65_536;

/// The most files at once without being told to take more: each is an open file and a piece of memory.
const DOWNLOADS: usize = 1_024;

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS,
            downloads: DOWNLOADS,
            stall: Duration::from_secs(60),
            // Longer than a write waits for a store to come back.
            call: Duration::from_secs(40),
        }
    }
}

impl Bounds {
    /// The bounds of a process that may have this many files open, and was told to take this many
    /// connections. A quarter of the files is left for the database and for what is being served.
    pub fn within(open_files: Option<u64>, connections: Option<u32>) -> Self {
        let fitting = open_files.map_or(u64::MAX, |files| files - files / 4);
        let fitting = usize::try_from(fitting).unwrap_or(usize::MAX);
        let wanted = connections.map_or(CONNECTIONS, |wanted| usize::try_from(wanted).unwrap_or(CONNECTIONS));
        if connections.is_some() && wanted > fitting {
            tracing::warn!(
                wanted,
                fitting,
                ?open_files,
                "there are too few open files for so many connections"
            );
        }
        // Of the quarter that is left, half.
        let files = open_files.and_then(|files| usize::try_from(files / 8).ok()).unwrap_or(DOWNLOADS);
        let downloads = files.clamp(1, DOWNLOADS);
        Self { connections: wanted.min(fitting).max(1), downloads, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_everything_else() {
        let connections = |files, wanted| Bounds::within(files, wanted).connections;
        assert_eq!(connections(Some(1_024), None), 768);
        assert_eq!(connections(Some(20_000), None), 15_000, "ten thousand sockets and more");
        assert_eq!(connections(Some(1_048_576), None), 65_536);
        assert_eq!(connections(None, None), 65_536);
        assert_eq!(connections(Some(20_000), Some(100)), 100);
        assert_eq!(connections(Some(1_024), Some(5_000)), 768, "no more than there are files for");
        assert_eq!(connections(Some(1_048_576), Some(200_000)), 200_000);
    }
}
