//! A real S3 server in the test's process, with a door in front that can be told to refuse.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use http::{Method, Request, Response, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use s3s::{Body, auth::SimpleAuth, service::S3ServiceBuilder};
use server::blob::S3Options;
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};

const KEY_ID: &str = "samvad-tests";
pub const KEY: &str = "a-key-that-is-never-printed";
const BUCKET: &str = "attachments";

/// What the door does with a request.
pub enum Answer {
    /// Lets it through.
    Pass,
    /// Refuses it.
    Refuse(StatusCode),
    /// Takes it and says nothing.
    Silence,
}

type Door = Arc<dyn Fn(&Seen) -> Answer + Send + Sync>;

/// A request that came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: Method,
    pub query: String,
}

#[derive(Clone)]
struct State {
    door: Arc<Mutex<Door>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// The server; it ends when it is dropped.
pub struct S3Server {
    addr: SocketAddr,
    folder: TempDir,
    state: State,
    accepting: JoinHandle<()>,
}

impl S3Server {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY_ID, KEY));
        let s3 = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let door: Door = Arc::new(|_| Answer::Pass);
        let state = State { door: Arc::new(Mutex::new(door)), seen: Arc::default() };
        let accepting = tokio::spawn({
            let state = state.clone();
            async move {
                let mut connections = JoinSet::new();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let (s3, state) = (s3.clone(), state.clone());
                    let service = service_fn(move |request| {
                        let (s3, state) = (s3.clone(), state.clone());
                        async move { Ok::<_, Infallible>(state.answer(&s3, request).await) }
                    });
                    connections.spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
                }
            }
        });
        Self { addr, folder, state, accepting }
    }

    pub fn options(&self) -> S3Options {
        S3Options {
            bucket: BUCKET.into(),
            prefix: "samvad/files".into(),
            endpoint: Some(format!("http://{}", self.addr)),
            region: "us-east-1".into(),
            access_key_id: KEY_ID.into(),
            secret_access_key: KEY.into(),
            allow_http: true,
        }
    }

    /// From now on the door decides so.
    pub fn door(&self, door: impl Fn(&Seen) -> Answer + Send + Sync + 'static) {
        *self.state.door.lock().unwrap() = Arc::new(door);
    }

    /// All requests that came.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    /// The keys in the bucket.
    pub fn keys(&self) -> Vec<String> {
        fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { walk(&path, files) } else { files.push(path) }
            }
        }
        let bucket = self.folder.path().join(BUCKET);
        let mut files = Vec::new();
        walk(&bucket, &mut files);
        files.iter().map(|file| file.strip_prefix(&bucket).unwrap().display().to_string()).collect()
    }

    /// How many parts of unfinished uploads there are: the server keeps them beside the bucket.
    pub fn parts(&self) -> usize {
        let beside = std::fs::read_dir(self.folder.path()).unwrap();
        beside
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".upload_id"))
            .count()
    }
}

impl State {
    async fn answer(&self, s3: &s3s::service::S3Service, request: Request<Incoming>) -> Response<Body> {
        let seen = Seen {
            method: request.method().clone(),
            query: request.uri().query().unwrap_or_default().into(),
        };
        self.seen.lock().unwrap().push(seen.clone());
        let door = self.door.lock().unwrap().clone();
        let refusal = |status: StatusCode| {
            let mut refusal = Response::new(Body::from(String::new()));
            *refusal.status_mut() = status;
            refusal
        };
        match door(&seen) {
            Answer::Pass => match s3.call(request.map(Body::from)).await {
                Ok(answer) => answer,
                Err(error) => panic!("the S3 server failed: {error:?}"),
            },
            Answer::Refuse(status) => refusal(status),
            Answer::Silence => std::future::pending().await,
        }
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
