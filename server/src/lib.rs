//! Samvad's server crate: the adapters and what puts them together.

pub mod store;
