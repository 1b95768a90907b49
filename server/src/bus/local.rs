//! The bus of a single node: straight into its hub.

use std::{sync::Arc, time::Duration};

use app::{
    domain::ChatId,
    error::AppResult,
    ports::{Bus, BusMessage},
};
use async_trait::async_trait;

use crate::ws::Hub;

/// For how long one publication waits, at most, for sockets whose queues are filling up.
pub const PATIENCE: Duration = Duration::from_millis(50);

/// Hands news to the sockets of the only node there is.
pub struct LocalBus {
    hub: Arc<Hub>,
}

impl LocalBus {
    /// The bus into this hub.
    pub fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }
}

#[async_trait]
impl Bus for LocalBus {
    /// Returns once the news is in every queue and, within bounds, the queues have room for more: so a
    /// burst is slowed to what the sockets take instead of being lost on them.
    async fn publish(&self, message: BusMessage) -> AppResult<()> {
        if let Some(pressure) = self.hub.dispatch(&message) {
            pressure.relieved(PATIENCE).await;
        }
        Ok(())
    }

    async fn reached(&self, _chats: &[ChatId]) {}
}
