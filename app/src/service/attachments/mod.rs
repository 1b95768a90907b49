//! Files: taking them in, handing them out to those who may have them, and removing what nobody needs.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | `arrival` | the files of one message while they arrive |
//! | `avatar` | pictures that stand for people and groups |
//! | `turns` | how much of it goes on at once |
//! | `collecting` | removing the contents of files that no message has any longer |

mod arrival;
mod avatar;
mod collecting;
mod turns;

use std::{ops::Range, sync::Arc};

use self::turns::Turns;
use super::{Actor, Errands};
use crate::{
    domain::{AttachmentId, ChatId, ClientId, UploadLimits, limits as bounds, policy},
    error::{AppError, AppResult, ErrorCode},
    ports::{BlobContent, BlobKey, BlobPart, Blobs, Clock, IdSource, Limit, Limiter, Media, Staging, Store},
    protocol::{AttachmentView, MessageView},
};

pub use arrival::{Arrival, Arriving};
pub use avatar::NewAvatar;
pub use turns::Turn;

const UPLOADS: Limit = Limit { name: "upload", burst: 200, period_ms: 5_000 };
const DOWNLOADS: Limit = Limit { name: "download", burst: 2_000, period_ms: 20 };

/// Messages with files that a node takes in at once.
const ARRIVALS: usize = 64;
/// Messages with files that it takes in at once from one person.
const ARRIVALS_PER_USER: usize = 4;

/// What files need from outside.
pub struct AttachmentPorts {
    /// Whose they are, and in which chats.
    pub store: Arc<dyn Store>,
    /// Their contents.
    pub blobs: Arc<dyn Blobs>,
    /// Where they arrive.
    pub staging: Arc<dyn Staging>,
    /// What they are.
    pub media: Arc<dyn Media>,
    /// How many of them.
    pub limiter: Arc<dyn Limiter>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Their ids.
    pub ids: Arc<dyn IdSource>,
    /// For what goes on when a request has broken off.
    pub errands: Errands,
}

/// Files.
pub struct Attachments {
    shared: Arc<Shared>,
}

struct Shared {
    ports: AttachmentPorts,
    limits: UploadLimits,
    arrivals: Arc<Turns>,
    downloads: Arc<Turns>,
    collecting: tokio::sync::Mutex<()>,
}

/// A file that somebody may have.
pub struct Opened {
    /// What it is.
    pub view: AttachmentView,
    /// What is in it, or in what is shown of it.
    pub content: BlobContent,
    /// The place that it holds for as long as it is read.
    pub turn: Turn,
}

impl Attachments {
    /// Files over these ports, as many and as large as `limits` say; `downloads` of them are read at once.
    pub fn new(ports: AttachmentPorts, limits: UploadLimits, downloads: usize) -> Self {
        let arrivals = Turns::new(ARRIVALS, ARRIVALS_PER_USER);
        let downloads = Turns::new(downloads, (downloads / 8).max(1));
        let collecting = tokio::sync::Mutex::default();
        Self { shared: Arc::new(Shared { ports, limits, arrivals, downloads, collecting }) }
    }

    /// How many files a message can have, and how large.
    pub fn limits(&self) -> UploadLimits {
        self.shared.limits
    }

    /// Begins to take the files of a message in, before the first byte of them is read. `which` is the message,
    /// if that is known yet: its sender is told at once that they may not send there, and gets the message back
    /// if it has been sent before. `declared` is how long the request says it is.
    ///
    /// # Errors
    /// `not_found` for who is not in the chat, `payload_too_large`, `quota_exceeded`, `too_many_requests`, and
    /// `busy` while the node takes in as much as it can.
    pub async fn begin(
        &self,
        actor: Actor,
        which: Option<(ChatId, ClientId)>,
        declared: Option<u64>,
    ) -> AppResult<Result<Arrival, MessageView>> {
        let Shared { ports, limits, .. } = &*self.shared;
        if limits.files == 0 {
            return Err(ErrorCode::TooManyFiles.into());
        }
        if let Some((chat, client_id)) = which {
            if let Some(sent) = ports.store.message_by_client_id(actor.user_id, client_id).await?
                && sent.chat_id == chat
            {
                return Ok(Err(sent));
            }
            policy::read(ports.store.role(chat, actor.user_id).await?)?;
        }
        let declared = declared.unwrap_or(0);
        if declared > limits.body_bytes() {
            return Err(ErrorCode::PayloadTooLarge.into());
        }
        let taken = ports.store.attached_bytes(actor.user_id).await?;
        // To the byte it is counted when the message is stored.
        let more = declared.saturating_sub(bounds::MULTIPART_TEXT_BYTES as u64).max(1);
        if taken.saturating_add(more) > limits.user_bytes {
            return Err(ErrorCode::QuotaExceeded.into());
        }
        let turn = self.shared.arrivals.take(actor.user_id)?;
        Ok(Ok(Arrival::new(Arc::clone(&self.shared), actor.user_id, turn)))
    }

    /// A file, or what is shown of it, for somebody who is in its chat at this moment. Of an original `range`
    /// may choose a stretch, given its length.
    ///
    /// # Errors
    /// `not_found` for everybody else, and for what there is not; `busy` while too many are read, in all or by
    /// this person.
    pub async fn open(
        &self,
        actor: Actor,
        id: AttachmentId,
        part: BlobPart,
        range: impl FnOnce(u64) -> Option<Range<u64>> + Send,
    ) -> AppResult<Opened> {
        let view = self.find(actor, id).await?;
        let turn = self.shared.downloads.take(actor.user_id)?;
        let range = if part == BlobPart::Original { range(view.size) } else { None };
        let content = self.shared.ports.blobs.get(BlobKey { id, part }, range).await?;
        let content = match content {
            Some(content) => content,
            // A picture's parts are kept with it; of anything else there are none.
            None if part != BlobPart::Original && view.picture.is_none() => return Err(AppError::not_found()),
            None => return Err(AppError::internal(format!("the {} of {id} is lost", part.as_str()))),
        };
        Ok(Opened { view, content, turn })
    }

    /// What a file is, for somebody who is in its chat at this moment; fails as [`Self::open`].
    pub async fn find(&self, actor: Actor, id: AttachmentId) -> AppResult<AttachmentView> {
        let ports = &self.shared.ports;
        ports.limiter.take(DOWNLOADS, &actor.user_id.to_string()).await?;
        let found = ports.store.attachment(id).await?.ok_or_else(AppError::not_found)?;
        policy::read(ports.store.role(found.chat_id, actor.user_id).await?)?;
        Ok(found.view)
    }
}
