//! The address by which people reach the server, in the one spelling that browsers send.

use std::{fmt, net::IpAddr, str::FromStr};

use http::Uri;

/// Scheme, host and port, in lower case and without the scheme's own port (RFC 6454, section 6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: &'static str,
    host: String,
    port: Option<u16>,
}

impl Origin {
    /// Whether it is reached by HTTPS.
    pub fn is_secure(&self) -> bool {
        self.scheme == "https"
    }

    /// Whether only this machine reaches it.
    pub fn is_loopback(&self) -> bool {
        let host = self.host.trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "it must be http(s)://host or http(s)://host:port without a path";
        let uri: Uri = text.parse().map_err(|_malformed| WRONG)?;
        let (scheme, usual) = match uri.scheme_str().map(str::to_lowercase).as_deref() {
            Some("http") => ("http", 80),
            Some("https") => ("https", 443),
            _ => return Err(WRONG),
        };
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or(WRONG)?;
        if text.ends_with('/') || uri.path() != "/" || uri.query().is_some() || authority.host().is_empty() {
            return Err(WRONG);
        }
        let port = authority.port_u16().filter(|port| *port != usual);
        Ok(Self { scheme, host: authority.host().to_lowercase(), port })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(out, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_one_spelling() {
        let spelled = |text: &str| text.parse::<Origin>().map(|origin| origin.to_string());
        assert_eq!(spelled("HTTPS://Chat.Example:443").as_deref(), Ok("https://chat.example"));
        assert_eq!(spelled("http://127.0.0.1:3000").as_deref(), Ok("http://127.0.0.1:3000"));
        for text in [
            "chat.example.org",
            "https://chat.example.org/",
            "https://a@b.c",
            "ftp://b.c",
            "https://b.c/x",
            "",
        ] {
            assert!(spelled(text).is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_is_this_machine_alone() {
        let loopback = |text: &str| text.parse::<Origin>().is_ok_and(|origin| origin.is_loopback());
        assert!(
            loopback("http://localhost:3000") && loopback("http://127.0.0.1") && loopback("http://[::1]:80")
        );
        assert!(!loopback("https://chat.example") && !loopback("http://10.0.0.1"));
    }
}
