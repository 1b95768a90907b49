//! The composition root: the only place that names concrete adapters.

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use app::{
    domain::UploadLimits,
    error::{AppError, AppResult},
    ports::{Blobs, Bus, Clock, IdSource, Limiter, Presence, PushService, Staging, Store, Throttle},
    service::{
        AccountPorts, Accounts, AttachmentPorts, Attachments, Chats, Drafts, Errands, Messages, People,
        PresenceService, Push, PushPorts, Reading, Search, Sequencer, Services, Telling,
    },
};
use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    blob::LocalStaging,
    bus::{LocalBus, RedisBus},
    config::{PushPlace, Secret, ServiceUrl, Switch},
    http::bounds::Bounds,
    limiter::{LocalLimiter, LocalThrottle, RedisLimiter, RedisThrottle, Unlimited},
    media::Inspector,
    presence::{LocalPresence, RedisPresence},
    push::WebPush,
    redis::{Client, Health, Link},
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
    /// Where Redis is, if there are other nodes.
    pub redis: Option<ServiceUrl>,
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
    /// Where the contents of files are kept.
    pub blobs: Arc<dyn Blobs>,
    /// The folder of this machine in which files arrive.
    pub staging: Arc<LocalStaging>,
    /// How many files, and how large.
    pub upload_limits: UploadLimits,
    /// The push services that may be called.
    pub push_services: Vec<PushPlace>,
    /// The time that everything goes by.
    pub clock: Arc<dyn Clock>,
}

/// How often what nobody can see any longer is removed.
const UPKEEP_EVERY: Duration = Duration::from_secs(600);

impl AppState {
    /// Puts a node together over one store. With Redis it is one of many; without it everything else lives in
    /// the process. Must be called on a Tokio runtime. Fails if the URL is none of Redis; whether anybody is
    /// there is not waited for.
    pub fn compose(parts: Parts) -> AppResult<Self> {
        let clock = parts.clock;
        let ids: Arc<dyn IdSource> = Arc::new(SystemIds::new());
        let tasks = Tasks::default();
        let stop = CancellationToken::new();
        let hub = Arc::new(Hub::new());
        let Between { bus, presence, limiter, throttle } = match &parts.redis {
            None => Between::within(&hub, &clock),
            Some(url) => Between::over(url, &hub, &clock, &tasks)?,
        };
        let (limiter, throttle): (Arc<dyn Limiter>, Arc<dyn Throttle>) = match parts.rate_limits {
            Switch::On => (limiter, throttle),
            Switch::Off => (Arc::new(Unlimited), Arc::new(Unlimited)),
        };
        let store = parts.store;
        let push_service: Arc<dyn PushService> = Arc::new(WebPush::new(
            &parts.push_services,
            parts.secret.expose(),
            parts.origins.first().cloned(),
            Arc::clone(&clock),
        )?);
        let push_ports = PushPorts {
            store: Arc::clone(&store),
            presence: Arc::clone(&presence),
            service: Arc::clone(&push_service),
            clock: Arc::clone(&clock),
        };
        let presence = Arc::new(PresenceService::new(
            Arc::clone(&store),
            presence,
            Arc::clone(&bus),
            Arc::clone(&clock),
        ));
        let sequencer = Sequencer::new(
            Arc::clone(&store),
            Arc::clone(&bus),
            Telling::start(push_ports, &tasks.background, tasks.stop_background.clone()),
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
        let attachments = AttachmentPorts {
            store: Arc::clone(&store),
            blobs: parts.blobs,
            media: Arc::new(Inspector::new(Arc::clone(&parts.staging) as Arc<dyn Staging>)),
            staging: parts.staging,
            limiter: Arc::clone(&limiter),
            clock: Arc::clone(&clock),
            ids: Arc::clone(&ids),
            errands: errands.clone(),
        };
        let services = Arc::new(Services {
            accounts: Accounts::new(accounts, parts.secret.expose(), cores.saturating_sub(1))?,
            chats: Chats::new(
                Arc::clone(&store),
                errands.clone(),
                sequencer.clone(),
                Arc::clone(&limiter),
                Arc::clone(&clock),
                Arc::clone(&ids),
            ),
            attachments: Attachments::new(attachments, parts.upload_limits, parts.bounds.downloads),
            messages: Messages::new(
                Arc::clone(&store),
                sequencer,
                Arc::clone(&limiter),
                Arc::clone(&clock),
                Arc::clone(&ids),
            ),
            reading: Reading::new(
                Arc::clone(&store),
                Arc::clone(&bus),
                errands.clone(),
                Arc::clone(&limiter),
                Arc::clone(&clock),
            ),
            drafts: Drafts::new(
                Arc::clone(&store),
                Arc::clone(&bus),
                errands.clone(),
                Arc::clone(&limiter),
                Arc::clone(&clock),
            ),
            people: People::new(
                Arc::clone(&store),
                Arc::clone(&bus),
                Arc::clone(&presence),
                errands.clone(),
                Arc::clone(&limiter),
                Arc::clone(&clock),
            ),
            search: Search::new(Arc::clone(&store), Arc::clone(&limiter)),
            push: Push::new(Arc::clone(&store), push_service, Arc::clone(&limiter)),
            presence: Arc::clone(&presence),
        });
        let realtime = Realtime::start(ws::Parts {
            hub,
            store: Arc::clone(&store),
            bus,
            presence,
            limiter,
            clock: Arc::clone(&clock),
            ids,
            allowed_origins: parts.origins.clone(),
            shutdown: stop.clone(),
            tracker: tasks.connections.clone(),
        });
        let stopping = &tasks.stop_background;
        tasks.background.spawn(purge(Arc::clone(&store), clock, stopping.clone()));
        tasks.background.spawn(collect(Arc::clone(&services), stopping.clone()));
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

/// What nodes share with each other, or a single node keeps to itself.
struct Between {
    bus: Arc<dyn Bus>,
    presence: Arc<dyn Presence>,
    limiter: Arc<dyn Limiter>,
    throttle: Arc<dyn Throttle>,
}

impl Between {
    /// For the only node there is.
    fn within(hub: &Arc<Hub>, clock: &Arc<dyn Clock>) -> Self {
        Self {
            bus: Arc::new(LocalBus::new(Arc::clone(hub))),
            presence: Arc::new(LocalPresence::new()),
            limiter: Arc::new(LocalLimiter::new()),
            throttle: Arc::new(LocalThrottle::new(Arc::clone(clock))),
        }
    }

    /// For one of many nodes. What runs for it ends with the background tasks.
    fn over(url: &ServiceUrl, hub: &Arc<Hub>, clock: &Arc<dyn Clock>, tasks: &Tasks) -> AppResult<Self> {
        let client = Client::new(url).map_err(AppError::internal)?;
        let health = Health::new(url.to_string());
        let link = Link::new();
        let (kept, by, says) = (link.clone(), client.clone(), Arc::clone(&health));
        let stop = tasks.stop_background.clone();
        tasks.background.spawn(async move {
            let keep = async { kept.keep(&by, &says, |_push| Ok::<(), std::convert::Infallible>(())).await };
            stop.run_until_cancelled(keep).await;
        });
        let bus = RedisBus::start(
            Arc::clone(hub),
            link.clone(),
            client,
            health,
            &tasks.background,
            &tasks.stop_background,
        );
        Ok(Self {
            bus: Arc::new(bus),
            presence: Arc::new(RedisPresence::new(link.clone())),
            limiter: Arc::new(RedisLimiter::new(link.clone())),
            throttle: Arc::new(RedisThrottle::new(link, Arc::clone(clock))),
        })
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

/// The list of the files' hashes, if the build put it beside the binary. Leptos panics on each page where it
/// is told of a list that is not there; a server whose site was not built shows pages without scripts.
pub fn hashes() -> Option<PathBuf> {
    let list = std::env::current_exe().ok()?.with_file_name("hash.txt");
    list.exists().then_some(list)
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
        .hash_files(hashes().is_some())
        .env(leptos::config::Env::PROD)
        .build()
}

async fn purge(store: Arc<dyn Store>, clock: Arc<dyn Clock>, stop: CancellationToken) {
    upkeep(&stop, || store.purge(clock.now()), "what is past its time could not be removed").await;
}

async fn collect(services: Arc<Services>, stop: CancellationToken) {
    upkeep(&stop, || services.attachments.collect(), "files that nobody has could not be removed").await;
}

/// Does some work again and again: at once as long as there is more of it, a slice at a time with everything else
/// in between, and else every few minutes.
async fn upkeep<F>(stop: &CancellationToken, work: impl Fn() -> F, failure: &'static str)
where
    F: Future<Output = AppResult<u64>>,
{
    loop {
        match work().await {
            Ok(done) if done > 0 && !stop.is_cancelled() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(error = error.chain(), "{failure}"),
        }
        tokio::select! {
            () = tokio::time::sleep(UPKEEP_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}
