//! How much memory it takes to refuse what is too much, and to take in what is not.

use std::time::{Duration, Instant};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Form, GROUP_ID, Person, Process, raw, raw_head};

const MEBIBYTE: u64 = 1024 * 1024;
/// By how much the process may grow, whatever is thrown at it.
const GROWTH: u64 = 64 * MEBIBYTE;

/// What it is, its headers, the beginning of its body, for how many bytes it goes on, whether in chunks, and how the
/// answer begins.
type Hostile<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a [u8], u64, bool, &'a str);

/// Sends a request whose body goes on and on, and returns the head of the answer, and how much was taken of it.
async fn pour(
    person: &Person,
    headers: &[(&str, &str)],
    begin: &[u8],
    bytes: u64,
    chunked: bool,
) -> (String, u64) {
    let stream = TcpStream::connect(person.site.addr).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let head = raw_head(person, "send_message", headers);
    let begin = begin.to_vec();
    let writing = tokio::spawn(async move {
        let block = vec![0x5a; 256 * 1024];
        let frame = |content: &[u8]| match chunked {
            true => [format!("{:x}\r\n", content.len()).as_bytes(), content, b"\r\n"].concat(),
            false => content.to_vec(),
        };
        let first = [format!("{head}\r\n").as_bytes(), &frame(&begin)].concat();
        let mut taken = 0;
        if writer.write_all(&first).await.is_ok() {
            let framed = frame(&block);
            while taken < bytes && writer.write_all(&framed).await.is_ok() {
                taken += block.len() as u64;
            }
        }
        // Kept open: the answer comes before the end.
        (writer, taken)
    });
    let mut answer = vec![0; 12];
    let read = tokio::time::timeout(Duration::from_secs(60), reader.read_exact(&mut answer)).await;
    read.expect("an answer within a minute").expect("an answer");
    writing.abort();
    let taken = writing.await.map(|(_writer, taken)| taken).unwrap_or_default();
    (String::from_utf8_lossy(&answer).into_owned(), taken)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_thrown_at_it_memory_stays_flat() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path()).await;
    let person = process.person(4).await;
    // Everything that is made once has been made, and every password that is checked takes its memory.
    let mut people = Vec::new();
    for index in 0..4 {
        people.push(process.person(index).await);
    }
    person.share(GROUP_ID, "warm.bin", &vec![0xff; 1_000_000]).await;
    let before = process.memory();
    let kind = ("Content-Type", "multipart/form-data; boundary=limit");
    let begun = Form::message(GROUP_ID, "x").part("name=\"files\"; filename=\"big.bin\"", b"").unfinished();
    let begun = &begun[..begun.len() - 2];
    let gibibyte = (1024 * MEBIBYTE).to_string();
    let long = ("Content-Length", gibibyte.as_str());
    let chunked = ("Transfer-Encoding", "chunked");
    let endless =
        format!("{}\r\nX: ", "--limit\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a\"");
    let parts = "--limit\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n".repeat(10_000);
    let hostile: [Hostile; 6] = [
        ("1 GiB, said before", vec![kind, long], begun, 1024 * MEBIBYTE, false, "HTTP/1.1 413"),
        ("1 GiB, not said", vec![kind, chunked], begun, 1024 * MEBIBYTE, true, "HTTP/1.1 413"),
        (
            "a head without an end",
            vec![kind, chunked],
            endless.as_bytes(),
            1024 * MEBIBYTE,
            true,
            "HTTP/1.1 400",
        ),
        ("no boundary ever", vec![kind, chunked], b"x", 1024 * MEBIBYTE, true, "HTTP/1.1 400"),
        ("10,000 parts", vec![kind, chunked], parts.as_bytes(), MEBIBYTE, true, "HTTP/1.1 413"),
        (
            "gzip",
            vec![kind, chunked, ("Content-Encoding", "gzip")],
            b"\x1f\x8b",
            MEBIBYTE,
            true,
            "HTTP/1.1 415",
        ),
    ];
    for (what, headers, begin, bytes, chunked, status) in hostile {
        process.forget_peak();
        let started = Instant::now();
        let (head, _taken) = pour(&person, &headers, begin, bytes, chunked).await;
        let (peak, took) = (process.peak_memory().saturating_sub(before), started.elapsed());
        println!("{what}: {head}, {} KiB more at the most, {took:?}", peak / 1024);
        assert_eq!(head, status, "{what}");
        assert!(peak < GROWTH, "{what}: {peak} bytes more");
    }
    // Four people at once, each with much of what a message can carry, are not held in memory either.
    process.forget_peak();
    let started = Instant::now();
    let send = async |person: &Person| {
        let form = (0..3).fold(Form::message(GROUP_ID, "full"), |form, place| {
            form.file(&format!("{place}.bin"), &vec![0xf0 + place; 25 * 1024 * 1024])
        });
        let body = form.end();
        let head = raw_head(person, "send_message", &[kind, ("Content-Length", &body.len().to_string())]);
        raw(person, [format!("{head}\r\n").as_bytes(), &body].concat(), false).await.status
    };
    let statuses = futures::future::join_all(people.iter().map(send)).await;
    assert_eq!(statuses, [200; 4]);
    let peak = process.peak_memory().saturating_sub(before);
    println!("4 times 3 files of 25 MiB: {} KiB more at the most, {:?}", peak / 1024, started.elapsed());
    assert!(peak < GROWTH, "{peak} bytes more");
}
