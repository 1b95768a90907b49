//! Reads the multipart forms that bring a picture to stand for a person or a group.

use leptos::server_fn::codec::MultipartData;

use super::{
    intake::Intake,
    parts::{Beginning, Part, Parts, file_name, malformed},
};
use crate::{
    domain::ChatId,
    error::{AppError, AppResult, ErrorCode, FieldError},
    service::{Actor, NewAvatar, Services},
};

/// Parts that a form may have.
const PARTS: usize = 8;
/// Bytes of a text among them: an id, or what is passed over.
const TEXT_BYTES: usize = 1024;

/// Has a picture stand for oneself.
#[derive(schemars::JsonSchema)]
#[allow(dead_code, reason = "only described: the form is read part by part")]
pub(super) struct AvatarFields {
    /// The picture: its middle is made into a square.
    #[schemars(schema_with = "file")]
    file: Vec<u8>,
}

/// Has a picture stand for a group. Admins only.
#[derive(schemars::JsonSchema)]
#[allow(dead_code, reason = "only described: the form is read part by part")]
pub(super) struct ChatAvatarFields {
    /// For which group. Stands before the picture.
    chat_id: ChatId,
    /// The picture: its middle is made into a square.
    #[schemars(schema_with = "file")]
    file: Vec<u8>,
}

fn file(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "format": "binary" })
}

/// The form, as far as it has been read.
pub(super) struct AvatarForm<'a> {
    parts: Parts,
    actor: Actor,
    services: &'a Services,
    /// Whether it names a chat.
    for_chat: bool,
    chat_id: Option<ChatId>,
    avatar: Option<NewAvatar>,
}

impl<'a> AvatarForm<'a> {
    /// The form of this request.
    pub(super) fn new(
        form: MultipartData,
        intake: Intake,
        actor: Actor,
        services: &'a Services,
    ) -> AppResult<Self> {
        let parts = Parts::new(form, intake, PARTS)?;
        Ok(Self { parts, actor, services, for_chat: false, chat_id: None, avatar: None })
    }

    /// Reads a picture for the caller to its end. Dropping the future gives it up.
    ///
    /// # Errors
    /// A code for each thing that can be wrong with a form; nothing of it is kept then.
    pub(super) async fn read(mut self) -> AppResult<NewAvatar> {
        self.all().await?;
        self.avatar.ok_or_else(required)
    }

    /// As [`Self::read`], for a group. Who may not choose its picture is told before the first byte of it is taken.
    pub(super) async fn read_for_chat(mut self) -> AppResult<(ChatId, NewAvatar)> {
        self.for_chat = true;
        self.all().await?;
        let chat = self.chat_id.ok_or_else(malformed)?;
        Ok((chat, self.avatar.ok_or_else(required)?))
    }

    async fn all(&mut self) -> AppResult<()> {
        while let Some(part) = self.parts.next().await? {
            if part.name() == Some("file") {
                self.file(part).await?;
            } else if part.file_name().is_some() {
                return Err(ErrorCode::UnexpectedField.into());
            } else {
                self.text(part).await?;
            }
        }
        Ok(())
    }

    async fn text(&mut self, mut part: Part) -> AppResult<()> {
        let name = part.name().unwrap_or_default().to_owned();
        let text = self.parts.text(&mut part, TEXT_BYTES).await?;
        // What is not known is passed over, as in every form.
        if name == "chat_id" && self.for_chat {
            let chat = text.parse().map_err(|error| malformed().because(error))?;
            self.parts.intake().note(&name, &text);
            if self.chat_id.replace(chat).is_some() {
                return Err(malformed());
            }
            self.services.chats.may_set_avatar(self.actor, chat).await?;
        }
        Ok(())
    }

    async fn file(&mut self, mut part: Part) -> AppResult<()> {
        let name = file_name(&part)?;
        let Beginning::File(first) = self.parts.begin(&mut part, &name).await? else { return Ok(()) };
        if self.avatar.is_some() || self.for_chat != self.chat_id.is_some() {
            return Err(malformed());
        }
        let attachments = &self.services.attachments;
        let mut arrival = attachments.begin_avatar(self.actor, self.parts.intake().declared())?;
        self.parts.intake().be_patient();
        let mut file = arrival.file(&name).await?;
        self.parts.receive(&mut part, first, &mut file, attachments.limits().file_bytes).await?;
        self.avatar = Some(self.parts.patiently(arrival.into_avatar(self.actor, file)).await?);
        Ok(())
    }
}

fn required() -> AppError {
    AppError::field("file", FieldError::Required)
}
