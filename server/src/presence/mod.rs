//! The adapters of [`app::ports::Presence`].

mod local;

pub use local::LocalPresence;
