//! Forms that nobody meant: made from a good one by chance, the same ones for the same seed.
//!
//! `make fuzz` runs this for ten minutes. `SAMVAD_FUZZ_SECONDS` says for how long, `SAMVAD_FUZZ_SEED` which forms.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Form, Person, Random, TestServer, client_id, files_below, raw_head, until};

/// A few seconds beside all other tests.
const SECONDS: u64 = 5;

/// Chance that can be had again.
struct Chance(Random);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0.next()
    }

    /// 0 if there is nothing below it.
    fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound.max(1))
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }
}

/// What forms are made of, right and wrong.
const SPLINTERS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"--limit",
    b"--limit--",
    b"\r\n--limit\r\n",
    b"\r\n--limit--\r\n",
    b"--",
    b"\0",
    b"\xff\xfe",
    b"Content-Disposition: form-data; ",
    b"name=\"files\"",
    b"name=\"body\"",
    b"filename=\"a.png\"",
    b"filename*=UTF-8''%F0%9F",
    b"filename=\"",
    b"\"",
    b"\\",
    b";",
    b"Content-Type: image/png\r\n",
    b"Content-Type: multipart/mixed; boundary=limit",
    b"Content-Transfer-Encoding: base64\r\n",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    b"GIF89a",
    b"\xff\xd8\xff\xe1",
    b"RIFF\xff\xff\xff\xffWEBP",
    b"%PDF-",
    b"<svg",
    b"\0\0\0\x18ftypmp42",
    b"alt[0]",
    b"alt[99999999999999999999]",
    b"../../",
    b"\xe2\x80\xae",
];

/// A form near a good one, and the boundary that is said.
fn form(chance: &mut Chance, chat: &str) -> (Vec<u8>, String) {
    let mut good = Form::under(chat, &client_id(), "fuzz");
    for _ in 0..chance.below(4) {
        let content: Vec<u8> = (0..chance.below(3_000)).map(|_| chance.next() as u8).collect();
        let start = chance.one(SPLINTERS);
        let name = chance.one(&["a.png", "b.jpg", "c.webp", "d.gif", "e.txt", "f.mp4", "", "g"]);
        good = good.file(name, &[start, &content].concat());
    }
    let mut bytes = if chance.below(8) == 0 { good.unfinished() } else { good.end() };
    for _ in 0..chance.below(6) {
        let at = chance.below(bytes.len());
        match chance.below(7) {
            0 => bytes[at] = chance.next() as u8,
            1 => bytes[at] ^= 1 << chance.below(8),
            2 => drop(bytes.splice(at..at, chance.one(SPLINTERS).iter().copied())),
            3 => {
                let end = (at + chance.below(200)).min(bytes.len());
                drop(bytes.drain(at..end));
            }
            4 => {
                let end = (at + chance.below(2_000)).min(bytes.len());
                let again = bytes[at..end].to_vec();
                drop(bytes.splice(at..at, again));
            }
            5 => bytes.truncate(at.max(1)),
            _ => bytes.extend_from_slice(chance.one(SPLINTERS)),
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
    let boundary = match chance.below(12) {
        0 => chance.one(&["\"limit\"", "limi", "limit ", "", "--limit", "limit; charset=x"]),
        _ => "limit",
    };
    (bytes, boundary.to_owned())
}

/// Sends a form in a few pieces, perhaps not all of it. Returns the status, if there was an answer.
async fn send(chance: &mut Chance, person: &Person, bytes: &[u8], boundary: &str) -> Option<u16> {
    let chunked = chance.below(3) == 0;
    let kind = format!("multipart/form-data; boundary={boundary}");
    let length = bytes.len().to_string();
    let size = if chunked { ("Transfer-Encoding", "chunked") } else { ("Content-Length", length.as_str()) };
    let head = raw_head(person, "send_message", &[("Content-Type", kind.as_str()), size]);
    let mut stream = TcpStream::connect(person.site.addr).await.unwrap();
    let mut written = stream.write_all(format!("{head}\r\n").as_bytes()).await;
    let breaks_off = chance.below(10) == 0;
    let mut rest = if breaks_off { &bytes[..chance.below(bytes.len())] } else { bytes };
    while !rest.is_empty() && written.is_ok() {
        let (piece, others) = rest.split_at((1 + chance.below(4_000)).min(rest.len()));
        rest = others;
        written = if chunked {
            stream.write_all(&[format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat()).await
        } else {
            stream.write_all(piece).await
        };
    }
    if breaks_off {
        return None;
    }
    if chunked && written.is_ok() {
        // A server that has answered need not take the end.
        let _ = stream.write_all(b"0\r\n\r\n").await;
    }
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    let _reset_after_the_answer = read.expect("an answer, or the end, in time");
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_form_makes_it_stumble() {
    let said = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().expect("a number"));
    let seconds = said("SAMVAD_FUZZ_SECONDS").unwrap_or(SECONDS);
    let seed = said("SAMVAD_FUZZ_SEED").unwrap_or(20_261_122);
    let server = TestServer::builder().without_rate_limits().start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    let (mut chance, mut forms) = (Chance(Random::of(seed)), 0_u64);
    let mut statuses: BTreeMap<Option<u16>, u64> = BTreeMap::new();
    let until_then = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until_then {
        let before = chance.0.clone();
        let (bytes, boundary) = form(&mut chance, &chat);
        let status = send(&mut chance, &ada, &bytes, &boundary).await;
        // A panic is caught and answered with 500.
        assert!(
            status != Some(500),
            "form {forms}, chance {before:?}: {:?}",
            String::from_utf8_lossy(&bytes)
        );
        *statuses.entry(status).or_default() += 1;
        forms += 1;
    }
    println!("{forms} forms from seed {seed} in {seconds} s: {statuses:?}");
    assert!(statuses.contains_key(&Some(200)) && statuses.contains_key(&Some(400)), "{statuses:?}");
    // Whatever was taken is whole: every file of every message is there, and nothing besides.
    let mut expected = 0;
    let mut before: Option<u64> = None;
    loop {
        let place = before.map(|seq| seq.to_string());
        let mut fields = vec![("limit", "100")];
        fields.extend(place.as_deref().map(|place| ("before", place)));
        let page = ada.messages(&chat, &fields).await;
        for file in page.iter().flat_map(|message| message["attachments"].as_array().into_iter().flatten()) {
            expected += if file["picture"].is_object() { 3 } else { 1 };
            let fetched = ada.fetch(&crate::support::file_path(file), &[]).await;
            assert_eq!(fetched.body.len() as u64, file["size"].as_u64().unwrap());
        }
        let Some(first) = page.first() else { break };
        before = first["seq"].as_u64();
    }
    until("no stray file", || async { (files_below(&server.attachments).len() == expected).then_some(()) })
        .await;
    server.stop().await;
}
