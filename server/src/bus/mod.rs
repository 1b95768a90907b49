//! The adapters of [`app::ports::Bus`].

mod local;

pub use local::LocalBus;
