//! Files in a conversation.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | `picture` | a picture of a message, in its place before it is there |
//! | `file` | any other file of a message: a film, sound, text, or a card with its name |
//! | `gallery` | the pictures of a conversation over the page |
//! | `picker` | ways to choose files |
//! | `tray` | the files that were chosen for the next message |
//! | `uploading` | how far a file is that is on its way |

mod file;
mod gallery;
mod picker;
mod picture;
#[cfg(all(test, feature = "ssr"))]
mod tests;
mod tray;
mod uploading;

use leptos::prelude::*;

use self::{file::FileCard, picture::Picture};
pub(super) use self::{
    gallery::{Gallery, Viewing},
    picker::{Dragging, DropTarget, Pickers},
    tray::Tray,
};
use crate::{
    domain::{AttachmentKind, ClientId},
    ui::{
        files::{
            picture::layout,
            shown::{FileRef, ShownFile},
        },
        state::local,
    },
};

/// The `tabindex` of what is in a message: the whole list is one stop of the Tab key, with the arrow keys inside.
pub(super) type Reach = Memo<Option<&'static str>>;

/// The files of a message: its pictures side by side, and what else there is below them.
#[component]
pub(super) fn Attachments(
    /// The files.
    files: Memo<Vec<ShownFile>>,
    /// How the Tab key reaches what is in the message.
    reach: Reach,
    /// The message, if it is one's own: it may be on its way.
    own: Option<ClientId>,
) -> impl IntoView {
    // As long as they are the same files, their elements stay.
    let which = Memo::new(move |_| {
        let of = |file: &ShownFile| (file.which, file.kind() == AttachmentKind::Image);
        files.with(|files| files.iter().map(of).collect::<Vec<_>>())
    });
    move || {
        which.with(|which| {
            let count = which.iter().filter(|(_, is_picture)| *is_picture).count();
            let mut views = Vec::new();
            let mut pictures = Vec::new();
            for (which, is_picture) in which {
                let Some(file) = of(files, *which) else { continue };
                if *is_picture {
                    pictures.push(view! { <Picture file files alone={count == 1} reach own/> }.into_any());
                } else {
                    views.push(view! { <FileCard file files reach own/> }.into_any());
                }
            }
            if count > 0 {
                views.insert(
                    0,
                    view! { <div class="pictures" data-layout=layout(count)>{pictures}</div> }.into_any(),
                );
            }
            views
        })
    }
}

/// One file of a message as it is now. One that has just been taken out is shown as it was last.
fn of(files: Memo<Vec<ShownFile>>, which: FileRef) -> Option<Memo<ShownFile>> {
    let find = move |files: &Vec<ShownFile>| files.iter().find(|file| file.which == which).cloned();
    let first = files.with_untracked(find)?;
    // What is seen of this device's files is kept as long as it is seen.
    if let FileRef::Local(key) = which {
        local::hold(key);
        on_cleanup(move || local::let_go(key));
    }
    Some(Memo::new(move |before: Option<&ShownFile>| {
        files.with(find).unwrap_or_else(|| before.unwrap_or(&first).clone())
    }))
}
