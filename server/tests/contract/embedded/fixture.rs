//! An embedded store in a folder of its own.

use std::{path::PathBuf, sync::Arc};

use app::ports::Store;
use server::store::embedded::{EmbeddedOptions, EmbeddedStore};
use tempfile::TempDir;

use crate::support::*;

pub struct EmbeddedFixture {
    pub directory: TempDir,
    pub store: Arc<EmbeddedStore>,
}

impl EmbeddedFixture {
    pub fn with(options: EmbeddedOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(&file(&directory), options).unwrap();
        Self { directory, store }
    }
}

impl Fixture for EmbeddedFixture {
    async fn open() -> Self {
        Self::with(EmbeddedOptions::default())
    }

    fn store(&self) -> TheStore {
        self.store.clone()
    }

    async fn reopen(&mut self) {
        self.store.close().await.unwrap();
        self.store = EmbeddedStore::open(&file(&self.directory), EmbeddedOptions::default()).unwrap();
    }
}

/// The store's file.
pub fn file(directory: &TempDir) -> PathBuf {
    directory.path().join("data").join("samvad.db")
}
