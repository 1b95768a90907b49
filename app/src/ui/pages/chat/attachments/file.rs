//! A file of a message that is no picture: its name, what it is, and the way to get it. Of a film, of sound
//! and of text there is something to see.

use leptos::prelude::*;

use super::{Reach, uploading::uploading};
use crate::{
    domain::{AttachmentKind, ClientId},
    protocol::AttachmentView,
    ui::{
        components::icon::{Glyph, Icon},
        files::{
            shown::ShownFile,
            words::{self, file_path, split_name},
        },
    },
};

/// A file as a card.
#[component]
pub(super) fn FileCard(
    /// The file.
    file: Memo<ShownFile>,
    /// All files of its message.
    files: Memo<Vec<ShownFile>>,
    /// How the Tab key reaches what is in the message.
    reach: Reach,
    /// The message, if it is one's own.
    own: Option<ClientId>,
) -> impl IntoView {
    move || {
        let shown = file.get();
        let kind = shown.kind();
        view! {
            <div class="file">
                <div class="file__line">
                    <span class="file__icon"><Icon glyph=glyph(kind)/></span>
                    <span class="file__words">
                        <FileName name=shown.name().to_owned()/>
                        {uploading(file, files, own, |file| {
                            let kind = words::kind(file.kind(), file.name());
                            let note = format!("{kind} · {}", words::size(file.size()));
                            view! { <span class="file__note">{note}</span> }.into_any()
                        })}
                    </span>
                    {download(&shown, "icon-button", reach)}
                </div>
                {match &shown.stored {
                    // What will be a film has its place.
                    None if kind == AttachmentKind::Video => {
                        Some(view! { <div class="file__film"></div> }.into_any())
                    }
                    stored => stored.as_ref().and_then(|stored| content(kind, stored, reach)),
                }}
            </div>
        }
        .into_any()
    }
}

/// The way to get a file, once it is stored.
pub(super) fn download(file: &ShownFile, class: &'static str, reach: Reach) -> AnyView {
    let link = file.path(file_path).map(|href| {
        view! {
            <a
                class=class
                href=href
                download=""
                tabindex=reach
                aria-label=format!("Download {}", file.name())
                title="Download"
            >
                <Icon glyph=Glyph::Download/>
            </a>
        }
    });
    link.into_any()
}

/// A name of which the end stays where there is no room for all of it: that says what the file is.
#[component]
pub(super) fn FileName(
    /// The name.
    name: String,
) -> impl IntoView {
    let (stem, end) = split_name(&name);
    let (stem, end) = (stem.to_owned(), end.to_owned());
    view! {
        <span class="file-name" dir="auto" title=name>
            <span class="file-name__stem">{stem}</span>
            <span>{end}</span>
        </span>
    }
    .into_any()
}

/// What there is to see of a file.
fn content(kind: AttachmentKind, file: &AttachmentView, reach: Reach) -> Option<AnyView> {
    let (path, name) = (file_path(file), file.name.clone());
    Some(match kind {
        AttachmentKind::Video => view! {
            <video
                class="file__film"
                src=path
                controls
                playsinline
                preload="metadata"
                tabindex=reach
                aria-label=name
            ></video>
        }
        .into_any(),
        AttachmentKind::Audio => view! {
            <audio class="file__sound" src=path controls preload="metadata" tabindex=reach aria-label=name></audio>
        }
        .into_any(),
        AttachmentKind::Text => {
            let excerpt = file.excerpt.as_ref()?;
            let text = if excerpt.is_cut { format!("{}\n…", excerpt.text) } else { excerpt.text.clone() };
            view! { <pre class="file__excerpt" dir="auto">{text}</pre> }.into_any()
        }
        AttachmentKind::Image | AttachmentKind::File => return None,
    })
}

/// The drawing of a kind.
pub(super) fn glyph(kind: AttachmentKind) -> Glyph {
    match kind {
        AttachmentKind::Image => Glyph::Picture,
        AttachmentKind::Video => Glyph::Film,
        AttachmentKind::Audio => Glyph::Sound,
        AttachmentKind::Text | AttachmentKind::File => Glyph::File,
    }
}
