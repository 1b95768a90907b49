//! How far a file of a message is that is on its way, and the way to take it out.

use leptos::prelude::*;

use crate::{
    domain::ClientId,
    ui::{
        components::icon::{Glyph, Icon},
        files::{
            progress::shares,
            shown::{FileRef, ShownFile},
        },
        state::use_store,
    },
};

/// How far the file is, and the way to take it out of its message; of one that is not on its way, `otherwise`.
pub(super) fn uploading(
    file: Memo<ShownFile>,
    files: Memo<Vec<ShownFile>>,
    own: Option<ClientId>,
    otherwise: impl Fn(&ShownFile) -> AnyView + Copy + Send + 'static,
) -> AnyView {
    let otherwise = move || file.with(otherwise);
    match (own, file.with_untracked(|file| file.which)) {
        (Some(client_id), FileRef::Local(key)) => {
            let stored = Memo::new(move |_| file.with(|file| file.stored.is_some()));
            (move || if stored.get() { otherwise() } else { progress(client_id, key, file, files) })
                .into_any()
        }
        // What came from the server is there.
        _ => otherwise(),
    }
}

fn progress(client_id: ClientId, key: u32, file: Memo<ShownFile>, files: Memo<Vec<ShownFile>>) -> AnyView {
    let store = use_store();
    let name = file.with_untracked(|file| file.name().to_owned());
    let share = move || {
        let upload =
            store.uploads.with(|uploads| uploads.iter().find(|upload| upload.0 == client_id).copied());
        let (_, gone, all) = upload?;
        files.with(|files| {
            let place = files.iter().position(|file| file.which == FileRef::Local(key))?;
            shares(gone, all, files.iter().map(ShownFile::size)).get(place).map(u8::to_string)
        })
    };
    let share = Memo::new(move |_| Some(share().unwrap_or_else(|| "0".into())));
    view! {
        <span class="upload">
            <progress class="upload__bar" max="100" value=share aria-label=format!("Sending {name}")></progress>
            <button
                type="button"
                class="upload__cancel"
                aria-label=format!("Do not send {name}")
                title="Do not send"
                on:click=move |_| {
                    store.take_file(client_id, key);
                    super::super::composer::focus();
                }
            >
                <Icon glyph=Glyph::Close/>
            </button>
        </span>
    }
    .into_any()
}
