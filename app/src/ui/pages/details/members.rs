//! The members of a group, and what an admin may do about each.

use leptos::{
    ev::{MouseEvent, SubmitEvent},
    prelude::*,
    task::spawn_local,
};
use leptos_router::hooks::use_query_map;

use super::{
    LiveChat,
    member_search::{MemberSearch, MemberSearchField},
};
use crate::{
    api,
    domain::{ChatId, ChatKind, Role, UserId, limits, policy},
    protocol::{ChatView, MemberView, UserView},
    ui::{
        components::{
            avatar::{Avatar, user_hue},
            blocking::profile_path,
            button::SubmitButton,
            focus::FocusKeeper,
            form::{FormAlert, FormState},
            presence::Presence,
        },
        page_data::GroupPart,
        state::{Store, browser},
    },
};

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

/// How many admins there are; where not all members are known, more than one: the server knows better.
fn admins(chat: &ChatView) -> usize {
    let unknown = if chat.is_whole() { 0 } else { 2 };
    unknown + chat.members.iter().filter(|member| member.role == Role::Admin).count()
}

/// Members of a group that are not all known: the parts of the list that were asked for.
#[derive(Clone, Copy)]
struct Parts {
    store: Store,
    chat_id: ChatId,
    members: RwSignal<Vec<MemberView>>,
    next: RwSignal<Option<u64>>,
    pending: RwSignal<bool>,
}

impl Parts {
    /// Asks for the part from this place on. The answer to an earlier question is not awaited twice.
    fn ask(self, from: Option<u64>) {
        if self.pending.get_untracked() {
            return;
        }
        self.pending.set(true);
        spawn_local(async move {
            let answer = browser::within(api::list_members(self.chat_id, from)).await;
            let _gone = self.pending.try_set(false);
            match answer {
                Ok(part) => {
                    self.next.try_set(part.next);
                    self.members.try_update(|members| {
                        let is_new = |new: &MemberView| members.iter().all(|old| old.user.id != new.user.id);
                        let new: Vec<_> = part.members.into_iter().filter(is_new).collect();
                        members.extend(new);
                    });
                }
                Err(error) => self.store.fail(&error),
            }
        });
    }
}

/// The list of members.
#[component]
pub fn Members(
    store: Store,
    id: ChatId,
    chat: LiveChat,
    /// What came with the page of it.
    group: GroupPart,
) -> impl IntoView {
    let shown = RwSignal::new(limits::MEMBERS_AT_ONCE);
    let GroupPart { part, query, found, .. } = group;
    let search = MemberSearch::new(store, id, query, found);
    let found = search.found();
    let parts = Parts {
        store,
        chat_id: id,
        members: RwSignal::new(part.members),
        next: RwSignal::new(part.next),
        pending: RwSignal::new(false),
    };
    let whole = Memo::new(move |_| chat.with(|chat| chat.as_ref().is_none_or(|chat| chat.is_whole())));
    // Without scripts the address says where to go on.
    let address = use_query_map();
    let from = Memo::new(move |_| address.with(|query| query.get("from")?.parse().ok()).unwrap_or(0_u64));
    let in_parts = Memo::new(move |_| !whole.get() || from.get() != 0);
    Effect::new(move |_| {
        if in_parts.get() && parts.members.with_untracked(Vec::is_empty) {
            parts.ask(Some(from.get_untracked()));
        }
    });
    // Of who is found or shown in parts, what is known of them; of a group that is known as a whole, all that is.
    let listed = Memo::new(move |_| {
        if let Some(found) = found.get() {
            return found;
        }
        if in_parts.get() {
            return parts.members.get();
        }
        let of_chat = |chat: &ChatView| chat.members.iter().take(shown.get()).cloned().collect();
        chat.with(|chat| chat.as_deref().map(of_chat).unwrap_or_default())
    });
    let members = Memo::new(move |_| {
        listed.with(|listed| listed.iter().map(|member| member.user.clone()).collect::<Vec<_>>())
    });
    let has_more = move || {
        if found.with(Option::is_some) {
            false
        } else if in_parts.get() {
            parts.next.with(Option::is_some)
        } else {
            chat.with(|chat| chat.as_ref().is_some_and(|chat| chat.members.len() > shown.get()))
        }
    };
    let focus = FocusKeeper::new(LIST_ID, TITLE_ID);
    Effect::new(move |before: Option<()>| {
        members.track();
        if before.is_some() {
            focus.restore_soon();
        }
    });
    let show_more = move |event: MouseEvent| {
        event.prevent_default();
        let next = members.with_untracked(Vec::len);
        if in_parts.get_untracked() {
            parts.ask(parts.next.get_untracked());
        } else {
            shown.set(next + limits::MEMBERS_AT_ONCE);
        }
        // The way to more goes away with the last of them.
        focus.lead_to(next);
    };
    let admins = Memo::new(move |_| chat.with(|chat| chat.as_deref().map_or(0, admins)));
    let change = Callback::new(move |(user, role): (UserId, Option<Role>)| {
        let change = |members: &mut Vec<MemberView>| match role {
            Some(role) => {
                members
                    .iter_mut()
                    .filter(|member| member.user.id == user)
                    .for_each(|member| member.role = role);
            }
            None => members.retain(|member| member.user.id != user),
        };
        parts.members.try_update(change);
        found.try_update(|found| found.iter_mut().for_each(change));
    });
    view! {
        <section class="card" aria-labelledby=TITLE_ID>
            <h2 class="card__title" id=TITLE_ID tabindex="-1">"Members"</h2>
            <MemberSearchField search/>
            <Show when=move || from.get() != 0 || !store.is_alive() && found.with(Option::is_some)>
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
                    <MemberRow store id chat admins listed user change focus/>
                </For>
            </ul>
            <Show when=has_more>
                <a
                    class="button quiet"
                    href=move || format!("/c/{id}/details?from={}", parts.next.get().unwrap_or(0))
                    on:click=show_more
                    data-pending=move || parts.pending.get().then_some("true")
                >
                    <span class="button__label">"Show more members"</span>
                    <span class="button__spinner" aria-hidden="true"></span>
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
    /// The members as they are listed.
    listed: Memo<Vec<MemberView>>,
    user: UserView,
    /// Takes what has become of a member: another role, or that they are one no longer.
    change: Callback<(UserId, Option<Role>)>,
    focus: FocusKeeper,
) -> impl IntoView {
    let UserView { id: user_id, display_name, about, avatar } = user;
    let is_me = store.me() == Some(user_id);
    let name_id = format!("member-{user_id}");
    let role_among = move |members: &[MemberView]| {
        members.iter().find(|member| member.user.id == user_id).map(|member| member.role)
    };
    let role = Memo::new(move |_| {
        let known = chat.with(|chat| role_among(&chat.as_ref()?.members));
        known.or_else(|| listed.with(|listed| role_among(listed)))
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
    // Both are otherwise as soon as they say so.
    let person = Memo::new(move |_| {
        chat.with(|chat| {
            let known = chat.as_ref()?.members.iter().find(|member| member.user.id == user_id)?;
            Some((known.user.display_name.clone(), known.user.avatar))
        })
    });
    let called = Signal::derive(move || {
        person.with(|person| person.as_ref().map_or_else(|| display_name.clone(), |(name, _)| name.clone()))
    });
    let picture =
        Signal::derive(move || person.with(|person| person.as_ref().map_or(avatar, |(_, known)| *known)));
    view! {
        <li class="row" id=format!("row-{user_id}")>
            <Avatar name=called hue=user_hue(user_id) picture/>
            <div class="row__words">
                <span class="row__title">
                    <a class="person-link" id=name_id.clone() href=profile_path(user_id) dir="auto">{called}</a>
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
                        change
                        focus
                    />
                </Show>
                <Show when=move || allowed.get().removal>
                    <RemovalForm store id chat user_id form=removal_form name=name.get_value() change focus/>
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
    change: Callback<(UserId, Option<Role>)>,
    focus: FocusKeeper,
) -> impl IntoView {
    let name = StoredValue::new(name);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(role) = role.get_untracked() else { return };
        let news = role_news(&name.get_value(), store.me() == Some(user_id), role);
        form.submit(api::set_role(id, user_id, role), move |chat| {
            store.upsert_chat(chat);
            change.try_run((user_id, Some(role)));
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
    chat: LiveChat,
    user_id: UserId,
    form: FormState,
    name: String,
    change: Callback<(UserId, Option<Role>)>,
    focus: FocusKeeper,
) -> impl IntoView {
    let news = StoredValue::new(format!("{name} is no longer in the group."));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        // The row may be gone before the answer is there.
        let news = news.get_value();
        let is_large = chat.with_untracked(|chat| chat.as_ref().is_some_and(|chat| !chat.is_whole()));
        let call = async move {
            api::remove_member(id, user_id).await?;
            // Of a large group the event tells, and the list is changed here.
            if is_large { Ok(None) } else { api::get_chat(id).await.map(Some) }
        };
        form.submit(call, move |now| {
            now.into_iter().for_each(|chat| store.upsert_chat(chat));
            change.try_run((user_id, None));
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
                avatar: None,
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
