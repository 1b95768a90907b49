//! One queue, those who push to it, and the task that takes.

use std::{sync::Arc, time::Instant};

use app::domain::limits::{QUEUE_BYTES, QUEUE_FRAMES};
use axum::extract::ws::Utf8Bytes;
use loom::{future::block_on, thread};

use super::{
    close::Close,
    explore,
    outbox::{Backlog, Batch, Class, Outbox, Pushed},
    sync::Notify,
};

/// A quarter of what a queue holds.
static QUARTER: [u8; QUEUE_BYTES / 4] = [b'x'; QUEUE_BYTES / 4];

fn quarter() -> Utf8Bytes {
    Utf8Bytes::from_static(std::str::from_utf8(&QUARTER).unwrap())
}

/// A queue, who hears of its relief, and now.
fn outbox() -> (Arc<Outbox>, Arc<Notify>, Instant) {
    let (relief, now) = (Arc::new(Notify::new()), Instant::now());
    (Arc::new(Outbox::new(relief.clone(), now)), relief, now)
}

fn texts(batch: Batch) -> impl Iterator<Item = String> {
    batch.frames.into_iter().map(|(frame, _)| frame.to_string())
}

fn is_within_bounds(outbox: &Outbox) -> bool {
    let (frames, bytes, _) = outbox.held();
    frames <= QUEUE_FRAMES && bytes <= QUEUE_BYTES
}

#[test]
fn the_task_is_woken_for_everything_that_is_pushed() {
    explore(|| {
        let (outbox, _, now) = outbox();
        let pushers = ["a", "b"].map(|who| {
            let outbox = outbox.clone();
            thread::spawn(move || {
                for n in 0..2 {
                    assert_eq!(outbox.push(format!("{who}{n}").into(), Class::Durable, now), Pushed::Easy);
                }
                // Of one alone: its wake-up would make up for one that the other's last frame lost.
                if who == "b" {
                    outbox.ping();
                }
            })
        });
        let mut got = Vec::new();
        let mut pinged = false;
        while got.len() < 4 || !pinged {
            block_on(outbox.ready());
            let batch = outbox.take(now);
            pinged |= batch.ping;
            got.extend(texts(batch));
            outbox.written(now);
        }
        pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
        for who in ["a", "b"] {
            let own: Vec<_> = got.iter().filter(|frame| frame.starts_with(who)).collect();
            assert_eq!(own, [&format!("{who}0"), &format!("{who}1")]);
        }
        assert_eq!(outbox.held(), (0, 0, 0));
    });
}

#[test]
fn closing_wakes_the_task_from_whatever_it_waits_for() {
    explore(|| {
        let (outbox, _, now) = outbox();
        let pusher = {
            let outbox = outbox.clone();
            thread::spawn(move || {
                outbox.push("a".into(), Class::Durable, now);
            })
        };
        let closer = {
            let outbox = outbox.clone();
            thread::spawn(move || outbox.close(Close::SessionEnded))
        };
        block_on(outbox.ready());
        if outbox.closing_reason().is_none() {
            outbox.take(now);
            // As a write that the peer never takes.
            assert_eq!(block_on(outbox.closing()), Close::SessionEnded);
        }
        pusher.join().unwrap();
        closer.join().unwrap();
        assert_eq!(outbox.push("late".into(), Class::Durable, now), Pushed::Dropped);
    });
}

#[test]
fn a_queue_is_bounded_at_every_step_and_loses_nothing_durable_but_with_the_socket() {
    explore(|| {
        let (outbox, _, now) = outbox();
        outbox.push(quarter(), Class::Lossy, now);
        for _ in 0..3 {
            outbox.push(quarter(), Class::Durable, now);
        }
        let pushers = [(); 2].map(|()| {
            let outbox = outbox.clone();
            thread::spawn(move || {
                let pushed = outbox.push(quarter(), Class::Durable, now);
                assert!(is_within_bounds(&outbox));
                // A durable frame that is not queued closes the socket.
                assert!(pushed != Pushed::Dropped || outbox.closing_reason() == Some(Close::Overflow));
            })
        });
        let durable =
            |batch: Batch| batch.frames.iter().filter(|(_, class)| *class == Class::Durable).count();
        let mut taken = durable(outbox.take(now));
        assert!(is_within_bounds(&outbox));
        outbox.written(now);
        pushers.into_iter().for_each(|pusher| pusher.join().unwrap());
        while !outbox.is_empty() {
            taken += durable(outbox.take(now));
            assert!(is_within_bounds(&outbox));
        }
        outbox.written(now);
        let (frames, bytes, _) = outbox.held();
        assert_eq!((frames, bytes), (0, 0), "all that was counted is given back");
        assert!(taken == 5 || outbox.closing_reason() == Some(Close::Overflow));
    });
}

/// Somebody who publishes waits for a queue that is more than half full, as `Pressure` does.
fn relieved_by(way_out: fn(&Outbox, Instant)) {
    explore(move || {
        let (outbox, relief, now) = outbox();
        for _ in 0..=QUEUE_FRAMES / 2 {
            outbox.push("x".into(), Class::Durable, now);
        }
        let publisher = {
            let outbox = outbox.clone();
            thread::spawn(move || {
                loop {
                    // Before the look, so that no relief falls between.
                    let relief = relief.notified();
                    if outbox.backlog(now) == Backlog::None {
                        return;
                    }
                    block_on(relief);
                }
            })
        };
        way_out(&outbox, now);
        publisher.join().unwrap();
    });
}

#[test]
fn who_waits_for_a_full_queue_hears_that_it_is_written() {
    relieved_by(|outbox, now| {
        outbox.take(now);
        outbox.written(now);
    });
}

#[test]
fn who_waits_for_a_full_queue_hears_that_it_is_closed() {
    relieved_by(|outbox, _| outbox.close(Close::SessionEnded));
}
