//! Whose turn it is to ask a push service.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Requests to push services at once,
const REQUESTS: usize = 32;
/// and to one of them: one that is silent keeps nobody from being told by another.
const REQUESTS_OF_ONE: usize = 8;

/// Whose turn it is to ask a push service.
pub(super) struct Turns {
    all: Semaphore,
    /// Of each service that somebody asks, or waits for, by its host.
    each: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { all: Semaphore::new(REQUESTS), each: Mutex::default() }
    }
}

impl Turns {
    /// Waits for a turn with the service at the address. Bounded by the patience of those that have one; to be dropped
    /// with the request.
    pub(super) async fn next(&self, endpoint: &str) -> Option<(OwnedSemaphorePermit, SemaphorePermit<'_>)> {
        let host = endpoint.split('/').nth(2).unwrap_or_default();
        let service = {
            let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
            // Who has a turn or waits for one holds it as well.
            each.retain(|_host, service| Arc::strong_count(service) > 1);
            let service = each.entry(host.to_owned());
            Arc::clone(service.or_insert_with(|| Arc::new(Semaphore::new(REQUESTS_OF_ONE))))
        };
        // First that of the service: who waits for a silent one takes no other's place.
        let of_service = service.acquire_owned().await.ok()?;
        Some((of_service, self.all.acquire().await.ok()?))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_service_that_is_silent_keeps_nobody_from_another() {
        let turns = Turns::default();
        let mut held = Vec::new();
        for n in 0..REQUESTS_OF_ONE {
            held.push(turns.next(&format!("https://silent.example/{n}")).await.unwrap());
        }
        let wait = Duration::from_millis(20);
        assert!(tokio::time::timeout(wait, turns.next("https://silent.example/more")).await.is_err());
        let other = tokio::time::timeout(wait, turns.next("https://other.example/1")).await.unwrap().unwrap();
        assert_eq!(turns.each.lock().unwrap().len(), 2);
        drop((held, other));
        assert!(turns.next("https://third.example/1").await.is_some());
        assert_eq!(turns.each.lock().unwrap().len(), 1, "what nobody asks is forgotten");
    }
}
