//! The composition root: the only place that names concrete adapters.

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use app::{
    error::AppResult,
    ports::{Bus, Clock, IdSource, Limiter, Presence, Store, Throttle},
    service::{AccountPorts, Accounts, Chats, Errands, Messages, PresenceService, Sequencer, Services},
};
use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    bus::LocalBus,
    config::{Secret, Switch},
    http::bounds::Bounds,
    limiter::{LocalLimiter, LocalThrottle, Unlimited},
    presence::LocalPresence,
    system::SystemIds,
    ws::{self, Hub, Realtime},
};

/// What every handler reaches.
#[derive(Clone)]
pub struct AppState {
    /// The services.
    pub services: Arc<Services>,
    /// The store, for readiness.
    pub store: Arc<dyn Store>,
    /// The sockets of this node.
    pub realtime: Arc<Realtime>,
    /// The origins of our own pages, in lower case.
    pub origins: Arc<[String]>,
    /// Proxies whose word on where a request comes from is believed.
    pub trusted_proxies: Arc<[IpAddr]>,
    /// Whether people reach the server by HTTPS.
    pub secure: bool,
    /// The folder with the built site.
    pub site_root: Arc<PathBuf>,
    /// How much of the server its clients can hold.
    pub bounds: Bounds,
    /// How Leptos finds the site's scripts and styles.
    pub leptos: LeptosOptions,
    /// Cancelled when the server is to stop taking requests.
    pub stop: CancellationToken,
    /// Everything that runs on its own.
    pub tasks: Tasks,
}

/// What runs on its own, in the order in which it ends.
#[derive(Clone, Default)]
pub struct Tasks {
    /// Connections and sockets; they end by [`AppState::stop`].
    pub connections: TaskTracker,
    /// Writers and upkeep; they end when no connection is left.
    pub background: TaskTracker,
    /// Cancelled when no connection is left.
    pub stop_background: CancellationToken,
}

/// What the state is composed from.
pub struct Parts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The secret that tokens are signed with.
    pub secret: Secret,
    /// The origins of our own pages.
    pub origins: Vec<String>,
    /// Proxies that are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Whether people reach the server by HTTPS.
    pub secure: bool,
    /// Whether requests are counted and slowed.
    pub rate_limits: Switch,
    /// The folder with the built site.
    pub site_root: PathBuf,
    /// How much of the server its clients can hold.
    pub bounds: Bounds,
    /// The time that everything goes by.
    pub clock: Arc<dyn Clock>,
}

/// How often what nobody can see any longer is removed.
const PURGE_EVERY: Duration = Duration::from_secs(600);

impl AppState {
    /// Puts a node together over one store; everything else lives in the process. Must be called on a
    /// Tokio runtime.
    pub fn compose(parts: Parts) -> AppResult<Self> {
        let clock = parts.clock;
        let ids: Arc<dyn IdSource> = Arc::new(SystemIds::new());
        let (limiter, throttle): (Arc<dyn Limiter>, Arc<dyn Throttle>) = match parts.rate_limits {
            Switch::On => (Arc::new(LocalLimiter::new()), Arc::new(LocalThrottle::new(Arc::clone(&clock)))),
            Switch::Off => (Arc::new(Unlimited), Arc::new(Unlimited)),
        };
        let tasks = Tasks::default();
        let stop = CancellationToken::new();
        let hub = Arc::new(Hub::new());
        let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(Arc::clone(&hub)));
        let presence: Arc<dyn Presence> = Arc::new(LocalPresence::new());
        let store = parts.store;
        let presence = Arc::new(PresenceService::new(
            Arc::clone(&store),
            presence,
            Arc::clone(&bus),
            Arc::clone(&clock),
        ));
        let sequencer = Sequencer::new(
            Arc::clone(&store),
            Arc::clone(&bus),
            tasks.background.clone(),
            tasks.stop_background.clone(),
        );
        let errands = Errands::new(tasks.background.clone());
        // One core stays free for everybody who is already signed in.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let accounts = AccountPorts {
            store: Arc::clone(&store),
            bus: Arc::clone(&bus),
            limiter: Arc::clone(&limiter),
            throttle,
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            errands: errands.clone(),
        };
        let services = Arc::new(Services {
            accounts: Accounts::new(accounts, parts.secret.expose(), cores.saturating_sub(1))?,
            chats: Chats::new(
                Arc::clone(&store),
                errands,
                sequencer.clone(),
                Arc::clone(&limiter),
                Arc::clone(&clock),
                Arc::clone(&ids),
            ),
            messages: Messages::new(
                Arc::clone(&store),
                sequencer,
                Arc::clone(&limiter),
                Arc::clone(&clock),
                Arc::clone(&ids),
            ),
            presence: Arc::clone(&presence),
        });
        let realtime = Realtime::start(ws::Parts {
            hub,
            store: Arc::clone(&store),
            presence,
            limiter,
            clock: Arc::clone(&clock),
            ids,
            allowed_origins: parts.origins.clone(),
            shutdown: stop.clone(),
            tracker: tasks.connections.clone(),
        });
        tasks.background.spawn(purge(Arc::clone(&store), clock, tasks.stop_background.clone()));
        Ok(Self {
            services,
            store,
            realtime,
            origins: parts.origins.into(),
            trusted_proxies: parts.trusted_proxies.into(),
            secure: parts.secure,
            bounds: parts.bounds,
            leptos: leptos_options(&parts.site_root),
            site_root: Arc::new(parts.site_root),
            stop,
            tasks,
        })
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

/// Whether the build put the list of the files' hashes beside the binary. Leptos panics on each page where
/// it is told of a list that is not there; a server whose site was not built shows pages without scripts.
fn has_hashes() -> bool {
    std::env::current_exe().is_ok_and(|binary| binary.with_file_name("hash.txt").exists())
}

/// Under `cargo leptos` its environment says everything; on its own the server knows its own layout.
fn leptos_options(site_root: &std::path::Path) -> LeptosOptions {
    if std::env::var_os("LEPTOS_OUTPUT_NAME").is_some()
        && let Ok(configuration) = leptos::config::get_configuration(None)
    {
        return configuration.leptos_options;
    }
    LeptosOptions::builder()
        .output_name("samvad")
        .site_root(site_root.to_string_lossy())
        .site_pkg_dir("pkg")
        .hash_files(has_hashes())
        .env(leptos::config::Env::PROD)
        .build()
}

async fn purge(store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    loop {
        match store.purge(clock.now()).await {
            // There may be more: go on, a slice at a time, with writes in between.
            Ok(rows) if rows > 0 && !stop.is_cancelled() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(error = error.chain(), "what is past its time could not be removed"),
        }
        tokio::select! {
            () = tokio::time::sleep(PURGE_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}
