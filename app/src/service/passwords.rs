//! Hashes and verifies passwords: argon2id, off the async threads, a bounded number at a time.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{Error as HashError, PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::{
    domain::limits,
    error::{AppError, AppResult, ErrorCode},
};

/// OWASP's password storage cheat sheet: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// How long a sign-in waits for its turn before it is told that the server is busy.
const PATIENCE: Duration = Duration::from_secs(3);

/// The password hasher of a node.
#[derive(Clone)]
pub(super) struct Passwords {
    argon2: Argon2<'static>,
    turns: Arc<Semaphore>,
    /// Verified against when there is no account, so that it takes as long as when there is one.
    decoy: Arc<str>,
}

/// What comes of comparing a password with a hash.
pub(super) enum Verified {
    /// It is the password.
    Yes {
        /// A hash by today's parameters, if the stored one is weaker.
        upgrade: Option<String>,
    },
    /// It is not.
    No,
}

impl Passwords {
    /// A hasher that works on at most `parallel` passwords at once.
    pub(super) fn new(parallel: usize) -> AppResult<Self> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(AppError::internal)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = hash(&argon2, "nobody's password")?.into();
        Ok(Self { argon2, turns: Arc::new(Semaphore::new(parallel.max(1))), decoy })
    }

    /// The PHC string of a password. Fails with `busy` if too many others wait.
    pub(super) async fn hash(&self, password: &str) -> AppResult<String> {
        let (argon2, password) = (self.argon2.clone(), password.to_owned());
        self.run(move || hash(&argon2, &password)).await
    }

    /// Compares a password with a stored hash, or, where there is no account, with the decoy. Fails with
    /// `busy` if too many others wait.
    pub(super) async fn verify(&self, password: &str, stored: Option<&str>) -> AppResult<Verified> {
        let known = stored.is_some();
        let stored = stored.unwrap_or(&self.decoy).to_owned();
        let (argon2, password) = (self.argon2.clone(), password.to_owned());
        self.run(move || {
            let parsed = PasswordHash::new(&stored).map_err(AppError::internal)?;
            match argon2.verify_password(password.as_bytes(), &parsed) {
                Ok(()) if known => {
                    let upgrade = is_weak(&parsed).then(|| hash(&argon2, &password)).transpose()?;
                    Ok(Verified::Yes { upgrade })
                }
                Ok(()) | Err(HashError::PasswordInvalid) => Ok(Verified::No),
                Err(error) => Err(AppError::internal(error)),
            }
        })
        .await
    }

    /// Whether a password is among those that everybody tries first: found within ten thousand guesses.
    pub(super) async fn is_common(&self, password: &str) -> AppResult<bool> {
        // What is longer is refused for its length, and what it costs grows with it.
        let password: String = password.chars().take(limits::PASSWORD_MAX_CHARS).collect();
        self.run(move || Ok(is_common(&password))).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> AppResult<T> + Send + 'static,
    ) -> AppResult<T> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|elapsed| AppError::new(ErrorCode::Busy).because(elapsed))?
            .map_err(AppError::internal)?;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(AppError::internal)?
    }
}

/// The hash under which a password is stored, for accounts that are made at start. Off the async threads.
pub async fn hash_password(password: &str) -> AppResult<String> {
    Passwords::new(1)?.hash(password).await
}

/// Whether the hash is this password's. Off the async threads.
pub async fn is_password(password: &str, stored: &str) -> AppResult<bool> {
    Ok(matches!(Passwords::new(1)?.verify(password, Some(stored)).await?, Verified::Yes { .. }))
}

fn is_common(password: &str) -> bool {
    zxcvbn::zxcvbn(&password.to_lowercase(), &[]).guesses() <= 10_000
}

fn hash(argon2: &Argon2<'_>, password: &str) -> AppResult<String> {
    Ok(argon2.hash_password(password.as_bytes()).map_err(AppError::internal)?.to_string())
}

/// Whether the hash was made with less than today's parameters.
fn is_weak(hash: &PasswordHash) -> bool {
    let value = |name: &str| hash.params.get_decimal(name).unwrap_or(0);
    hash.algorithm.as_str() != "argon2id" || value("m") < MEMORY_KIB || value("t") < PASSES
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_and_no_other() {
        let passwords = Passwords::new(1).unwrap();
        let stored = passwords.hash("correct horse").await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(matches!(
            passwords.verify("correct horse", Some(&stored)).await,
            Ok(Verified::Yes { upgrade: None })
        ));
        assert!(matches!(passwords.verify("wrong horse", Some(&stored)).await, Ok(Verified::No)));
        assert!(matches!(passwords.verify("nobody's password", None).await, Ok(Verified::No)));
    }

    #[tokio::test]
    async fn a_weaker_hash_is_upgraded() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        let stored = hash(&weak, "correct horse").unwrap();
        let verified = Passwords::new(1).unwrap().verify("correct horse", Some(&stored)).await;
        assert!(matches!(verified, Ok(Verified::Yes { upgrade: Some(new) }) if new.contains("m=19456")));
    }

    #[test]
    fn what_everybody_tries_first_is_common() {
        for password in ["password", "password1", "12345678", "qwertyuiop", "iloveyou", "football"] {
            assert!(is_common(password), "{password}");
        }
        assert!(!is_common("correct horse battery staple"));
    }
}
