//! Identifiers. On the wire each is 24 lower-case hexadecimal digits, the form of a MongoDB `ObjectId`.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, json_schema};
use serde::{Deserialize, Serialize, de};

/// The text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is 24 hexadecimal digits")]
pub struct ParseIdError;

macro_rules! ids {
    ($($(#[doc = $doc:literal])* $name:ident;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 12]);

        impl $name {
            /// The id of these twelve bytes.
            pub const fn from_bytes(bytes: [u8; 12]) -> Self {
                Self(bytes)
            }

            /// The twelve bytes of the id.
            pub const fn as_bytes(&self) -> &[u8; 12] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, out)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let text = Cow::<str>::deserialize(input)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let description = [$($doc),*].concat();
                json_schema!({ "type": "string", "pattern": "^[0-9a-fA-F]{24}$", "description": description.trim() })
            }
        }
    )*};
}

ids! {
    /// A person's account.
    UserId;
    /// A direct chat or a group.
    ChatId;
    /// A message.
    MessageId;
    /// A file of a message: random, so that it tells nothing and cannot be guessed.
    AttachmentId;
    /// One sign-in of one person on one device.
    SessionId;
    /// An invitation to a group.
    InviteId;
}

/// The id that the sender's device gave a message, so that sending it again never doubles it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientId(uuid::Uuid);

impl ClientId {
    /// A new random id.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4())
    }

    /// The id of these sixteen bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid::Uuid::from_bytes(bytes))
    }

    /// The sixteen bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl FromStr for ClientId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl JsonSchema for ClientId {
    fn schema_name() -> Cow<'static, str> {
        "ClientId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        json_schema!({ "type": "string", "format": "uuid",
            "description": "The id that the sender's device gave a message, so that sending it again never doubles it." })
    }
}

fn parse(text: &str) -> Result<[u8; 12], ParseIdError> {
    let digits = text.as_bytes();
    if digits.len() != 24 {
        return Err(ParseIdError);
    }
    let digit = |byte: u8| (byte as char).to_digit(16).ok_or(ParseIdError);
    let mut bytes = [0; 12];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).unwrap_or_default();
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_the_wire() {
        let id: UserId = "68949ca2e36d65cad2b71204".parse().unwrap_or(UserId([0; 12]));
        assert_eq!(id.to_string(), "68949ca2e36d65cad2b71204");
        assert_eq!(serde_json::to_string(&id).ok().as_deref(), Some("\"68949ca2e36d65cad2b71204\""));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "68949ca2e36d65cad2b7120",
            "68949ca2e36d65cad2b7120g",
            "६८949ca2e36d65cad2b7120",
            "+8949ca2e36d65cad2b71204",
        ] {
            assert_eq!(text.parse::<ChatId>(), Err(ParseIdError), "{text}");
        }
    }
}
