//! Ids, values, limits and rules: what is true of a chat whatever stores or shows it.
//!
//! Nothing here does I/O, reads a clock or knows a framework; both targets compile all of it.

mod chat;
mod ids;
pub mod limits;
pub mod next_path;
pub mod policy;
mod text;
mod timestamp;

pub use chat::{ChatKind, ChatState, Membership, Ordinal, Role, Seq};
pub use ids::{ChatId, ClientId, MessageId, ParseIdError, SessionId, UserId};
pub use text::{
    About, Body, DisplayName, Email, GroupName, NewPassword, check_password_length, search_words,
};
pub use timestamp::Timestamp;
