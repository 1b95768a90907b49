//! Samvad's application crate, compiled twice: for the server (`ssr`) and for the browser (`hydrate`).
//!
//! | module | what belongs there |
//! | --- | --- |
//! | [`error`] | the one error type, its codes, statuses and sentences |
//! | [`domain`] | ids, values, limits and rules; no I/O, clock or framework |
//! | [`markdown`] | messages as people type them: a small tree, its HTML, its plain text |
//! | [`protocol`] | what goes over the wire: views, events, socket frames |
//! | [`ports`] | (server) traits that the adapters implement |
//! | [`service`] | (server) load → policy → write → publish |
//! | [`api`] | the server functions, each a thin call into a service |
//! | [`ui`] | pages, components, client state and the realtime client |
//!
//! Direction: `error, domain ← protocol, ports ← service ← api ← ui`, and `domain ← markdown ← ui`. These are the only feature gates
//! on modules.

pub mod api;
pub mod domain;
pub mod error;
pub mod markdown;
#[cfg(feature = "ssr")]
pub mod ports;
pub mod protocol;
#[cfg(feature = "ssr")]
pub mod service;
pub mod ui;

pub use ui::App;
