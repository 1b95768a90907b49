//! Where everything is kept.

use std::{path::PathBuf, sync::Arc, time::Duration};

use app::{
    error::{AppError, AppResult},
    ports::Store,
};
use futures::future::BoxFuture;

use super::{Finding, Subject, why};
use crate::{
    config::MongoUrl,
    database_file, demo,
    store::{
        embedded::{EmbeddedOptions, EmbeddedStore, Schema},
        mongo::{MongoOptions, MongoStore, Survey},
    },
};

/// How long a server that takes writes is waited for: so much less than a check may take that there is time to
/// say what was seen instead.
const PATIENCE: Duration = Duration::from_secs(4);

/// Whether what is kept can be reached, and is fit to be served.
pub(super) fn store(subject: Arc<Subject>) -> BoxFuture<'static, Vec<Finding>> {
    if let Some(url) = subject.config.mongodb_url.clone() {
        let is_open = subject.config.is_open();
        return Box::pin(async move {
            vec![
                mongo(&url, is_open)
                    .await
                    .unwrap_or_else(|error| Finding::wrong(format!("{url} cannot be used: {}", why(&error)))),
            ]
        });
    }
    Box::pin(async move {
        let path = database_file(&subject.config.data_dir);
        let place = path.display().to_string();
        if !path.exists() {
            return vec![Finding::fine(format!("{place} will be made at the first start"))];
        }
        match embedded(path, subject.config.is_open()).await {
            Ok((Schema { found, known }, _)) if found < known => vec![Finding::fine(format!(
                "{place} has version {found} and will be migrated to {known} at the start: make a copy before"
            ))],
            Ok((_, true)) => vec![Finding::wrong(format!(
                "{place} has the demo accounts, with a password that everybody knows: others must not reach it. \
                 Start with another --data-dir"
            ))],
            Ok((Schema { found, .. }, false)) => {
                vec![Finding::fine(format!("{place} can be read and written to, version {found}"))]
            }
            Err(error) => vec![Finding::wrong(format!("{place} cannot be used: {}", why(&error)))],
        }
    })
}

/// Whether MongoDB can be used, and is fit to be served.
async fn mongo(url: &MongoUrl, is_open: bool) -> AppResult<Finding> {
    let Survey { server, found, known } = MongoStore::survey(url, PATIENCE).await?;
    if found < known {
        let then = if found == 0 {
            "is empty: it is set up at the start".to_owned()
        } else {
            format!("has version {found} and is migrated to {known} at the start: make a backup before")
        };
        return Ok(Finding::fine(format!("{url}, MongoDB {server}, can be written to and {then}")));
    }
    if is_open {
        let store = MongoStore::open(url, MongoOptions { patience: PATIENCE }).await?;
        let demo = demo::is_present(&*store).await?;
        store.close().await?;
        if demo {
            return Ok(Finding::wrong(format!(
                "{url} has the demo accounts, with a password that everybody knows: others must not reach it. \
                 Name another database"
            )));
        }
    }
    Ok(Finding::fine(format!("{url}, MongoDB {server}, can be read and written to, version {found}")))
}

/// The version of the database, and whether it has the demo accounts, if they are looked for. A database of
/// this version is opened as the server opens it; an older one is left as it is.
async fn embedded(path: PathBuf, look_for_demo: bool) -> AppResult<(Schema, bool)> {
    let opening = tokio::task::spawn_blocking(move || {
        let schema = EmbeddedStore::look(&path)?;
        let current = schema.found == schema.known;
        let store = current.then(|| EmbeddedStore::open(&path, EmbeddedOptions::default())).transpose()?;
        Ok::<_, AppError>((schema, store))
    });
    let (schema, store) = opening.await.map_err(AppError::internal)??;
    let Some(store) = store else {
        return Ok((schema, false));
    };
    store.check().await?;
    let demo = look_for_demo && demo::is_present(&*store).await?;
    store.close().await?;
    Ok((schema, demo))
}
