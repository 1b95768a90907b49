//! How much goes on at once, in all and for one person: so that nobody takes all of it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    domain::UserId,
    error::{AppError, AppResult, ErrorCode},
};

/// After how many seconds whoever has as many turns as one can have should ask again.
const AGAIN_SECONDS: u32 = 5;

/// Turns, so many in all and so many for each person.
pub(super) struct Turns {
    places: Arc<Semaphore>,
    per_user: usize,
    by_user: Mutex<HashMap<UserId, usize>>,
}

impl Turns {
    /// So many turns in all, and so many for each person.
    pub(super) fn new(all: usize, per_user: usize) -> Arc<Self> {
        Arc::new(Self { places: Arc::new(Semaphore::new(all)), per_user, by_user: Mutex::default() })
    }

    /// Takes a turn, if there is one. Fails with `busy` if all are taken, and with `too_many_requests` if this
    /// person has as many as one can have.
    pub(super) fn take(self: &Arc<Self>, user: UserId) -> AppResult<Turn> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|full| AppError::new(ErrorCode::Busy).because(full))?;
        let mut by_user = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = by_user.entry(user).or_default();
        if *mine >= self.per_user {
            return Err(AppError::new(ErrorCode::TooManyRequests).retry_after(AGAIN_SECONDS));
        }
        *mine += 1;
        Ok(Turn { turns: Arc::clone(self), user, _place: place })
    }
}

/// One of the turns. Dropping it gives it back.
pub struct Turn {
    turns: Arc<Turns>,
    user: UserId,
    _place: OwnedSemaphorePermit,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut by_user = self.turns.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mine) = by_user.get_mut(&self.user) {
            *mine -= 1;
            if *mine == 0 {
                by_user.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn nobody_takes_all_turns_and_who_is_done_gives_theirs_back() {
        let (ada, bob) = (UserId::from_bytes([1; 12]), UserId::from_bytes([2; 12]));
        let turns = Turns::new(3, 2);
        let code = |user| turns.take(user).err().map(|error| error.code);
        let adas = [turns.take(ada).unwrap(), turns.take(ada).unwrap()];
        assert_eq!(code(ada), Some(ErrorCode::TooManyRequests));
        let bobs = turns.take(bob).unwrap();
        assert_eq!(code(bob), Some(ErrorCode::Busy));
        drop(adas);
        assert_eq!(code(ada), None);
        drop(bobs);
        assert!(turns.by_user.lock().unwrap().is_empty());
    }
}
