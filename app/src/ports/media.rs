//! Looking into a file: what it is, and what is shown of it.

use async_trait::async_trait;

use super::Staged;
use crate::{
    domain::{AttachmentKind, FileName},
    error::AppResult,
    protocol::{ExcerptView, PictureView},
};

/// What was found in a file.
#[derive(Debug)]
pub struct Inspected {
    /// What it is shown as.
    pub kind: AttachmentKind,
    /// Its media type. Found out from the bytes; of a text, which bytes do not tell apart, from the name.
    pub media_type: String,
    /// Of an image: what is shown of it.
    pub picture: Option<InspectedPicture>,
    /// Of a text: its first lines.
    pub excerpt: Option<ExcerptView>,
}

/// A picture, made anew from its pixels: upright, and without a trace of anything else that the file held.
#[derive(Debug)]
pub struct InspectedPicture {
    /// What pages are told of it.
    pub view: PictureView,
    /// As large as a screen shows it.
    pub preview: Staged,
    /// As a conversation shows it.
    pub thumb: Staged,
}

/// Looks into files. How much of that goes on at once is bounded, in pixels; whoever comes then waits.
#[async_trait]
pub trait Media: Send + Sync {
    /// Looks into a staged file. What cannot be understood is a file like any other. Fails with
    /// `image_too_large` if it is an image of more than [`IMAGE_PIXELS`](crate::domain::limits::IMAGE_PIXELS),
    /// which is found out before anything is decoded, with `busy` if its turn did not come in time, and with
    /// `storage_full`.
    async fn inspect(&self, file: &Staged, name: &FileName) -> AppResult<Inspected>;

    /// Makes a square of [`AVATAR_SIDE`](crate::domain::limits::AVATAR_SIDE) of a staged picture: its middle, upright, as
    /// a JPEG without a trace of anything but pixels. What is transparent becomes white, as something may lie beneath.
    /// `None` if it is no picture, or none that can be understood. Fails as [`Self::inspect`].
    async fn square(&self, file: &Staged) -> AppResult<Option<Staged>>;
}
