//! A client that comes back: it connects, resumes from what it knows of one chat, asks for pages if that was
//! too much, and holds what comes early.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    api::{self, Account},
    cluster::log::{Ask, ChatLog},
    socket::{self, Socket},
};

/// Bytes that its socket reads at once.
const READ_BUFFER: usize = 4 * 1024;

/// What a frame asks of who reads it.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing more.
    None,
    /// To come back after so many milliseconds.
    Bye(u64),
}

/// A client of one chat, connected or not.
pub struct Visitor {
    /// The chat's log, as far as it was applied.
    pub log: ChatLog,
    addr: SocketAddr,
    account: Arc<Account>,
    chat: Arc<str>,
}

impl Visitor {
    /// One who knows the log up to here.
    pub fn new(addr: SocketAddr, account: Arc<Account>, chat: Arc<str>, known: u64) -> Self {
        Self { log: ChatLog::new(known), addr, account, chat }
    }

    /// Whose it is.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Connects, and asks for what was missed if `hello` tells of any. Answers where the log stood.
    pub async fn connect(&mut self) -> Result<(Socket, u64)> {
        let (mut socket, hello) = socket::open(self.addr, &self.account, READ_BUFFER).await?;
        let head = socket::head_in(&hello, &self.chat)?;
        let ask = self.log.head(head);
        self.ask(&mut socket, ask).await?;
        Ok((socket, head))
    }

    /// Connects and reads until everything up to `head` was applied.
    pub async fn catch_up(&mut self, head: u64) -> Result<()> {
        let (mut socket, _) = self.connect().await?;
        while self.log.applied < head {
            ensure!(self.next(&mut socket).await? == News::None, "sent away");
        }
        Ok(())
    }

    /// Reads one frame and does what it asks for. Fails when the socket ends.
    pub async fn next(&mut self, socket: &mut Socket) -> Result<News> {
        let ask = match socket.next().await.context("closed without a word")?? {
            Message::Text(text) => match self.frame(text.as_bytes())? {
                Ok(ask) => ask,
                Err(bye) => return Ok(bye),
            },
            Message::Close(close) => bail!("closed: {close:?}"),
            _ => None,
        };
        self.ask(socket, ask).await?;
        Ok(News::None)
    }

    fn frame(&mut self, frame: &[u8]) -> Result<Result<Option<Ask>, News>> {
        if let Some(seq) = socket::seq(frame) {
            // A watched account is in no other chat. Times are of no interest here.
            return Ok(Ok(self.log.event(seq, None, 0)));
        }
        let notice: Value = serde_json::from_slice(frame).context("a frame that is no JSON")?;
        let chat = &*self.chat;
        Ok(match notice["type"].as_str() {
            Some("bye") => Err(News::Bye(notice["reconnect_after_ms"].as_u64().unwrap_or_default())),
            Some("heads") => Ok(notice["heads"][chat].as_u64().and_then(|head| self.log.head(head))),
            Some("limited") => Ok(notice["head"].as_u64().and_then(|head| self.log.limited(head))),
            Some(kind @ ("error" | "chat_removed")) => bail!("told {kind}: {notice}"),
            _ => Ok(None),
        })
    }

    async fn ask(&mut self, socket: &mut Socket, mut ask: Option<Ask>) -> Result<()> {
        while let Some(now) = ask.take() {
            match now {
                Ask::Resume(after) => {
                    socket.send(socket::resume(&self.chat, after)).await?;
                }
                Ask::Pages { after, head } => {
                    let (account, chat) = (&self.account, &self.chat);
                    let (messages, reached) =
                        api::messages_up_to(self.addr, account, chat, after, head).await?;
                    let messages = messages.into_iter().map(|(seq, _)| (seq, None)).collect();
                    ask = self.log.caught_up(messages, reached, 0);
                }
            }
        }
        Ok(())
    }
}
