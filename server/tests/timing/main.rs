//! What the time of an answer tells. A target of its own, so that no other test of ours runs beside it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use crate::support::TestServer;

/// Tries of each kind.
const TRIES: usize = 200;
/// How far the medians may be apart.
const APART: f64 = 0.1;
/// How often it is measured again if the machine was busy with something else.
const REPEATS: usize = 2;

/// The medians of signing in with a wrong password to an account that there is, and to one that there is
/// not. In turn, and each kind first as often as the other, so that whatever the machine does besides meets
/// both alike.
async fn medians(server: &TestServer) -> [Duration; 2] {
    let browser = server.browser();
    let mut times = [Vec::with_capacity(TRIES), Vec::with_capacity(TRIES)];
    let mut shown = None;
    for number in 0..TRIES {
        for turn in 0..2 {
            let kind = (number + turn) % 2;
            let email = ["samyak@chat.test.com", "nobody@chat.test.com"][kind];
            let begun = Instant::now();
            let answer = browser.call("login", &[("email", email), ("password", "a wrong password")]).await;
            times[kind].push(begun.elapsed());
            assert_eq!(answer.status, 401);
            assert_eq!(*shown.get_or_insert_with(|| answer.shown()), answer.shown(), "{email}");
        }
    }
    times.map(|mut times| {
        times.sort();
        times[TRIES / 2]
    })
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stderr)]
async fn an_unknown_address_and_a_wrong_password_take_the_same_time() {
    let server = TestServer::builder().without_rate_limits().start().await;
    let mut measured = Vec::new();
    loop {
        let [known, unknown] = medians(&server).await;
        let ratio = known.as_secs_f64() / unknown.as_secs_f64();
        eprintln!("medians of {TRIES} tries: known {known:?}, unknown {unknown:?}, ratio {ratio:.3}");
        if (ratio - 1.0).abs() <= APART {
            break;
        }
        measured.push(ratio);
        assert!(measured.len() <= REPEATS, "the medians were apart each time: {measured:?}");
        eprintln!("measured again, in case the machine was busy");
    }
    server.stop().await;
}
