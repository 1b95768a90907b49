//! The members of a group, and what an admin may do about each.

use leptos::{
    ev::{MouseEvent, SubmitEvent},
    prelude::*,
};
use leptos_router::hooks::use_query_map;

use super::LiveChat;
use crate::{
    api,
    domain::{ChatId, ChatKind, Role, UserId, policy},
    protocol::{ChatView, UserView},
    ui::{
        components::{
            avatar::{Avatar, user_hue},
            button::SubmitButton,
            focus::FocusKeeper,
            form::{FormAlert, FormState},
            presence::Presence,
        },
        state::Store,
    },
};

/// Members shown at first, and more with each press of the button below them.
const AT_ONCE: usize = 100;

/// The ids of the list and of what it is called.
const LIST_ID: &str = "member-list";
const TITLE_ID: &str = "members-title";

/// What may be done about a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Allowed {
    /// The role that they may be given.
    role: Option<Role>,
    /// Whether they may be removed.
    removal: bool,
}

/// What the reader may do about a member: the rules of [`policy`], from what one row knows, since asking
/// them for each of many members would look at every member for every member.
fn allowed(kind: ChatKind, my_role: Role, is_me: bool, role: Role, admins: usize) -> Allowed {
    if !policy::may_administer(kind, my_role) {
        return Allowed::default();
    }
    let role = match role {
        Role::Member => Some(Role::Admin),
        Role::Admin if admins > 1 => Some(Role::Member),
        Role::Admin => None,
    };
    Allowed { role, removal: !is_me }
}

fn admins(chat: &ChatView) -> usize {
    chat.members.iter().filter(|member| member.role == Role::Admin).count()
}

/// The list of members.
#[component]
pub fn Members(store: Store, id: ChatId, chat: LiveChat) -> impl IntoView {
    let shown = RwSignal::new(AT_ONCE);
    // Without scripts the address says where to go on.
    let query = use_query_map();
    let from = Memo::new(move |_| query.with(|query| query.get("from")?.parse().ok()).unwrap_or(0_usize));
    let members = Memo::new(move |_| {
        chat.with(|chat| {
            let members = chat.iter().flat_map(|chat| &chat.members);
            members.skip(from.get()).take(shown.get()).map(|member| member.user.clone()).collect::<Vec<_>>()
        })
    });
    let end = move || from.get().saturating_add(shown.get());
    let has_more = move || chat.with(|chat| chat.as_ref().is_some_and(|chat| chat.members.len() > end()));
    let focus = FocusKeeper::new(LIST_ID, TITLE_ID);
    Effect::new(move |before: Option<()>| {
        members.track();
        if before.is_some() {
            focus.restore_soon();
        }
    });
    let show_more = move |event: MouseEvent| {
        event.prevent_default();
        let next = shown.get_untracked();
        shown.set(next + AT_ONCE);
        // The way to more goes away with the last of them.
        focus.lead_to(next);
    };
    let admins = Memo::new(move |_| chat.with(|chat| chat.as_deref().map_or(0, admins)));
    view! {
        <section class="card" aria-labelledby=TITLE_ID>
            <h2 class="card__title" id=TITLE_ID tabindex="-1">"Members"</h2>
            <Show when=move || from.get() != 0>
                <a class="button quiet" href=format!("/c/{id}/details")>"Show the first members"</a>
            </Show>
            <ul
                class="rows"
                role="list"
                id=LIST_ID
                on:focusin=move |event| focus.note(&event)
                on:focusout=move |event| focus.leave(&event)
            >
                <For each=move || members.get() key=|user| user.id let:user>
                    <MemberRow store id chat admins user focus/>
                </For>
            </ul>
            <Show when=has_more>
                <a
                    class="button quiet"
                    href=move || format!("/c/{id}/details?from={}", end())
                    on:click=show_more
                >
                    "Show more members"
                </a>
            </Show>
        </section>
    }
    .into_any()
}

/// One member.
#[component]
fn MemberRow(
    store: Store,
    id: ChatId,
    chat: LiveChat,
    admins: Memo<usize>,
    user: UserView,
    focus: FocusKeeper,
) -> impl IntoView {
    let UserView { id: user_id, display_name, about } = user;
    let is_me = store.me() == Some(user_id);
    let name_id = format!("member-{user_id}");
    let role = Memo::new(move |_| {
        chat.with(|chat| {
            let member = chat.as_ref()?.members.iter().find(|member| member.user.id == user_id);
            member.map(|member| member.role)
        })
    });
    let allowed = Memo::new(move |_| {
        let of_chat = chat.with(|chat| chat.as_ref().map(|chat| (chat.kind, chat.my_role)));
        let (Some((kind, my_role)), Some(role)) = (of_chat, role.get()) else { return Allowed::default() };
        allowed(kind, my_role, is_me, role, admins.get())
    });
    let other_role = Memo::new(move |_| allowed.get().role);
    let role_form = FormState::one_of("set_role", "user_id", &user_id.to_string());
    let removal_form = FormState::one_of("remove_member", "user_id", &user_id.to_string());
    let name = StoredValue::new(display_name.clone());
    view! {
        <li class="row" id=format!("row-{user_id}")>
            <Avatar name=display_name.clone() hue=user_hue(user_id)/>
            <div class="row__words">
                <span class="row__title">
                    <span id=name_id.clone() dir="auto">{display_name}</span>
                    {is_me.then(|| view! { <span class="badge">"You"</span> })}
                    <Show when=move || role.get() == Some(Role::Admin)>
                        <span class="badge badge--accent">"Admin"</span>
                    </Show>
                </span>
                <span class="row__note">
                    // Whoever reads this is there.
                    {(!is_me).then(|| view! { <Presence online=store.is_online(user_id)/> })}
                    {(!about.is_empty()).then(|| view! { <span class="person__about" dir="auto">{about}</span> })}
                </span>
                <FormAlert form=role_form/>
                <FormAlert form=removal_form/>
            </div>
            <div class="row__actions">
                <Show when=move || other_role.get().is_some()>
                    <RoleForm
                        store
                        id
                        user_id
                        form=role_form
                        role=other_role
                        name=name.get_value()
                        described_by=name_id.clone()
                        focus
                    />
                </Show>
                <Show when=move || allowed.get().removal>
                    <RemovalForm store id user_id form=removal_form name=name.get_value() focus/>
                </Show>
            </div>
        </li>
    }
    .into_any()
}

/// The button that makes somebody an admin or a plain member.
#[component]
fn RoleForm(
    store: Store,
    id: ChatId,
    user_id: UserId,
    form: FormState,
    /// The role that they would get. The button stays the same when it changes.
    role: Memo<Option<Role>>,
    name: String,
    described_by: String,
    focus: FocusKeeper,
) -> impl IntoView {
    let name = StoredValue::new(name);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(role) = role.get_untracked() else { return };
        let news = role_news(&name.get_value(), store.me() == Some(user_id), role);
        form.submit(api::set_role(id, user_id, role), move |chat| {
            store.upsert_chat(chat);
            store.toasts.info(news);
            focus.restore_soon();
        });
    };
    let to_member = move || role.get() == Some(Role::Member);
    let label = Signal::derive(move || if to_member() { "Make member" } else { "Make admin" }.to_owned());
    view! {
        <form method="post" action=form.action() on:submit=submit>
            <input type="hidden" name="chat_id" value=id.to_string()/>
            <input type="hidden" name="user_id" value=user_id.to_string()/>
            <input type="hidden" name="role" value=move || if to_member() { "member" } else { "admin" }/>
            <SubmitButton form label described_by look="quiet small"/>
        </form>
    }
    .into_any()
}

/// What is said when somebody's role has changed.
fn role_news(name: &str, is_me: bool, role: Role) -> String {
    let who = if is_me { "You are".to_owned() } else { format!("{name} is") };
    match role {
        Role::Admin => format!("{who} an admin now."),
        Role::Member => format!("{who} no longer an admin."),
    }
}

/// The button that removes somebody.
#[component]
fn RemovalForm(
    store: Store,
    id: ChatId,
    user_id: UserId,
    form: FormState,
    name: String,
    focus: FocusKeeper,
) -> impl IntoView {
    let news = StoredValue::new(format!("{name} is no longer in the group."));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let call = async move {
            api::remove_member(id, user_id).await?;
            api::get_chat(id).await
        };
        // The row may be gone before the answer is there.
        let news = news.get_value();
        form.submit(call, move |chat| {
            store.upsert_chat(chat);
            store.toasts.info(news);
            focus.restore_soon();
        });
    };
    view! {
        <form method="post" action=form.action() on:submit=submit>
            <input type="hidden" name="chat_id" value=id.to_string()/>
            <input type="hidden" name="user_id" value=user_id.to_string()/>
            <SubmitButton form label="Remove" name=format!("Remove {name}") look="quiet small"/>
        </form>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ChatState, Membership, Seq, Timestamp};

    #[test]
    fn a_change_of_role_says_whose() {
        assert_eq!(role_news("Ada", false, Role::Admin), "Ada is an admin now.");
        assert_eq!(role_news("Ada", true, Role::Member), "You are no longer an admin.");
    }

    /// Every group of two with every pair of roles, seen by the first: a row offers what the rules allow.
    #[test]
    fn a_row_offers_exactly_what_the_rules_allow() {
        let (me, other) = (UserId::from_bytes([1; 12]), UserId::from_bytes([2; 12]));
        let roles = [Role::Member, Role::Admin];
        for (kind, mine, theirs) in [ChatKind::Direct, ChatKind::Group]
            .into_iter()
            .flat_map(|kind| roles.map(|mine| (kind, mine)))
            .flat_map(|(kind, mine)| roles.map(|theirs| (kind, mine, theirs)))
        {
            let member = |user_id, role| Membership { user_id, role, joined_at: Timestamp::default() };
            let state = ChatState {
                id: ChatId::from_bytes([3; 12]),
                kind,
                head: Seq(1),
                members: vec![member(me, mine), member(other, theirs)],
            };
            let admins = [mine, theirs].into_iter().filter(|role| *role == Role::Admin).count();
            for (user, role) in [(me, mine), (other, theirs)] {
                let offered = allowed(kind, mine, user == me, role, admins);
                let changed = if role == Role::Admin { Role::Member } else { Role::Admin };
                let may_change = policy::set_role(&state, me, user, changed).is_ok();
                assert_eq!(offered.role, may_change.then_some(changed), "{kind:?} {mine:?} {theirs:?}");
                let may_remove = user != me && policy::remove_member(&state, me, user).is_ok();
                assert_eq!(offered.removal, may_remove, "{kind:?} {mine:?} {theirs:?}");
            }
        }
    }
}
