//! The stream of a connection: it holds the connection's place for as long as it is open, and gives up on
//! a peer that does not read.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};

use super::places::Place;

/// Bytes that a peer has to take in each such time. Fewer than the slowest line carries, more than somebody
/// takes who only wants to keep us waiting. The system says that there is room again when a third of its
/// buffer, of up to a few megabytes, has been read: the time must be long enough for that.
const LEAST_BYTES: usize = 4 * 1024;

/// A TCP stream that fails with `TimedOut` when what is written to it is not read.
pub struct ConnectionStream {
    stream: TcpStream,
    stall: Stall,
    /// Given back when the stream is dropped: by the connection, or by the socket that it has become.
    _place: Place,
}

/// Switches the limit off, for a connection that has become a socket.
#[derive(Clone, Default)]
pub struct Unlimited(Arc<AtomicBool>);

impl Unlimited {
    /// From now on the peer may take its time.
    pub fn switch_on(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl ConnectionStream {
    /// A stream that waits for its peer for up to `limit` at a time.
    pub fn new(stream: TcpStream, place: Place, limit: Duration, unlimited: Unlimited) -> Self {
        let stall = Stall { limit, unlimited, waiting: None, taken: 0 };
        Self { stream, stall, _place: place }
    }
}

/// How long the peer has kept us waiting.
struct Stall {
    limit: Duration,
    unlimited: Unlimited,
    /// Runs from the first write that the peer had no room for, until it takes all that there is.
    waiting: Option<Pin<Box<Sleep>>>,
    /// Bytes that it has taken meanwhile.
    taken: usize,
}

impl Stall {
    /// Looks at what became of writing `wanted` bytes.
    fn judge(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
        wanted: usize,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(taken)) if taken < wanted => self.taken += taken,
            Poll::Ready(_) => self.waiting = None,
            Poll::Pending if self.unlimited.0.load(Ordering::Relaxed) => self.waiting = None,
            Poll::Pending => {
                if self.waiting.is_none() {
                    self.taken = 0;
                }
                let limit = self.limit;
                let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(limit)));
                while waiting.as_mut().poll(context).is_ready() {
                    if self.taken < LEAST_BYTES {
                        return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                    }
                    self.taken = 0;
                    waiting.as_mut().reset(Instant::now() + limit);
                }
            }
        }
        written
    }
}

impl AsyncRead for ConnectionStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ConnectionStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.stall.judge(context, written, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.stall.judge(context, written, slices.iter().map(|slice| slice.len()).sum())
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
