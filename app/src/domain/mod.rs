//! Ids, values, limits and rules: what is true of a chat whatever stores or shows it.
//!
//! Nothing here does I/O, reads a clock or knows a framework; both targets compile all of it.

mod attachment;
mod blocking;
mod chat;
mod ids;
pub mod limits;
pub mod next_path;
pub mod policy;
pub mod search;
mod text;
mod timestamp;

pub use attachment::{AttachmentKind, UploadLimits};
pub use blocking::Blocking;
pub use chat::{ChatKind, ChatState, Membership, Ordinal, Role, Seq};
pub use ids::{AttachmentId, ChatId, ClientId, InviteId, MessageId, ParseIdError, SessionId, UserId};
pub use text::{
    About, AltText, Body, Description, DisplayName, DraftBody, Email, FileName, GroupName, NewPassword,
    check_password_length, is_blank, name_key, search_words,
};
pub use timestamp::Timestamp;
