//! A MongoDB store with a database of its own, on the servers that `MONGODB_URL` names.

use std::sync::Arc;

use app::ports::Store;
use mongodb::{Client, Database};
use server::{
    config::MongoUrl,
    store::mongo::{MongoOptions, MongoStore},
};

use crate::support::*;

pub struct MongoFixture {
    pub url: MongoUrl,
    /// A way to the database that is not the store's.
    pub database: Database,
    pub store: Arc<MongoStore>,
}

impl MongoFixture {
    /// Another node over the same data.
    pub async fn another(&self) -> Arc<MongoStore> {
        MongoStore::open(&self.url, MongoOptions::default()).await.unwrap()
    }
}

impl Fixture for MongoFixture {
    async fn open() -> Self {
        let (url, database) = empty().await;
        let store = MongoStore::open(&url, MongoOptions::default()).await.unwrap();
        Self { url, database, store }
    }

    fn store(&self) -> TheStore {
        self.store.clone()
    }

    async fn reopen(&mut self) {
        self.store.close().await.unwrap();
        self.store = self.another().await;
    }
}

impl Drop for MongoFixture {
    fn drop(&mut self) {
        let database = self.database.clone();
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async { database.drop().await.unwrap() });
        });
    }
}

/// The connection string of the servers under test.
fn servers() -> String {
    std::env::var("MONGODB_URL").unwrap_or_else(|_| {
        panic!(
            "MONGODB_URL is not set, and the MongoDB store cannot be tested without servers: \
                scripts/services.sh start, then eval \"$(scripts/services.sh env)\""
        )
    })
}

/// A database that nobody else has, and its connection string.
pub async fn empty() -> (MongoUrl, Database) {
    let name = format!("samvad_test_{}", app::domain::ClientId::random()).replace('-', "");
    let servers = servers();
    let (before, options) = servers.split_once('?').unwrap_or((&servers, ""));
    let hosts = before.trim_start_matches("mongodb://").split('/').next().unwrap();
    let url = format!("mongodb://{hosts}/{name}?{options}");
    let database = Client::with_uri_str(&url).await.unwrap().database(&name);
    (MongoUrl::from(url), database)
}
