//! Requests written byte by byte, for what no client library would send.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Answer, Browser, soon};

/// The head of a `POST` from a page of the site, up to and without the empty line.
pub fn raw_head(browser: &Browser, function: &str, headers: &[(&str, &str)]) -> String {
    let mut head = format!(
        "POST /api/{function} HTTP/1.1\r\nHost: chat\r\nConnection: close\r\nOrigin: {}\r\n",
        browser.site.origin
    );
    if !browser.cookies().is_empty() {
        head.push_str(&format!("Cookie: {}\r\n", browser.cookies()));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head
}

/// Sends these bytes, then, if `half_close`, ends the sending side, and reads the answer. The server may
/// answer before everything is sent, and may stop reading.
pub async fn raw(browser: &Browser, bytes: Vec<u8>, half_close: bool) -> Answer {
    let stream = TcpStream::connect(browser.site.addr).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let write = async {
        // A server that has refused the request need not take the rest of it.
        let _ = writer.write_all(&bytes).await;
        if half_close {
            let _ = writer.shutdown().await;
        }
        writer
    };
    let read = async {
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match reader.read(&mut buffer).await {
                Ok(0) => break,
                Ok(read) => answer.extend_from_slice(&buffer[..read]),
                Err(_reset) if !answer.is_empty() => break,
                Err(error) => panic!("no answer: {error}"),
            }
        }
        answer
    };
    let (_writer, answer) = soon("an answer", async { tokio::join!(write, read) }).await;
    parse_answer(&answer)
}

/// An answer, read to its end, of a connection that was closed after it.
pub fn parse_answer(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("the end of the head");
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| {
            (axum::http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap())
        })
        .collect();
    Answer { status, headers, body: bytes[end + 4..].to_vec().into() }
}

/// Sends these bytes and reads no further than the end of the answer's head.
pub async fn raw_answer_head(browser: &Browser, bytes: Vec<u8>) -> Answer {
    let mut stream = TcpStream::connect(browser.site.addr).await.unwrap();
    stream.write_all(&bytes).await.unwrap();
    let mut answer = Vec::new();
    soon("the head of an answer", async {
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.unwrap());
        }
    })
    .await;
    parse_answer(&answer)
}
