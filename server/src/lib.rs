//! Samvad's server: the HTTP and WebSocket front, and the adapters behind the application's ports.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | [`config`] | what the server is told at start |
//! | [`check`] | trying what it is told, before it is started |
//! | [`state`] | the composition root, the only place that names concrete adapters |
//! | [`http`] | routes, layers, pages, the global error layer |
//! | [`ws`] | the sockets of this node |
//! | [`store`], [`bus`], [`presence`], [`limiter`] | adapters of `app::ports` |
//! | [`redis`] | the link to Redis that three of them share |
//! | [`blob`], [`media`] | the contents of files, and what is in them |
//! | [`push`] | telling browsers while no page is open |
//! | [`demo`] | the demo accounts |
//! | [`open_files`], [`system`], [`telemetry`] | what the operating system gives |

// The types of the pages are as deep as the pages' trees.
#![recursion_limit = "256"]

pub mod blob;
pub mod bus;
pub mod check;
pub mod config;
pub mod demo;
pub mod http;
pub mod limiter;
pub mod media;
pub mod open_files;
pub mod presence;
pub mod push;
#[cfg(test)]
#[allow(dead_code, reason = "the tests beside the code need less of it than those in `tests`")]
#[path = "../tests/support/random.rs"]
mod random;
pub mod redis;
pub mod state;
pub mod store;
pub mod system;
pub mod telemetry;
pub mod ws;

use std::{
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use app::{
    error::AppResult,
    ports::{Blobs, Store},
};
use blob::{DirectoryBlobs, LocalStaging, S3Blobs};
use config::{Config, MongoUrl, Seed, load_secret};
use http::bounds::Bounds;
use state::{AppState, Parts};
use store::{
    embedded::{EmbeddedOptions, EmbeddedStore},
    mongo::{MongoOptions, MongoStore},
};
use system::SystemClock;
use tokio::net::{TcpListener, TcpSocket};

/// How long connections may take to end when the server stops.
const DRAIN: Duration = Duration::from_secs(15);
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

/// The whole application as one service.
pub fn build(state: AppState) -> axum::Router {
    http::router(state)
}

/// Listens on an address.
pub fn listen(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

/// Opens what the configuration names and puts the node together, the demo accounts loaded if wanted. The
/// process may have `open_files` files open, if there is a limit.
pub async fn open(
    config: &Config,
    bound: SocketAddr,
    open_files: Option<u64>,
) -> Result<AppState, Box<dyn std::error::Error>> {
    let bounds = Bounds::within(open_files, config.max_connections);
    tracing::info!(open_files, connections = bounds.connections, "the most that can be open at once");
    let store = open_store(config.mongodb_url.as_ref(), &config.data_dir).await?;
    let (blobs, staging) = open_attachments(config)?;
    let secret = load_secret(config.secret.clone(), &config.data_dir, system::random())?;
    let state = AppState::compose(Parts {
        store,
        redis: config.redis_url.clone(),
        secret,
        origins: config.origins(bound),
        trusted_proxies: config.trusted_proxies.clone(),
        secure: config.is_secure(),
        rate_limits: config.rate_limits,
        site_root: config.site_root.clone(),
        bounds,
        blobs,
        staging,
        upload_limits: config.attachments.limits(),
        push_services: config.push_services.clone(),
        clock: Arc::new(SystemClock),
    })?;
    if config.is_open() && demo::is_present(&*state.store).await? {
        return Err(
            "the demo accounts are in this store, with a password that everybody knows: others must \
                    not reach it. Start with another --data-dir or database"
                .into(),
        );
    }
    if config.demo {
        demo::load(&*state.store, &SystemClock).await?;
    }
    Ok(state)
}

/// Loads the demo accounts into the store that is named.
pub async fn seed(which: &Seed) -> Result<(), Box<dyn std::error::Error>> {
    let store = open_store(which.mongodb_url.as_ref(), &which.data_dir).await?;
    demo::load(&*store, &SystemClock).await?;
    Ok(store.close().await?)
}

/// The store that is named: MongoDB, or else the embedded one in the folder.
async fn open_store(
    mongodb: Option<&MongoUrl>,
    folder: &Path,
) -> Result<Arc<dyn Store>, Box<dyn std::error::Error>> {
    if let Some(url) = mongodb {
        let store = MongoStore::open(url, MongoOptions::default()).await?;
        tracing::info!(store = %url, "keeping everything in MongoDB");
        return Ok(store);
    }
    std::fs::create_dir_all(folder)?;
    Ok(EmbeddedStore::open(&database_file(folder), EmbeddedOptions::default())?)
}

/// Where the contents of files are kept, and the folder of this machine in which they arrive.
fn open_attachments(config: &Config) -> AppResult<(Arc<dyn Blobs>, Arc<LocalStaging>)> {
    if let Some(options) = config.attachments.s3() {
        tracing::info!(bucket = options.bucket, prefix = options.prefix, "keeping files in a bucket");
        let staging = LocalStaging::open(&config.data_dir.join("attachments"))?;
        return Ok((Arc::new(S3Blobs::open(&options)?), Arc::new(staging)));
    }
    let folder = config.attachments.folder(&config.data_dir);
    if config.mongodb_url.is_some() && config.attachments.attachments.is_none() {
        tracing::warn!(
            folder = %folder.display(),
            "files are kept on this machine alone: other nodes need the same folder, or a bucket (--attachments)"
        );
    }
    // Files arrive in the same folder, so that one only has to be given its place.
    Ok((Arc::new(DirectoryBlobs::open(&folder)?), Arc::new(LocalStaging::open(&folder)?)))
}

/// Where the embedded store keeps everything.
pub fn database_file(folder: &Path) -> PathBuf {
    folder.join("samvad.db")
}

/// Serves until `shutdown`, then drains: sockets are told to come back, requests finish, what was accepted
/// is written, and the store is closed. Bounded in time.
pub async fn run(listener: TcpListener, state: AppState, shutdown: impl Future<Output = ()>) {
    let router = build(state.clone());
    let tasks = state.tasks.clone();
    let proxies = &state.trusted_proxies;
    let accepting =
        http::serve::serve(listener, router, state.bounds, proxies, &tasks.connections, &state.stop);
    tokio::pin!(accepting);
    tokio::select! {
        () = &mut accepting => {}
        () = shutdown => {
            tracing::info!("stopping");
            state.stop.cancel();
            accepting.await;
        }
    }
    for (tracker, stop) in [(&tasks.connections, &state.stop), (&tasks.background, &tasks.stop_background)] {
        stop.cancel();
        tracker.close();
        if tokio::time::timeout(DRAIN, tracker.wait()).await.is_err() {
            tracing::warn!(left = tracker.len(), "not everything ended in time");
        }
    }
    if let Err(error) = state.store.close().await {
        tracing::error!(error = error.chain(), "the store did not close cleanly");
    }
}
