//! The address of a service that the server depends on, which may hold a password.

use std::{convert::Infallible, fmt, str::FromStr};

/// One URL, or several separated by commas. What is printed of it is where the service is, never who is
/// signing in to it.
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceUrl(String);

impl ServiceUrl {
    /// All of it, credentials included.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The single URLs, credentials included.
    pub fn each(&self) -> impl Iterator<Item = &str> {
        self.0.split(',').map(str::trim).filter(|url| !url.is_empty())
    }

    /// Whether each of the URLs names a host under one of these schemes.
    pub fn is_of(&self, schemes: &[&str]) -> bool {
        let fits = |url: &str| {
            url.split_once("://").is_some_and(|(scheme, rest)| {
                schemes.contains(&scheme) && !host(rest).is_empty() && !rest.contains(char::is_whitespace)
            })
        };
        self.each().next().is_some() && self.each().all(fits)
    }
}

/// Host, port and path of what follows the scheme: neither credentials nor options.
fn place(rest: &str) -> &str {
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (rest, options) = rest.split_at(end);
    if options.contains('@') {
        // The ? or # stands in a password. Which part is the host cannot be said: nothing is shown, or used.
        return "";
    }
    // A password may hold an unescaped `@` or `/`: whatever precedes the last `@` may be part of it.
    rest.rsplit_once('@').map_or(rest, |(_credentials, place)| place)
}

fn host(rest: &str) -> &str {
    place(rest).split('/').next().unwrap_or_default()
}

impl FromStr for ServiceUrl {
    /// Refusing it here would print it. What cannot be is found by [`super::Config::validate`].
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.trim().to_owned()))
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, url) in self.each().enumerate() {
            if number > 0 {
                out.write_str(",")?;
            }
            match url.split_once("://") {
                Some((scheme, rest)) => write!(out, "{scheme}://{}", place(rest))?,
                None => out.write_str("…")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ServiceUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ServiceUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn url(text: &str) -> ServiceUrl {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_printed_says_where_and_not_who() {
        for (text, printed) in [
            ("redis://127.0.0.1:6379", "redis://127.0.0.1:6379"),
            ("rediss://ada:sesame@cache.example:6380/2", "rediss://cache.example:6380/2"),
            ("redis://:sesame@cache.example", "redis://cache.example"),
            ("redis://:se@sa/me@cache.example?token=sesame#sesame", "redis://cache.example"),
            ("redis://:sesame@one:1, redis://:sesame@two:2", "redis://one:1,redis://two:2"),
            ("redis://ada:123?sesame@cache", "redis://"),
            ("redis://ada:1#sesame@cache", "redis://"),
            ("sesame", "…"),
        ] {
            let url = url(text);
            assert_eq!(url.to_string(), printed);
            assert!(!format!("{url:?}").contains("sesame"));
        }
    }

    #[test]
    fn a_scheme_and_a_host_are_needed() {
        for good in ["redis://cache", "rediss://:word@cache:1/0", "redis://one,redis://two"] {
            assert!(url(good).is_of(&["redis", "rediss"]), "{good}");
        }
        for bad in [
            "",
            ",",
            "cache:6379",
            "http://cache",
            "redis://",
            "redis://:word@/0",
            "redis://a,b",
            "redis://a:1?b@c",
        ] {
            assert!(!url(bad).is_of(&["redis", "rediss"]), "{bad}");
        }
    }
}
