//! Which addresses may be called.

use reqwest::Url;

use crate::config::PushPlace;

/// The places that are listed.
pub(super) struct Places(Vec<PushPlace>);

impl Places {
    pub(super) fn new(places: &[PushPlace]) -> Self {
        Self(places.iter().filter(|place| **place != PushPlace::Nowhere).cloned().collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The address and its origin, if it leads to a listed place and to nothing else.
    pub(super) fn find(&self, endpoint: &str) -> Option<(Url, String)> {
        let url = Url::parse(endpoint).ok()?;
        let is_plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        if !is_plain {
            return None;
        }
        let origin = url.origin().ascii_serialization();
        let is_usual = url.scheme() == "https" && url.port().is_none();
        let host = url.domain().filter(|_host| is_usual);
        let takes = |place: &PushPlace| match place {
            PushPlace::Host(name) => host == Some(name),
            PushPlace::Below(domain) => host
                .and_then(|host| host.strip_suffix(domain.as_str()))
                .is_some_and(|below| below.len() > 1 && below.ends_with('.')),
            PushPlace::Origin(known) => known.to_string() == origin,
            PushPlace::Nowhere => false,
        };
        self.0.iter().any(takes).then_some((url, origin))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::config::DEFAULT_PUSH_PLACES;

    fn places(listed: &[&str]) -> Places {
        let listed: Vec<PushPlace> = listed.iter().map(|place| place.parse().unwrap()).collect();
        Places::new(&listed)
    }

    #[test]
    fn the_push_services_of_browsers_are_called_and_nothing_else() {
        let places = places(&DEFAULT_PUSH_PLACES);
        for (endpoint, origin) in [
            ("https://fcm.googleapis.com/fcm/send/abc:def", "https://fcm.googleapis.com"),
            ("https://FCM.googleapis.com:443/wp/abc", "https://fcm.googleapis.com"),
            (
                "https://updates.push.services.mozilla.com/wpush/v2/x",
                "https://updates.push.services.mozilla.com",
            ),
            ("https://wns2-db5p.notify.windows.com/w/?token=x", "https://wns2-db5p.notify.windows.com"),
            ("https://web.push.apple.com/QGuZ", "https://web.push.apple.com"),
        ] {
            assert_eq!(places.find(endpoint).unwrap().1, origin, "{endpoint}");
        }
        for endpoint in [
            "http://fcm.googleapis.com/x",
            "https://fcm.googleapis.com:8443/x",
            "https://fcm.googleapis.com.evil.example/x",
            "https://evil.example/fcm.googleapis.com",
            "https://fcm.googleapis.com@evil.example/x",
            "https://me@fcm.googleapis.com/x",
            "https://fcm.googleapis.com./x",
            "https://fcm.googleapis.com\\@evil.example/x#y",
            "https://evilnotify.windows.com/x",
            "https://notify.windows.com/x",
            "https://.notify.windows.com/x",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "https://169.254.169.254/latest/meta-data",
            "https://localhost/x",
            "file:///etc/passwd",
            "fcm.googleapis.com/x",
            "",
        ] {
            assert!(places.find(endpoint).is_none(), "{endpoint}");
        }
    }

    #[test]
    fn an_origin_is_all_of_it() {
        let places = places(&["http://127.0.0.1:4567"]);
        assert_eq!(places.find("http://127.0.0.1:4567/a?b").unwrap().1, "http://127.0.0.1:4567");
        for endpoint in ["http://127.0.0.1/a", "https://127.0.0.1:4567/a", "http://127.0.0.1:45678/a"] {
            assert!(places.find(endpoint).is_none(), "{endpoint}");
        }
    }
}
