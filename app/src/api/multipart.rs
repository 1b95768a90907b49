//! Reads the multipart form of `send_message`, part by part, its files as they come.

use leptos::server_fn::codec::MultipartData;

use super::{
    intake::Intake,
    parts::{Beginning, Part, Parts, file_name, malformed},
};
use crate::{
    domain::{AltText, ChatId, ClientId, MessageId, UserId, limits},
    error::{AppResult, ErrorCode},
    protocol::MessageView,
    service::{Actor, Arrival, Attachments, Draft},
};

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
    body: String,
    /// The message that it answers.
    reply_to: Option<MessageId>,
    /// Who means to send it: refused, if that is not who is signed in.
    sender_id: Option<UserId>,
    /// What is said of the file at a place, for those who do not see it: as `alt[0]`, `alt[1]` …
    alt: Option<Vec<String>>,
    /// The files.
    #[schemars(extend("items" = { "type": "string", "format": "binary" }))]
    files: Option<Vec<Vec<u8>>>,
}

/// The form, as far as it has been read.
pub(super) struct MessageForm<'a> {
    parts: Parts,
    actor: Actor,
    attachments: &'a Attachments,
    chat_id: Option<ChatId>,
    client_id: Option<ClientId>,
    body: Option<String>,
    reply_to: Option<MessageId>,
    alts: Vec<(usize, AltText)>,
    arrival: Option<Arrival>,
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
        let parts = Parts::new(form, intake, attachments.limits().files * 2 + OTHER_TEXTS)?;
        let (chat_id, client_id, body, reply_to) = (None, None, None, None);
        let (alts, arrival) = (Vec::new(), None);
        Ok(Self { parts, actor, attachments, chat_id, client_id, body, reply_to, alts, arrival })
    }

    /// Reads it to its end. Dropping the future gives up the files that have arrived.
    ///
    /// # Errors
    /// A code for each thing that can be wrong with a form; nothing of it is kept then.
    pub(super) async fn read(mut self) -> AppResult<Read> {
        while let Some(part) = self.parts.next().await? {
            if part.name() == Some("files") {
                if let Some(sent) = self.file(part).await? {
                    return Ok(Read::Sent(sent));
                }
            } else if part.file_name().is_some() {
                return Err(ErrorCode::UnexpectedField.into());
            } else {
                self.text(part).await?;
            }
        }
        self.finish().map(Read::Draft)
    }

    async fn text(&mut self, mut part: Part) -> AppResult<()> {
        let name = part.name().unwrap_or_default().to_owned();
        let max_chars = if name == "body" { limits::BODY_CHARS } else { limits::ALT_TEXT_CHARS };
        // Four bytes a character, and line breaks that are folded later.
        let text = self.parts.text(&mut part, max_chars * 5).await?;
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
        self.parts.intake().note(&name, &text);
        Ok(())
    }

    /// Takes a file as it comes. Answers with the message if it has been sent before.
    async fn file(&mut self, mut part: Part) -> AppResult<Option<MessageView>> {
        let name = file_name(&part)?;
        let Beginning::File(first) = self.parts.begin(&mut part, &name).await? else { return Ok(None) };
        let arrival = match &mut self.arrival {
            Some(arrival) => arrival,
            None => {
                let declared = self.parts.intake().declared();
                let which = self.chat_id.zip(self.client_id);
                match self.attachments.begin(self.actor, which, declared).await? {
                    Ok(arrival) => self.arrival.insert(arrival),
                    Err(sent) => return Ok(Some(sent)),
                }
            }
        };
        self.parts.intake().be_patient();
        let mut file = arrival.file(&name).await?;
        self.parts.receive(&mut part, first, &mut file, self.attachments.limits().file_bytes).await?;
        self.parts.patiently(arrival.keep(file)).await.map(|()| None)
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
