//! The accept loop: a bounded number of connections, bounded waits for those who send and for those who
//! read, small buffers, and an orderly end.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use app::error::{AppError, ErrorCode};
use axum::{Router, extract::ConnectInfo};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use super::{
    bounds::Bounds,
    places::{NoPlace, Place, Places},
    stream::{ConnectionStream, Unlimited},
};

/// How long a client may take for the head of a request, and how long a connection may sit idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the loop rests when the system has no more file descriptors.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);
/// Connections that are being told at once that there is no room; others are closed without a word.
const REFUSALS: usize = 64;
/// How long telling it may take.
const REFUSE_WITHIN: Duration = Duration::from_secs(1);

/// How often it is logged, at most, that an address has its share.
const SHARES_LOGGED: Duration = Duration::from_secs(60);

/// Accepts connections until `stop`, from the `trusted` proxies without a share for each; each is a task of `tasks` and ends with the request that it serves.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    bounds: Bounds,
    trusted: &[IpAddr],
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let places = Places::new(bounds.connections, trusted);
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    let mut full = false;
    let mut share_logged = None;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let place = places.take(peer.ip());
                let now_full = matches!(place, Err(NoPlace::Full));
                if full != now_full {
                    full = now_full;
                    tell(full, bounds.connections);
                }
                if matches!(place, Err(NoPlace::ShareTaken)) {
                    tell_of_share(&mut share_logged, peer.ip());
                }
                if let Ok(place) = place {
                    let connection =
                        Connection { stream, peer, place, stall: bounds.stall, stop: stop.clone() };
                    tasks.spawn(connection.run(router.clone()));
                } else if let Ok(turn) = Arc::clone(&refusals).try_acquire_owned() {
                    tasks.spawn(async move {
                        // Whoever does not listen is not told.
                        let _ = timeout(REFUSE_WITHIN, refuse(stream)).await;
                        drop(turn);
                    });
                }
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

fn tell(full: bool, connections: usize) {
    if full {
        tracing::warn!(connections, "no more connections are taken: as many as may be are open");
    } else {
        tracing::info!(connections, "connections are taken again");
    }
}

/// Seldom: a client could fill the log.
fn tell_of_share(logged: &mut Option<Instant>, address: IpAddr) {
    let now = Instant::now();
    if logged.is_none_or(|at| now.duration_since(at) >= SHARES_LOGGED) {
        *logged = Some(now);
        tracing::warn!(%address, "a quarter of all connections are one address's: it gets no more. If it is a \
            proxy, it has to be named as a trusted one");
    }
}

/// A connection that was accepted.
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    stall: Duration,
    stop: CancellationToken,
}

impl Connection {
    async fn run(self, router: Router) {
        let Self { stream, peer, place, stall, stop } = self;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was gone before it began");
            return;
        }
        let service = router.map_request(move |mut request: http::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.map(axum::body::Body::new)
        });
        let unlimited = Unlimited::default();
        let stream = ConnectionStream::new(stream, place, stall, unlimited.clone());
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(64 * 1024)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        // It is closed, or it has become a socket, which has limits of its own.
        unlimited.switch_on();
        if let Err(error) = result {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// Says that there is no room, whatever was going to be asked. What has been sent is read, as closing
/// before would make the system throw away the answer.
async fn refuse(mut stream: TcpStream) -> std::io::Result<()> {
    let error = AppError::new(ErrorCode::Busy);
    let body = serde_json::to_string(&error)?;
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nRetry-After: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len(),
        error.retry_after.unwrap_or(1),
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

fn is_of_the_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
