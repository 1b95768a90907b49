//! Settling what is doubted with the store, at once: nothing of it is known to be on its way.
//!
//! A task of its own, because there may be much to settle when Redis comes back, and a heartbeat must not wait.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use app::{
    domain::{ChatId, UserId},
    error::AppResult,
    ports::{Bus, Store, heads},
};
use tokio::time::sleep;

use super::{
    doubts::Doubted,
    heartbeat::{TOGETHER, tell},
    hub::Hub,
    realtime::{note, within},
    watch::Watch,
};

/// For how long one question to the store may take.
const READ_WITHIN: Duration = Duration::from_secs(2);
/// After so many failures in a row the store is taken for away, and the rest is left for later.
const FAILURES_IN_A_ROW: u32 = 3;
/// How long what could not be settled rests.
const REST: Duration = Duration::from_secs(3);

/// The state of the task.
pub struct Settling {
    hub: Arc<Hub>,
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    failing: bool,
}

impl Settling {
    pub fn new(hub: Arc<Hub>, store: Arc<dyn Store>, bus: Arc<dyn Bus>) -> Self {
        Self { hub, store, bus, failing: false }
    }

    /// Settles for good what comes to be doubted.
    pub async fn run(&mut self) {
        let hub = self.hub.clone();
        loop {
            let doubted = hub.doubts.take().await;
            let (left, settled) = self.settle(doubted).await;
            if let Err(error) = tell(&hub) {
                tracing::error!(error = %error.chain(), "heads could not be encoded");
            }
            note(&mut self.failing, settled, "what may have been missed could not be read");
            if left != Doubted::default() {
                sleep(REST).await;
                hub.doubts.extend(left);
            }
        }
    }

    /// Returns what could not be settled, and why.
    async fn settle(&self, doubted: Doubted) -> (Doubted, AppResult<()>) {
        let chats: BTreeSet<ChatId> =
            doubted.people.iter().flat_map(|user| self.hub.chats_of(*user)).collect();
        self.bus.reached(&chats.into_iter().collect::<Vec<_>>()).await;
        let (mut left, mut settled) = (Doubted::default(), Ok(()));
        if doubted.rooms
            && let Err(error) = self.settle_rooms().await
        {
            left.rooms = true;
            settled = Err(error);
        }
        let (mut people, mut in_a_row) = (doubted.people.into_iter(), 0);
        while in_a_row < FAILURES_IN_A_ROW
            && let Some(user) = people.next()
        {
            match within(READ_WITHIN, self.settle_person(user)).await {
                Ok(()) => in_a_row = 0,
                // One who cannot be read does not hold up the others.
                Err(error) => {
                    in_a_row += 1;
                    left.people.insert(user);
                    settled = Err(error);
                }
            }
        }
        left.people.extend(people);
        (left, settled)
    }

    /// Raises the heads of all rooms. What is read before something fails counts.
    async fn settle_rooms(&self) -> AppResult<()> {
        let rooms: Vec<ChatId> = self.hub.open_rooms().into_iter().collect();
        for some in rooms.chunks(TOGETHER) {
            let heads = within(READ_WITHIN, self.store.heads(some)).await?;
            self.hub.raise(self.hub.ahead(heads));
        }
        Ok(())
    }

    /// Puts the person's sockets into the rooms of their chats, and raises the heads of these.
    async fn settle_person(&self, user: UserId) -> AppResult<()> {
        let watch = Watch::new(self.hub.clone(), user);
        let places = self.store.places_of(user).await?;
        let heads = heads(&places);
        watch.settle(&heads)?;
        self.hub.tell_missed(user, &places)?;
        self.hub.raise(self.hub.ahead(heads));
        Ok(())
    }
}
