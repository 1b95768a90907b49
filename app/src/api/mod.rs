//! The server functions at `POST /api/<name>`: verb first, each a thin call into a service.
//!
//! They take form fields (multipart where files are sent), so that the hydrated page, a plain form and
//! a script use the same address, and answer JSON. A server function never decides anything itself: it
//! takes the caller from the request context, calls one service and lets [`context::answer`] log what
//! went wrong. Status codes, `Retry-After` and plain-form redirects are the HTTP layer's.

// The macro makes a public struct of each function's arguments; the function's docs say what they are.
#[allow(missing_docs)]
mod accounts;
#[cfg(feature = "ssr")]
mod avatar_form;
#[allow(missing_docs)]
mod avatars;
#[allow(missing_docs)]
mod chats;
#[cfg(feature = "ssr")]
pub mod context;
#[cfg(feature = "ssr")]
pub mod cookies;
#[allow(missing_docs)]
mod drafts;
#[allow(missing_docs)]
mod groups;
#[cfg(feature = "ssr")]
pub mod intake;
#[allow(missing_docs)]
mod messages;
#[cfg(feature = "ssr")]
mod multipart;
#[cfg(feature = "ssr")]
pub mod openapi;
#[cfg(feature = "ssr")]
mod parts;
#[allow(missing_docs)]
mod people;
#[allow(missing_docs)]
mod push;
#[allow(missing_docs)]
mod search;

pub use accounts::*;
pub use avatars::*;
pub use chats::*;
pub use drafts::*;
pub use groups::*;
pub use messages::*;
pub use people::*;
pub use push::*;
pub use search::*;
