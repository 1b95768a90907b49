//! The one error type of the application.
//!
//! Everything that goes wrong in a request becomes an [`AppError`]. Its [`ErrorCode`] alone decides the
//! HTTP status and the sentence that people read, so a page never shows text that came over the wire.
//! The cause stays attached until the error has been logged and is never serialised.

use std::{borrow::Cow, collections::BTreeMap, error::Error as StdError, fmt, sync::Arc};

use leptos::server_fn::{
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The result of everything that can fail in the application.
pub type AppResult<T> = Result<T, AppError>;

/// Why a request was not carried out: a stable code, what was wrong with which field, and the cause.
#[derive(Clone)]
pub struct AppError {
    /// The stable code.
    pub code: ErrorCode,
    /// For [`ErrorCode::ValidationFailed`]: the field's name and what is wrong with it.
    pub fields: BTreeMap<Cow<'static, str>, FieldError>,
    /// The id under which the server logged the request, once it is known.
    pub request_id: Option<String>,
    /// After how many seconds another try makes sense.
    pub retry_after: Option<u32>,
    /// What lies behind the error. Logged where the error is handled, never sent.
    pub cause: Option<Arc<dyn StdError + Send + Sync>>,
}

macro_rules! error_codes {
    ($($variant:ident $name:literal $status:literal $sentence:literal;)*) => {
        /// The stable codes of `docs/protocol.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorCode {
            $(#[doc = $sentence] $variant,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$variant),*];

            /// The code as it stands on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$variant => $name),* }
            }

            /// The HTTP status that goes with the code.
            pub fn status(self) -> u16 {
                match self { $(ErrorCode::$variant => $status),* }
            }

            /// The sentence that people read.
            pub fn sentence(self) -> &'static str {
                match self { $(ErrorCode::$variant => $sentence),* }
            }
        }
    };
}

error_codes! {
    InvalidRequest "invalid_request" 400 "The request could not be understood.";
    MalformedForm "malformed_form" 400 "The form could not be read: a field is missing or has the wrong shape.";
    MalformedMultipart "malformed_multipart" 400 "The upload could not be read: its multipart body is broken.";
    MissingBoundary "missing_boundary" 400 "The upload could not be read: it does not say what stands between its parts.";
    TruncatedUpload "truncated_upload" 400 "The upload ended before it was complete. Please send it again.";
    UnexpectedField "unexpected_field" 400 "The upload has a part that does not belong in it.";
    CannotChatWithSelf "cannot_chat_with_self" 400 "You cannot open a chat with yourself.";
    Unauthenticated "unauthenticated" 401 "Please sign in.";
    InvalidCredentials "invalid_credentials" 401 "The e-mail or the password is wrong.";
    Forbidden "forbidden" 403 "You may not do that here.";
    CannotMessage "cannot_message" 403 "You cannot write to this person.";
    CrossSite "cross_site" 403 "The request came from another site and was refused.";
    NotFound "not_found" 404 "There is nothing here, or it is not yours to see.";
    InviteInvalid "invite_invalid" 404 "This invitation is not good any more, or never was.";
    MethodNotAllowed "method_not_allowed" 405 "That address does not take this kind of request.";
    RequestTimeout "request_timeout" 408 "The request took too long to arrive.";
    EmailTaken "email_taken" 409 "There is already an account with this e-mail.";
    NotAGroup "not_a_group" 409 "That can only be done in a group.";
    LastAdmin "last_admin" 409 "A group needs an admin. Make somebody else one first.";
    GroupFull "group_full" 409 "The group has as many members as a group can have.";
    TooManyChats "too_many_chats" 409 "You have made as many chats as an account can make.";
    TooManyInvites "too_many_invites" 409 "The group has as many invitations as it can have. Take one back first.";
    TooManyBlocked "too_many_blocked" 409 "You have blocked as many people as an account can. Unblock somebody first.";
    YouBlockedThem "you_blocked_them" 409 "You have blocked this person. Unblock them on their profile or in the settings to write to them.";
    ClientIdReused "client_id_reused" 409 "This message id was already used in another chat.";
    MessageDeleted "message_deleted" 409 "The message has been deleted.";
    TooManyEdits "too_many_edits" 409 "The message was changed as often as a message can be.";
    TooManyReactions "too_many_reactions" 409 "The message has as many different reactions as a message can have.";
    TooManyPins "too_many_pins" 409 "As many messages are pinned here as can be. Take one away first.";
    PayloadTooLarge "payload_too_large" 413 "That is too large to send.";
    FileTooLarge "file_too_large" 413 "A file is larger than a file may be.";
    TooManyFiles "too_many_files" 413 "There are more files than a message can carry.";
    TooManyParts "too_many_parts" 413 "The upload has more parts than it can need.";
    UnsupportedMediaType "unsupported_media_type" 415 "The server does not take this kind of content.";
    ValidationFailed "validation_failed" 422 "Please check what you entered.";
    FileEmpty "file_empty" 422 "A file has nothing in it.";
    FileNameTooLong "file_name_too_long" 422 "A file has a name that is too long.";
    ImageTooLarge "image_too_large" 422 "A picture has more pixels than can be shown.";
    UnknownReply "unknown_reply" 422 "The message that you answer is not in this chat.";
    UnknownMember "unknown_member" 422 "One of the people you chose has no account here.";
    TooManyRequests "too_many_requests" 429 "That was too often. Please wait a moment.";
    Internal "internal" 500 "Something went wrong on our side. It has been logged.";
    Busy "busy" 503 "The server is busy. Please try again in a moment.";
    Unavailable "unavailable" 503 "The server cannot reach its data at the moment. Please try again.";
    Offline "offline" 503 "The server cannot be reached. Check your connection.";
    QuotaExceeded "quota_exceeded" 507 "Your files take up all the room that you have here. Delete some messages with files first.";
    StorageFull "storage_full" 507 "The server has no room left to store this.";
}

impl ErrorCode {
    /// Whether the same request may succeed later without a change.
    pub fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::RequestTimeout
                | Self::TooManyRequests
                | Self::Internal
                | Self::Busy
                | Self::Unavailable
                | Self::Offline
                | Self::StorageFull
        )
    }
}

macro_rules! field_errors {
    ($($variant:ident $name:literal $sentence:literal;)*) => {
        /// What can be wrong with one field of a form.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum FieldError {
            $(#[doc = $sentence] $variant,)*
        }

        impl FieldError {
            /// Every field error, in the order of the table.
            pub const ALL: &[FieldError] = &[$(FieldError::$variant),*];

            /// The field error as it stands on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(FieldError::$variant => $name),* }
            }

            /// The sentence that people read beside the field.
            pub fn sentence(self) -> &'static str {
                match self { $(FieldError::$variant => $sentence),* }
            }
        }
    };
}

field_errors! {
    Required "required" "This must not be empty.";
    TooShort "too_short" "This is too short.";
    TooLong "too_long" "This is too long.";
    Malformed "malformed" "This does not look right.";
    ForbiddenCharacters "forbidden_characters" "This has characters that are not allowed.";
    PasswordTooCommon "password_too_common" "This password is too easy to guess.";
    PasswordContainsAccount "password_contains_account" "The password must not contain your name, your e-mail or “samvad”.";
    WrongPassword "wrong_password" "This is not your current password.";
    TooMany "too_many" "These are too many at once.";
    NotAPicture "not_a_picture" "This is no picture that can be shown. Choose a PNG, JPEG, GIF, WebP or BMP file.";
}

impl AppError {
    /// An error with nothing but its code.
    pub fn new(code: ErrorCode) -> Self {
        Self {
            code,
            fields: BTreeMap::new(),
            request_id: None,
            retry_after: matches!(code, ErrorCode::Busy | ErrorCode::Unavailable).then_some(2),
            cause: None,
        }
    }

    /// One field of a form is wrong.
    pub fn field(name: &'static str, error: FieldError) -> Self {
        let mut this = Self::new(ErrorCode::ValidationFailed);
        this.fields.insert(Cow::Borrowed(name), error);
        this
    }

    /// Nothing is known under that id, or the caller may not know of it.
    pub fn not_found() -> Self {
        Self::new(ErrorCode::NotFound)
    }

    /// The caller is known but may not do this.
    pub fn forbidden() -> Self {
        Self::new(ErrorCode::Forbidden)
    }

    /// Nobody is signed in.
    pub fn unauthenticated() -> Self {
        Self::new(ErrorCode::Unauthenticated)
    }

    /// A fault of ours; people see a request id and nothing else.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorCode::Internal).because(cause)
    }

    /// Something that the server depends on cannot be reached at the moment.
    pub fn unavailable(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(ErrorCode::Unavailable).because(cause)
    }

    /// Attaches what lies behind the error.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(Arc::from(cause.into()));
        self
    }

    /// Says after how many seconds another try makes sense.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// What is wrong with the named field, if anything.
    pub fn field_error(&self, name: &str) -> Option<FieldError> {
        self.fields.get(name).copied()
    }

    /// The error and all its causes on one line, for the log.
    pub fn chain(&self) -> String {
        let mut line = self.to_string();
        let mut cause: Option<&(dyn StdError + 'static)> = self.cause.as_deref().map(|cause| cause as _);
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }
}

impl From<ErrorCode> for AppError {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code.as_str())?;
        for (name, error) in &self.fields {
            write!(out, " {name}={}", error.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for AppError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.chain())
    }
}

impl StdError for AppError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}

impl PartialEq for AppError {
    /// Two errors are equal if people would see the same; the cause does not count.
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code && self.fields == other.fields && self.request_id == other.request_id
    }
}

/// The body of every error answer.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Envelope<'a> {
    error: Body<'a>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
struct Body<'a> {
    code: ErrorCode,
    /// For people who read logs.
    #[serde(default)]
    message: Cow<'a, str>,
    /// What is wrong with which field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<Cow<'static, str>, FieldError>,
    /// Under which the server has logged the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// After how many seconds another try makes sense.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
}

impl Serialize for AppError {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        Envelope {
            error: Body {
                code: self.code,
                message: Cow::Borrowed(self.code.sentence()),
                fields: self.fields.clone(),
                request_id: self.request_id.clone(),
                retry_after: self.retry_after,
            },
        }
        .serialize(out)
    }
}

impl JsonSchema for AppError {
    fn schema_name() -> Cow<'static, str> {
        "Error".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Envelope::json_schema(generator)
    }
}

impl<'de> Deserialize<'de> for AppError {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let Body { code, fields, request_id, retry_after, .. } = Envelope::deserialize(input)?.error;
        Ok(Self { code, fields, request_id, retry_after, cause: None })
    }
}

/// Faults that happen around a server function rather than in it.
impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(fault: ServerFnErrorErr) -> Self {
        let code = match &fault {
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => ErrorCode::MalformedForm,
            ServerFnErrorErr::UnsupportedRequestMethod(_) => ErrorCode::MethodNotAllowed,
            ServerFnErrorErr::Request(_) => ErrorCode::Offline,
            ServerFnErrorErr::Deserialization(_) if cfg!(feature = "ssr") => ErrorCode::MalformedForm,
            // In the browser: an answer that is none of ours, as a proxy in front gives when we are away.
            ServerFnErrorErr::Deserialization(_) | ServerFnErrorErr::Response(_)
                if !cfg!(feature = "ssr") =>
            {
                ErrorCode::Offline
            }
            _ => ErrorCode::Internal,
        };
        Self::new(code).because(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_name_a_status_and_a_sentence_of_its_own() {
        let mut names = std::collections::BTreeSet::new();
        for code in ErrorCode::ALL {
            assert!(names.insert(code.as_str()), "{} stands twice", code.as_str());
            assert!((400..=599).contains(&code.status()));
            assert!(code.sentence().ends_with('.'));
            assert_eq!(serde_json::to_value(code).ok(), Some(code.as_str().into()));
        }
        for error in FieldError::ALL {
            assert_eq!(serde_json::to_value(error).ok(), Some(error.as_str().into()));
        }
    }

    #[test]
    fn the_cause_is_logged_and_never_sent() {
        let error = AppError::internal("disk 7 is on fire");
        assert_eq!(error.chain(), "internal: disk 7 is on fire");
        let sent = serde_json::to_string(&error).unwrap_or_default();
        assert!(!sent.contains("fire"), "{sent}");
        assert_eq!(serde_json::from_str::<AppError>(&sent).ok(), Some(error));
    }
}
