//! Points in time, to the millisecond, in UTC. RFC 3339 on the wire.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, json_schema};
use serde::{Deserialize, Serialize, de};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last point that RFC 3339 can write: never, for people.
    pub const FOREVER: Self = Self(253_402_300_799_999);

    /// The point this many milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This point, so many seconds later.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// The civil date and time at an offset from UTC in minutes; UTC where the offset is impossible.
    pub fn at_offset(self, minutes: i32) -> OffsetDateTime {
        let utc = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        UtcOffset::from_whole_seconds(minutes.saturating_mul(60)).map_or(utc, |offset| utc.to_offset(offset))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.at_offset(0).format(&Rfc3339).map_err(|_unrepresentable| fmt::Error)?;
        out.write_str(&text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(input)?;
        let time = OffsetDateTime::parse(&text, &Rfc3339).map_err(de::Error::custom)?;
        i64::try_from(time.unix_timestamp_nanos() / 1_000_000).map(Self).map_err(de::Error::custom)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        json_schema!({ "type": "string", "format": "date-time", "description": "RFC 3339, in UTC, to the millisecond." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_is_rfc_3339_in_utc() {
        let time = Timestamp::from_millis(1_754_569_890_123);
        assert_eq!(time.to_string(), "2025-08-07T12:31:30.123Z");
        let sent = serde_json::to_string(&time).unwrap_or_default();
        assert_eq!(serde_json::from_str::<Timestamp>(&sent).ok(), Some(time));
    }
}
