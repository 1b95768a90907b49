//! The connection string of the many-machine store. It may hold a password, and is never printed.

use std::fmt;

/// The database where the connection string names none.
const DATABASE: &str = "samvad";

/// A connection string: `mongodb://user:password@host:port,…/database?options` or `mongodb+srv://…`.
#[derive(Clone, PartialEq, Eq)]
pub struct MongoUrl(String);

impl MongoUrl {
    /// All of it, for the driver.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The hosts, as they may be shown.
    pub fn servers(&self) -> String {
        self.parts().map_or_else(String::new, |parts| parts.hosts.to_owned())
    }

    /// The name of the database, `samvad` unless the connection string has another.
    pub fn database(&self) -> &str {
        self.parts().map(|parts| parts.database).filter(|name| !name.is_empty()).unwrap_or(DATABASE)
    }

    /// Why it cannot be a connection string, without a word of it.
    pub fn problem(&self) -> Option<&'static str> {
        let Some(parts) = self.parts() else {
            return Some("it begins with mongodb:// or mongodb+srv://");
        };
        if parts.hosts.is_empty() || parts.hosts.split(',').any(str::is_empty) {
            return Some("after mongodb:// and the credentials come the hosts, separated by commas");
        }
        if parts.database.len() > 60 || parts.database.contains(['/', '\\', '.', ' ', '"', '$', '%']) {
            return Some(
                "the name of the database, after the hosts, is too long or has characters it cannot have",
            );
        }
        None
    }

    fn parts(&self) -> Option<Parts<'_>> {
        let rest = self.0.strip_prefix("mongodb://").or_else(|| self.0.strip_prefix("mongodb+srv://"))?;
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, database) = rest.split_once('/').unwrap_or((rest, ""));
        // A password may hold an @ or a ? that was not written as %40 or %3F: the driver refuses it, and so
        // nothing of it is shown.
        let hosts = hosts.rsplit_once('@').map_or(hosts, |(_credentials, hosts)| hosts);
        let hosts = if database.contains('@') || options.contains('@') { "" } else { hosts };
        Some(Parts { hosts, database })
    }
}

struct Parts<'a> {
    hosts: &'a str,
    database: &'a str,
}

/// Always succeeds, because what refuses an argument quotes it; [`MongoUrl::problem`] says what is wrong.
impl From<String> for MongoUrl {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for MongoUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.parts(), self.problem()) {
            (Some(parts), None) => write!(out, "mongodb://{}/{}", parts.hosts, self.database()),
            _ => out.write_str("mongodb://…"),
        }
    }
}

impl fmt::Debug for MongoUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> MongoUrl {
        MongoUrl::from(text.to_owned())
    }

    #[test]
    fn what_is_shown_has_no_secret() {
        for text in [
            "mongodb://ada:hunter2@a.example:27017,b.example/chat?authSource=admin&tlsCertificateKeyFilePassword=hunter2",
            "mongodb+srv://ada:hunter2@cluster.example/",
            "mongodb://ada:hunter2@@cluster.example/chat",
            "mongodb://ada:hun/ter2@cluster.example/chat",
            "mongodb://ada:hun?ter2@cluster.example/chat",
            "mongodb://ada:hunter2@",
            "ada:hunter2@cluster.example",
        ] {
            let (url, shown) = (url(text), format!("{:?} {}", url(text), url(text).servers()));
            assert!(!shown.contains("ter2") && !shown.contains("ada"), "{shown}");
            assert!(!url.problem().unwrap_or_default().contains("ter2"));
        }
        assert_eq!(url("mongodb://a:b@h1:1,h2:2/chat?x=y").to_string(), "mongodb://h1:1,h2:2/chat");
    }

    #[test]
    fn the_database_is_named_by_the_path() {
        assert_eq!(url("mongodb://h/chat?replicaSet=r").database(), "chat");
        assert_eq!(url("mongodb://h/?replicaSet=r").database(), "samvad");
        assert_eq!(url("mongodb://h").database(), "samvad");
        for wrong in ["", "http://h/x", "mongodb://", "mongodb://h,/x", "mongodb://h/a.b", "mongodb://h/a/b"]
        {
            assert!(url(wrong).problem().is_some(), "{wrong}");
        }
        assert_eq!(url("mongodb+srv://cluster.example/chat").problem(), None);
    }
}
