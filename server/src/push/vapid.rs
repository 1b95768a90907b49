//! Who sends: a token that push services check with the public key that browsers have subscribed for (RFC 8292).

use std::{fmt, sync::Arc, time::Duration};

use app::{
    error::{AppError, AppResult},
    ports::Clock,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use hkdf::Hkdf;
use moka::sync::Cache;
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::json;
use sha2::Sha256;

/// What the key is derived for: another use of the secret gives another key.
const PURPOSE: &[u8] = b"samvad web push: P-256 key of VAPID, version 1";
/// For how long a token is good. Push services take 24 hours at most, and clocks differ.
const GOOD_FOR_SECONDS: i64 = 12 * 3600;
/// For how long a token is used.
const USED_FOR: Duration = Duration::from_secs(6 * 3600);
/// Push services whose token is kept. Anybody may name another host below a listed domain.
const TOKENS: u64 = 200;

/// The server's key pair, and the tokens that it has signed.
pub(super) struct Vapid {
    key: SigningKey,
    public_key: String,
    contact: Option<String>,
    clock: Arc<dyn Clock>,
    tokens: Cache<String, String>,
}

impl Vapid {
    /// # Errors
    /// `internal` if no key can be made of the secret, which does not happen.
    pub(super) fn new(secret: &[u8], contact: Option<String>, clock: Arc<dyn Clock>) -> AppResult<Self> {
        let key = derive(secret)?;
        let public_key = BASE64.encode(key.verifying_key().to_encoded_point(false).as_bytes());
        let tokens = Cache::builder().max_capacity(TOKENS).time_to_live(USED_FOR).build();
        Ok(Self { key, public_key, contact, clock, tokens })
    }

    pub(super) fn public_key(&self) -> &str {
        &self.public_key
    }

    /// The header that a push service of this origin wants.
    pub(super) fn authorization(&self, origin: &str) -> String {
        let token = self.tokens.get_with_by_ref(origin, || self.sign(origin));
        format!("vapid t={token}, k={}", self.public_key)
    }

    /// A JWT with ES256 (RFC 7518, section 3.4). Three parts and one signature: for so little the product's library for
    /// tokens, which on purpose knows no other algorithm than that of our own, is not taught a second one.
    fn sign(&self, origin: &str) -> String {
        let exp = self.clock.now().as_millis() / 1000 + GOOD_FOR_SECONDS;
        let mut claims = json!({ "aud": origin, "exp": exp });
        if let Some(contact) = &self.contact {
            claims["sub"] = contact.as_str().into();
        }
        let head = BASE64.encode(r#"{"typ":"JWT","alg":"ES256"}"#);
        let signed = format!("{head}.{}", BASE64.encode(claims.to_string()));
        let signature: Signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", BASE64.encode(signature.to_bytes()))
    }
}

impl fmt::Debug for Vapid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Vapid({})", self.public_key)
    }
}

/// The same key for the same secret, on every node and after every start.
fn derive(secret: &[u8]) -> AppResult<SigningKey> {
    let hkdf = Hkdf::<Sha256>::new(None, secret);
    // Of 2^32 numbers one is no key of the curve; then the next one is taken.
    for attempt in 0..=u8::MAX {
        let mut bytes = [0; 32];
        hkdf.expand(&[PURPOSE, &[attempt]].concat(), &mut bytes)
            .map_err(|error| AppError::internal(error.to_string()))?;
        if let Ok(key) = SigningKey::from_slice(&bytes) {
            return Ok(key);
        }
    }
    Err(AppError::internal("no key can be derived from the secret"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use app::domain::Timestamp;
    use p256::ecdsa::{VerifyingKey, signature::Verifier};
    use serde_json::Value;

    use super::*;

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(1_800_000_000_123)
        }
    }

    fn vapid(secret: &[u8], contact: Option<&str>) -> Vapid {
        Vapid::new(secret, contact.map(str::to_owned), Arc::new(Noon)).unwrap()
    }

    /// What the token of a header says, its signature checked with the key beside it.
    fn claims(header: &str) -> Value {
        let (token, key) = header.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let key = VerifyingKey::from_sec1_bytes(&BASE64.decode(key).unwrap()).unwrap();
        let signature = Signature::from_slice(&BASE64.decode(signature).unwrap()).unwrap();
        key.verify(signed.as_bytes(), &signature).unwrap();
        let (head, claims) = signed.split_once('.').unwrap();
        let json = |part: &str| -> Value { serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap() };
        assert_eq!(json(head), serde_json::json!({ "typ": "JWT", "alg": "ES256" }));
        json(claims)
    }

    #[test]
    fn a_token_says_to_whom_until_when_and_from_whom() {
        let vapid = vapid(&[7; 32], Some("https://chat.example"));
        let header = vapid.authorization("https://push.example");
        assert_eq!(
            claims(&header),
            serde_json::json!({
                "aud": "https://push.example", "exp": 1_800_000_000 + GOOD_FOR_SECONDS, "sub": "https://chat.example",
            })
        );
        assert_eq!(vapid.authorization("https://push.example"), header, "it is used again");
        assert_eq!(claims(&vapid.authorization("https://other.example"))["aud"], "https://other.example");
    }

    #[test]
    fn one_secret_has_one_key_and_another_one_another() {
        let (one, same, other) = (vapid(&[7; 32], None), vapid(&[7; 32], None), vapid(&[8; 32], None));
        assert_eq!(one.public_key(), same.public_key());
        assert_ne!(one.public_key(), other.public_key());
        assert_eq!(BASE64.decode(one.public_key()).unwrap().len(), 65);
        assert_eq!(claims(&one.authorization("https://push.example")).get("sub"), None);
        assert!(!format!("{one:?}").contains("key:"));
    }
}
