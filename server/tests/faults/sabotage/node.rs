//! The sabotaged node's process: what `samvad serve` does, over a store that breaks a promise.

use std::{process::ExitCode, sync::Arc};

use app::ports::Store;
use server::{
    blob::{DirectoryBlobs, LocalStaging},
    config::{self, Command, Config, load_secret},
    database_file,
    http::bounds::Bounds,
    listen, open_files, run,
    state::{AppState, Parts},
    store::{
        embedded::{EmbeddedOptions, EmbeddedStore},
        mongo::{MongoOptions, MongoStore},
    },
    system::{self, SystemClock},
    telemetry,
};

use super::{Sabotage, Sabotaged};

/// Serves until it is killed.
pub fn serve(sabotage: &str) -> ExitCode {
    let sabotage = Sabotage::named(sabotage).expect("a sabotage of this name");
    let Ok(loaded) = config::load(std::env::args_os()) else { panic!("the arguments of `samvad serve`") };
    let Command::Serve(config) = loaded.command else { panic!("the arguments of `samvad serve`") };
    tokio::runtime::Runtime::new().expect("a runtime").block_on(serve_as(config, sabotage));
    ExitCode::SUCCESS
}

async fn serve_as(config: Config, sabotage: Sabotage) {
    config.validate().expect("a configuration");
    telemetry::start(config.log_format);
    let listener = listen(config.addr).expect("a free address");
    let bound = listener.local_addr().expect("an address");
    std::fs::create_dir_all(&config.data_dir).expect("a folder");
    let store: Arc<dyn Store> = match &config.mongodb_url {
        Some(url) => MongoStore::open(url, MongoOptions::default()).await.expect("MongoDB"),
        None => EmbeddedStore::open(&database_file(&config.data_dir), EmbeddedOptions::default())
            .expect("the embedded store"),
    };
    let attachments = config.attachments.folder(&config.data_dir);
    let state = AppState::compose(Parts {
        store: Arc::new(Sabotaged::around(store, sabotage)),
        redis: config.redis_url.clone(),
        secret: load_secret(config.secret.clone(), &config.data_dir, system::random()).expect("a secret"),
        origins: config.origins(bound),
        trusted_proxies: Vec::new(),
        secure: false,
        rate_limits: config.rate_limits,
        site_root: config.site_root.clone(),
        bounds: Bounds::within(open_files::raise_limit(), None),
        blobs: Arc::new(DirectoryBlobs::open(&attachments).expect("a folder for files")),
        staging: Arc::new(LocalStaging::open(&attachments).expect("a folder for files")),
        upload_limits: config.attachments.limits(),
        push_services: config.push_services.clone(),
        clock: Arc::new(SystemClock),
    })
    .expect("a node");
    println!("Samvad is ready: http://{bound}");
    run(listener, state, std::future::pending()).await;
}
