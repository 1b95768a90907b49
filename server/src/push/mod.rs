//! Web Push: what is sent to the push services of browsers (RFC 8030), encrypted so that they cannot read it (RFC 8291)
//! and signed so that they know who sends it (RFC 8292).
//!
//! The address comes from whoever subscribes. So only listed places are called, redirects are not followed, and nothing
//! of an answer is read but its status and when to come back.

mod places;
mod vapid;

use std::{sync::Arc, time::Duration};

use app::{
    domain::limits,
    error::{AppError, AppResult},
    ports::{Clock, PushNote, PushOutcome, PushService, PushSubscription},
};
use async_trait::async_trait;
use p256::PublicKey;
use reqwest::{Client, StatusCode, header, redirect};
use web_push_native::{Auth, encrypt};

use crate::config::PushPlace;
use places::Places;
use vapid::Vapid;

/// How long a push service may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may take to stand.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Connections to one push service that wait for the next note.
const IDLE_CONNECTIONS: usize = 2;

/// Sends notes over HTTP.
pub struct WebPush {
    client: Client,
    places: Places,
    vapid: Vapid,
}

impl WebPush {
    /// Sends to these places. The key pair is made from the installation's secret, so that all nodes have the same one
    /// and there is nothing else to keep. `contact` is our own origin, which is told to push services where it is
    /// reached by HTTPS.
    ///
    /// # Errors
    /// `internal` if there can be no TLS.
    pub fn new(
        places: &[PushPlace],
        secret: &[u8],
        contact: Option<String>,
        clock: Arc<dyn Clock>,
    ) -> AppResult<Self> {
        // The client asks for the one of the process, and panics without.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .timeout(PATIENCE)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build()
            .map_err(AppError::internal)?;
        let contact = contact.filter(|origin| origin.starts_with("https://"));
        Ok(Self { client, places: Places::new(places), vapid: Vapid::new(secret, contact, clock)? })
    }
}

#[async_trait]
impl PushService for WebPush {
    fn public_key(&self) -> Option<&str> {
        (!self.places.is_empty()).then(|| self.vapid.public_key())
    }

    fn takes_endpoint(&self, endpoint: &str) -> bool {
        self.places.find(endpoint).is_some()
    }

    fn takes_key(&self, p256dh: &[u8]) -> bool {
        point(p256dh).is_some()
    }

    async fn send(&self, to: &PushSubscription, note: &PushNote) -> PushOutcome {
        // Both were so when it was subscribed. If they no longer are, nothing can be sent there.
        let (Some((url, origin)), Some(key)) = (self.places.find(&to.endpoint), point(&to.p256dh)) else {
            return PushOutcome::Gone;
        };
        let authorization = self.vapid.authorization(&origin);
        debug_assert!(note.payload.len() <= limits::PUSH_BYTES, "it does not fit");
        let sealed = match encrypt(note.payload.clone(), &key, &Auth::from(to.auth)) {
            Ok(sealed) => sealed,
            Err(error) => {
                tracing::error!(%error, "a note for a browser could not be encrypted");
                return PushOutcome::Refused(0);
            }
        };
        let request = self
            .client
            .post(url)
            .header(header::AUTHORIZATION, authorization)
            .header(header::CONTENT_ENCODING, "aes128gcm")
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header("ttl", note.keep_for.as_secs())
            .header("urgency", if note.is_urgent { "high" } else { "normal" })
            .header("topic", &note.topic)
            .body(sealed);
        // Its body is dropped unread, and with it the connection, if there is more of it than has come already.
        match request.send().await {
            Ok(response) => judge(&origin, response.status(), response.headers()),
            Err(error) => {
                let error = error.without_url();
                tracing::debug!(service = origin, %error, "a push service could not be reached");
                PushOutcome::Again(None)
            }
        }
    }
}

fn judge(service: &str, status: StatusCode, headers: &header::HeaderMap) -> PushOutcome {
    match status {
        status if status.is_success() => PushOutcome::Taken,
        StatusCode::NOT_FOUND | StatusCode::GONE => PushOutcome::Gone,
        status if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
            let seconds =
                headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            tracing::debug!(service, status = status.as_u16(), "a push service asks to come again");
            PushOutcome::Again(seconds.map(Duration::from_secs))
        }
        status => {
            tracing::warn!(service, status = status.as_u16(), "a push service refuses a note");
            PushOutcome::Refused(status.as_u16())
        }
    }
}

/// The key as a point of the curve, if it is one, written without compression as browsers do.
fn point(p256dh: &[u8]) -> Option<PublicKey> {
    PublicKey::from_sec1_bytes(p256dh).ok().filter(|_point| p256dh.len() == 65)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
    use p256::SecretKey;

    use super::*;

    /// RFC 8291, appendix A: what an application server has sent, and what the browser makes of it.
    #[test]
    fn the_example_of_the_standard_is_read() {
        let key = BASE64.decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94").unwrap();
        let key = SecretKey::from_slice(&key).unwrap();
        let auth: [u8; 16] = BASE64.decode("BTBZMqHH6r4Tts7J_aSIgg").unwrap().try_into().unwrap();
        let sent = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tl\
                    zAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        let read = web_push_native::decrypt(BASE64.decode(sent).unwrap(), &key, &Auth::from(auth)).unwrap();
        assert_eq!(read, b"When I grow up, I want to be a watermelon");
        // And what we send, a browser with that key reads.
        let ours = encrypt(b"hello".to_vec(), &key.public_key(), &Auth::from(auth)).unwrap();
        assert_eq!(web_push_native::decrypt(ours.clone(), &key, &Auth::from(auth)).unwrap(), b"hello");
        let again = encrypt(b"hello".to_vec(), &key.public_key(), &Auth::from(auth)).unwrap();
        assert_ne!(ours, again, "with a key of its own each time");
        assert!(web_push_native::decrypt(ours, &key, &Auth::from([0; 16])).is_err());
    }

    #[test]
    fn a_key_is_a_point_of_the_curve() {
        let known = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        let mut known = BASE64.decode(known).unwrap();
        assert!(point(&known).is_some());
        known[64] ^= 1;
        assert!(point(&known).is_none(), "beside the curve");
        known[64] ^= 1;
        let mut compressed = known[..33].to_vec();
        compressed[0] = 2 + (known[64] & 1);
        assert!(point(&compressed).is_none(), "compressed");
        for wrong in [&known[..64], &[0; 1], &[], &[4; 65]] {
            assert!(point(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn an_answer_is_judged_by_its_status() {
        let judged = |status: u16, retry: Option<&str>| {
            let mut headers = header::HeaderMap::new();
            if let Some(retry) = retry {
                headers.insert(header::RETRY_AFTER, retry.parse().unwrap());
            }
            judge("https://push.example", StatusCode::from_u16(status).unwrap(), &headers)
        };
        assert_eq!(judged(201, None), PushOutcome::Taken);
        assert_eq!(judged(404, None), PushOutcome::Gone);
        assert_eq!(judged(410, None), PushOutcome::Gone);
        assert_eq!(judged(429, Some("7")), PushOutcome::Again(Some(Duration::from_secs(7))));
        assert_eq!(judged(503, Some("Wed, 21 Oct 2026 07:28:00 GMT")), PushOutcome::Again(None));
        assert_eq!(judged(302, None), PushOutcome::Refused(302));
        assert_eq!(judged(413, None), PushOutcome::Refused(413));
    }
}
