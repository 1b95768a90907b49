//! What clients can hold of the server: connections up to a number, and none for longer than they use it.

use std::time::Duration;

use server::http::bounds::Bounds;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::support::{Answer, Socket, TestServer, raw, soon, until};

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: chat\r\nConnection: close\r\n\r\n";

async fn server_with(connections: usize, stall: Duration) -> TestServer {
    TestServer::builder().bounded(Bounds { connections, stall, ..Bounds::default() }).start().await
}

/// Asks on a connection of its own whether the server lives.
async fn ask(server: &TestServer) -> Answer {
    raw(&server.browser(), HEALTH.to_vec(), false).await
}

async fn until_served(server: &TestServer) {
    until("a connection is taken again", async || (ask(server).await.status == 200).then_some(())).await;
}

/// A connection that has been served once, and so has its place.
async fn kept(server: &TestServer) -> TcpStream {
    let mut stream = TcpStream::connect(server.site.addr).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: chat\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    soon("an answer", stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_told_so_at_once_and_served_when_another_ends() {
    let server = server_with(3, Duration::from_secs(30)).await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(kept(&server).await);
    }
    for _ in 0..5 {
        let answer = ask(&server).await;
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (503, Some("busy")));
        assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
    }
    held.pop();
    until_served(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_holds_its_place_for_as_long_as_it_is_open() {
    let server = server_with(2, Duration::from_secs(30)).await;
    let ada = server.register("Ada").await;
    let mut socket = Socket::open(&ada).await;
    socket.round_trip().await;
    assert_eq!(ask(&server).await.status, 503, "one place is the browser's, one the socket's");
    socket.close().await;
    until_served(&server).await;
    server.stop().await;
}

/// A file of the site, larger than what the system keeps for a peer that does not read.
async fn large_file(server: &TestServer) -> usize {
    const BYTES: usize = 32 * 1024 * 1024;
    let folder = server.state.site_root.join("pkg");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("large.wasm"), vec![0; BYTES]).unwrap();
    BYTES
}

/// Asks for that file with this much room, in bytes, for what comes.
async fn ask_for_the_large_file(server: &TestServer, room: u32) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(room).unwrap();
    let mut stream = socket.connect(server.site.addr).await.unwrap();
    let request = b"GET /pkg/large.wasm HTTP/1.1\r\nHost: chat\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut begun = [0; 12];
    soon("the answer begins", stream.read_exact(&mut begun)).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_loses_its_connection() {
    let server = server_with(1, Duration::from_millis(300)).await;
    large_file(&server).await;
    let stuck = ask_for_the_large_file(&server, 16 * 1024).await;
    assert_eq!(ask(&server).await.status, 503, "it has the only place");
    until_served(&server).await;
    drop(stuck);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_a_byte_now_and_then_loses_its_connection_as_well() {
    let server = server_with(1, Duration::from_millis(500)).await;
    large_file(&server).await;
    let mut stuck = ask_for_the_large_file(&server, 16 * 1024).await;
    let trickle = tokio::spawn(async move {
        while stuck.read_u8().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    until_served(&server).await;
    trickle.abort();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_that_goes_on_reading_gets_everything() {
    let stall = Duration::from_millis(1_500);
    let server = server_with(10, stall).await;
    let bytes = large_file(&server).await;
    let mut reader = ask_for_the_large_file(&server, 1024 * 1024).await;
    let (mut taken, mut buffer) = (0, vec![0; 512 * 1024]);
    let begun = std::time::Instant::now();
    loop {
        let read = soon("more of the file", reader.read(&mut buffer)).await.unwrap();
        if read == 0 {
            break;
        }
        taken += read;
        if taken < bytes / 2 {
            tokio::time::sleep(Duration::from_millis(if read > 64 * 1024 { 100 } else { 10 })).await;
        }
    }
    assert!(begun.elapsed() > stall, "too fast to show anything");
    assert!(taken > bytes, "all of it, and its head");
    server.stop().await;
}
