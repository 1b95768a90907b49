//! Accounts and their sessions.

use async_trait::async_trait;

use crate::{
    domain::{About, AttachmentId, DisplayName, Email, SessionId, Timestamp, UserId},
    error::AppResult,
};

/// An account as it is stored.
#[derive(Clone)]
pub struct UserRecord {
    /// Who.
    pub id: UserId,
    /// The unique address one signs in with.
    pub email: Email,
    /// What they are called.
    pub display_name: DisplayName,
    /// What they say about themselves.
    pub about: About,
    /// The password's argon2id hash, a PHC string.
    pub password_hash: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Whether others see how far they have read.
    pub read_receipts: bool,
    /// The picture that stands for them.
    pub avatar: Option<AttachmentId>,
    /// Whether others see when they were last there.
    pub show_last_seen: bool,
    /// When they were last there, as far as that was noted.
    pub last_seen: Option<Timestamp>,
}

/// An account to be made.
pub struct NewUser {
    /// Who.
    pub id: UserId,
    /// The address, unique among accounts.
    pub email: Email,
    /// What they are called.
    pub display_name: DisplayName,
    /// The password's argon2id hash, a PHC string.
    pub password_hash: String,
    /// When.
    pub created_at: Timestamp,
}

/// One sign-in as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// The `User-Agent` it began with, at most 300 bytes.
    pub user_agent: String,
    /// The address it was last used from.
    pub address: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When its tokens were last rotated.
    pub last_used_at: Timestamp,
    /// When it ends unless it is used: moves with each rotation, never past the absolute lifetime.
    pub expires_at: Timestamp,
}

/// A sign-in to be stored.
pub struct NewSession {
    /// The session itself.
    pub session: SessionRecord,
    /// The hash of its first refresh token.
    pub refresh_hash: [u8; 32],
    /// How many live sessions the account may have from now on, this one among them; at least 1.
    pub most: usize,
}

/// A refresh token to be exchanged for its successor.
pub struct RefreshToken {
    /// The SHA-256 of the token presented.
    pub presented: [u8; 32],
    /// The SHA-256 of its successor.
    pub successor: [u8; 32],
    /// Now.
    pub now: Timestamp,
    /// Until when a token that was exchanged at or after `now - grace` is still taken, in seconds.
    pub grace_seconds: i64,
    /// The idle lifetime from now on, in seconds.
    pub idle_seconds: i64,
    /// The lifetime since the session's start that nothing extends, in seconds.
    pub absolute_seconds: i64,
    /// The address that asks.
    pub address: String,
}

/// What became of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// It was exchanged; the successor is valid.
    Rotated(SessionRecord),
    /// It had been exchanged before, longer ago than the grace period: somebody else holds a copy. The
    /// session has been ended.
    Reused {
        /// Whose session it was.
        user_id: UserId,
        /// Which session was ended.
        session_id: SessionId,
    },
    /// No such token, or its session has ended or expired.
    Unknown,
}

/// Accounts and sessions.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Stores a new account, whose read receipts are on and who shows when they were last there. Fails with
    /// `email_taken` if there is one with this address.
    async fn create_user(&self, user: NewUser) -> AppResult<()>;

    /// The account with this id.
    async fn user(&self, id: UserId) -> AppResult<Option<UserRecord>>;

    /// The account with this address.
    async fn user_by_email(&self, email: &Email) -> AppResult<Option<UserRecord>>;

    /// Those of the accounts that exist, in no particular order; at most
    /// [`crate::domain::limits::USERS_PER_REQUEST`] ids.
    async fn users(&self, ids: &[UserId]) -> AppResult<Vec<UserRecord>>;

    /// Accounts with a [search word](crate::domain::search_words) that begins with each of `words`, or
    /// with exactly this `email`; ordered by name, without `except`, at most `limit`. Walks an index.
    async fn search_users(
        &self,
        words: &[String],
        email: Option<&Email>,
        except: UserId,
        limit: usize,
    ) -> AppResult<Vec<UserRecord>>;

    /// Changes name and text. False if there is no such account.
    async fn update_profile(&self, id: UserId, name: DisplayName, about: About) -> AppResult<bool>;

    /// Replaces the password's hash if it still is `expected`. False if it is not.
    async fn replace_password(&self, id: UserId, expected: &str, new: String) -> AppResult<bool>;

    /// Stores a new session and its first refresh token. Where the account then has more live sessions than
    /// it may, those that were not used for longest are ended. Returns which these were.
    async fn create_session(&self, session: NewSession) -> AppResult<Vec<SessionId>>;

    /// The session, if it has neither ended nor expired.
    async fn session(&self, id: SessionId, now: Timestamp) -> AppResult<Option<SessionRecord>>;

    /// Those of the sessions that have neither ended nor expired, in no particular order; at most
    /// [`crate::domain::limits::SESSIONS_PER_READ`] ids.
    async fn sessions(&self, ids: &[SessionId], now: Timestamp) -> AppResult<Vec<SessionRecord>>;

    /// The session that a refresh token with this SHA-256 was made for, exchanged or not; it may have expired.
    /// Costs no write, whatever is asked for.
    async fn session_by_refresh(&self, hash: &[u8; 32]) -> AppResult<Option<SessionId>>;

    /// Exchanges a refresh token, or ends the session if it is one that was stolen.
    async fn rotate_refresh(&self, token: RefreshToken) -> AppResult<RefreshOutcome>;

    /// The account's sessions that have neither ended nor expired, last used first.
    async fn sessions_of(&self, user: UserId, now: Timestamp) -> AppResult<Vec<SessionRecord>>;

    /// Ends a session of this account. False if there is none.
    async fn end_session(&self, user: UserId, session: SessionId) -> AppResult<bool>;

    /// Ends all sessions of this account but `keep`. Returns which were ended.
    async fn end_other_sessions(&self, user: UserId, keep: SessionId) -> AppResult<Vec<SessionId>>;
}
