//! The queue by itself.

use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use app::domain::limits::{QUEUE_BYTES, QUEUE_FRAMES};
use axum::extract::ws::Utf8Bytes;
use futures::FutureExt;
use tokio::sync::Notify;

use crate::ws::{
    close::Close,
    outbox::{Backlog, Batch, Class, Outbox, Pushed},
};

/// How long a task may be late, and a peer not read, before it is given up on.
const LAGGING_FOR: Duration = Duration::from_secs(1);
const BLOCKED_FOR: Duration = Duration::from_millis(250);

fn outbox() -> (Outbox, Instant) {
    let now = Instant::now();
    (Outbox::new(Arc::new(Notify::new()), now), now)
}

fn text(text: &str) -> Utf8Bytes {
    text.into()
}

fn taken(batch: &Batch) -> Vec<&str> {
    batch.frames.iter().map(|(frame, _)| frame.as_str()).collect()
}

#[test]
fn frames_come_out_in_order_and_leave_nothing_behind() {
    let (outbox, now) = outbox();
    assert_eq!(outbox.ready().now_or_never(), None);
    outbox.push(text("a"), Class::Durable, now);
    outbox.push(text("b"), Class::Lossy, now);
    outbox.ping();
    assert_eq!(outbox.ready().now_or_never(), Some(()));
    let batch = outbox.take(now);
    assert_eq!((taken(&batch), batch.ping), (vec!["a", "b"], true));
    outbox.written(now);
    assert_eq!(outbox.ready().now_or_never(), None);
    assert_eq!(outbox.held(), (0, 0, 0));
}

#[test]
fn a_full_queue_loses_what_is_lossy_before_the_socket_is_closed() {
    let (outbox, now) = outbox();
    for n in 0..QUEUE_FRAMES {
        let class = if n % 64 == 0 { Class::Lossy } else { Class::Durable };
        assert_ne!(outbox.push(text("x"), class, now), Pushed::Dropped);
    }
    assert_eq!(outbox.push(text("lossy"), Class::Lossy, now), Pushed::Dropped);
    for _ in 0..4 {
        assert_eq!(outbox.push(text("durable"), Class::Durable, now), Pushed::Pressed);
    }
    assert_eq!(outbox.closing_reason(), None);
    assert_eq!(outbox.push(text("durable"), Class::Durable, now), Pushed::Dropped);
    assert_eq!(outbox.closing().now_or_never(), Some(Close::Overflow));
    assert!(outbox.take(now).frames.is_empty(), "what is queued is not sent any more");
}

#[test]
fn bytes_are_bounded_too_and_what_is_being_written_counts() {
    let (outbox, now) = outbox();
    let big = "x".repeat(QUEUE_BYTES / 4);
    for _ in 0..4 {
        outbox.push(text(&big), Class::Durable, now);
    }
    assert_eq!(outbox.take(now).frames.len(), 1, "a batch is bounded as well");
    assert_eq!(outbox.push(text("lossy"), Class::Lossy, now), Pushed::Dropped);
    outbox.written(now);
    assert_eq!(outbox.push(text("lossy"), Class::Lossy, now), Pushed::Pressed);
    assert_eq!([(); 4].map(|()| outbox.take(now).frames.len()), [1, 1, 1, 1]);
}

#[test]
fn a_frame_larger_than_the_queue_goes_alone() {
    let (outbox, now) = outbox();
    let huge = "x".repeat(QUEUE_BYTES + 1);
    assert_eq!(outbox.push(text(&huge), Class::Durable, now), Pushed::Pressed);
    assert_eq!(outbox.push(text("more"), Class::Durable, now), Pushed::Dropped);
    assert_eq!(outbox.closing_reason(), Some(Close::Overflow));
}

#[test]
fn the_first_reason_to_close_stands_and_a_restart_keeps_the_queue() {
    let (outbox, now) = outbox();
    outbox.push(text("a"), Class::Durable, now);
    let restart = Close::Restart { reconnect_after_ms: 7 };
    outbox.close(restart);
    outbox.close(Close::SessionEnded);
    assert_eq!(outbox.closing_reason(), Some(restart));
    assert_eq!(taken(&outbox.take(now)), ["a"]);
}

#[test]
fn a_backlog_tells_a_late_task_from_a_peer_that_does_not_read() {
    let (outbox, now) = outbox();
    for _ in 0..=QUEUE_FRAMES / 2 {
        outbox.push(text("x"), Class::Durable, now);
    }
    assert_eq!(outbox.backlog(now), Backlog::Lagging { until: now + LAGGING_FOR });
    assert_eq!(outbox.backlog(now + LAGGING_FOR), Backlog::None, "given up");
    outbox.set_blocked(true, now);
    assert_eq!(outbox.backlog(now), Backlog::Blocked { until: now + BLOCKED_FOR });
    assert_eq!(outbox.backlog(now + BLOCKED_FOR), Backlog::None, "given up");
    outbox.take(now);
    assert!(matches!(outbox.backlog(now), Backlog::Lagging { .. }), "taken is not written");
    outbox.written(now);
    assert_eq!(outbox.backlog(now), Backlog::None);
}

#[test]
fn the_time_of_a_backlog_begins_anew_with_every_move() {
    let (outbox, now) = outbox();
    // The queue was empty for long: that is no lateness.
    let later = now + 10 * LAGGING_FOR;
    for _ in 0..QUEUE_FRAMES {
        outbox.push(text("x"), Class::Durable, later);
    }
    assert_eq!(outbox.backlog(later), Backlog::Lagging { until: later + LAGGING_FOR });
    outbox.take(later);
    let moved = later + LAGGING_FOR / 2;
    outbox.take(moved);
    assert_eq!(outbox.backlog(moved), Backlog::Lagging { until: moved + LAGGING_FOR });
}

#[test]
fn closing_wakes_a_task_that_waits_for_that_alone_and_a_push_does_not() {
    use std::{sync::atomic::AtomicUsize, sync::atomic::Ordering, task::Wake};

    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let (outbox, now) = outbox();
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(count.clone());
    let mut cx = Context::from_waker(&waker);
    let mut closing = Box::pin(outbox.closing());
    assert!(closing.poll_unpin(&mut cx).is_pending());
    outbox.push(text("a"), Class::Durable, now);
    assert_eq!(count.0.load(Ordering::SeqCst), 0);
    outbox.close(Close::SessionEnded);
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
    assert_eq!(closing.poll_unpin(&mut cx), Poll::Ready(Close::SessionEnded));
}
