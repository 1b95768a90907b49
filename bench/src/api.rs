//! The server's functions, as far as the driver calls them: accounts, chats, messages, history.

use std::{
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::{
    http1::{Answer, Connection, CookieJar, Payload},
    report,
};

/// People named in one request: the server's limit.
const USERS_PER_REQUEST: usize = 1_000;
/// Registrations on their way at once: each costs the server a password hash, a core of its own.
const REGISTRATIONS: usize = 2;
/// Nobody's password but the driver's, for servers that live for one run.
const PASSWORD: &str = "nine tall ladders lean on rain";
const BOUNDARY: &str = "----bench-part-5f0c1d9e";
const FORM: &str = "application/x-www-form-urlencoded";

/// An account of the driver's, signed in.
pub struct Account {
    /// Its id.
    pub id: String,
    /// Its one session.
    pub jar: CookieJar,
}

/// Makes accounts, new ones on every call, also on a server that has some already.
pub async fn register(addr: SocketAddr, count: usize) -> Result<Vec<Arc<Account>>> {
    let run = random();
    let done = std::cell::Cell::new(0);
    stream::iter(0..count)
        .map(|number| {
            let done = &done;
            async move {
                let account = register_one(addr, number, run).await?;
                done.set(done.get() + 1);
                if done.get() % 100 == 0 && count > 100 {
                    report::progress(format_args!("{} of {count} accounts", done.get()));
                }
                Ok(Arc::new(account))
            }
        })
        .buffered(REGISTRATIONS)
        .try_collect()
        .await
}

async fn register_one(addr: SocketAddr, number: usize, run: u64) -> Result<Account> {
    let mut connection = Connection::new(addr);
    let jar = CookieJar::default();
    let form = form(&[
        ("email", &format!("m{number}-{run:x}@bench.example")),
        ("display_name", &format!("Member {number}")),
        ("password", PASSWORD),
    ]);
    for _ in 0..60 {
        let payload = Payload { content_type: FORM, bytes: form.as_bytes() };
        let answer = connection.post("/api/register", payload, &jar).await?;
        if let (429 | 503, Some(seconds)) = (answer.status, answer.retry_after) {
            tokio::time::sleep(Duration::from_secs(seconds.min(10))).await;
            continue;
        }
        let id = id_of(&ok("register", &answer)?)?;
        return Ok(Account { id, jar });
    }
    bail!("the server keeps refusing registrations")
}

/// Makes a group of these accounts, the first of which is its admin, and answers its id.
pub async fn create_group(addr: SocketAddr, name: &str, members: &[Arc<Account>]) -> Result<Arc<str>> {
    let (admin, others) = members.split_first().context("a group needs somebody")?;
    let mut connection = Connection::new(addr);
    let mut batches = others.chunks(USERS_PER_REQUEST - 1);
    let first = with_ids(form(&[("name", name)]), "member_ids", batches.next().unwrap_or_default());
    let chat = id_of(&call(&mut connection, admin, "create_group_chat", &first).await?)?;
    for batch in batches {
        let more = with_ids(form(&[("chat_id", &chat)]), "user_ids", batch);
        call(&mut connection, admin, "add_members", &more).await?;
    }
    Ok(chat.into())
}

/// Asks who one is, as a page does whose socket was refused: the answer renews the session.
pub async fn me(addr: SocketAddr, account: &Account) -> Result<()> {
    call(&mut Connection::new(addr), account, "me", "").await.map(drop)
}

/// The last event of a chat's log.
pub async fn head(connection: &mut Connection, account: &Account, chat: &str) -> Result<u64> {
    let chat = call(connection, account, "get_chat", &form(&[("chat_id", chat)])).await?;
    chat["head"].as_u64().context("a chat without a head")
}

/// The answer to a request for a page of history that ends before this event, unparsed.
pub async fn history_page(
    connection: &mut Connection,
    account: &Account,
    chat: &str,
    before: u64,
    limit: usize,
) -> Result<Answer> {
    let form = form(&[("chat_id", chat), ("before", &before.to_string()), ("limit", &limit.to_string())]);
    let payload = Payload { content_type: FORM, bytes: form.as_bytes() };
    let answer = connection.post("/api/list_messages", payload, &account.jar).await?;
    refuse("list_messages", &answer)?;
    Ok(answer)
}

/// Sends one message. What was sent before under the same `client_id` is not sent again.
pub async fn send_message(
    connection: &mut Connection,
    account: &Account,
    chat: &str,
    client_id: &str,
    body: &str,
) -> Result<()> {
    let answer = post_message(connection, account, chat, client_id, body).await?;
    refuse("send_message", &answer)
}

/// Sends one message, and answers what the server said, also if it refused.
pub async fn post_message(
    connection: &mut Connection,
    account: &Account,
    chat: &str,
    client_id: &str,
    body: &str,
) -> Result<Answer> {
    let bytes = multipart(&[("chat_id", chat), ("client_id", client_id), ("body", body)]);
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let payload = Payload { content_type: &content_type, bytes: &bytes };
    connection.post("/api/send_message", payload, &account.jar).await
}

/// The messages after an event of a chat, oldest first and each with its place, page by page up to `head` at least;
/// and up to where that is all there is.
pub async fn messages_up_to(
    addr: SocketAddr,
    account: &Account,
    chat: &str,
    mut after: u64,
    head: u64,
) -> Result<(Vec<(u64, Value)>, u64)> {
    let (mut connection, mut messages) = (Connection::new(addr), Vec::new());
    while after < head {
        let page = messages_after(&mut connection, account, chat, after).await?;
        if page.is_empty() {
            break;
        }
        let before = after;
        for message in page {
            after = message["seq"].as_u64().context("a message without a place")?;
            messages.push((after, message));
        }
        ensure!(after > before, "a page that does not go on");
    }
    Ok((messages, head.max(after)))
}

/// A page of them.
async fn messages_after(
    connection: &mut Connection,
    account: &Account,
    chat: &str,
    after: u64,
) -> Result<Vec<Value>> {
    let form = form(&[("chat_id", chat), ("after", &after.to_string()), ("limit", "100")]);
    match call(connection, account, "list_messages", &form).await?["messages"].take() {
        Value::Array(messages) => Ok(messages),
        _ => bail!("a page without messages"),
    }
}

/// Makes the `client_id`s of one run: UUIDs that no other run has.
#[derive(Clone, Copy)]
pub struct ClientIds(u64);

impl ClientIds {
    /// The ids of a new run.
    pub fn new() -> Self {
        Self(random())
    }

    /// The id of the message of this number.
    pub fn get(self, number: u64) -> String {
        let (high, middle, low) = (self.0 >> 32, self.0 >> 16 & 0xffff, self.0 & 0xfff);
        format!("{high:08x}-{middle:04x}-4{low:03x}-8000-{:012x}", number & 0xffff_ffff_ffff)
    }
}

async fn call(connection: &mut Connection, account: &Account, name: &str, form: &str) -> Result<Value> {
    let payload = Payload { content_type: FORM, bytes: form.as_bytes() };
    let answer = connection.post(&format!("/api/{name}"), payload, &account.jar).await?;
    ok(name, &answer)
}

fn ok(name: &str, answer: &Answer) -> Result<Value> {
    refuse(name, answer)?;
    serde_json::from_slice(&answer.body).with_context(|| format!("{name} answered no JSON"))
}

fn refuse(name: &str, answer: &Answer) -> Result<()> {
    if !(200..300).contains(&answer.status) {
        let text = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]).into_owned();
        bail!("{name} answered {}: {text}", answer.status);
    }
    Ok(())
}

fn id_of(value: &Value) -> Result<String> {
    Ok(value["id"].as_str().context("an answer without an id")?.to_owned())
}

fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn with_ids(form: String, field: &str, accounts: &[Arc<Account>]) -> String {
    // The brackets stay as they are, which is how a browser's script and `curl` send them.
    accounts.iter().enumerate().fold(form, |form, (i, account)| format!("{form}&{field}[{i}]={}", account.id))
}

fn multipart(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut text = String::with_capacity(1024);
    for (name, value) in fields {
        let part = ["--", BOUNDARY, "\r\nContent-Disposition: form-data; name=\"", name, "\"\r\n\r\n", value];
        text.extend(part);
        text.push_str("\r\n");
    }
    text.extend(["--", BOUNDARY, "--\r\n"]);
    text.into_bytes()
}

/// Sixty-four bits that differ from run to run; nothing secret hangs on them.
pub fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_multipart_body_has_a_part_for_each_field_and_an_end() {
        let text = String::from_utf8(multipart(&[("chat_id", "1"), ("body", "at=5;")])).unwrap();
        let parts: Vec<&str> = text.split(&format!("--{BOUNDARY}")).collect();
        assert_eq!(parts[0], "");
        assert_eq!(parts[1], "\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n1\r\n");
        assert_eq!(parts[2], "\r\nContent-Disposition: form-data; name=\"body\"\r\n\r\nat=5;\r\n");
        assert_eq!(parts[3..], ["--\r\n"]);
    }

    #[test]
    fn client_ids_are_different_uuids() {
        let ids = ClientIds(0x0123_4567_89ab_cdef);
        assert_eq!(ids.get(255), "01234567-89ab-4def-8000-0000000000ff");
        assert_ne!(ids.get(1), ids.get(2));
        assert_ne!(ClientIds::new().get(1), ClientIds::new().get(1));
    }

    #[test]
    fn lists_are_numbered_fields() {
        let account = |id: &str| Arc::new(Account { id: id.into(), jar: CookieJar::default() });
        let text = with_ids(form(&[("name", "a b&c")]), "member_ids", &[account("x"), account("y")]);
        assert_eq!(text, "name=a+b%26c&member_ids[0]=x&member_ids[1]=y");
    }
}
