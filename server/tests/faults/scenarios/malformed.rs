//! Frames, cookies and multipart that nobody meant, from a seeded fuzzer, while others write: no panic, no 5xx,
//! never silence, and memory stays flat.

use std::{collections::BTreeMap, time::Duration};

use app::protocol::ClientFrame;
use axum::http::HeaderValue;
use futures::FutureExt;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::{
    evidence::Expected,
    nodes::Nodes,
    support::{Browser, Form, Person, Random, Socket, client_id, raw_answer_head, raw_head},
    trial::{Outcome, Scenario, StoreKind, Trial},
    world::World,
};

/// How long sends may take to go on.
const WITHIN: Duration = Duration::from_secs(30);
/// Bytes by which memory may grow while the second half of all requests comes: what is kept for each would be
/// more, and what is kept for a while is kept by then.
const GROWTH: u64 = 12 << 20;
/// Close codes that say what was wrong.
const REASONS: [u16; 5] = [1002, 1003, 1007, 1008, 1009];

/// What nobody meant.
pub const MALFORMED: Scenario =
    Scenario { name: "malformed", stores: &[StoreKind::Sqlite], run: |trial| malformed(trial).boxed() };

/// What input is made of.
const SPLINTERS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"--limit",
    b"--limit--",
    b"\0",
    b"\xff\xfe",
    b"\"",
    b"\\",
    b";",
    b"=",
    b"{",
    b"[",
    b"}",
    b",",
    b"name=\"files\"",
    b"filename=\"",
    b"filename*=UTF-8''%F0%9F",
    b"Content-Type: image/png\r\n",
    b"alt[99999]",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    b"../../",
    b"\xe2\x80\xae",
    b"{\"type\":",
    b"\"resume\"",
    b"null",
    b"-1",
    b"1e400",
    b"18446744073709551616",
    b"{\"$gt\":0}",
    b"\\ud800",
];

async fn malformed(trial: &Trial) -> Outcome {
    let nodes = Nodes::start(trial).await;
    // Others write as people do: that is no test of how much can be written.
    let mut world =
        World::populate_with(trial, &nodes.entrances, |_, habits| habits.pace = Some(100..300)).await;
    let mut random = world.random();
    // Whose chat is no part of the world: what of it is stored is not judged.
    let fuzzer = Person::register(Browser::new(nodes.site(0)), "Fuzzer").await;
    let chat = fuzzer.group("Nobody else", &[]).await;
    // A session of its own: a good refresh token beside a bad access token is exchanged, and ends the session when
    // it comes again.
    let jar = fuzzer.elsewhere().await;
    let each = if trial.is_long { 2_000 } else { 120 };
    world.write();
    world.acknowledged(20, WITHIN).await;
    let mut answers = Answers::default();
    let mut memory = Vec::new();
    for _ in 0..2 {
        world.amid().await;
        let fault = world.recorder.fault(format!("{} frames, cookies and forms that nobody meant", 3 * each));
        frames(&fuzzer, &chat, &mut random, each, &mut answers).await;
        cookies(&jar, &mut random, each, &mut answers).await;
        forms(&fuzzer, &chat, &mut random, each, &mut answers).await;
        world.recorder.healed(fault);
        world.recovered(fault, &[], WITHIN).await;
        memory.push(nodes.process(0).memory());
    }
    let grown = memory[1].saturating_sub(memory[0]);
    assert!(grown < GROWTH, "memory grew by {grown} bytes, from {}", memory[0]);
    answers.must_hold(each);
    // Nobody else noticed: all of their sockets are the first.
    let first = world.statuses().iter().all(|status| status.connections == 1);
    assert!(first, "a socket of somebody else was closed");
    world.quiet().await;
    let expected = Expected { acknowledged: 22, faults: 2, reconnections: 0, refused: 0 };
    let figure = format!("{} of them; memory grew by {:.1} MiB", 6 * each, grown as f64 / f64::from(1 << 20));
    Outcome { evidence: world.finish(nodes, expected).await, figure }
}

/// How often what was answered.
#[derive(Default)]
struct Answers {
    statuses: BTreeMap<(&'static str, u16), usize>,
    errors: usize,
    closed: BTreeMap<u16, usize>,
}

impl Answers {
    /// That what was sent was malformed indeed, and told so.
    fn must_hold(&self, each: usize) {
        let Self { statuses, errors, closed } = self;
        let count = |kind, status| statuses.get(&(kind, status)).copied().unwrap_or_default();
        assert!(*errors > each / 4 && closed.values().sum::<usize>() > 2, "{errors} errors, {closed:?}");
        assert!(closed.keys().filter(|code| REASONS.contains(code)).count() > 1, "{closed:?}");
        assert!(count("cookies", 401) > each / 4, "{statuses:?}");
        assert!(count("form", 400) > each / 4 && count("form", 200) > 0, "{statuses:?}");
    }

    fn status(&mut self, kind: &'static str, status: u16, what: &[u8]) {
        let is_right = matches!(status, 200 | 303 | 400..=431);
        assert!(is_right, "{status} for {kind}: {}", what.escape_ascii());
        *self.statuses.entry((kind, status)).or_default() += 1;
    }
}

/// Something near what was meant.
fn mutate(random: &mut Random, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..=random.below(5) {
        if bytes.is_empty() {
            bytes.push(random.next() as u8);
        }
        let at = random.below(bytes.len());
        match random.below(6) {
            0 => bytes[at] = random.next() as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => drop(bytes.splice(at..at, SPLINTERS[random.below(SPLINTERS.len())].iter().copied())),
            3 => drop(bytes.drain(at..(at + random.below(100)).min(bytes.len()))),
            4 => {
                let again = bytes[at..(at + random.below(2_000)).min(bytes.len())].to_vec();
                drop(bytes.splice(at..at, again));
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}

/// Frames over sockets, a new one when the last was closed. Each gets an error, or the socket a close code.
async fn frames(person: &Person, chat: &str, random: &mut Random, count: usize, answers: &mut Answers) {
    let mut socket: Option<Socket> = None;
    for _ in 0..count {
        let mut open = match socket.take() {
            Some(open) => open,
            None => person.socket().await,
        };
        let good = format!(r#"{{"type":"resume","heads":{{"{chat}":{}}}}}"#, random.below(9));
        let bytes = mutate(random, good.into_bytes());
        let mut must_be_told = true;
        let closes = match (random.below(12), String::from_utf8(bytes)) {
            (0, _) => {
                open.send_message(Message::Binary(Bytes::from_static(b"\0"))).await;
                true
            }
            (1, _) => {
                open.send_message(Message::text("x".repeat(70_000))).await;
                true
            }
            (2, Err(odd)) => {
                // A text frame, masked with zeros, that is no text from its first byte on.
                let at = odd.utf8_error().valid_up_to();
                let odd = odd.into_bytes().split_off(at);
                let length = odd.len().min(100);
                let head = [0x81, 0x80 | length as u8, 0, 0, 0, 0];
                open.send_raw(&[&head, &odd[..length]].concat()).await;
                true
            }
            (3, _) => {
                // A reserved opcode.
                open.send_raw(&[0x83 | random.below(5) as u8, 0x80, 0, 0, 0, 0]).await;
                true
            }
            (_, text) => {
                let text = text.unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned());
                must_be_told = serde_json::from_str::<ClientFrame>(&text).is_err();
                open.send_message(Message::text(text)).await;
                false
            }
        };
        if !closes {
            // Its answer comes after that to the frame.
            open.send_message(Message::text(r#"{"type":"ping"}"#)).await;
        }
        let mut told = false;
        loop {
            match open.next().await {
                Ok(frame) if frame["type"] == "error" => told = true,
                Ok(frame) if frame["type"] == "heads" && !closes && (told || !must_be_told) => {
                    socket = Some(open);
                    break;
                }
                Ok(_) => {}
                Err(close) => {
                    let code = close.map_or(0, |close| close.code.into());
                    assert!(REASONS.contains(&code), "closed with {code}");
                    *answers.closed.entry(code).or_default() += 1;
                    break;
                }
            }
        }
        answers.errors += usize::from(told);
    }
}

/// Cookies: no page and no function stumbles over them.
async fn cookies(person: &Person, random: &mut Random, count: usize, answers: &mut Answers) {
    let good = person.cookies().into_bytes();
    for _ in 0..count {
        let mut cookies = mutate(random, good.clone());
        // A line's end would be another header, which is another matter.
        cookies.retain(|byte| !matches!(byte, b'\r' | b'\n'));
        let stranger = Browser::new(person.site.clone());
        let (line, head) = match random.below(3) {
            0 => (
                "POST /api/me HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n",
                "Content-Length: 0",
            ),
            1 => (
                "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            ),
            _ => ("GET / HTTP/1.1\r\nAccept: text/html\r\n", "Accept-Language: en"),
        };
        let mut bytes = format!(
            "{line}Host: chat\r\nConnection: close\r\nOrigin: {}\r\n{head}\r\nCookie: ",
            stranger.site.origin
        )
        .into_bytes();
        bytes.extend_from_slice(&cookies);
        bytes.extend_from_slice(b"\r\n\r\n");
        let answer = raw_answer_head(&stranger, bytes).await;
        // What no header may hold never gets as far as a cookie.
        let is_header = HeaderValue::from_bytes(&cookies).is_ok();
        assert!(is_header || answer.status == 400, "{}: {}", answer.status, cookies.escape_ascii());
        answers.status("cookies", answer.status, &cookies);
    }
}

/// Forms: what is taken is taken whole, what is not is refused.
async fn forms(person: &Person, chat: &str, random: &mut Random, count: usize, answers: &mut Answers) {
    for _ in 0..count {
        let mut good = Form::under(chat, &client_id(), "fuzz");
        for number in 0..random.below(3) {
            let content: Vec<u8> = (0..random.below(600)).map(|_| random.next() as u8).collect();
            good = good.file(&format!("{number}.png"), &content);
        }
        let body = mutate(random, good.end());
        let length = body.len().to_string();
        let head = raw_head(
            person,
            "send_message",
            &[("Content-Type", "multipart/form-data; boundary=limit"), ("Content-Length", &length)],
        );
        let answer = raw_answer_head(person, [format!("{head}\r\n").as_bytes(), &body].concat()).await;
        answers.status("form", answer.status, &body);
    }
}
