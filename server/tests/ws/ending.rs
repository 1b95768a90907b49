//! How the server ends a socket: with a reason, and in time.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{TestServer, client_id, message_form, raw_head, soon, until};

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_session_ends_its_sockets_and_no_others() {
    let server = TestServer::start().await;
    let (ada, bob) = (server.register("Ada").await, server.register("Bob").await);
    let phone = ada.elsewhere().await;
    let (mut one, mut two) = (ada.socket().await, ada.socket().await);
    let (mut other, mut theirs) = (phone.socket().await, bob.socket().await);
    let begun = std::time::Instant::now();
    ada.call("logout", &[]).await.ok();
    assert_eq!((one.closed().await, two.closed().await), (1008, 1008));
    assert!(begun.elapsed().as_secs_f64() < 1.0, "{:?}", begun.elapsed());
    other.round_trip().await;
    theirs.round_trip().await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_says_goodbye_and_when_to_come_back() {
    let mut server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push(ada.socket().await);
    }
    let sent = ada.send(&chat, "the last word").await;
    server.begin_to_stop();
    let mut waits = Vec::new();
    for socket in &mut sockets {
        let bye = socket.next_event("bye").await;
        waits.push(bye["reconnect_after_ms"].as_u64().unwrap());
        assert_eq!(socket.closed().await, 1012);
        let told = socket.seen.iter().any(|frame| frame["message"] == sent);
        assert!(told, "what was committed is told before the goodbye");
    }
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 1, "not all come back at once");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_answers_what_it_has_begun() {
    let mut server = TestServer::start().await;
    let ada = server.register("Ada").await;
    let chat = ada.group("Team", &[]).await;
    let form = message_form(&[("chat_id", &chat), ("client_id", &client_id()), ("body", "going down")]);
    let length = form.len().to_string();
    let headers = [
        ("Content-Type", "multipart/form-data; boundary=limit"),
        ("Content-Length", length.as_str()),
        ("Expect", "100-continue"),
    ];
    let mut stream = TcpStream::connect(server.site.addr).await.unwrap();
    let head = format!("{}\r\n", raw_head(&ada, "send_message", &headers));
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body once the function reads it: from here on the request has begun.
    let mut asked = [0; 25];
    soon("being asked for the body", stream.read_exact(&mut asked)).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");

    server.begin_to_stop();
    until("no new connection to be taken", || async {
        TcpStream::connect(server.site.addr).await.is_err().then_some(())
    })
    .await;
    stream.write_all(&form).await.unwrap();
    let mut answer = String::new();
    soon("the answer", stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("going down"), "{answer}");
    server.stop().await;
}
