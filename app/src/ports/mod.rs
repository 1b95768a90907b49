//! What the services need from outside: traits only, one per aggregate, and the records they speak of.
//!
//! An adapter converts every fault at its edge into an [`crate::error::AppError`] with the cause attached:
//! a broken rule of the data to its typed code, no storage to `unavailable`, a full disk to
//! `storage_full`, what cannot be decoded to `internal`. Absence is `None`. Each store method is one
//! atomic business write or one consistent read. Dropping a future never leaves a write half done: it is
//! carried out whole or not at all, but which of the two is then unknown to the caller.

mod accounts;
mod attachments;
mod avatars;
mod blobs;
mod bus;
mod chats;
mod clock;
mod drafts;
mod groups;
mod limiter;
mod media;
mod mentions;
mod messages;
mod people;
mod presence;
mod push;
mod reading;
mod search;

pub use accounts::{
    AccountStore, NewSession, NewUser, RefreshOutcome, RefreshToken, SessionRecord, UserRecord,
};
pub use attachments::{AttachmentRecord, AttachmentStore, NewAttachment};
pub use avatars::AvatarStore;
pub use blobs::{BlobContent, BlobKey, BlobPart, Blobs, Stage, Staged, Staging};
pub use bus::{Bus, BusMessage, Frame};
pub use chats::{ChatRecord, ChatStore, Decide, NewDirectChat, NewGroupChat};
pub use clock::{Clock, IdSource};
pub use drafts::{DraftStore, KeptDraft, NewDraft};
pub use groups::{GroupStore, InvitedTo, NewInvite};
pub use limiter::{Limit, Limiter, Throttle};
pub use media::{Inspected, InspectedPicture, Media};
pub use mentions::{MentionStore, NamedMember};
pub use messages::{
    Appended, DecideMessage, MessageChange, MessageState, MessageStore, NewMessage, PageQuery,
};
pub use people::{PeopleStore, Privacy, SharedChats};
pub use presence::{Online, Presence, SocketId};
pub use push::{
    PushAudience, PushNote, PushOutcome, PushQuery, PushService, PushStore, PushSubscription, PushTarget,
};
pub use reading::{DecideMine, MineChange, Place, Places, ReadingStore, heads};
pub use search::{SearchCursor, SearchPage, SearchRequest, SearchStore};

use crate::error::AppResult;

/// Everything that is stored, behind one handle.
#[async_trait::async_trait]
pub trait Store:
    AccountStore
    + AttachmentStore
    + AvatarStore
    + ChatStore
    + DraftStore
    + GroupStore
    + MentionStore
    + MessageStore
    + PeopleStore
    + PushStore
    + ReadingStore
    + SearchStore
{
    /// Whether the store can be reached and written to at the moment.
    async fn check(&self) -> AppResult<()>;

    /// Removes what nobody can see any longer (ended sessions past their time, the logs of deleted
    /// chats), a bounded slice at a time. Returns how many rows went, 0 when nothing is left to do.
    async fn purge(&self, now: crate::domain::Timestamp) -> AppResult<u64>;

    /// Finishes what was accepted and lets go of the store. Every later call fails with `unavailable`.
    async fn close(&self) -> AppResult<()>;
}
