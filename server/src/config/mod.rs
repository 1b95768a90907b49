//! What the server is told at start: flags, each with an environment variable and a key of the configuration
//! file that mean the same. Defaults yield to the file, the file to the environment, that to flags.

mod attachments;
pub mod file;
mod load;
mod mongo_url;
mod origin;
mod push;
mod secret;
mod service_url;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

pub use attachments::{AttachmentOptions, Place};
pub use load::{LoadError, Loaded, Sources, load};
pub use mongo_url::MongoUrl;
pub use origin::Origin;
pub use push::{DEFAULT as DEFAULT_PUSH_PLACES, PushPlace};
pub use secret::{Secret, load_secret, secret_file};
pub use service_url::ServiceUrl;

/// Samvad: team and community chat.
#[derive(Debug, Parser)]
#[command(name = "samvad", version, about, propagate_version = true)]
pub struct Cli {
    /// The configuration file. By default samvad.toml in the working folder, if it is there.
    #[arg(long, env = "SAMVAD_CONFIG", global = true)]
    pub config: Option<PathBuf>,

    /// What to do; `serve` if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the binary does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the chat until told to stop.
    Serve(Config),
    /// Try what `serve` would be told, without changing anything, and say what is wrong with it. Ends with 0
    /// if nothing is, and with 1 otherwise.
    Check(Config),
    /// Load the demo accounts into the store and exit.
    Seed(Seed),
}

/// How to serve.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// The address to listen on.
    #[arg(long, env = "SAMVAD_ADDR", default_value = "127.0.0.1:3000")]
    pub addr: SocketAddr,

    /// The folder that holds everything that is kept: the database and the secret.
    #[arg(long, env = "SAMVAD_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,

    /// The connection string of a MongoDB replica set or sharded cluster, to run as one of many nodes:
    /// mongodb://user:password@host,…/database?replicaSet=name. By default everything is kept in the data
    /// folder.
    #[arg(long, env = "MONGODB_URL", hide_env_values = true)]
    pub mongodb_url: Option<MongoUrl>,

    /// The folder with the built pages' scripts and styles.
    #[arg(long, env = "SAMVAD_SITE_ROOT", default_value = "target/site")]
    pub site_root: PathBuf,

    /// The address by which people reach the server, for example https://chat.example.org. Needed beyond
    /// loopback; https makes cookies Secure.
    #[arg(long, env = "SAMVAD_PUBLIC_URL")]
    pub public_url: Option<Origin>,

    /// Load the demo accounts. Refused when the server listens beyond loopback.
    #[arg(long, env = "SAMVAD_DEMO", num_args = 0..=1, default_missing_value = "true", default_value_t = false)]
    pub demo: bool,

    /// Addresses of proxies whose X-Forwarded-For is believed, separated by commas.
    #[arg(long, env = "SAMVAD_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<std::net::IpAddr>,

    /// The secret that tokens are signed with, at least 32 characters. By default one is made at the first
    /// start and kept in the data folder. Needed with --mongodb-url, the same on every node.
    #[arg(long, env = "SAMVAD_SECRET", hide_env_values = true)]
    pub secret: Option<Secret>,

    /// Where Redis is, for a node that has others beside it: redis://host:6379, rediss:// with TLS, with
    /// credentials and a database as redis://name:password@host/0. Nodes of a Redis Cluster are separated by
    /// commas. Without it the node is alone.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<ServiceUrl>,

    /// Whether requests are counted and slowed. `off` is for measuring, and refused beyond loopback.
    #[arg(long, env = "SAMVAD_RATE_LIMITS", default_value = "on")]
    pub rate_limits: Switch,

    /// How many connections may be open at once, sockets among them. By default as many as the system's
    /// limit of open files leaves room for, at most 65,536.
    #[arg(long, env = "SAMVAD_MAX_CONNECTIONS", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: Option<u32>,

    /// Where files are kept, and how many.
    #[command(flatten)]
    pub attachments: AttachmentOptions,

    /// The push services that may be called to tell browsers of messages while no page is open, separated by commas:
    /// hosts, *.domain, or an origin such as https://push.example.org for one of your own; off calls none. By default
    /// those of the browsers that there are.
    #[arg(long, env = "SAMVAD_PUSH_SERVICES", value_delimiter = ',', default_values = DEFAULT_PUSH_PLACES)]
    pub push_services: Vec<PushPlace>,

    /// How log lines look.
    #[arg(long, env = "SAMVAD_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// Where to load the demo accounts.
#[derive(Clone, Debug, Args)]
pub struct Seed {
    /// The folder that holds everything that is kept.
    #[arg(long, env = "SAMVAD_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,

    /// The connection string of a MongoDB replica set or sharded cluster, instead of the folder.
    #[arg(long, env = "MONGODB_URL", hide_env_values = true)]
    pub mongodb_url: Option<MongoUrl>,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Switch {
    /// It is done.
    On,
    /// It is not.
    Off,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// The server was told something that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The demo accounts have a password that everybody knows.
    #[error("--demo is for this machine alone: listen on 127.0.0.1 and leave --public-url away")]
    DemoBeyondLoopback,
    /// Nobody is slowed down.
    #[error("--rate-limits off is for this machine alone: listen on 127.0.0.1 and leave --public-url away")]
    UnlimitedBeyondLoopback,
    /// Without it the server would not know which requests come from its own pages.
    #[error(
        "listening on {0} needs --public-url: the address that people type, such as https://chat.example.org"
    )]
    PublicUrlMissing(SocketAddr),
    /// It says nothing of what was given: that may hold a password.
    #[error("--redis-url must be redis://host:port or rediss://host:port, several separated by commas")]
    RedisUrl,
    /// Each node would make a secret of its own, and refuse the tokens of the others.
    #[error(
        "--mongodb-url needs SAMVAD_SECRET: at least 32 characters that nobody can guess, the same on every \
         node (openssl rand -hex 32 makes some)"
    )]
    SecretMissing,
    /// The connection string is none.
    #[error("MONGODB_URL is no connection string of MongoDB: {0}")]
    MongoUrl(&'static str),
    /// Where files are kept is not said well.
    #[error("{0}")]
    Attachments(&'static str),
    /// The secret could not be kept.
    #[error("the secret in {path} cannot be used: {reason}")]
    Secret {
        /// Where it is.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl Config {
    /// Refuses what would be unsafe or cannot work, before anything is opened.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.demo && self.is_open() {
            return Err(ConfigError::DemoBeyondLoopback);
        }
        if self.rate_limits == Switch::Off && self.is_open() {
            return Err(ConfigError::UnlimitedBeyondLoopback);
        }
        if self.public_url.is_none() && self.is_open() {
            return Err(ConfigError::PublicUrlMissing(self.addr));
        }
        if self.redis_url.as_ref().is_some_and(|url| !url.is_of(&["redis", "rediss"])) {
            return Err(ConfigError::RedisUrl);
        }
        if self.mongodb_url.is_some() && self.secret.is_none() {
            return Err(ConfigError::SecretMissing);
        }
        self.attachments.validate()?;
        check_store(self.mongodb_url.as_ref())
    }

    /// Whether others than this machine can reach the server, by itself or through a proxy.
    pub fn is_open(&self) -> bool {
        !self.addr.ip().is_loopback() || self.public_url.as_ref().is_some_and(|url| !url.is_loopback())
    }

    /// Whether people reach the server by HTTPS.
    pub fn is_secure(&self) -> bool {
        self.public_url.as_ref().is_some_and(Origin::is_secure)
    }

    /// The origins of our own pages, given the address that was bound.
    pub fn origins(&self, bound: SocketAddr) -> Vec<String> {
        match &self.public_url {
            Some(url) => vec![url.to_string()],
            None => {
                let port = bound.port();
                let host = bound.ip();
                let mut origins = vec![format!("http://localhost:{port}")];
                origins.push(if host.is_ipv6() {
                    format!("http://[{host}]:{port}")
                } else {
                    format!("http://{host}:{port}")
                });
                origins
            }
        }
    }
}

impl Seed {
    /// Refuses what cannot work.
    pub fn validate(&self) -> Result<(), ConfigError> {
        check_store(self.mongodb_url.as_ref())
    }
}

fn check_store(url: Option<&MongoUrl>) -> Result<(), ConfigError> {
    url.and_then(MongoUrl::problem).map_or(Ok(()), |problem| Err(ConfigError::MongoUrl(problem)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::{Arg, CommandFactory, FromArgMatches, builder::Resettable};

    use super::*;

    /// What these flags say, whatever stands in the environment of the tests.
    fn config(arguments: &[&str]) -> Config {
        let deaf = |argument: Arg| argument.env(Resettable::Reset);
        let program = Cli::command().mut_subcommand("serve", |serve| serve.mut_args(deaf));
        let all = ["samvad", "serve"].iter().chain(arguments);
        match Cli::from_arg_matches(&program.get_matches_from(all)).unwrap().command {
            Some(Command::Serve(config)) => config,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_demo_never_leaves_the_machine() {
        assert!(config(&["--demo"]).validate().is_ok());
        let open = config(&["--demo", "--addr", "0.0.0.0:3000", "--public-url", "http://chat.example"]);
        assert!(matches!(open.validate(), Err(ConfigError::DemoBeyondLoopback)));
        let behind_a_proxy = config(&["--demo", "--public-url", "https://chat.example"]);
        assert!(matches!(behind_a_proxy.validate(), Err(ConfigError::DemoBeyondLoopback)));
        let unlimited = config(&["--rate-limits", "off", "--public-url", "https://chat.example"]);
        assert!(matches!(unlimited.validate(), Err(ConfigError::UnlimitedBeyondLoopback)));
    }

    #[test]
    fn beyond_loopback_the_public_address_is_needed() {
        assert!(matches!(
            config(&["--addr", "0.0.0.0:80"]).validate(),
            Err(ConfigError::PublicUrlMissing(_))
        ));
        let open = config(&["--addr", "0.0.0.0:80", "--public-url", "https://Chat.example.org:443"]);
        assert!(open.validate().is_ok());
        assert!(open.is_secure());
        assert_eq!(open.origins(open.addr), ["https://chat.example.org"]);
    }

    #[test]
    fn nodes_that_share_a_store_need_one_secret() {
        let url = ["--mongodb-url", "mongodb://ada:hunter2@h1,h2/chat?replicaSet=r"];
        let alone = config(&url);
        assert!(matches!(alone.validate(), Err(ConfigError::SecretMissing)));
        assert!(!format!("{alone:?}").contains("hunter2"));
        let secret = ["--secret", "0123456789abcdef0123456789abcdef"];
        assert!(config(&[url, secret].concat()).validate().is_ok());
        let wrong = config(&[["--mongodb-url", "ada:hunter2@h1"], secret].concat());
        let said = wrong.validate().unwrap_err().to_string();
        assert!(said.contains("mongodb://") && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn the_secret_is_not_in_what_is_printed() {
        let config = config(&["--secret", "0123456789abcdef0123456789abcdef"]);
        assert!(!format!("{config:?}").contains("abcdef"));
    }

    #[test]
    fn a_bad_address_of_redis_is_refused_without_being_repeated() {
        assert!(config(&["--redis-url", "rediss://ada:sesame@cache:6380/1"]).validate().is_ok());
        let bad = config(&["--redis-url", "ada:sesame@cache"]);
        let error = bad.validate().unwrap_err();
        assert!(matches!(error, ConfigError::RedisUrl));
        assert!(!format!("{bad:?} {error}").contains("sesame"));
    }
}
