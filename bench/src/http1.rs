//! A minimal HTTP/1.1 client on one keep-alive connection, and the cookies of one session.
//!
//! The driver shares its machine with the server it measures, so a request costs it one write and
//! usually one read. It speaks no TLS, follows no redirect and asks for no compression.

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A request may have to wait out a change of the database's primary, which the server bounds at 30 s.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);
/// More than any answer the driver asks for.
const ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// The cookies of one session, shared by everything that acts for the account: were a rotated token
/// known to one connection only, the others would present an old one, and the session would be ended.
#[derive(Default)]
pub struct CookieJar(Mutex<Vec<(String, String)>>);

impl CookieJar {
    /// Takes in one `Set-Cookie` value; one that is empty or expired removes the cookie.
    pub fn store(&self, set_cookie: &str) {
        let mut parts = set_cookie.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let expired = parts.any(|part| part.eq_ignore_ascii_case("max-age=0"));
        let mut cookies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cookies.retain(|(known, _)| known != name);
        if !expired && !value.is_empty() {
            cookies.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The value of a `Cookie` header.
    pub fn header(&self) -> String {
        let cookies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

/// A request's body and its type.
#[derive(Clone, Copy)]
pub struct Payload<'a> {
    /// The `Content-Type`.
    pub content_type: &'a str,
    /// The body.
    pub bytes: &'a [u8],
}

/// What the server answered.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The seconds of `Retry-After`, if it was given.
    pub retry_after: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
}

/// One connection to the server, opened when it is first needed.
pub struct Connection {
    addr: SocketAddr,
    stream: Option<TcpStream>,
    output: Vec<u8>,
    input: Vec<u8>,
}

impl Connection {
    /// A connection to this address.
    pub fn new(addr: SocketAddr) -> Self {
        Self { addr, stream: None, output: Vec::new(), input: Vec::new() }
    }

    /// Fetches a page without a session.
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.request("GET", path, None, &CookieJar::default()).await
    }

    /// Posts to the server as the session of the jar, and keeps the cookies that it answers.
    pub async fn post(&mut self, path: &str, payload: Payload<'_>, jar: &CookieJar) -> Result<Answer> {
        self.request("POST", path, Some(payload), jar).await
    }

    async fn request(
        &mut self,
        method: &str,
        path: &str,
        payload: Option<Payload<'_>>,
        jar: &CookieJar,
    ) -> Result<Answer> {
        self.write_request(method, path, payload, &jar.header())?;
        let kept = self.stream.is_some();
        let answer = match self.exchange(jar).await {
            // The server may close a connection that was idle just as the next request is on its way.
            Err(_closed) if kept && self.input.is_empty() => self.exchange(jar).await,
            first => first,
        };
        answer.with_context(|| format!("{method} {path}"))
    }

    fn write_request(
        &mut self,
        method: &str,
        path: &str,
        payload: Option<Payload<'_>>,
        cookies: &str,
    ) -> Result<()> {
        use std::io::Write as _;
        let addr = self.addr;
        self.output.clear();
        write!(
            self.output,
            "{method} {path} HTTP/1.1\r\nHost: {addr}\r\nOrigin: http://{addr}\r\n\
             Sec-Fetch-Site: same-origin\r\nAccept: application/json\r\n"
        )?;
        if !cookies.is_empty() {
            write!(self.output, "Cookie: {cookies}\r\n")?;
        }
        if let Some(Payload { content_type, bytes }) = payload {
            let length = bytes.len();
            write!(self.output, "Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n")?;
            self.output.extend_from_slice(bytes);
        } else {
            self.output.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    /// Sends what is in `output` and reads one answer. Whatever goes wrong, the connection is given up.
    async fn exchange(&mut self, jar: &CookieJar) -> Result<Answer> {
        self.input.clear();
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connect(self.addr).await?,
        };
        let (answer, head) =
            tokio::time::timeout(REQUEST_LIMIT, read_answer(&mut stream, &self.output, &mut self.input))
                .await
                .context("no answer in time")??;
        head.cookies.iter().for_each(|cookie| jar.store(cookie));
        if !head.close {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

/// Opens a TCP connection that sends small writes at once.
pub async fn connect(addr: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(addr).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn read_answer(stream: &mut TcpStream, output: &[u8], input: &mut Vec<u8>) -> Result<(Answer, Head)> {
    stream.write_all(output).await?;
    let head = loop {
        if let Some(head) = Head::parse(input)? {
            break head;
        }
        fill(stream, input).await?;
    };
    let body = loop {
        let rest = input.get(head.bytes..).unwrap_or_default();
        let body = match head.length {
            Some(length) => rest.get(..length).map(<[u8]>::to_vec),
            None => dechunk(rest)?,
        };
        if let Some(body) = body {
            break body;
        }
        fill(stream, input).await?;
    };
    Ok((Answer { status: head.status, retry_after: head.retry_after, body }, head))
}

async fn fill(stream: &mut TcpStream, input: &mut Vec<u8>) -> Result<()> {
    ensure!(input.len() < ANSWER_BYTES, "the answer is too large");
    if stream.read_buf(input).await? == 0 {
        bail!("the connection was closed");
    }
    Ok(())
}

/// What of an answer's head matters here.
struct Head {
    status: u16,
    /// The body's length; none if it comes in chunks.
    length: Option<usize>,
    retry_after: Option<u64>,
    cookies: Vec<String>,
    close: bool,
    /// How long the head itself is.
    bytes: usize,
}

impl Head {
    /// The head, once all of it is there.
    fn parse(input: &[u8]) -> Result<Option<Self>> {
        let Some(end) = memmem::find(input, b"\r\n\r\n") else { return Ok(None) };
        let text = std::str::from_utf8(&input[..end]).context("the head is not text")?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).and_then(|l| l.get(..3));
        let status = status.context("no HTTP/1.1 answer")?.parse().context("no status")?;
        let (length, cookies) = (Some(0), Vec::new());
        let mut head = Self { status, length, retry_after: None, cookies, close: false, bytes: end + 4 };
        for line in lines {
            let Some((name, value)) = line.split_once(':') else { bail!("a header without a colon") };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.length = Some(value.parse().context("no length")?),
                "transfer-encoding" => head.length = None,
                "retry-after" => head.retry_after = value.parse().ok(),
                "set-cookie" => head.cookies.push(value.to_owned()),
                "connection" => head.close = value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        Ok(Some(head))
    }
}

/// The body that these chunks make, once the last one is there.
fn dechunk(mut rest: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let Some(end) = memmem::find(rest, b"\r\n") else { return Ok(None) };
        let size = std::str::from_utf8(&rest[..end])?.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).context("no size of a chunk")?;
        ensure!(size < ANSWER_BYTES, "the answer is too large");
        let Some(chunk) = rest.get(end + 2..end + 4 + size) else { return Ok(None) };
        if size == 0 {
            return Ok(Some(body));
        }
        body.extend_from_slice(&chunk[..size]);
        rest = &rest[end + 4 + size..];
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_jar_keeps_the_newest_value_and_forgets_what_expired() {
        let jar = CookieJar::default();
        jar.store("access=one; Path=/; HttpOnly; SameSite=Lax");
        jar.store("refresh=r==; Path=/");
        jar.store("access=two; Path=/");
        assert_eq!(jar.header(), "refresh=r==; access=two");
        jar.store("refresh=; Max-Age=0");
        jar.store("access=three; Max-Age=0");
        assert_eq!(jar.header(), "");
    }

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let text = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 5\r\nRetry-After: 2\r\n\
                     set-cookie: a=b\r\nConnection: close\r\n\r\nhello";
        assert!(Head::parse(&text[..40]).unwrap().is_none());
        let head = Head::parse(text).unwrap().unwrap();
        assert_eq!((head.status, head.length, head.retry_after, head.close), (503, Some(5), Some(2), true));
        assert_eq!(head.cookies, ["a=b"]);
        assert_eq!(&text[head.bytes..], b"hello");
        assert!(Head::parse(b"SSH-2.0-x\r\n\r\n").is_err());
    }

    #[test]
    fn chunks_are_joined() {
        let whole = b"3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n";
        assert_eq!(dechunk(whole).unwrap().unwrap(), b"abcdefg");
        assert!((0..whole.len()).all(|cut| dechunk(&whole[..cut]).unwrap().is_none()));
        assert!(dechunk(b"zz\r\n").is_err());
    }
}
