//! What goes over the wire: the answers of server functions, the events of a chat's log and the socket's
//! frames. `docs/protocol.md` is the reference; changes are additive.

mod draft;
mod emoji;
mod event;
mod frame;
mod groups;
mod mentions;
mod message;
mod people;
mod push;
mod search;
mod views;

pub use draft::{DraftView, DraftsView};
pub use emoji::{EmojiGroup, EmojiList, EmojiView};
pub use event::{EventBody, LogEvent};
pub use frame::{ClientFrame, Heads, Notice, PresenceStatus, ServerFrame};
pub use groups::{InvitationView, InviteView, MembersPage, NewInviteView};
pub use mentions::{MentionView, MentionsView};
pub use message::{EditView, MessageView, QuoteView, ReactionView};
pub use people::{ProfileView, SharedGroupView};
pub use push::PushView;
pub use search::{SearchResult, SearchResults};
pub use views::{
    AccountView, AttachmentView, ChatView, Done, ExcerptView, HistoryPage, MemberView, MyChatView,
    PictureView, PlaceView, SessionView, UserView,
};
