//! What nodes tell each other through.

use std::{convert::Infallible, sync::Arc};

use ::redis::{RedisError, Script, ServerErrorKind, cmd};
use futures::future::BoxFuture;

use super::{Finding, Subject, at_once};
use crate::{
    config::ServiceUrl,
    redis::{Client, Connection},
};

/// Says its version and writes a key that nobody reads, as the scripts of presence and limits do.
const TRY: &str = "
    redis.call('SET', KEYS[1], ARGV[1], 'EX', 10)
    redis.call('DEL', KEYS[1])
    return redis.REDIS_VERSION or ''
";
const KEY: &str = "samvad:{check}:key";
const CHANNEL: &str = "samvad:{check}:channel";

/// Whether Redis is there, is new enough, and lets this user do what nodes do.
pub(super) fn redis(subject: Arc<Subject>) -> BoxFuture<'static, Vec<Finding>> {
    let Some(url) = subject.config.redis_url.clone() else {
        return at_once(vec![if subject.config.mongodb_url.is_some() {
            Finding::note(
                "none: of other nodes on the same MongoDB this one hears seconds late, and shares no limits",
            )
        } else {
            Finding::fine("none: this node is alone")
        }]);
    };
    let alone = subject.config.mongodb_url.is_none();
    Box::pin(async move {
        vec![match try_out(&url).await {
            Ok(version) if alone => Finding::note(format!(
                "{url} takes keys and news, version {version}, but there is no --mongodb-url: nodes that share Redis \
                 and not the store tell each other of chats that the others do not have"
            )),
            Ok(version) => Finding::fine(format!("{url} takes keys and news, version {version}")),
            Err(problem) => Finding::wrong(format!("{url} {problem}")),
        }]
    })
}

async fn try_out(url: &ServiceUrl) -> Result<String, String> {
    let client = Client::new(url).map_err(|error| format!("is no URL of Redis: {error}"))?;
    let ignored = |_push| Ok::<(), Infallible>(());
    let mut connection =
        client.connect(ignored).await.map_err(|error| format!("cannot be reached: {error}"))?;
    let version: String =
        Script::new(TRY).key(KEY).arg("").invoke_async(&mut connection).await.map_err(refused("keys"))?;
    // Scripts know the version from 7.0 on, which is also the first with sharded channels.
    if version.is_empty() {
        return Err("is too old: 7.0 or newer is needed".to_owned());
    }
    publish(&mut connection).await.map_err(refused("channels"))?;
    Ok(version)
}

/// Nobody listens to this channel.
async fn publish(connection: &mut Connection) -> Result<(), RedisError> {
    cmd("SPUBLISH").arg(CHANNEL).arg("").query_async(connection).await
}

fn refused(what: &'static str) -> impl Fn(RedisError) -> String {
    move |error| {
        let server = match error.kind() {
            ::redis::ErrorKind::Server(kind) => Some(kind),
            _ => None,
        };
        match (server, error.code()) {
            (Some(ServerErrorKind::ReadOnly), _) => "is a replica, which takes no writes".to_owned(),
            (_, Some("NOPERM")) => {
                format!("does not let this user write to {what} beginning with samvad: — {error}")
            }
            _ => format!("does not do what nodes need ({what}): {error}"),
        }
    }
}
