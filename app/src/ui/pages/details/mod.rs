//! `/c/<chat>/details`: who is in a chat, and what may be done about it.

mod add;
mod farewell;
mod invites;
mod member_search;
mod members;
mod picture;
mod quiet;

use std::{sync::Arc, time::Duration};

use leptos::{
    either::{Either, EitherOf4},
    ev::SubmitEvent,
    prelude::*,
    task::spawn_local,
};
use leptos_router::hooks::{use_navigate, use_params_map};

use self::{
    add::AddPeople, farewell::Farewells, invites::Invites, members::Members, picture::GroupPicture,
    quiet::Quiet,
};
use crate::{
    api,
    domain::{ChatId, ChatKind, limits, policy},
    error::{AppError, ErrorCode},
    protocol::ChatView,
    ui::{
        components::{
            avatar::{Avatar, chat_hue, user_hue},
            blocking::profile_path,
            button::SubmitButton,
            empty::Skeleton,
            error_view::ErrorView,
            field::Field,
            form::{Entered, FormAlert, FormState},
            page::PageFrame,
            people::PeopleSearch,
            pinned::PinnedList,
            presence::LastSeen,
        },
        page_data::{GroupPart, Page},
        state::{
            Store, browser,
            naming::{chat_title, partner},
            use_store,
        },
        time_format,
    },
};

/// When it is asked again for members that are missing; the next time after twice that, and so on.
const AGAIN: Duration = Duration::from_secs(2);
/// At least this often.
const AGAIN_AT_LAST: Duration = Duration::from_secs(60);

/// A chat that the store keeps up to date; `None` once one is out of it.
type LiveChat = Memo<Option<Arc<ChatView>>>;

/// The page of a chat's details.
#[component]
pub fn DetailsPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("chat")?.parse::<ChatId>().ok()));
    move || match id.get() {
        Some(id) => Either::Left(view! { <DetailsOf id/> }),
        None => Either::Right(view! {
            <PageFrame title="Nothing here">
                <ErrorView error=AppError::not_found()/>
            </PageFrame>
        }),
    }
}

/// How far loading has come.
#[derive(Clone, Debug, PartialEq)]
enum Load {
    Loading,
    There,
    Failed(AppError),
}

/// The details of one chat.
#[component]
fn DetailsOf(id: ChatId) -> impl IntoView {
    let store = use_store();
    let chat = store.shared_chat(id);
    // A large group is shown in parts, which its list asks for.
    let whole = Memo::new(move |_| {
        chat.with(|chat| chat.as_ref().is_none_or(|chat| chat.is_whole() || is_large(chat)))
    });
    let first = store.take_initial(|page| match page {
        Page::Details { chat, query, found, group } if chat.id == id => {
            Some(Ok((query.clone(), found.clone(), Some(group.clone()))))
        }
        Page::Failed { error } => Some(Err(error.clone())),
        _ => None,
    });
    let (load, (query, found, group)) = match first {
        Some(Ok(searched)) => (Load::There, searched),
        Some(Err(error)) => (Load::Failed(error), Default::default()),
        None if chat.with_untracked(Option::is_some) && whole.get_untracked() => {
            (Load::There, Default::default())
        }
        None => (Load::Loading, Default::default()),
    };
    let load = RwSignal::new(load);
    let search = PeopleSearch::new(query, found);
    let group = StoredValue::new(group);
    let navigate = use_navigate();
    let away = Callback::new(move |()| navigate("/", Default::default()));
    let fetch = move || {
        load.set(Load::Loading);
        spawn_local(async move {
            let state = match browser::within(api::get_chat(id)).await {
                Ok(chat) => {
                    store.upsert_chat(chat);
                    Load::There
                }
                Err(error) => {
                    if error.code == ErrorCode::Unauthenticated {
                        store.fail(&error);
                    }
                    Load::Failed(error)
                }
            };
            load.try_set(state);
        });
    };
    Effect::new(move || {
        if load.get_untracked() == Load::Loading {
            fetch();
        }
    });

    // Whoever is added again while the page is open gets the chat with its first members only. They come in
    // quietly: something may be half typed into the page.
    let completing = RwSignal::new(false);
    let pause = StoredValue::new(AGAIN);
    Effect::new(move || {
        if whole.get() || load.get() != Load::There || completing.get() {
            return;
        }
        completing.set(true);
        spawn_local(async move {
            match browser::within(api::get_chat(id)).await {
                Ok(chat) => store.upsert_chat(chat),
                Err(error) if error.code.is_retryable() => {}
                Err(error) => return store.fail(&error),
            }
            // The answer may be older than what is known by now, as in a busy group: then it is asked again.
            let again = move || {
                completing.try_set(false);
            };
            let Some(wait) = pause.try_get_value() else { return };
            pause.set_value((wait * 2).min(AGAIN_AT_LAST));
            set_timeout(again, wait);
        });
    });

    // Changes of the chat must not make the page anew: something may be half typed into it.
    let kind = Memo::new(move |_| chat.with(|chat| chat.as_ref().map(|chat| chat.kind)));
    let title = Signal::derive(move || match kind.get() {
        Some(ChatKind::Group) => "Group details".to_owned(),
        Some(ChatKind::Direct) => "Chat details".to_owned(),
        None => "Details".to_owned(),
    });
    view! {
        <PageFrame title back=format!("/c/{id}") back_label="Back to the chat" always_back=true>
            {move || match (load.get(), kind.get()) {
                (Load::Loading, _) => EitherOf4::A(view! { <Skeleton label="Loading the details…"/> }),
                (Load::Failed(error), _) => {
                    EitherOf4::B(view! { <ErrorView error retry=Callback::new(move |()| fetch())/> })
                }
                (Load::There, None) => EitherOf4::B(view! { <ErrorView error=AppError::not_found()/> }),
                (Load::There, Some(ChatKind::Direct)) => EitherOf4::C(view! {
                    <DirectDetails store chat/>
                    <Quiet id/>
                    <PinnedMessages id/>
                }),
                (Load::There, Some(ChatKind::Group)) => EitherOf4::D(view! {
                    <GroupDetails store id chat search away group=group.get_value()/>
                    <Quiet id/>
                    <PinnedMessages id/>
                }),
            }}
        </PageFrame>
    }
}

/// The other person of a direct chat.
#[component]
fn DirectDetails(store: Store, chat: LiveChat) -> impl IntoView {
    // Not how far they have read: the way to their profile stays as it is, with the focus.
    let other = Memo::new(move |_| chat.with(|chat| Some(partner(chat.as_ref()?, store.me())?.user.clone())));
    let since = move || {
        let created_at = chat.with(|chat| chat.as_ref().map(|chat| chat.created_at));
        created_at.map(|time| time_format::full(time, store.utc_offset.get()))
    };
    move || {
        other.get().map(|user| {
            view! {
                <section class="card identity" aria-labelledby="person-name">
                    <Avatar name=user.display_name.clone() hue=user_hue(user.id) picture=user.avatar size="l"/>
                    <h2 class="identity__name" id="person-name" dir="auto">{user.display_name}</h2>
                    <LastSeen user=user.id/>
                    {(!user.about.is_empty())
                        .then(|| view! { <p class="identity__about" dir="auto">{user.about}</p> })}
                    <p class="identity__note">"In touch since " {since}</p>
                    <a class="button quiet" href=profile_path(user.id)>"Profile"</a>
                </section>
            }
        })
    }
}

/// The messages that are pinned in the chat.
#[component]
fn PinnedMessages(id: ChatId) -> impl IntoView {
    let store = use_store();
    Effect::new(move |_| store.open_pinned(id));
    view! {
        <section class="card" id="pinned" aria-labelledby="pinned-title">
            <h2 class="card__title" id="pinned-title">"Pinned messages"</h2>
            <PinnedList chat_id=id/>
        </section>
    }
    .into_any()
}

/// Everything about a group.
#[component]
fn GroupDetails(
    store: Store,
    id: ChatId,
    chat: LiveChat,
    search: PeopleSearch,
    away: Callback<()>,
    /// What came with the page.
    group: Option<GroupPart>,
) -> impl IntoView {
    let group = group.unwrap_or_default();
    let invites = StoredValue::new(group.invites.clone());
    let may_administer = Memo::new(move |_| {
        chat.with(|chat| chat.as_ref().is_some_and(|chat| policy::may_administer(chat.kind, chat.my_role)))
    });
    let name = Memo::new(move |_| {
        chat.with(|chat| chat.as_ref().map(|chat| chat_title(chat, store.me())).unwrap_or_default())
    });
    let picture = Memo::new(move |_| chat.with(|chat| chat.as_ref()?.avatar));
    let description = Memo::new(move |_| {
        chat.with(|chat| chat.as_ref().map(|chat| chat.description.clone()).unwrap_or_default())
    });
    let count = Memo::new(move |_| chat.with(|chat| chat.as_ref().map_or(0, |chat| chat.member_count)));
    view! {
        <section class="card identity" aria-labelledby="group-name">
            <Avatar name hue=chat_hue(id) picture group=true size="l"/>
            <h2 class="identity__name" id="group-name" dir="auto">{name}</h2>
            <Show when=move || description.with(|description| !description.is_empty())>
                <p class="identity__about" dir="auto">{description}</p>
            </Show>
            <p class="identity__note">{move || members_text(count.get())}</p>
        </section>
        <Show when=move || may_administer.get()>
            <Rename store id name/>
            <Describe store id description/>
            <GroupPicture store id name picture/>
            <AddPeople store id chat search/>
            <Invites store id first=invites.get_value()/>
        </Show>
        <Members store id chat group/>
        <Farewells store id chat may_administer away/>
    }
    .into_any()
}

/// Whether a group has so many members that they are shown in parts.
fn is_large(chat: &ChatView) -> bool {
    chat.member_count > limits::MEMBERS_AT_ONCE as u64
}

/// A number of members, in words.
pub(super) fn members_text(count: u64) -> String {
    if count == 1 { "1 member".to_owned() } else { format!("{count} members") }
}

/// Another name for the group.
#[component]
fn Rename(store: Store, id: ChatId, name: Memo<String>) -> impl IntoView {
    let form = FormState::new("rename_chat");
    let submit = move |event: SubmitEvent| {
        let entered = Entered::take(&event);
        form.submit(api::rename_chat(id, entered.text("name")), move |chat| {
            store.upsert_chat(chat);
            store.toasts.info("The group has a new name.");
        });
    };
    view! {
        <section class="card" aria-labelledby="rename-title">
            <h2 class="card__title" id="rename-title">"Name"</h2>
            <form class="form form--inline" method="post" action=form.action() novalidate on:submit=submit>
                <FormAlert form/>
                <input type="hidden" name="chat_id" value=id.to_string()/>
                <Field
                    form
                    name="name"
                    label="Group name"
                    value=name.get_untracked()
                    required=true
                    max_chars=limits::GROUP_NAME_CHARS
                />
                <SubmitButton form label="Rename" look="quiet"/>
            </form>
        </section>
    }
    .into_any()
}

/// What the group says about itself.
#[component]
fn Describe(store: Store, id: ChatId, description: Memo<String>) -> impl IntoView {
    let form = FormState::new("set_description");
    let submit = move |event: SubmitEvent| {
        let entered = Entered::take(&event);
        form.submit(api::set_description(id, entered.text("description")), move |chat| {
            store.upsert_chat(chat);
            store.toasts.info("The description is saved.");
        });
    };
    view! {
        <section class="card" aria-labelledby="description-title">
            <h2 class="card__title" id="description-title">"Description"</h2>
            <form class="form" method="post" action=form.action() novalidate on:submit=submit>
                <FormAlert form/>
                <input type="hidden" name="chat_id" value=id.to_string()/>
                <Field
                    form
                    name="description"
                    label="What this group is about"
                    value=description.get_untracked()
                    hint="All members see it."
                    max_chars=limits::DESCRIPTION_CHARS
                    multiline=true
                />
                <SubmitButton form label="Save description" look="quiet"/>
            </form>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_counted_in_words() {
        assert_eq!(members_text(1), "1 member");
        assert_eq!(members_text(5), "5 members");
    }
}
