//! Which push services may be called.

use std::{fmt, str::FromStr};

use super::Origin;

/// Those of the browsers that there are: Chrome and what is made of it, Firefox, Edge, Safari.
pub const DEFAULT: [&str; 5] = [
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "*.push.services.mozilla.com",
    "*.notify.windows.com",
    "*.push.apple.com",
];

/// A place that notes for browsers may be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushPlace {
    /// This host, by HTTPS at its usual port.
    Host(String),
    /// Every host below this domain, by HTTPS at its usual port.
    Below(String),
    /// This origin, for a push service of one's own.
    Origin(Origin),
    /// None at all.
    Nowhere,
}

impl FromStr for PushPlace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "it must be a host, *.domain, an origin such as https://push.example.org, or off";
        if text == "off" {
            return Ok(Self::Nowhere);
        }
        if text.contains("://") {
            return text.parse().map(Self::Origin);
        }
        let (name, is_domain) = text.strip_prefix("*.").map_or((text, false), |domain| (domain, true));
        let is_label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        // A domain of one label would be everything below `com`.
        if name.split('.').count() < 2
            || !name.split('.').all(is_label)
            || name.parse::<std::net::Ipv4Addr>().is_ok()
        {
            return Err(WRONG);
        }
        let name = name.to_lowercase();
        Ok(if is_domain { Self::Below(name) } else { Self::Host(name) })
    }
}

impl fmt::Display for PushPlace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => out.write_str(name),
            Self::Below(domain) => write!(out, "*.{domain}"),
            Self::Origin(origin) => origin.fmt(out),
            Self::Nowhere => out.write_str("off"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_host_a_domain_or_an_origin() {
        let said = |text: &str| text.parse::<PushPlace>().map(|place| place.to_string());
        for text in DEFAULT {
            assert_eq!(said(text).as_deref(), Ok(text));
        }
        assert_eq!(said("FCM.googleapis.com").as_deref(), Ok("fcm.googleapis.com"));
        assert_eq!(said("http://127.0.0.1:4567").as_deref(), Ok("http://127.0.0.1:4567"));
        assert_eq!(said("off").as_deref(), Ok("off"));
        for text in
            ["", "*", "*.com", "localhost", "127.0.0.1", "a..b", "a.b/c", "a.b:1", "x@a.b", "*.*.b", "-a.b"]
        {
            assert!(said(text).is_err(), "{text}");
        }
    }
}
