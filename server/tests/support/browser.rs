//! A browser: a cookie jar, connections that are kept, and the headers that a page's requests carry.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, header, request},
};
use bytes::Bytes;
use cookie::Cookie;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::{PATIENCE, server::Site};

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The JSON of what must have been done.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap_or("?")).unwrap_or_default()
    }

    /// Every value of a header.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?").to_owned()).collect()
    }

    /// The code of what must have been refused in the one shape of errors.
    #[track_caller]
    pub fn code(&self) -> String {
        let json = self.json();
        assert!(self.status >= 400, "{self:?}");
        let error = json["error"].as_object().unwrap_or_else(|| panic!("{self:?}"));
        for name in error.keys() {
            let known = ["code", "message", "fields", "request_id", "retry_after"];
            assert!(known.contains(&name.as_str()), "{name} in {json}");
        }
        let request_id = error["request_id"].as_str().unwrap_or_default();
        assert_eq!(request_id.len(), 32, "{json}");
        assert!(error["message"].as_str().is_some_and(|message| message.ends_with('.')), "{json}");
        assert_eq!(self.header("content-type"), "application/json");
        error["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Status and code of what must have been refused.
    #[track_caller]
    pub fn refusal(&self) -> (u16, String) {
        (self.status, self.code())
    }

    /// What is wrong with a field.
    #[track_caller]
    pub fn field(&self, name: &str) -> String {
        assert_eq!(self.refusal(), (422, "validation_failed".into()));
        self.json()["error"]["fields"][name].as_str().unwrap_or_default().to_owned()
    }

    /// What tells one refusal from another to whoever gets it: all but the request's id.
    pub fn shown(&self) -> (u16, Value) {
        let mut json = self.json();
        if let Some(error) = json["error"].as_object_mut() {
            error.remove("request_id");
        }
        (self.status, json)
    }
}

/// A browser.
pub struct Browser {
    pub site: Site,
    jar: Mutex<BTreeMap<String, String>>,
    idle: Mutex<Vec<SendRequest<Body>>>,
}

impl Browser {
    /// A browser that knows nothing yet.
    pub fn new(site: Site) -> Self {
        Self { site, jar: Mutex::default(), idle: Mutex::default() }
    }

    /// The `Cookie` header.
    pub fn cookies(&self) -> String {
        let jar = self.jar.lock().unwrap_or_else(PoisonError::into_inner);
        jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// One cookie, or nothing.
    pub fn cookie(&self, name: &str) -> String {
        self.jar.lock().unwrap().get(name).cloned().unwrap_or_default()
    }

    /// Puts a cookie into the jar.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.jar.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    /// Another browser with the same cookies: a second tab that has not heard of what the first one got,
    /// or a thief.
    pub fn copy(&self) -> Self {
        self.copy_at(self.site.clone())
    }

    /// The same at another place, without connections yet.
    pub fn copy_at(&self, site: Site) -> Self {
        let copy = Self::new(site);
        *copy.jar.lock().unwrap() = self.jar.lock().unwrap().clone();
        copy
    }

    /// A request from a page of the site, cookies and origin included.
    pub fn request(&self, method: Method, path: &str) -> request::Builder {
        let mut builder = Request::builder().method(method).uri(path).header(header::HOST, "chat");
        builder = builder.header(header::ORIGIN, &self.site.origin);
        let cookies = self.cookies();
        if !cookies.is_empty() {
            builder = builder.header(header::COOKIE, cookies);
        }
        builder
    }

    /// Sends a request as it is and keeps the cookies that come back.
    pub async fn exchange(&self, request: Request<Body>) -> Answer {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = self.try_exchange(request).await;
        answer.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// The same with a server that may be gone.
    pub async fn try_exchange(&self, request: Request<Body>) -> Result<Answer, Lost> {
        self.try_exchange_within(request, PATIENCE).await
    }

    /// The same with another limit.
    pub async fn try_exchange_within(
        &self,
        request: Request<Body>,
        within: Duration,
    ) -> Result<Answer, Lost> {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = tokio::time::timeout(within, self.send_on_connection(request)).await;
        let answer = answer.unwrap_or_else(|_elapsed| panic!("{what}: not within {within:?}"))?;
        self.keep_cookies(&answer);
        Ok(answer)
    }

    fn keep_cookies(&self, answer: &Answer) {
        let mut jar = self.jar.lock().unwrap();
        for line in answer.all("set-cookie") {
            let cookie = Cookie::parse(line).unwrap();
            if cookie.max_age().is_some_and(|age| age.is_zero()) {
                jar.remove(cookie.name());
            } else {
                jar.insert(cookie.name().to_owned(), cookie.value().to_owned());
            }
        }
    }

    /// Opens a page.
    pub async fn get(&self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).header(header::ACCEPT, "text/html");
        self.exchange(request.body(Body::empty()).unwrap()).await
    }

    /// Fetches something as a page does, with these headers.
    pub async fn fetch(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.request(Method::GET, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.exchange(request.body(Body::empty()).unwrap()).await
    }

    /// Calls a server function with these fields.
    pub async fn call(&self, function: &str, fields: &[(&str, &str)]) -> Answer {
        self.exchange(self.form(function).body(encode(fields).into()).unwrap()).await
    }

    /// Calls a server function as a form does without scripts, from the page at `path`.
    pub async fn submit(&self, path: &str, function: &str, fields: &[(&str, &str)]) -> Answer {
        let request = self
            .form(function)
            .header(header::ACCEPT, "text/html,application/xhtml+xml")
            .header(header::REFERER, format!("{}{path}", self.site.origin));
        self.exchange(request.body(encode(fields).into()).unwrap()).await
    }

    /// Sends a multipart form as a browser without scripts does, from this page.
    pub async fn submit_multipart(&self, path: &str, function: &str, body: Vec<u8>) -> Answer {
        let request = self
            .request(Method::POST, &format!("/api/{function}"))
            .header(header::ACCEPT, "text/html,application/xhtml+xml")
            .header(header::REFERER, format!("{}{path}", self.site.origin))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=limit");
        self.exchange(request.body(body.into()).unwrap()).await
    }

    /// Calls a function with a multipart form.
    pub async fn call_multipart(&self, function: &str, body: Vec<u8>) -> Answer {
        let request = self
            .request(Method::POST, &format!("/api/{function}"))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=limit");
        self.exchange(request.body(body.into()).unwrap()).await
    }

    /// The head of a call, without a body yet.
    pub fn form(&self, function: &str) -> request::Builder {
        self.request(Method::POST, &format!("/api/{function}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
    }

    async fn send_on_connection(&self, request: Request<Body>) -> Result<Answer, Lost> {
        let kept = self.idle.lock().unwrap().pop().filter(|kept| !kept.is_closed());
        let mut sender = match kept {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(Body::new(body), 64 * 1024 * 1024).await?;
        if !sender.is_closed() {
            self.idle.lock().unwrap().push(sender);
        }
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    async fn connect(&self) -> Result<SendRequest<Body>, Lost> {
        let stream = TcpStream::connect(self.site.addr).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the sender, or with the server; what the request met shows at the request.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }
}

/// No answer came: the server is not there, or went away.
pub type Lost = Box<dyn std::error::Error + Send + Sync>;

/// Form fields as they are sent.
pub fn encode(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
