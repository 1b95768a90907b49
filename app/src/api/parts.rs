//! Reads the parts of a multipart form one by one, as they come, and none of them further than it is ready for.

use std::{future::Future, pin::pin, time::Duration};

use bytes::Bytes;
use leptos::server_fn::codec::MultipartData;

use super::intake::Intake;
use crate::{
    error::{AppError, AppResult, ErrorCode},
    service::Arriving,
};

/// A part.
pub(super) type Part = multer::Field<'static>;

/// Bytes between one part's content and the next one's: a boundary and a few short headers.
const HEAD_BYTES: u64 = 16 * 1024;
/// How often it is said that a file is still being looked into and kept: well within what a call may take.
const STEP_EVERY: Duration = Duration::from_secs(5);

/// The parts of one form.
pub(super) struct Parts {
    form: multer::Multipart<'static>,
    intake: Intake,
    read: usize,
    most: usize,
}

/// How a file begins.
pub(super) enum Beginning {
    /// It is none: a form without JavaScript sends an empty, unnamed file for an input that was left alone.
    Nothing,
    /// With these bytes, if some had to be read to know it.
    File(Option<Bytes>),
}

impl Parts {
    /// The parts of this form, of which there may be so many.
    pub(super) fn new(form: MultipartData, intake: Intake, most: usize) -> AppResult<Self> {
        let form = form.into_inner().ok_or_else(|| AppError::internal("multipart data of a browser"))?;
        Ok(Self { form, intake, read: 0, most })
    }

    /// What is known of the body that they are in.
    pub(super) fn intake(&self) -> &Intake {
        &self.intake
    }

    /// The next part, if there is one. Fails with `too_many_parts`, and with what is wrong with the body.
    pub(super) async fn next(&mut self) -> AppResult<Option<Part>> {
        self.intake.allow(HEAD_BYTES, ErrorCode::MalformedMultipart);
        let next = self.form.next_field().await.map_err(|error| broken(error, &self.intake, self.read))?;
        self.read += usize::from(next.is_some());
        if self.read > self.most {
            return Err(ErrorCode::TooManyParts.into());
        }
        Ok(next)
    }

    /// The text of a part. Fails with `payload_too_large` beyond so many bytes, and with `malformed_form`.
    pub(super) async fn text(&self, part: &mut Part, max_bytes: usize) -> AppResult<String> {
        self.intake.allow(max_bytes as u64 + HEAD_BYTES, ErrorCode::PayloadTooLarge);
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk(part).await? {
            if bytes.len() + chunk.len() > max_bytes {
                return Err(ErrorCode::PayloadTooLarge.into());
            }
            bytes.extend_from_slice(&chunk);
        }
        String::from_utf8(bytes).map_err(|error| malformed().because(error))
    }

    /// How a file of this name begins.
    pub(super) async fn begin(&self, part: &mut Part, name: &str) -> AppResult<Beginning> {
        if !name.is_empty() {
            return Ok(Beginning::File(None));
        }
        self.intake.allow(HEAD_BYTES, ErrorCode::MalformedMultipart);
        while let Some(chunk) = self.chunk(part).await? {
            if !chunk.is_empty() {
                return Ok(Beginning::File(Some(chunk)));
            }
        }
        Ok(Beginning::Nothing)
    }

    /// Reads a file that begins with `first` to its end. It may have so many bytes, and knows itself to the byte when it
    /// is too long.
    pub(super) async fn receive(
        &self,
        part: &mut Part,
        first: Option<Bytes>,
        file: &mut Arriving,
        most: u64,
    ) -> AppResult<()> {
        self.intake.allow(most.saturating_add(HEAD_BYTES), ErrorCode::FileTooLarge);
        if let Some(chunk) = first {
            file.write(chunk).await?;
        }
        while let Some(chunk) = self.chunk(part).await? {
            file.write(chunk).await?;
        }
        Ok(())
    }

    /// Waits for what is done with a file. Whatever is waited for there has a limit of its own; the request gets on
    /// meanwhile.
    pub(super) async fn patiently<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            match tokio::time::timeout(STEP_EVERY, work.as_mut()).await {
                Ok(done) => return done,
                Err(_not_yet) => self.intake.step(),
            }
        }
    }

    /// The next bytes of a part; `None` at its end.
    async fn chunk(&self, part: &mut Part) -> AppResult<Option<Bytes>> {
        part.chunk().await.map_err(|error| broken(error, &self.intake, self.read))
    }
}

/// The name of the file in a part. Browsers write a quotation mark so (HTML Living Standard, multipart/form-data
/// encoding). Fails with `unexpected_field` if it is no file.
pub(super) fn file_name(part: &Part) -> AppResult<String> {
    Ok(part.file_name().ok_or(ErrorCode::UnexpectedField)?.replace("%22", "\""))
}

/// A field is missing, stands twice or has the wrong shape.
pub(super) fn malformed() -> AppError {
    AppError::new(ErrorCode::MalformedForm)
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
