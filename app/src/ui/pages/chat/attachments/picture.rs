//! A picture of a message. Its place is there before it is, in its colours.

use leptos::{ev::MouseEvent, html::Img, prelude::*};

use super::{Reach, file::download, gallery::Viewing, uploading::uploading};
use crate::{
    domain::ClientId,
    ui::files::{
        picture::{regions, shown_size},
        shown::ShownFile,
        words::{preview_path, thumb_path},
    },
};

/// Width and height of a picture beside others, before the style sheet has its say.
const BESIDE_OTHERS: (u32, u32) = (176, 176);

/// A picture that leads to its preview.
#[component]
pub(super) fn Picture(
    /// The picture.
    file: Memo<ShownFile>,
    /// All files of its message.
    files: Memo<Vec<ShownFile>>,
    /// Whether it is the only one of its message.
    alone: bool,
    /// How the Tab key reaches what is in the message.
    reach: Reach,
    /// The message, if it is one's own.
    own: Option<ClientId>,
) -> impl IntoView {
    let image: NodeRef<Img> = NodeRef::new();
    let see = move || {
        if let Some(image) = image.get_untracked().filter(|image| image.natural_width() > 0) {
            // Without it the colours of its place shine through.
            let _ = image.set_attribute("data-loaded", "true");
        }
    };
    // A picture of the page that the server rendered may be there before anybody listens.
    Effect::new(move |_| {
        image.track();
        see();
    });
    let unseen_here = RwSignal::new(false);
    let source = Memo::new(move |_| {
        file.with(|file| if unseen_here.get() { file.path(thumb_path) } else { file.source() })
    });
    let href = Memo::new(move |_| file.with(|file| file.path(preview_path)));
    let (size, alt) = file.with_untracked(|file| {
        let (width, height) = file.shape();
        (if alone { shown_size(width, height) } else { BESIDE_OTHERS }, file.described().to_owned())
    });
    let viewing = use_context::<Viewing>();
    let open = move |event: MouseEvent| {
        let stored = file.with_untracked(|file| file.stored.as_ref().map(|stored| stored.id));
        if let Some((viewing, id)) = viewing.zip(stored) {
            viewing.open(&event, id);
        }
    };
    view! {
        <div class="picture">
            <a class="picture__link" href=href rel="external" tabindex=reach on:click=open>
                {place(&file.get_untracked(), size)}
                <img
                    class="picture__image"
                    node_ref=image
                    src=source
                    width=size.0.to_string()
                    height=size.1.to_string()
                    alt=alt
                    loading="lazy"
                    decoding="async"
                    on:load=move |_| see()
                    on:error=move |_| unseen_here.set(true)
                />
            </a>
            {uploading(file, files, own, move |file| {
                download(file, "picture__download", reach)
            })}
        </div>
    }
    .into_any()
}

/// What stands in the place of a picture, and keeps it: a drawing of its size and in its colours.
fn place(file: &ShownFile, (width, height): (u32, u32)) -> AnyView {
    let picture = file.stored.as_ref().and_then(|stored| stored.picture.as_ref());
    let region = |(column, row, colour): (usize, usize, String)| {
        view! {
            <rect x=column.to_string() y=row.to_string() width="1" height="1" fill=colour></rect>
        }
        .into_any()
    };
    let colours: Vec<AnyView> =
        picture.map(|picture| regions(&picture.placeholder).map(region).collect()).unwrap_or_default();
    view! {
        <svg
            class="picture__place"
            width=width.to_string()
            height=height.to_string()
            viewBox=format!("0 0 {width} {height}")
            aria-hidden="true"
            focusable="false"
        >
            <svg width="100%" height="100%" viewBox="0 0 4 3" preserveAspectRatio="none">
                {colours}
            </svg>
        </svg>
    }
    .into_any()
}
