//! The access token: a JWT that says who asks and on which session, for ten minutes (RFC 7519, RFC 9068).
//!
//! One algorithm, HS256, is pinned. A header that names a key of its own (`jku`, `jwk`, `x5u`) or another
//! type is refused, whatever its signature.

mod hs256;

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use super::Actor;
use crate::{
    domain::{SessionId, UserId},
    error::{AppError, AppResult},
    ports::Clock,
};

/// How long an access token is good for.
pub const ACCESS_SECONDS: i64 = 600;
/// How long a browser is remembered as one that its owner has signed in with.
pub const DEVICE_SECONDS: i64 = 365 * 24 * 3600;

const ISSUER: &str = "samvad";
const ACCESS: Kind = Kind { media_type: "at+jwt", audience: "samvad-access" };
const DEVICE: Kind = Kind { media_type: "device+jwt", audience: "samvad-device" };

struct Kind {
    media_type: &'static str,
    audience: &'static str,
}

/// Makes and checks tokens.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    clock: Arc<dyn Clock>,
}

#[derive(Clone, Serialize, Deserialize)]
struct AccessClaims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    iat: i64,
    exp: i64,
}

#[derive(Clone, Serialize, Deserialize)]
struct DeviceClaims {
    iss: String,
    aud: String,
    sub: UserId,
    iat: i64,
    exp: i64,
}

impl Tokens {
    /// Tokens under this secret of at least 32 bytes, the same on every node.
    pub fn new(secret: &[u8], clock: Arc<dyn Clock>) -> Self {
        hs256::install();
        Self { encoding: EncodingKey::from_secret(secret), decoding: DecodingKey::from_secret(secret), clock }
    }

    /// A new access token.
    pub fn access(&self, actor: Actor) -> AppResult<String> {
        let iat = self.clock.now().as_millis() / 1000;
        let claims = AccessClaims {
            iss: ISSUER.into(),
            aud: ACCESS.audience.into(),
            sub: actor.user_id,
            sid: actor.session_id,
            iat,
            exp: iat + ACCESS_SECONDS,
        };
        self.sign(&ACCESS, &claims)
    }

    /// Who an access token speaks for. Fails with `unauthenticated` unless it is whole, ours and current.
    pub fn actor(&self, token: &str) -> AppResult<Actor> {
        let claims: AccessClaims = self.verify(&ACCESS, token)?;
        self.current(claims.exp)?;
        Ok(Actor { user_id: claims.sub, session_id: claims.sid })
    }

    /// A mark for the browser that a person has signed in with.
    pub fn device(&self, user: UserId) -> AppResult<String> {
        let iat = self.clock.now().as_millis() / 1000;
        let (iss, aud) = (ISSUER.into(), DEVICE.audience.into());
        self.sign(&DEVICE, &DeviceClaims { iss, aud, sub: user, iat, exp: iat + DEVICE_SECONDS })
    }

    /// Whether the mark says that this person has signed in with the browser before.
    pub fn is_device_of(&self, mark: &str, user: UserId) -> bool {
        let claims: AppResult<DeviceClaims> = self.verify(&DEVICE, mark);
        claims.is_ok_and(|claims| claims.sub == user && self.current(claims.exp).is_ok())
    }

    fn sign<C: Serialize>(&self, kind: &Kind, claims: &C) -> AppResult<String> {
        let header = Header { typ: Some(kind.media_type.into()), ..Header::new(Algorithm::HS256) };
        encode(&header, claims, &self.encoding).map_err(AppError::internal)
    }

    fn verify<C: DeserializeOwned + Clone>(&self, kind: &Kind, token: &str) -> AppResult<C> {
        let refuse = |error: jsonwebtoken::errors::Error| AppError::unauthenticated().because(error);
        let header = decode_header(token).map_err(refuse)?;
        let names_a_key =
            header.jku.is_some() || header.jwk.is_some() || header.x5u.is_some() || header.x5c.is_some();
        if header.typ.as_deref() != Some(kind.media_type) || names_a_key {
            return Err(AppError::unauthenticated().because("not a token of this kind"));
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[kind.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Checked against the clock that everything else goes by.
        validation.validate_exp = false;
        Ok(decode::<C>(token, &self.decoding, &validation).map_err(refuse)?.claims)
    }

    fn current(&self, exp: i64) -> AppResult<()> {
        if self.clock.now().as_millis() / 1000 < exp {
            Ok(())
        } else {
            Err(AppError::unauthenticated().because("the token has expired"))
        }
    }
}

/// The hash under which a refresh token is stored: it has 256 random bits, so one pass is enough.
pub(super) fn refresh_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicI64, Ordering};

    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};

    use super::*;
    use crate::domain::Timestamp;

    struct Hands(AtomicI64);
    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    const ACTOR: Actor =
        Actor { user_id: UserId::from_bytes([1; 12]), session_id: SessionId::from_bytes([2; 12]) };

    fn tokens() -> (Tokens, Arc<Hands>) {
        let hands = Arc::new(Hands(AtomicI64::new(1_000_000)));
        (Tokens::new(&[7; 32], hands.clone()), hands)
    }

    #[test]
    fn a_token_is_good_for_ten_minutes() {
        let (tokens, hands) = tokens();
        let token = tokens.access(ACTOR).unwrap();
        assert_eq!(tokens.actor(&token), Ok(ACTOR));
        hands.0.fetch_add(ACCESS_SECONDS * 1000, Ordering::Relaxed);
        assert!(tokens.actor(&token).is_err());
    }

    #[test]
    fn a_token_of_another_kind_or_key_is_refused() {
        let (tokens, hands) = tokens();
        let device = tokens.device(ACTOR.user_id).unwrap();
        assert!(tokens.is_device_of(&device, ACTOR.user_id));
        assert!(!tokens.is_device_of(&device, UserId::from_bytes([9; 12])));
        assert!(tokens.actor(&device).is_err());
        let foreign = Tokens::new(&[8; 32], hands).access(ACTOR).unwrap();
        assert!(tokens.actor(&foreign).is_err());
    }

    #[test]
    fn an_unsigned_token_or_one_that_names_its_own_key_is_refused() {
        let (tokens, _) = tokens();
        let token = tokens.access(ACTOR).unwrap();
        let claims = token.split('.').nth(1).unwrap().to_owned();
        let with_header =
            |header: &str, signature: &str| format!("{}.{claims}.{signature}", BASE64.encode(header));
        for header in [
            r#"{"alg":"none","typ":"at+jwt"}"#,
            r#"{"alg":"HS256","typ":"at+jwt","jku":"https://evil.example/keys"}"#,
            r#"{"alg":"RS256","typ":"at+jwt"}"#,
        ] {
            assert!(tokens.actor(&with_header(header, "")).is_err());
            assert!(tokens.actor(&with_header(header, token.rsplit('.').next().unwrap())).is_err());
        }
        assert!(tokens.actor("").is_err());
        assert!(tokens.actor("a.b.c").is_err());
    }
}
