//! Sign-ins: how a session begins, is believed, goes on and ends.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use moka::sync::Cache;

use super::{Accounts, account_view};
use crate::{
    domain::{SessionId, UserId, limits},
    error::{AppError, AppResult},
    ports::{Limit, NewSession, RefreshOutcome, RefreshToken, SessionRecord, UserRecord},
    protocol::SessionView,
    service::{Actor, ClientInfo, SignedIn, device_name, ending::Ending, tokens::refresh_hash},
};

/// A session that is not used for this long ends.
const IDLE_SECONDS: i64 = 30 * 24 * 3600;
/// A session ends after this long in any case.
const ABSOLUTE_SECONDS: i64 = 180 * 24 * 3600;
/// Two tabs that exchange the same token within this time are both served.
const GRACE_SECONDS: i64 = 10;
/// How long a node believes that a session it has just looked up goes on. A session that ends on this
/// node ends at once; this bounds how long another node may not know.
const SESSION_BELIEF: Duration = Duration::from_secs(1);

/// Of one session: a browser needs one every ten minutes, and one for each tab that wakes up with it.
const REFRESHES: Limit = Limit { name: "refresh", burst: 300, period_ms: 1_000 };
/// Exchanges that failed, from one address. Good ones are not counted by address: a whole office may have one,
/// and comes back at once after a restart.
const FAILED_REFRESHES: Limit = Limit { name: "failed_refresh", burst: 1_000, period_ms: 50 };

/// What a node believes of sessions: whose those are that it has looked up a moment ago.
pub(super) fn believed() -> Cache<SessionId, UserId> {
    Cache::builder().max_capacity(100_000).time_to_live(SESSION_BELIEF).build()
}

impl Accounts {
    /// Exchanges a refresh token. One that was exchanged before, longer than ten seconds ago, ends the
    /// session: somebody else holds a copy of it. Fails with `unauthenticated`, or with `too_many_requests`
    /// where a session refreshes or an address fails too often.
    pub async fn refresh(&self, token: &str, client: &ClientInfo) -> AppResult<SignedIn> {
        let presented = refresh_hash(token);
        let Some(session) = self.store.session_by_refresh(&presented).await? else {
            return self.refused_refresh(client).await;
        };
        // Before the exchange: a token that was exchanged and whose successor was withheld would be lost.
        self.limiter.take(REFRESHES, &session.to_string()).await?;
        let successor = self.new_refresh_token();
        let exchange = RefreshToken {
            presented,
            successor: refresh_hash(&successor),
            now: self.clock.now(),
            grace_seconds: GRACE_SECONDS,
            idle_seconds: IDLE_SECONDS,
            absolute_seconds: ABSOLUTE_SECONDS,
            address: client.address.clone(),
        };
        let (store, ending) = (Arc::clone(&self.store), self.ending());
        let outcome = self.errands.run(async move {
            let outcome = store.rotate_refresh(exchange).await?;
            if let RefreshOutcome::Reused { session_id, .. } = &outcome {
                ending.announce(vec![*session_id]).await;
            }
            Ok(outcome)
        });
        let outcome = outcome.await?;
        match outcome {
            RefreshOutcome::Rotated(session) => {
                let user = self.store.user(session.user_id).await?.ok_or_else(AppError::unauthenticated)?;
                self.signed_in(user, session.id, successor)
            }
            RefreshOutcome::Reused { user_id, session_id } => {
                tracing::warn!(user = %user_id, session = %session_id, address = client.address,
                    "a refresh token was used again; its session has been ended");
                self.refused_refresh(client).await
            }
            RefreshOutcome::Unknown => self.refused_refresh(client).await,
        }
    }

    /// Counts an exchange that failed for where it came from, and refuses it.
    async fn refused_refresh<T>(&self, client: &ClientInfo) -> AppResult<T> {
        self.limiter.take(FAILED_REFRESHES, &client.network()).await?;
        Err(AppError::unauthenticated())
    }

    /// Who an access token speaks for. Fails with `unauthenticated` if it is not good or its session has
    /// ended.
    pub async fn authenticate(&self, token: &str) -> AppResult<Actor> {
        let actor = self.tokens.actor(token)?;
        if self.alive.get(&actor.session_id) == Some(actor.user_id) {
            return Ok(actor);
        }
        let session = self.store.session(actor.session_id, self.clock.now()).await?;
        if session.is_none_or(|session| session.user_id != actor.user_id) {
            return Err(AppError::unauthenticated().because("the session has ended"));
        }
        self.alive.insert(actor.session_id, actor.user_id);
        Ok(actor)
    }

    /// The caller's sessions, last used first.
    pub async fn sessions(&self, actor: Actor) -> AppResult<Vec<SessionView>> {
        let sessions = self.store.sessions_of(actor.user_id, self.clock.now()).await?;
        Ok(sessions
            .into_iter()
            .map(|session| SessionView {
                id: session.id,
                current: session.id == actor.session_id,
                device: device_name(&session.user_agent),
                address: session.address,
                created_at: session.created_at,
                last_used_at: session.last_used_at,
            })
            .collect())
    }

    /// Ends one of the account's sessions and closes its sockets. False if there is none.
    pub async fn end_session(&self, user: UserId, session: SessionId) -> AppResult<bool> {
        let (store, ending) = (Arc::clone(&self.store), self.ending());
        let ended = self.errands.run(async move {
            let ended = store.end_session(user, session).await?;
            if ended {
                ending.announce(vec![session]).await;
            }
            Ok(ended)
        });
        ended.await
    }

    /// Begins a session of somebody who has shown who they are.
    pub(super) async fn begin_session(&self, user: UserRecord, client: &ClientInfo) -> AppResult<SignedIn> {
        let now = self.clock.now();
        let refresh_token = self.new_refresh_token();
        let session = SessionRecord {
            id: SessionId::from_bytes(self.ids.id(now)),
            user_id: user.id,
            user_agent: client.user_agent.clone(),
            address: client.address.clone(),
            created_at: now,
            last_used_at: now,
            expires_at: now.plus_seconds(IDLE_SECONDS),
        };
        let id = session.id;
        let refresh_hash = refresh_hash(&refresh_token);
        let new = NewSession { session, refresh_hash, most: limits::SESSIONS_PER_USER };
        let (store, ending) = (Arc::clone(&self.store), self.ending());
        let begun = self.errands.run(async move {
            let ended = store.create_session(new).await?;
            ending.announce(ended).await;
            Ok(())
        });
        begun.await?;
        self.signed_in(user, id, refresh_token)
    }

    fn signed_in(&self, user: UserRecord, session: SessionId, refresh_token: String) -> AppResult<SignedIn> {
        Ok(SignedIn {
            actor: Actor { user_id: user.id, session_id: session },
            access_token: self.tokens.access(Actor { user_id: user.id, session_id: session })?,
            device_mark: self.tokens.device(user.id)?,
            account: account_view(&user, session),
            refresh_token,
            lifetime_seconds: IDLE_SECONDS,
        })
    }

    fn new_refresh_token(&self) -> String {
        BASE64.encode(self.ids.secret())
    }

    /// What makes the end of a session felt.
    pub(super) fn ending(&self) -> Ending {
        Ending::new(self.alive.clone(), Arc::clone(&self.bus))
    }
}
