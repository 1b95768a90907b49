//! The server under test.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use app::{
    domain::{Timestamp, UploadLimits},
    ports::{Clock, Store},
};
use server::{
    blob::{DirectoryBlobs, LocalStaging},
    config::{DEFAULT_PUSH_PLACES, PushPlace, Secret, ServiceUrl, Switch},
    demo,
    http::bounds::Bounds,
    state::{AppState, Parts},
    store::embedded::{EmbeddedOptions, EmbeddedStore},
    system::SystemClock,
};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use super::{Browser, FaultyStore, Person, soon};

/// The demo group.
pub const GROUP_ID: &str = "68949f5ee36d65cad2b71230";
/// An id that nothing has.
pub const NOBODY: &str = "000000000000000000000001";

/// The system's clock, moved.
pub struct TestClock {
    ahead_ms: AtomicI64,
}

impl TestClock {
    /// Lets time pass.
    pub fn advance_seconds(&self, seconds: i64) {
        self.ahead_ms.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemClock.now().as_millis() + self.ahead_ms.load(Ordering::SeqCst))
    }
}

/// A server that is not started yet.
pub struct Builder {
    rate_limits: Switch,
    secure: bool,
    bounds: Bounds,
    redis: Option<ServiceUrl>,
    store: Option<Arc<FaultyStore>>,
    clock: Arc<TestClock>,
    upload_limits: UploadLimits,
    attachments: Option<PathBuf>,
    push_services: Vec<PushPlace>,
}

impl Builder {
    /// With other limits for files.
    pub fn uploads(mut self, limits: UploadLimits) -> Self {
        self.upload_limits = limits;
        self
    }

    /// With the files of messages in this folder.
    pub fn attachments(mut self, folder: &Path) -> Self {
        self.attachments = Some(folder.to_owned());
        self
    }

    /// With these push services instead of those of browsers, separated by commas.
    pub fn push_services(mut self, places: &str) -> Self {
        self.push_services = places.split(',').map(|place| place.parse().unwrap()).collect();
        self
    }

    /// As one of many nodes.
    pub fn redis(mut self, url: &str) -> Self {
        self.redis = Some(url.parse().unwrap());
        self
    }

    /// Over the store of another server, by its clock.
    pub fn beside(mut self, other: &TestServer) -> Self {
        self.store = Some(other.store.clone());
        self.attachments = Some(other.attachments.clone());
        self.clock = other.clock.clone();
        self
    }

    /// Nobody is slowed down.
    pub fn without_rate_limits(mut self) -> Self {
        self.rate_limits = Switch::Off;
        self
    }

    /// As behind `https://chat.example`.
    pub fn secure(mut self) -> Self {
        self.secure = true;
        self
    }

    /// With other bounds than a server has by itself.
    pub fn bounded(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Starts it: an empty embedded store, the demo accounts, a free port on loopback.
    pub async fn start(self) -> TestServer {
        let folder = tempfile::tempdir().unwrap();
        let store = self.store.unwrap_or_else(|| {
            let path = folder.path().join("samvad.db");
            Arc::new(FaultyStore::around(EmbeddedStore::open(&path, EmbeddedOptions::default()).unwrap()))
        });
        let attachments = self.attachments.unwrap_or_else(|| folder.path().join("attachments"));
        let clock = self.clock;
        let listener = server::listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let addr = listener.local_addr().unwrap();
        let origin = if self.secure { "https://chat.example".into() } else { format!("http://{addr}") };
        let secret: Secret = "a secret for the tests, long enough".parse().unwrap();
        let state = AppState::compose(Parts {
            store: store.clone(),
            redis: self.redis,
            secret,
            origins: vec![origin.clone()],
            trusted_proxies: Vec::new(),
            secure: self.secure,
            rate_limits: self.rate_limits,
            site_root: folder.path().join("site"),
            bounds: self.bounds,
            blobs: Arc::new(DirectoryBlobs::open(&attachments).unwrap()),
            staging: Arc::new(LocalStaging::open(&attachments).unwrap()),
            upload_limits: self.upload_limits,
            push_services: self.push_services,
            clock: clock.clone(),
        })
        .unwrap();
        demo::load(&*store, &SystemClock).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move {
            // A test that ends without stopping the server drops the sender: that stops it as well.
            let _ = stopped.await;
        };
        let task = tokio::spawn(server::run(listener, state.clone(), shutdown));
        let site = Site { addr, origin };
        TestServer { site, state, store, clock, attachments, folder, stop: Some(stop), task }
    }
}

/// Where a server is to be found, and what a page of its own says of itself.
#[derive(Clone)]
pub struct Site {
    pub addr: SocketAddr,
    pub origin: String,
}

/// A server that runs.
pub struct TestServer {
    pub site: Site,
    pub state: AppState,
    pub store: Arc<FaultyStore>,
    pub clock: Arc<TestClock>,
    pub attachments: PathBuf,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl TestServer {
    /// As people run it: rate limits on, over HTTP on loopback.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// To start it in another way.
    pub fn builder() -> Builder {
        Builder {
            rate_limits: Switch::On,
            secure: false,
            bounds: Bounds::default(),
            redis: None,
            store: None,
            upload_limits: UploadLimits::default(),
            attachments: None,
            push_services: DEFAULT_PUSH_PLACES.iter().map(|place| place.parse().unwrap()).collect(),
            clock: Arc::new(TestClock { ahead_ms: AtomicI64::new(0) }),
        }
    }

    /// A browser in which nobody is signed in.
    pub fn browser(&self) -> Browser {
        Browser::new(self.site.clone())
    }

    /// One of the demo accounts, signed in: 0 to 4, the last the admin of the group.
    pub async fn person(&self, index: usize) -> Person {
        let (_, email, _) = demo::ACCOUNTS[index];
        Person::sign_in(self.browser(), email, demo::PASSWORD).await
    }

    /// Somebody new, signed in.
    pub async fn register(&self, name: &str) -> Person {
        Person::register(self.browser(), name).await
    }

    /// Tells the server to stop; returns at once.
    pub fn begin_to_stop(&mut self) {
        drop(self.stop.take());
    }

    /// Stops the server and waits until it has.
    pub async fn stop(mut self) {
        self.begin_to_stop();
        let ended = tokio::time::timeout(std::time::Duration::from_secs(35), &mut self.task).await;
        ended.expect("the server ends in time").expect("the server ends in order");
    }

    /// Takes the store away, as a disk that is gone.
    pub async fn lose_store(&self) {
        soon("closing the store", self.store.close()).await.unwrap();
    }
}
