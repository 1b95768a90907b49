//! Thousands of connections that are slow on purpose.

use std::time::{Duration, Instant};

use server::http::bounds::Bounds;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::support::{Process, Socket, soon};

/// As many as are wanted; fewer where the system does not let this test open so many files.
const CONNECTIONS: u64 = 5_000;
/// Files that the test needs beside them.
const OTHER_FILES: u64 = 200;
/// Places of the server that are for those who are not slow.
const OTHER_PLACES: u64 = 50;

/// What a slow client sends before it falls silent: nothing, half of a head, a body's beginning.
fn said(number: u64) -> &'static [u8] {
    match number % 3 {
        0 => b"",
        1 => b"POST /api/login HTTP/1.1\r\nHost: chat\r\nContent-Type: applic",
        _ => {
            b"POST /api/login HTTP/1.1\r\nHost: chat\r\nSec-Fetch-Site: same-origin\r\n\
              Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nemail="
        }
    }
}

/// How many slow connections fit where a process, this one and the server alike, may have this many files open.
fn fitting(files: Option<u64>) -> u64 {
    let places = Bounds::within(files, None).connections as u64;
    CONNECTIONS
        .min(files.unwrap_or(u64::MAX).saturating_sub(OTHER_FILES))
        .min(places.saturating_sub(OTHER_PLACES))
}

#[test]
fn the_slow_ones_leave_places_however_few_files_there_are() {
    for files in [1_024, 2_048, 4_096, 6_667, 65_536] {
        let places = Bounds::within(Some(files), None).connections as u64;
        let slow = fitting(Some(files));
        assert!(slow > 500 && slow < places && slow < files, "{slow} of {places} with {files} files");
    }
    assert_eq!(fitting(None), CONNECTIONS);
}

#[tokio::test(flavor = "multi_thread")]
#[allow(clippy::print_stderr)]
async fn thousands_of_slow_connections_leave_login_working() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path()).await;
    let connections = fitting(server::open_files::raise_limit());
    if connections < CONNECTIONS {
        eprintln!("{connections} connections only: no more files can be open here");
    }
    let mut slow = Vec::new();
    for number in 0..connections {
        let mut stream = soon("a connection", TcpStream::connect(server.site.addr)).await.unwrap();
        stream.write_all(said(number)).await.unwrap();
        slow.push(stream);
    }
    // One after another, as each hashes a password; that they are all there at that time is what counts.
    let begun = Instant::now();
    for index in 0..3 {
        let person = server.person(index).await;
        assert_eq!(person.get("/").await.status, 200);
        Socket::open(&person).await.round_trip().await;
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let open = slow.iter().filter(|stream| is_open(stream)).count();
    assert!(open as u64 > connections / 2, "they were there all the while: {open}");
    drop(slow);
    server.terminate();
    assert!(server.ended().await.success());
}

/// Whether the server has not closed the connection.
fn is_open(stream: &TcpStream) -> bool {
    stream.try_read(&mut [0; 1]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}
