//! What has to be done after the model applied something: plain data.

use std::collections::BTreeSet;

use crate::{
    domain::{AttachmentId, ChatId, UserId, limits},
    error::ErrorCode,
    protocol::{DraftView, Heads, LogEvent, MessageView},
};

/// What has to be done after something was applied.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// Ask the server for what came after these events.
    pub resume: Heads,
    /// Messages that arrived, in the order of their chat; some perhaps again.
    pub shown: Vec<MessageView>,
    /// Who was heard to be writing since the last of `shown` that they wrote.
    pub typing: Vec<(ChatId, UserId)>,
    /// Events that change a message, in the order of their chat; some perhaps again.
    pub changed: Vec<LogEvent>,
    /// What happened to chats rather than to their messages, in the order of their chat; some perhaps again.
    pub happened: Vec<LogEvent>,
    /// People who have another name or picture, with these, in the order in which they were heard of.
    pub users: Vec<(UserId, String, Option<AttachmentId>)>,
    /// What the user is writing, as it was saved on other devices.
    pub drafts: Vec<(ChatId, DraftView)>,
    /// Chats to fetch, together with the messages of theirs that were missed.
    pub refetch: BTreeSet<ChatId>,
    /// Chats whose log is another one than was applied: fetch them and all that is shown of them anew.
    pub restart: BTreeSet<ChatId>,
    /// Chats that are not known yet: fetch them.
    pub fetch: BTreeSet<ChatId>,
    /// There are chats that are not known yet: fetch the list.
    pub refetch_list: bool,
    /// Something did not come: ask again in a while, even if nothing else happens.
    pub retry: bool,
    /// Chats that one is in again: what is shown of them may lack what was said meanwhile.
    pub returned: BTreeSet<ChatId>,
    /// How often the server says something.
    pub heartbeat_ms: Option<u64>,
    /// The server is going away; come back after so many milliseconds.
    pub reconnect_after_ms: Option<u64>,
    /// The socket belongs to somebody else by now: the browser signed in anew in another tab.
    pub other_account: bool,
    /// A frame of ours was refused.
    pub refused: Option<ErrorCode>,
}

/// What a resume asks for, in as many frames as it takes.
pub fn slices(heads: Heads) -> Vec<Heads> {
    let heads: Vec<_> = heads.into_iter().collect();
    heads.chunks(limits::CHATS_IN_LIST).map(|slice| slice.iter().copied().collect()).collect()
}
