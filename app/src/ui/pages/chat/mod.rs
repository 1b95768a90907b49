//! `/c/<chat>` and `/c/<chat>/<seq>`: a conversation, from its end or around a message.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | `header` | what the chat is called, who is there, the way to its details |
//! | `happened` | what stands between messages: days, and what happened to the chat |
//! | `day_jump` | going to a day |
//! | `history` | the list of messages: loading, scrolling, keys |
//! | `message` | one message, sent or not |
//! | `acting` | the bar and the button beside a message |
//! | `panel` | what opens beside a message: its menu, and the emoji to choose from |
//! | `emoji` | those that every page brings along |
//! | `emoji_picker` | all of them to choose from, for a message and for the box |
//! | `deeds` | what can be done with a message, and doing it |
//! | `deletion` | the question before a message is deleted |
//! | `reactions` | what people have put under a message |
//! | `quote` | what stands above an answer |
//! | `edits` | the texts that a message had before |
//! | `pins` | the pinned messages |
//! | `jump` | going to one message |
//! | `delivery` | how a message stands that is not stored yet |
//! | `attachments` | files: in a message, chosen for one, and pictures over the page |
//! | `left_off` | the line before what is unread |
//! | `receipts` | how far others have read |
//! | `typing` | who is writing |
//! | `blocked` | what stands in its place where one has blocked the other |
//! | `composer` | the box that one writes in |
//! | `completing` | what is offered while a name or an emoji is typed: pure |
//! | `completion` | the list of that above the box, and its keys |
//! | `writing` | what is being written: a message, an answer, another text |
//! | `scroll` | where the reader is in the list, kept when it changes |
//! | `announcer` | what a screen reader says about what arrives |

mod acting;
mod announcer;
mod attachments;
mod blocked;
mod completing;
mod completion;
mod composer;
mod day_jump;
mod deeds;
mod deletion;
mod delivery;
mod edits;
mod emoji;
mod emoji_picker;
mod happened;
mod header;
mod history;
mod jump;
mod left_off;
mod message;
mod panel;
mod pins;
mod quote;
mod reactions;
mod receipts;
mod scroll;
mod typing;
mod writing;

use leptos::{
    either::{Either, EitherOf3},
    ev::DragEvent,
    prelude::*,
};
use leptos_router::hooks::{use_params_map, use_query_map};

use self::{
    acting::Acting,
    announcer::Announcer,
    attachments::{Dragging, DropTarget, Gallery, Viewing},
    blocked::BlockedNote,
    composer::Composer,
    deeds::Deeds,
    deletion::{DeleteQuestion, Deletion},
    edits::{Edits, EditsDialog},
    header::ChatHeader,
    history::History,
    jump::Jump,
    panel::MessagePanel,
    receipts::{Readers, ReadersDialog},
    typing::TypingLine,
    writing::Writing,
};
use super::not_found::NotFoundPage;
use crate::{
    domain::{ChatId, Seq},
    ui::{
        components::{error_view::ErrorView, page::PageTitle},
        page_data::Page,
        state::{
            local,
            naming::{chat_title, partner},
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
    let params = use_params_map();
    let asked_for = Memo::new(move |_| params.with(|params| params.get("seq")?.parse::<u64>().ok().map(Seq)));
    let at_end =
        Memo::new(move |_| asked_for.get().is_none() && query.with(|query| query.get("before").is_none()));
    let jump = Jump::new(asked_for.get_untracked());
    provide_context(jump);
    // Before anything is drawn: the line stands where one left off from the beginning.
    let looks = StoredValue::new(store.look_into(chat_id));
    let known = Memo::new(move |_| chat.with(Option::is_some));
    Effect::new(move |_| {
        if known.get() && !looks.get_value() {
            looks.set_value(store.look_into(chat_id));
        }
    });
    on_cleanup(move || store.look_away(chat_id));
    Effect::new(move |_| match asked_for.get() {
        Some(seq) => jump.open_at(chat_id, seq),
        None => {
            jump.stay();
            store.open(chat_id, at_end.get() && !store.shows_left_off(chat_id), None);
        }
    });

    let phase = Memo::new(move |_| {
        store.timeline.with(|open| {
            let open = open.as_ref().filter(|open| open.chat_id() == chat_id);
            open.map_or(Phase::Loading, |open| open.phase().clone())
        })
    });
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
    let writing = Writing::new();
    let readers = Readers::new(chat_id);
    provide_context(readers);
    let (acting, deeds, edits) = (Acting::new(), Deeds::new(writing, deletion), Edits::new());
    provide_context(acting);
    provide_context(deeds);
    provide_context(edits);
    let dragging = Dragging::new();
    let other = Memo::new(move |_| chat.with(|chat| Some(partner(chat.as_deref()?, me)?.user.id)));
    let blocked = Memo::new(move |_| other.get().filter(|other| store.is_blocked(*other).get()));
    let takes_files = move || {
        let is_taken = store.upload_limits().files > 0 && blocked.get_untracked().is_none();
        is_taken && stage.with_untracked(|stage| *stage == Stage::Messages)
    };
    let hover = move |event: &DragEvent| {
        if takes_files() {
            dragging.hover(event);
        }
    };
    let retry = Callback::new(move |()| jump.load_again(chat_id, asked_for.get_untracked()));

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
                    <History chat_id sent goes_on=at_end.get_untracked()/>
                    <TypingLine chat_id/>
                    {move || match blocked.get() {
                        Some(user) => Either::Left(view! { <BlockedNote chat_id user name=title/> }),
                        None => Either::Right(view! { <Composer chat_id sent writing/> }),
                    }}
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
            <MessagePanel chat_id acting deeds/>
            <EditsDialog edits/>
            <ReadersDialog readers/>
            <DeleteQuestion chat_id deletion/>
            <DropTarget dragging/>
            <Announcer chat_id/>
        </main>
    }
    .into_any()
}
