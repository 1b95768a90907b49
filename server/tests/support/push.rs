//! A push service of the tests' own: it takes notes as those of browsers do, and reads them as the browser would.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
    routing::post,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use p256::{
    SecretKey,
    ecdsa::{Signature, VerifyingKey, signature::Verifier},
    elliptic_curve::sec1::ToEncodedPoint,
};
use serde_json::Value;
use tokio::{sync::Notify, task::JoinHandle};
use web_push_native::Auth;

use super::{Answer, Browser, soon};

/// The browser's secret, the same for all subscriptions.
const AUTH: [u8; 16] = [5; 16];

/// A note that came.
#[derive(Clone, Debug)]
pub struct Note {
    /// At which endpoint: the last part of its address.
    pub name: String,
    pub headers: HeaderMap,
    /// What it says, decrypted.
    pub said: Value,
    /// What its token says, whose signature was right.
    pub claims: Value,
    /// The key that it was signed with.
    pub key: String,
}

#[derive(Default)]
struct Desk {
    notes: Mutex<Vec<Note>>,
    /// What is answered next, and after how many seconds to come again; else that it is taken.
    answers: Mutex<VecDeque<(u16, Option<u32>)>>,
    came: Notify,
}

/// The push service.
pub struct PushDesk {
    pub origin: String,
    desk: Arc<Desk>,
    task: JoinHandle<()>,
}

impl Drop for PushDesk {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl PushDesk {
    /// Starts it on a port of its own.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let desk = Arc::new(Desk::default());
        let router = Router::new().route("/{name}", post(take)).with_state(desk.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { origin, desk, task }
    }

    /// Answers the next notes like this.
    pub fn answer(&self, answers: &[(u16, Option<u32>)]) {
        self.desk.answers.lock().unwrap_or_else(PoisonError::into_inner).extend(answers);
    }

    /// Has the browser told at the endpoint of this name.
    pub async fn subscribe(&self, browser: &Browser, name: &str) {
        self.try_subscribe(browser, &format!("{}/{name}", self.origin)).await.ok();
    }

    /// Asks to have the browser told at this address.
    pub async fn try_subscribe(&self, browser: &Browser, endpoint: &str) -> Answer {
        let (p256dh, auth) = keys();
        let fields = [("endpoint", endpoint), ("p256dh", p256dh.as_str()), ("auth", auth.as_str())];
        browser.call("subscribe_push", &fields).await
    }

    /// All notes that have come, in order.
    pub fn notes(&self) -> Vec<Note> {
        self.desk.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many notes have come.
    pub async fn wait_for(&self, many: usize) -> Vec<Note> {
        soon(&format!("{many} notes"), async {
            loop {
                let came = self.desk.came.notified();
                let notes = self.notes();
                if notes.len() >= many {
                    return notes;
                }
                came.await;
            }
        })
        .await
    }
}

/// The keys of a subscription, as a browser writes them.
pub fn keys() -> (String, String) {
    let point = secret_key().public_key().to_encoded_point(false);
    (BASE64.encode(point.as_bytes()), BASE64.encode(AUTH))
}

fn secret_key() -> SecretKey {
    SecretKey::from_slice(&[9; 32]).unwrap()
}

async fn take(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    let said = web_push_native::decrypt(body.to_vec(), &secret_key(), &Auth::from(AUTH)).unwrap();
    let said = serde_json::from_slice(&said).unwrap();
    let (key, claims) = signed(headers[header::AUTHORIZATION].to_str().unwrap());
    desk.notes.lock().unwrap_or_else(PoisonError::into_inner).push(Note { name, headers, said, claims, key });
    let answer = desk.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    desk.came.notify_waiters();
    let (status, retry_after) = answer.unwrap_or((201, None));
    let mut response = StatusCode::from_u16(status).unwrap().into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The key and what it has signed.
fn signed(header: &str) -> (String, Value) {
    let (token, key) = header.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
    let (text, signature) = token.rsplit_once('.').unwrap();
    let verifying = VerifyingKey::from_sec1_bytes(&BASE64.decode(key).unwrap()).unwrap();
    let signature = Signature::from_slice(&BASE64.decode(signature).unwrap()).unwrap();
    verifying.verify(text.as_bytes(), &signature).unwrap();
    let claims = BASE64.decode(text.split_once('.').unwrap().1).unwrap();
    (key.to_owned(), serde_json::from_slice(&claims).unwrap())
}
