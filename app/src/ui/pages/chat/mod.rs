//! `/c/<chat>`: a conversation.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | `header` | what the chat is called, who is there, the way to its details |
//! | `history` | the list of messages: loading, scrolling, keys |
//! | `message` | one message, sent or not |
//! | `deletion` | deleting a message: the button beside it, and the question before |
//! | `delivery` | how a message stands that is not stored yet |
//! | `attachments` | files: in a message, chosen for one, and pictures over the page |
//! | `composer` | writing |
//! | `scroll` | where the reader is in the list, kept when it changes |
//! | `announcer` | what a screen reader says about what arrives |

mod announcer;
mod attachments;
mod composer;
mod deletion;
mod delivery;
mod header;
mod history;
mod message;
mod scroll;

use leptos::{either::EitherOf3, ev::DragEvent, prelude::*};
use leptos_router::hooks::{use_params_map, use_query_map};

use self::{
    announcer::Announcer,
    attachments::{Dragging, DropTarget, Gallery, Viewing},
    composer::Composer,
    deletion::{DeleteQuestion, Deletion},
    header::ChatHeader,
    history::History,
};
use super::not_found::NotFoundPage;
use crate::{
    domain::ChatId,
    ui::{
        components::{error_view::ErrorView, page::PageTitle},
        page_data::Page,
        state::{
            local,
            naming::chat_title,
            timeline::{Phase, Timeline},
            use_store,
        },
    },
};

/// The chat of the address.
#[component]
pub fn ChatPage() -> impl IntoView {
    let store = use_store();
    let params = use_params_map();
    let chat_id = Memo::new(move |_| params.with(|params| params.get("chat")?.parse::<ChatId>().ok()));
    let failed = store.take_initial(|page| match page {
        Page::Failed { error } => Some(Some(error.clone())),
        Page::Chat { .. } => Some(None),
        _ => None,
    });
    if let (Some(Some(error)), Some(id)) = (failed, chat_id.get_untracked()) {
        store.timeline.set(Some(Timeline::failed(id, error)));
    }
    // A new chat is a new page: nothing of the old one is left to mix with it.
    move || match chat_id.get() {
        Some(chat_id) => view! { <Conversation chat_id/> }.into_any(),
        None => view! { <NotFoundPage/> }.into_any(),
    }
}

/// What a conversation shows in the place of its messages.
#[derive(Clone, PartialEq)]
enum Stage {
    /// Its messages, or that they are on their way.
    Messages,
    /// Why there are none.
    Failed(crate::error::AppError),
    /// One is not in it any more.
    Gone,
}

/// One chat.
#[component]
fn Conversation(
    /// Which chat.
    chat_id: ChatId,
) -> impl IntoView {
    let store = use_store();
    let me = store.me();
    let chat = store.shared_chat(chat_id);
    let title = Memo::new(move |_| {
        chat.with(|chat| chat.as_deref().map_or_else(|| "Chat".into(), |chat| chat_title(chat, me)))
    });
    let query = use_query_map();
    let at_end = Memo::new(move |_| query.with(|query| query.get("before").is_none()));
    Effect::new(move |_| store.open(chat_id, at_end.get()));

    let phase = Memo::new(move |_| {
        store.timeline.with(|open| {
            let open = open.as_ref().filter(|open| open.chat_id() == chat_id);
            open.map_or(Phase::Loading, |open| open.phase().clone())
        })
    });
    let known = Memo::new(move |_| chat.with(Option::is_some));
    let stage = Memo::new(move |_| match (phase.get(), known.get()) {
        (Phase::Failed(error), _) => Stage::Failed(error),
        (Phase::Ready, false) => Stage::Gone,
        _ => Stage::Messages,
    });
    // Each time something is sent from here, the list goes to its end.
    let sent = RwSignal::new(0_u32);
    let viewing = Viewing::new();
    provide_context(viewing);
    let deletion = Deletion::new();
    provide_context(deletion);
    let dragging = Dragging::new();
    let takes_files =
        move || store.upload_limits().files > 0 && stage.with_untracked(|stage| *stage == Stage::Messages);
    let hover = move |event: &DragEvent| {
        if takes_files() {
            dragging.hover(event);
        }
    };
    let retry = Callback::new(move |()| store.load(chat_id));

    view! {
        <PageTitle text=title/>
        <main
            class="chat"
            id="content"
            tabindex="-1"
            on:dragover=move |event| hover(&event)
            on:dragleave=move |event| dragging.leave(&event)
            on:drop=move |event| {
                dragging.take(&event, |event| {
                    if takes_files() {
                        store.choose(chat_id, local::dropped(event));
                        composer::focus();
                    }
                });
            }
        >
            <ChatHeader chat_id title/>
            {move || match stage.get() {
                Stage::Messages => EitherOf3::A(view! {
                    <History chat_id sent/>
                    <Composer chat_id sent/>
                }),
                Stage::Failed(error) => EitherOf3::B(view! { <ErrorView error retry=retry/> }),
                Stage::Gone => EitherOf3::C(view! {
                    <div class="empty" role="status">
                        <p class="empty__title">"You are not in this chat any more"</p>
                        <div class="empty__actions"><a class="button quiet" href="/">"Go to your chats"</a></div>
                    </div>
                }),
            }}
            <Gallery viewing/>
            <DeleteQuestion chat_id deletion/>
            <DropTarget dragging/>
            <Announcer chat_id/>
        </main>
    }
    .into_any()
}
