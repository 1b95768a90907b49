//! Reads the multipart form of `send_message`, part by part, its files as they come.

use std::time::Duration;

use bytes::Bytes;
use leptos::server_fn::codec::MultipartData;

use super::intake::Intake;
use crate::{
    domain::{AltText, ChatId, ClientId, MessageId, UserId, limits},
    error::{AppError, AppResult, ErrorCode},
    protocol::MessageView,
    service::{Actor, Arrival, Attachments, Draft},
};

/// Bytes between one part's content and the next one's: a boundary and a few short headers.
const HEAD_BYTES: u64 = 16 * 1024;
/// How often it is said that a file is still being looked into and kept: well within what a call may take.
const STEP_EVERY: Duration = Duration::from_secs(5);
/// Texts that the form may have besides what is said of its files.
const OTHER_TEXTS: usize = 8;

/// Sends a message. Answered when it is durable; sending the same `client_id` again answers with the original.
#[derive(schemars::JsonSchema)]
#[allow(dead_code, reason = "only described: the form is read part by part")]
pub(super) struct MessageFields {
    /// To which chat.
    chat_id: ChatId,
    /// The device's own id for the message.
    client_id: ClientId,
    /// The text, Markdown. May be empty if there are files.
    #[schemars(length(max = limits::BODY_CHARS))]
    body: Option<String>,
    /// The message that it answers.
    reply_to: Option<MessageId>,
    /// Who means to send it: refused, if that is not who is signed in.
    sender_id: Option<UserId>,
    /// What is said of the file at a place, for those who do not see it: as `alt[0]`, `alt[1]` …
    alt: Option<Vec<String>>,
    /// The files.
    #[schemars(schema_with = "binary")]
    files: Option<Vec<u8>>,
}

fn binary(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "array", "items": { "type": "string", "format": "binary" } })
}

/// The form, as far as it has been read.
pub(super) struct MessageForm<'a> {
    form: multer::Multipart<'static>,
    intake: Intake,
    actor: Actor,
    attachments: &'a Attachments,
    chat_id: Option<ChatId>,
    client_id: Option<ClientId>,
    body: Option<String>,
    reply_to: Option<MessageId>,
    alts: Vec<(usize, AltText)>,
    arrival: Option<Arrival>,
    parts: usize,
}

/// What came of reading.
pub(super) enum Read {
    /// A message to be sent.
    Draft(Draft),
    /// The message has been sent before.
    Sent(MessageView),
}

impl<'a> MessageForm<'a> {
    /// The form of this request.
    pub(super) fn new(
        form: MultipartData,
        intake: Intake,
        actor: Actor,
        attachments: &'a Attachments,
    ) -> AppResult<Self> {
        let form = form.into_inner().ok_or_else(|| AppError::internal("multipart data of a browser"))?;
        let (chat_id, client_id, body, reply_to) = (None, None, None, None);
        let (alts, arrival, parts) = (Vec::new(), None, 0);
        Ok(Self {
            form,
            intake,
            actor,
            attachments,
            chat_id,
            client_id,
            body,
            reply_to,
            alts,
            arrival,
            parts,
        })
    }

    /// Reads it to its end. Dropping the future gives up the files that have arrived.
    ///
    /// # Errors
    /// A code for each thing that can be wrong with a form; nothing of it is kept then.
    pub(super) async fn read(mut self) -> AppResult<Read> {
        let most_parts = self.attachments.limits().files * 2 + OTHER_TEXTS;
        loop {
            self.intake.allow(HEAD_BYTES, ErrorCode::MalformedMultipart);
            let Some(field) =
                self.form.next_field().await.map_err(|error| broken(error, &self.intake, self.parts))?
            else {
                break;
            };
            self.parts += 1;
            if self.parts > most_parts {
                return Err(ErrorCode::TooManyParts.into());
            }
            if field.name() == Some("files") {
                if let Some(sent) = self.file(field).await? {
                    return Ok(Read::Sent(sent));
                }
            } else if field.file_name().is_some() {
                return Err(ErrorCode::UnexpectedField.into());
            } else {
                self.text(field).await?;
            }
        }
        self.finish().map(Read::Draft)
    }

    async fn text(&mut self, mut field: multer::Field<'static>) -> AppResult<()> {
        let name = field.name().unwrap_or_default().to_owned();
        let max_chars = if name == "body" { limits::BODY_CHARS } else { limits::ALT_TEXT_CHARS };
        // Four bytes a character, and line breaks that are folded later.
        let max_bytes = max_chars * 5;
        self.intake.allow(max_bytes as u64 + HEAD_BYTES, ErrorCode::PayloadTooLarge);
        let mut bytes = Vec::new();
        while let Some(chunk) = chunk(&mut field, &self.intake, self.parts).await? {
            if bytes.len() + chunk.len() > max_bytes {
                return Err(ErrorCode::PayloadTooLarge.into());
            }
            bytes.extend_from_slice(&chunk);
        }
        let text = String::from_utf8(bytes).map_err(|error| malformed().because(error))?;
        let again = match name.as_str() {
            "chat_id" => {
                self.chat_id.replace(text.parse().map_err(|error| malformed().because(error))?).is_some()
            }
            "client_id" => {
                self.client_id.replace(text.parse().map_err(|error| malformed().because(error))?).is_some()
            }
            "body" => self.body.replace(text.clone()).is_some(),
            // A form without JavaScript has the field whether or not something is answered.
            "reply_to" if text.is_empty() => false,
            "reply_to" => {
                self.reply_to.replace(text.parse().map_err(|error| malformed().because(error))?).is_some()
            }
            "sender_id" => {
                let sender: UserId = text.parse().map_err(|error| malformed().because(error))?;
                // The browser may be signed in as somebody else by now.
                if sender != self.actor.user_id {
                    return Err(ErrorCode::Unauthenticated.into());
                }
                false
            }
            name => {
                // What is not known is passed over, as in every form.
                let Some(place) = alt_place(name) else { return Ok(()) };
                let again = self.alts.iter().any(|(other, _)| *other == place);
                self.alts.push((place, AltText::parse(&text)?));
                again
            }
        };
        if again {
            return Err(malformed());
        }
        self.intake.note(&name, &text);
        Ok(())
    }

    /// Takes a file as it comes. Answers with the message if it has been sent before.
    async fn file(&mut self, mut field: multer::Field<'static>) -> AppResult<Option<MessageView>> {
        // Browsers write a quotation mark so (HTML Living Standard, multipart/form-data encoding).
        let name = field.file_name().ok_or(ErrorCode::UnexpectedField)?.replace("%22", "\"");
        let mut first = None;
        if name.is_empty() {
            // A form without JavaScript sends an empty, unnamed file for an input that was left alone.
            self.intake.allow(HEAD_BYTES, ErrorCode::MalformedMultipart);
            loop {
                match chunk(&mut field, &self.intake, self.parts).await? {
                    None => return Ok(None),
                    Some(chunk) if chunk.is_empty() => {}
                    Some(chunk) => {
                        first = Some(chunk);
                        break;
                    }
                }
            }
        }
        let arrival = match &mut self.arrival {
            Some(arrival) => arrival,
            None => {
                let declared = self.intake.declared();
                let which = self.chat_id.zip(self.client_id);
                match self.attachments.begin(self.actor, which, declared).await? {
                    Ok(arrival) => self.arrival.insert(arrival),
                    Err(sent) => return Ok(Some(sent)),
                }
            }
        };
        self.intake.be_patient();
        let mut file = arrival.file(&name).await?;
        // The file itself knows to the byte when it is too long.
        let most = self.attachments.limits().file_bytes.saturating_add(HEAD_BYTES);
        self.intake.allow(most, ErrorCode::FileTooLarge);
        if let Some(chunk) = first {
            file.write(chunk).await?;
        }
        while let Some(chunk) = chunk(&mut field, &self.intake, self.parts).await? {
            file.write(chunk).await?;
        }
        let keeping = arrival.keep(file);
        let mut keeping = std::pin::pin!(keeping);
        // Whatever is waited for there has a limit of its own; the request gets on meanwhile.
        loop {
            match tokio::time::timeout(STEP_EVERY, keeping.as_mut()).await {
                Ok(kept) => return kept.map(|()| None),
                Err(_not_yet) => self.intake.step(),
            }
        }
    }

    fn finish(self) -> AppResult<Draft> {
        let arrival = match self.arrival {
            Some(mut arrival) => {
                for (place, alt) in self.alts {
                    arrival.describe(place, alt);
                }
                Some(arrival)
            }
            None => None,
        };
        Ok(Draft {
            chat_id: self.chat_id.ok_or_else(malformed)?,
            client_id: self.client_id.ok_or_else(malformed)?,
            body: self.body.ok_or_else(malformed)?,
            reply_to: self.reply_to,
            files: arrival,
        })
    }
}

/// The place in `alt[<place>]`.
fn alt_place(name: &str) -> Option<usize> {
    let place = name.strip_prefix("alt[")?.strip_suffix(']')?.parse().ok()?;
    (place < limits::MOST_FILES_PER_MESSAGE).then_some(place)
}

/// The next bytes of a part; `None` at its end.
async fn chunk(part: &mut multer::Field<'static>, intake: &Intake, parts: usize) -> AppResult<Option<Bytes>> {
    part.chunk().await.map_err(|error| broken(error, intake, parts))
}

/// What went wrong while the body was read: what ended it, if the layer that feeds it did, or what the form's
/// shape lacks.
fn broken(error: multer::Error, intake: &Intake, parts: usize) -> AppError {
    use multer::Error;
    let code = match &error {
        Error::IncompleteFieldData { .. } => ErrorCode::TruncatedUpload,
        // In a body without any part the boundary is another one.
        Error::IncompleteStream if parts > 0 && intake.is_whole() => ErrorCode::TruncatedUpload,
        _ => ErrorCode::MalformedMultipart,
    };
    AppError::new(intake.ended().unwrap_or(code)).because(error)
}

fn malformed() -> AppError {
    AppError::new(ErrorCode::MalformedForm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_file_names_its_place() {
        assert_eq!(alt_place("alt[0]"), Some(0));
        assert_eq!(alt_place("alt[49]"), Some(49));
        for name in ["alt[50]", "alt[]", "alt[-1]", "alt", "alt[1", "role", "alt[1]x"] {
            assert_eq!(alt_place(name), None, "{name}");
        }
    }
}
