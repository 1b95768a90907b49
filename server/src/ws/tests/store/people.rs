//! What a socket asks of people: in these tests nobody has blocked anybody, and everybody shows when they were there.

use app::{
    domain::{Timestamp, UserId},
    error::AppResult,
    ports::{PeopleStore, Privacy, SharedChats},
};
use async_trait::async_trait;

use super::{MemoryStore, not_asked};

#[async_trait]
impl PeopleStore for MemoryStore {
    async fn note_last_seen(&self, _: &[UserId], _: Timestamp) -> AppResult<()> {
        Ok(())
    }
    async fn set_show_last_seen(&self, _: UserId, _: bool) -> AppResult<bool> {
        not_asked()
    }
    async fn privacy_of(&self, _: UserId) -> AppResult<Privacy> {
        Ok(Privacy::default())
    }
    async fn shared_chats(&self, _: UserId, _: UserId, _: usize) -> AppResult<SharedChats> {
        not_asked()
    }
    async fn block(&self, _: UserId, _: UserId, _: Timestamp) -> AppResult<()> {
        not_asked()
    }
    async fn unblock(&self, _: UserId, _: UserId) -> AppResult<()> {
        not_asked()
    }
    async fn blockers_among(&self, _: UserId, _: &[UserId]) -> AppResult<Vec<UserId>> {
        Ok(Vec::new())
    }
}
