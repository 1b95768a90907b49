//! Reads the multipart form of `send_message`.

use leptos::server_fn::codec::MultipartData;

use crate::{
    domain::{ChatId, ClientId, limits},
    error::{AppError, AppResult, ErrorCode},
};

/// The fields of a message, as they were sent.
pub(super) struct MessageForm {
    /// To which chat.
    pub chat_id: ChatId,
    /// The sender's id for it.
    pub client_id: ClientId,
    /// The text, unchecked.
    pub body: String,
}

/// Parts that a message may have; the rest is somebody trying something.
const MAX_PARTS: usize = 16;

impl MessageForm {
    /// Reads field by field, holding no more than the text. Unknown fields are passed over; a file is
    /// refused before its content is read.
    pub(super) async fn read(form: MultipartData) -> AppResult<Self> {
        let mut form = form.into_inner().ok_or_else(|| AppError::internal("multipart data of a browser"))?;
        let (mut chat_id, mut client_id, mut body) = (None, None, None);
        let mut parts = 0;
        while let Some(mut field) = form.next_field().await.map_err(broken)? {
            parts += 1;
            if parts > MAX_PARTS {
                return Err(ErrorCode::PayloadTooLarge.into());
            }
            // A form without JavaScript sends an empty, unnamed file for an input that was left alone.
            if field.name() == Some("files") || field.file_name().is_some() {
                if field.file_name().is_some_and(|name| !name.is_empty()) {
                    return Err(ErrorCode::AttachmentsUnavailable.into());
                }
                while let Some(chunk) = field.chunk().await.map_err(broken)? {
                    if !chunk.is_empty() {
                        return Err(ErrorCode::AttachmentsUnavailable.into());
                    }
                }
                continue;
            }
            let slot = match field.name() {
                Some("chat_id") => &mut chat_id,
                Some("client_id") => &mut client_id,
                Some("body") => &mut body,
                _ => continue,
            };
            if slot.is_some() {
                return Err(ErrorCode::MalformedForm.into());
            }
            *slot = Some(read_text(&mut field).await?);
        }
        let malformed = || AppError::new(ErrorCode::MalformedForm);
        Ok(Self {
            chat_id: chat_id.ok_or_else(malformed)?.parse().map_err(|error| malformed().because(error))?,
            client_id: client_id
                .ok_or_else(malformed)?
                .parse()
                .map_err(|error| malformed().because(error))?,
            body: body.ok_or_else(malformed)?,
        })
    }
}

async fn read_text(field: &mut multer::Field<'static>) -> AppResult<String> {
    // Four bytes a character, and line breaks that are folded later.
    const MAX_BYTES: usize = limits::BODY_CHARS * 5;
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > MAX_BYTES {
            return Err(ErrorCode::PayloadTooLarge.into());
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|error| AppError::new(ErrorCode::MalformedForm).because(error))
}

/// What went wrong while the body was read. That it was longer than allowed is known to the HTTP layer,
/// which ended the stream and answers so.
fn broken(error: multer::Error) -> AppError {
    let code = match &error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            ErrorCode::PayloadTooLarge
        }
        _ => ErrorCode::MalformedMultipart,
    };
    AppError::new(code).because(error)
}
