//! Leaving a group and deleting it, each after a question.

use leptos::{ev::SubmitEvent, prelude::*};

use super::LiveChat;
use crate::{
    api,
    domain::{
        ChatId, ChatState, Membership, UserId,
        policy::{self, MemberChange},
    },
    protocol::ChatView,
    ui::{
        components::{
            button::SubmitButton,
            confirm::Confirm,
            form::{FormAlert, FormState},
        },
        state::Store,
    },
};

/// The two ways out of a group.
#[component]
pub fn Farewells(
    store: Store,
    id: ChatId,
    chat: LiveChat,
    may_administer: Memo<bool>,
    /// Leads away from the page. It lives as long as the page: the news that one is out of the group may
    /// come before the answer, and takes these buttons away.
    away: Callback<()>,
) -> impl IntoView {
    let leaving = Signal::derive(move || {
        chat.with(|chat| chat.as_ref().zip(store.me()).map(|(chat, me)| leaving_text(chat, me)))
            .unwrap_or_default()
    });
    view! {
        <section class="card" aria-labelledby="farewell-title">
            <h2 class="card__title" id="farewell-title">
                {move || if may_administer.get() { "Leave or delete" } else { "Leave" }}
            </h2>
            <Farewell store id way=Way::Leave text=leaving away/>
            <Show when=move || may_administer.get()>
                <Farewell
                    store
                    id
                    way=Way::Delete
                    text="The group and all its messages will be gone for everybody."
                    away
                />
            </Show>
        </section>
    }
    .into_any()
}

/// One way out of a group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Leave,
    Delete,
}

impl Way {
    fn function(self) -> &'static str {
        match self {
            Self::Leave => "leave_chat",
            Self::Delete => "delete_chat",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Leave => "Leave group",
            Self::Delete => "Delete group",
        }
    }

    fn question(self) -> &'static str {
        match self {
            Self::Leave => "Leave this group?",
            Self::Delete => "Delete this group for everybody?",
        }
    }

    fn farewell(self) -> &'static str {
        match self {
            Self::Leave => "You left the group.",
            Self::Delete => "The group is deleted.",
        }
    }
}

/// The button and its question. Without scripts the button acts at once.
#[component]
fn Farewell(
    store: Store,
    id: ChatId,
    way: Way,
    #[prop(into)] text: Signal<String>,
    away: Callback<()>,
) -> impl IntoView {
    let form = FormState::new(way.function());
    let asking = RwSignal::new(false);
    let ask = move |event: SubmitEvent| {
        event.prevent_default();
        asking.set(true);
    };
    let act = Callback::new(move |()| {
        let call = async move {
            let done = match way {
                Way::Leave => api::leave_chat(id).await,
                Way::Delete => api::delete_chat(id).await,
            };
            // Either way the question is answered; a refusal stands beside the button.
            asking.try_set(false);
            done
        };
        form.submit(call, move |_done| {
            // Whoever has gone elsewhere meanwhile stays there.
            let _left = away.try_run(());
            store.remove_chat(id);
            store.toasts.info(way.farewell());
        });
    });
    view! {
        <div class="farewell">
            <p class="card__lead">{text}</p>
            <form method="post" action=form.action() on:submit=ask>
                <input type="hidden" name="chat_id" value=id.to_string()/>
                <SubmitButton
                    form
                    label=way.label()
                    look=if way == Way::Delete { "danger" } else { "quiet" }
                />
            </form>
            <FormAlert form/>
            <Confirm
                open=asking
                title=way.question()
                text
                yes=way.label()
                pending=Signal::derive(move || form.pending())
                on_yes=act
            />
        </div>
    }
    .into_any()
}

/// What leaving will bring about: the rule's own answer, in words.
fn leaving_text(chat: &ChatView, me: UserId) -> String {
    let member = |member: &crate::protocol::MemberView| Membership {
        user_id: member.user.id,
        role: member.role,
        joined_at: member.joined_at,
    };
    let members = chat.members.iter().map(member).collect();
    let state = ChatState { id: chat.id, kind: chat.kind, head: chat.head, avatar: chat.avatar, members };
    let changes = policy::leave(&state, me).unwrap_or_default();
    let name_of = |user: UserId| {
        chat.members
            .iter()
            .find(|member| member.user.id == user)
            .map(|member| member.user.display_name.as_str())
    };
    match changes.first() {
        Some(MemberChange::Delete) => "You are the last member: the group will be gone.".to_owned(),
        Some(MemberChange::SetRole(next, _)) => match name_of(*next) {
            Some(name) => format!("You are the only admin: {name} will become one."),
            None => "You are the only admin: somebody else will become one.".to_owned(),
        },
        _ => "You will get no more messages from this group.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{ChatKind, Ordinal, Role, Seq, Timestamp},
        protocol::{MemberView, UserView},
    };

    const ME: UserId = UserId::from_bytes([1; 12]);

    fn group(members: &[(u8, &str, Role)]) -> ChatView {
        let member = |(byte, name, role): &(u8, &str, Role)| MemberView {
            user: UserView {
                id: UserId::from_bytes([*byte; 12]),
                display_name: (*name).to_owned(),
                ..UserView::default()
            },
            role: *role,
            joined_at: Timestamp::default(),
            read: None,
        };
        ChatView {
            description: String::new(),
            avatar: None,
            id: ChatId::from_bytes([9; 12]),
            kind: ChatKind::Group,
            name: Some("Team".to_owned()),
            members: members.iter().map(member).collect(),
            member_count: members.len() as u64,
            my_role: members[0].2,
            mine: Default::default(),
            mentioned: Vec::new(),
            draft: None,
            head: Seq(1),
            head_ordinal: Ordinal(0),
            last_message: None,
            created_at: Timestamp::default(),
        }
    }

    #[test]
    fn leaving_says_who_becomes_admin() {
        let chat = group(&[(1, "Ada", Role::Admin), (2, "Bob", Role::Member)]);
        assert_eq!(leaving_text(&chat, ME), "You are the only admin: Bob will become one.");
    }

    #[test]
    fn leaving_says_when_the_group_ends() {
        let chat = group(&[(1, "Ada", Role::Admin)]);
        assert_eq!(leaving_text(&chat, ME), "You are the last member: the group will be gone.");
    }

    #[test]
    fn leaving_as_one_of_many_is_just_that() {
        let chat = group(&[(1, "Ada", Role::Member), (2, "Bob", Role::Admin)]);
        assert_eq!(leaving_text(&chat, ME), "You will get no more messages from this group.");
    }
}
