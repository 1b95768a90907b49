//! What goes over the wire: the answers of server functions, the events of a chat's log and the socket's
//! frames. `docs/protocol.md` is the reference; changes are additive.

mod event;
mod frame;
mod message;
mod views;

pub use event::{EventBody, LogEvent};
pub use frame::{ClientFrame, Heads, Notice, PresenceStatus, ServerFrame};
pub use message::{EditView, MessageView, QuoteView, ReactionView};
pub use views::{
    AccountView, AttachmentView, ChatView, Done, ExcerptView, HistoryPage, MemberView, MyChatView,
    PictureView, SessionView, UserView,
};
