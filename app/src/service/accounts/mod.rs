//! Accounts: who somebody is, and how they show that they are. Their sign-ins are in `sessions`, what
//! others see of them in `profile`.

mod profile;
mod sessions;

use std::sync::Arc;

use moka::sync::Cache;

use super::{
    Actor, ClientInfo, Errands, SignedIn, Tokens,
    passwords::{Passwords, Verified},
};
use crate::{
    domain::{About, DisplayName, Email, NewPassword, SessionId, UserId, limits, search_words},
    error::{AppError, AppResult, ErrorCode, FieldError},
    ports::{Bus, Clock, IdSource, Limit, Limiter, NewUser, Store, Throttle, UserRecord},
    protocol::{AccountView, UserView},
};

/// Wrong passwords for one account that cost no waiting.
const FREE_TRIES: u32 = 5;
/// Wrong passwords from one address, whatever the account, that cost no waiting.
const FREE_TRIES_PER_ADDRESS: u32 = 50;

const REGISTRATIONS: Limit = Limit { name: "register", burst: 100, period_ms: 3000 };
const SEARCHES: Limit = Limit { name: "search_users", burst: 60, period_ms: 200 };

/// Accounts and sessions.
pub struct Accounts {
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    limiter: Arc<dyn Limiter>,
    throttle: Arc<dyn Throttle>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    errands: Errands,
    tokens: Tokens,
    passwords: Passwords,
    alive: Cache<SessionId, UserId>,
}

/// What accounts are made of.
pub struct AccountPorts {
    /// Where accounts are stored.
    pub store: Arc<dyn Store>,
    /// What tells sockets that their session has ended, or somebody has another name or picture.
    pub bus: Arc<dyn Bus>,
    /// How often somebody may register and search.
    pub limiter: Arc<dyn Limiter>,
    /// How long somebody waits after a wrong password.
    pub throttle: Arc<dyn Throttle>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and secrets.
    pub ids: Arc<dyn IdSource>,
    /// What has to be done to its end.
    pub errands: Errands,
}

impl Accounts {
    /// Accounts over these ports, with tokens under this secret, hashing at most `parallel` passwords at
    /// once.
    pub fn new(ports: AccountPorts, secret: &[u8], parallel: usize) -> AppResult<Self> {
        Ok(Self {
            tokens: Tokens::new(secret, Arc::clone(&ports.clock)),
            passwords: Passwords::new(parallel)?,
            alive: sessions::believed(),
            store: ports.store,
            bus: ports.bus,
            limiter: ports.limiter,
            throttle: ports.throttle,
            clock: ports.clock,
            ids: ports.ids,
            errands: ports.errands,
        })
    }

    /// Makes an account and signs in to it. Fails with `validation_failed`, `email_taken`,
    /// `too_many_requests` or `busy`.
    pub async fn register(
        &self,
        email: &str,
        name: &str,
        password: &str,
        client: &ClientInfo,
    ) -> AppResult<SignedIn> {
        let (email, name) = both(Email::parse(email), DisplayName::parse(name), password)?;
        self.limiter.take(REGISTRATIONS, &client.network()).await?;
        let is_common = self.passwords.is_common(password).await?;
        let password = NewPassword::parse("password", password, email.as_str(), name.as_str(), is_common)?;
        let password_hash = self.passwords.hash(password.expose()).await?;
        let now = self.clock.now();
        let user = NewUser {
            id: UserId::from_bytes(self.ids.id(now)),
            email: email.clone(),
            display_name: name.clone(),
            password_hash: password_hash.clone(),
            created_at: now,
        };
        let record = UserRecord {
            id: user.id,
            email,
            display_name: name,
            about: About::parse("")?,
            password_hash,
            created_at: now,
            read_receipts: true,
            avatar: None,
            show_last_seen: true,
            last_seen: None,
        };
        self.store.create_user(user).await?;
        tracing::info!(user = %record.id, address = client.address, "registered");
        self.begin_session(record, client).await
    }

    /// Signs in. An unknown address and a wrong password cannot be told apart. Fails with
    /// `invalid_credentials`, `too_many_requests` or `busy`.
    pub async fn login(&self, email: &str, password: &str, client: &ClientInfo) -> AppResult<SignedIn> {
        if password.chars().count() > limits::PASSWORD_MAX_CHARS {
            return Err(ErrorCode::InvalidCredentials.into());
        }
        let user = match Email::parse(email) {
            Ok(email) => self.store.user_by_email(&email).await?,
            Err(_not_an_address) => None,
        };
        let known_device = match (&client.device, &user) {
            (Some(mark), Some(user)) => self.tokens.is_device_of(mark, user.id),
            _ => false,
        };
        // Whoever guesses from elsewhere makes only themselves wait, not the owner's own browser.
        let account_key = match (&user, known_device) {
            (Some(user), true) => format!("account:{}:device", user.id),
            (Some(user), false) => format!("account:{}", user.id),
            (None, _) => {
                format!("email:{}", email.trim().to_lowercase().chars().take(254).collect::<String>())
            }
        };
        let address_key = format!("address:{}", client.network());
        self.throttle.check(&account_key).await?;
        if !known_device {
            self.throttle.check(&address_key).await?;
        }
        // Counted before it is known to be wrong, so that many at once cannot all slip through.
        self.throttle.failed(&account_key, FREE_TRIES).await?;
        let stored = user.as_ref().map(|user| user.password_hash.as_str());
        let verified = self.passwords.verify(password, stored).await?;
        let (Some(user), Verified::Yes { upgrade }) = (user, verified) else {
            self.throttle.failed(&address_key, FREE_TRIES_PER_ADDRESS).await?;
            return Err(ErrorCode::InvalidCredentials.into());
        };
        self.throttle.succeeded(&account_key).await?;
        if let Some(stronger) = upgrade {
            self.store.replace_password(user.id, &user.password_hash, stronger).await?;
        }
        tracing::info!(user = %user.id, address = client.address, "signed in");
        self.begin_session(user, client).await
    }

    /// The caller's own account.
    pub async fn account(&self, actor: Actor) -> AppResult<AccountView> {
        let user = self.store.user(actor.user_id).await?.ok_or_else(AppError::unauthenticated)?;
        Ok(account_view(&user, actor.session_id))
    }

    /// Changes the caller's password, and ends their other sessions if they want that.
    pub async fn change_password(
        &self,
        actor: Actor,
        current: &str,
        new: &str,
        end_others: bool,
    ) -> AppResult<()> {
        let user = self.store.user(actor.user_id).await?.ok_or_else(AppError::unauthenticated)?;
        let key = format!("password:{}", user.id);
        self.throttle.check(&key).await?;
        self.throttle.failed(&key, FREE_TRIES).await?;
        let too_long = current.chars().count() > limits::PASSWORD_MAX_CHARS;
        let hash = user.password_hash.as_str();
        if too_long || matches!(self.passwords.verify(current, Some(hash)).await?, Verified::No) {
            return Err(AppError::field("current", FieldError::WrongPassword));
        }
        self.throttle.succeeded(&key).await?;
        let (email, name) = (user.email.as_str(), user.display_name.as_str());
        let is_common = self.passwords.is_common(new).await?;
        let new = NewPassword::parse("new", new, email, name, is_common)?;
        let new = self.passwords.hash(new.expose()).await?;
        let (store, ending) = (Arc::clone(&self.store), self.ending());
        let changed = self.errands.run(async move {
            let end = async || {
                let ended = store.end_other_sessions(user.id, actor.session_id).await?;
                ending.announce(ended).await;
                Ok::<_, AppError>(())
            };
            // Before, so that nothing is changed if it cannot be done; and after, for whoever signed in with
            // the old password in between.
            if end_others {
                end().await?;
            }
            let changed = store.replace_password(user.id, &user.password_hash, new).await?;
            if end_others {
                end().await?;
            }
            Ok(changed)
        });
        if !changed.await? {
            // Somebody else on this account was faster; what the caller knows is no longer true.
            return Err(AppError::field("current", FieldError::WrongPassword));
        }
        tracing::info!(user = %actor.user_id, "changed their password");
        Ok(())
    }

    /// People with words, in the name or in the e-mail before its `@`, that begin with each of the query's,
    /// or whose whole e-mail it is. Not the caller.
    pub async fn search(&self, actor: Actor, query: &str) -> AppResult<Vec<UserView>> {
        if query.chars().count() > limits::EMAIL_BYTES {
            return Err(AppError::field("query", FieldError::TooLong));
        }
        let email = Email::parse(query).ok();
        let words = if email.is_some() { Vec::new() } else { search_words(query) };
        if email.is_none() && words.is_empty() {
            return Ok(Vec::new());
        }
        self.limiter.take(SEARCHES, &actor.user_id.to_string()).await?;
        let found =
            self.store.search_users(&words, email.as_ref(), actor.user_id, limits::SEARCH_RESULTS).await?;
        Ok(found.iter().map(UserView::from).collect())
    }
}

/// Both checked values, or everything that is wrong with the three fields at once.
fn both(
    email: AppResult<Email>,
    name: AppResult<DisplayName>,
    password: &str,
) -> AppResult<(Email, DisplayName)> {
    let length = crate::domain::check_password_length("password", password);
    match (email, name, length) {
        (Ok(email), Ok(name), Ok(())) => Ok((email, name)),
        (email, name, length) => {
            let mut all = AppError::new(ErrorCode::ValidationFailed);
            for error in [email.err(), name.err(), length.err()].into_iter().flatten() {
                all.fields.extend(error.fields);
            }
            Err(all)
        }
    }
}

pub(super) fn account_view(user: &UserRecord, session_id: SessionId) -> AccountView {
    AccountView {
        read_receipts: user.read_receipts,
        avatar: user.avatar,
        show_last_seen: user.show_last_seen,
        id: user.id,
        email: user.email.as_str().to_owned(),
        display_name: user.display_name.as_str().to_owned(),
        about: user.about.as_str().to_owned(),
        created_at: user.created_at,
        session_id,
    }
}
