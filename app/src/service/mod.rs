//! What the product does: load → policy → write → publish. Knows ports, never adapters.

pub mod accounts;
pub mod attachments;
pub mod chats;
mod device;
pub mod drafts;
mod emoji;
mod ending;
mod errands;
mod mentions;
pub mod messages;
mod passwords;
pub mod people;
pub mod presence;
pub mod push;
pub mod reading;
pub mod search;
mod seek;
mod sequencer;
mod tokens;

use crate::{
    domain::{SessionId, UserId},
    protocol::AccountView,
};

pub use accounts::{AccountPorts, Accounts};
pub use attachments::{Arrival, Arriving, AttachmentPorts, Attachments, NewAvatar, Opened};
pub use chats::Chats;
pub use drafts::{Drafts, Written};
pub use emoji::{ListedEmoji, emoji_list};
pub use errands::Errands;
pub use messages::{Draft, Messages};
pub use passwords::{hash_password, is_password};
pub use people::People;
pub use presence::PresenceService;
pub use push::{Push, PushPorts, Telling};
pub use reading::Reading;
pub use search::{Search, SearchQuery};
pub use sequencer::Sequencer;
pub use tokens::{DEVICE_SECONDS, Tokens};

use device::device_name;

/// Who asks: a person, on one of their sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The person.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
}

/// Where a request comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The client's address.
    pub address: String,
    /// Its `User-Agent`, at most 300 bytes.
    pub user_agent: String,
    /// The mark of a browser that somebody has signed in with before.
    pub device: Option<String>,
}

impl ClientInfo {
    /// Whom limits by address are kept for: the address, or, as anybody has 2^64 of those, the network of an
    /// IPv6 address.
    pub fn network(&self) -> String {
        match self.address.parse::<std::net::Ipv6Addr>() {
            Ok(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
            Err(_of_another_kind) => self.address.clone(),
        }
    }
}

/// A session's tokens, fresh.
pub struct SignedIn {
    /// Who is signed in from now on.
    pub actor: Actor,
    /// Their account.
    pub account: AccountView,
    /// What the browser is recognised by at the next sign-in.
    pub device_mark: String,
    /// The JWT that each request carries.
    pub access_token: String,
    /// The opaque token that gets the next pair.
    pub refresh_token: String,
    /// How long the browser should keep both, in seconds.
    pub lifetime_seconds: i64,
}

/// All services of a node.
pub struct Services {
    /// Accounts and sessions.
    pub accounts: Accounts,
    /// Chats and members.
    pub chats: Chats,
    /// Files.
    pub attachments: Attachments,
    /// Messages.
    pub messages: Messages,
    /// How far people have read, and what else a chat is to each of them.
    pub reading: Reading,
    /// What people are writing.
    pub drafts: Drafts,
    /// Profiles, and who has blocked whom.
    pub people: People,
    /// Searching messages.
    pub search: Search,
    /// Telling browsers while no page is open.
    pub push: Push,
    /// Who is online.
    pub presence: std::sync::Arc<PresenceService>,
}
