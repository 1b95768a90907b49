//! Why the server closes a socket, and the close code (RFC 6455, section 7.4) that says so.

use axum::extract::ws::{CloseFrame, Utf8Bytes};

/// A reason to close a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// The peer reads too slowly; it comes back and resumes.
    Overflow,
    /// The peer has not been heard from.
    Silent,
    /// The socket could not be set up in time, or not at all.
    NotReady,
    /// The session that it was opened on has ended.
    SessionEnded,
    /// The server goes away.
    Restart {
        /// After how many milliseconds the peer had better come back.
        reconnect_after_ms: u64,
    },
    /// The peer broke the WebSocket protocol.
    Protocol,
    /// A binary frame.
    Binary,
    /// A text frame that is not UTF-8.
    InvalidText,
    /// A frame that is too large.
    TooLarge,
    /// Too many frames.
    TooOften,
    /// One frame after the other that makes no sense.
    Nonsense,
}

impl Close {
    /// The close code.
    pub fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::Binary => 1003,
            Self::InvalidText => 1007,
            Self::SessionEnded | Self::TooOften | Self::Nonsense => 1008,
            Self::TooLarge => 1009,
            Self::Restart { .. } => 1012,
            Self::Overflow | Self::Silent | Self::NotReady => 1013,
        }
    }

    /// The close frame.
    pub fn frame(self) -> CloseFrame {
        let reason = match self {
            Self::Overflow => "too far behind",
            Self::Silent => "not heard from",
            Self::NotReady => "not ready",
            Self::SessionEnded => "session ended",
            Self::Restart { .. } => "restarting",
            Self::Protocol => "protocol error",
            Self::Binary => "text only",
            Self::InvalidText => "not UTF-8",
            Self::TooLarge => "too large",
            Self::TooOften => "too often",
            Self::Nonsense => "not understood",
        };
        CloseFrame { code: self.code(), reason: Utf8Bytes::from_static(reason) }
    }

    /// Whether the stream of incoming frames has broken off with this: what follows cannot be read.
    pub fn ends_reading(self) -> bool {
        matches!(self, Self::Protocol | Self::InvalidText | Self::TooLarge)
    }
}
