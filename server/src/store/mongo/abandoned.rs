//! Transactions that nobody will finish. A node that is killed between two commands of one leaves it open, and
//! what it has written stays locked until the server gives it up by itself: after a minute, in which nobody can
//! write to the chat. A call that waits for longer than any transaction takes ends those that do nothing.
//!
//! One that lives after all, on a node that hung, fails at its next command and is done anew: nothing is lost
//! but time.

use std::{
    collections::HashMap,
    future::{Future, IntoFuture},
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::TryStreamExt;
use mongodb::{
    Client,
    bson::{Binary, doc},
    error::{Error, ErrorKind},
    options::ReadConcern,
};
use serde::Deserialize;
use tokio::time::Instant;

/// After how long a call that is not done looks for what it may be waiting for, and looks again.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// How long a transaction may do nothing: many times what a node needs between two commands of one.
const IDLE: Duration = Duration::from_secs(3);
/// How long looking, and ending what was found, may take each.
const WITHIN: Duration = Duration::from_secs(2);
/// The server's number for what the user may not do.
const UNAUTHORIZED: i32 = 13;

/// Ends transactions that nobody will finish.
#[derive(Debug)]
pub(super) struct Abandoned {
    /// What nodes of this installation call themselves.
    name: String,
    looks: Mutex<Looks>,
}

/// What was seen so far. One look is enough for all that wait.
#[derive(Debug, Default)]
struct Looks {
    last: Option<Instant>,
    /// The user may not look, which has been said.
    forbidden: bool,
    /// The transactions that were open, by their sessions, and since when they have not moved.
    open: HashMap<Vec<u8>, (Progress, Instant)>,
}

/// Which transaction of its session it is, and for how many microseconds it has worked.
type Progress = (i64, i64);

/// An open transaction that does nothing at the moment.
#[derive(Debug, Deserialize)]
struct Open {
    lsid: Session,
    transaction: Transaction,
}

#[derive(Debug, Deserialize)]
struct Session {
    id: Binary,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction {
    parameters: Parameters,
    time_active_micros: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    txn_number: i64,
}

impl Abandoned {
    /// Of nodes that call themselves so.
    pub(super) fn of(name: &str) -> Self {
        Self { name: name.to_owned(), looks: Mutex::default() }
    }

    /// Does the work, and sees to it that it does not wait for what will never end.
    pub(super) async fn beside<T>(&self, client: &Client, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            let look = async {
                tokio::time::sleep(LOOK_AFTER).await;
                self.look(client).await;
            };
            tokio::select! {
                biased;
                outcome = &mut work => return outcome,
                () = look => {}
            }
        }
    }

    async fn look(&self, client: &Client) {
        {
            let mut looks = self.looks();
            if looks.forbidden || looks.last.is_some_and(|last| last.elapsed() < LOOK_AFTER) {
                return;
            }
            looks.last = Some(Instant::now());
        }
        match tokio::time::timeout(WITHIN, find(client, &self.name)).await {
            Ok(Ok(open)) => self.end(client, open).await,
            Ok(Err(error)) if is_forbidden(&error) => {
                self.looks().forbidden = true;
                tracing::warn!(
                    "the user of MongoDB may not see open transactions (inprog): what a killed node was \
                     writing to stays locked for a minute"
                );
            }
            // Without a primary there is nothing to be found, and whoever asked hears of that.
            Ok(Err(_)) | Err(_) => {}
        }
    }

    /// Ends those that have not moved since they were first seen, if that is long enough ago.
    async fn end(&self, client: &Client, open: Vec<Open>) {
        let now = Instant::now();
        let mut sessions = Vec::new();
        {
            let mut looks = self.looks();
            let mut before = mem::take(&mut looks.open);
            for Open { lsid, transaction } in open {
                let id = lsid.id.bytes.clone();
                let progress = (transaction.parameters.txn_number, transaction.time_active_micros);
                let seen = before.remove(&id).filter(|(before, _)| *before == progress);
                let since = seen.map_or(now, |(_, since)| since);
                if now.duration_since(since) >= IDLE {
                    // The user is added by the server: it is the one that asks.
                    sessions.push(doc! { "id": lsid.id });
                } else {
                    looks.open.insert(id, (progress, since));
                }
            }
        }
        if sessions.is_empty() {
            return;
        }
        tracing::warn!(count = sessions.len(), "ending transactions that nobody finishes");
        let end = doc! { "killSessions": sessions };
        let admin = client.database("admin");
        let ended = admin.run_command(end).into_future();
        if !matches!(tokio::time::timeout(WITHIN, ended).await, Ok(Ok(_))) {
            tracing::warn!("they could not be ended, and are waited for");
        }
    }

    fn looks(&self) -> MutexGuard<'_, Looks> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The open transactions of the installation that do nothing at the moment.
async fn find(client: &Client, name: &str) -> Result<Vec<Open>, Error> {
    let pipeline = [
        doc! { "$currentOp": { "allUsers": false, "idleSessions": true, "idleConnections": false } },
        doc! { "$match": { "type": "idleSession", "appName": name, "transaction": { "$exists": true } } },
        doc! { "$project": {
            "lsid.id": 1,
            "transaction.parameters.txnNumber": 1,
            "transaction.timeActiveMicros": 1,
        } },
    ];
    // Of what goes on there is no majority.
    let local = ReadConcern::local();
    let admin = client.database("admin");
    let found = admin.aggregate(pipeline).read_concern(local).max_time(WITHIN).await?;
    found.with_type::<Open>().try_collect().await
}

fn is_forbidden(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Command(error) if error.code == UNAUTHORIZED)
}
