//! The files that were chosen for the next message, above where one writes.

use leptos::prelude::*;

use super::{file::FileName, file::glyph};
use crate::{
    domain::{ChatId, limits},
    ui::{
        components::{
            form::is_enter,
            icon::{Glyph, Icon},
        },
        files::{
            chosen::{FileKey, Unfit},
            words,
        },
        state::{Store, local, use_store},
    },
};

/// The chosen files. What cannot be sent says so, and stands in nobody's way.
#[component]
pub(in crate::ui::pages::chat) fn Tray(
    /// Of which chat.
    chat_id: ChatId,
) -> impl IntoView {
    let store = use_store();
    let keys = Memo::new(move |_| store.chosen(chat_id).iter().map(|(file, _)| file.key).collect::<Vec<_>>());
    let told = move || told(store.chosen(chat_id).iter().map(|(_, unfit)| *unfit));
    view! {
        <ul class="tray" role="list" aria-label="Files to send">
            <For
                each=move || keys.get()
                key=|key| *key
                children=move |key| view! { <TrayFile store chat_id chosen_key=key/> }
            />
        </ul>
        <p class="visually-hidden" role="status">{told}</p>
    }
    .into_any()
}

/// One chosen file.
#[component]
fn TrayFile(store: Store, chat_id: ChatId, chosen_key: FileKey) -> impl IntoView {
    let key = chosen_key;
    let found = move || store.chosen(chat_id).into_iter().find(|(file, _)| file.key == key);
    // But for why it cannot be sent, what is shown never changes.
    let Some((file, _)) = untrack(found) else { return ().into_any() };
    let unfit = Memo::new(move |_| found().and_then(|(_, unfit)| unfit));
    let size = words::size(file.size);
    let note = move || match unfit.get() {
        Some(unfit) => {
            view! { <span class="tray__note" data-unfit="true">{unfit.sentence()}</span> }.into_any()
        }
        None => view! { <span class="tray__note">{size.clone()}</span> }.into_any(),
    };
    let name = file.name.as_str();
    let alt = file.is_picture().then(|| {
        view! {
            <input
                class="input tray__alt"
                type="text"
                dir="auto"
                maxlength=limits::ALT_TEXT_CHARS.to_string()
                value=file.alt.clone()
                placeholder="Describe it for those who cannot see it"
                aria-label=format!("Description of {name}")
                on:keydown=move |event| {
                    // Said of the picture; sending is for where one writes.
                    if is_enter(&event) {
                        event.prevent_default();
                        super::super::composer::focus();
                    }
                }
                on:input:target=move |event| {
                    let text = event.target().value();
                    store.change_chosen(key, |file| file.alt = text);
                }
            />
        }
    });
    let image = file.url.clone().map(|url| {
        view! {
            <img
                src=url
                alt=""
                width="48"
                height="48"
                on:load=move |event| {
                    let shape = local::shape_of(&event);
                    store.change_chosen(key, |file| file.shape = shape);
                }
            />
        }
    });
    view! {
        <li class="tray__file">
            <span class="tray__thumb"><Icon glyph=glyph(file.kind())/>{image}</span>
            <span class="tray__words">
                <FileName name=name.to_owned()/>
                {note}
            </span>
            <button
                type="button"
                class="icon-button"
                aria-label=format!("Remove {name}")
                title="Remove"
                on:click=move |_| {
                    store.put_away(key);
                    super::super::composer::focus();
                }
            >
                <Icon glyph=Glyph::Close/>
            </button>
            {alt}
        </li>
    }
    .into_any()
}

/// What is read aloud when files are chosen or taken away.
fn told(files: impl Iterator<Item = Option<Unfit>>) -> String {
    let (mut fit, mut others) = (0, 0);
    files.for_each(|unfit| if unfit.is_none() { fit += 1 } else { others += 1 });
    let count = |count: usize| if count == 1 { "1 file".into() } else { format!("{count} files") };
    match (fit, others) {
        (0, 0) => String::new(),
        (_, 0) => format!("{} to send", count(fit)),
        _ => format!("{} to send, {} cannot be sent", count(fit), count(others)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_is_said_in_numbers() {
        let many = Some(Unfit::TooMany(1));
        assert_eq!(told([].into_iter()), "");
        assert_eq!(told([None].into_iter()), "1 file to send");
        assert_eq!(told([None, None, many].into_iter()), "2 files to send, 1 file cannot be sent");
    }
}
