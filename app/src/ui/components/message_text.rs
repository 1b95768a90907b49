//! The text of a message, with what people typed as Markdown shown as it is meant.

use leptos::{html::Div, prelude::*, web_sys::Element};

use crate::{
    domain::UserId,
    markdown::{ALL, Mark, html_naming, is_few_emoji},
    protocol::MentionsView,
    ui::state::use_store,
};

/// A message's text. What it stands in has `dir="auto"`, by which a text of a single paragraph goes; it is the same
/// on the server and in the browser, so that nothing in it has to be hydrated.
#[component]
pub fn MessageText(
    /// What was typed.
    #[prop(into)]
    body: Signal<String>,
    /// Whom it mentions.
    #[prop(into)]
    mentions: Signal<MentionsView>,
    /// The `tabindex` that keeps its links out of the Tab key's way, where other keys lead to it.
    #[prop(into)]
    reach: Signal<Option<&'static str>>,
) -> impl IntoView {
    let me = use_store().me();
    let content = Memo::new(move |_| {
        body.with(|body| mentions.with(|mentions| html_naming(body, &|name| mark(mentions, me, name))))
    });
    let emoji = Memo::new(move |_| body.with(|body| is_few_emoji(body)));
    let element = NodeRef::<Div>::new();
    // Without scripts links are stops of the Tab key, as the server writes them. Code is one in any case, for it
    // is scrolled where it is.
    Effect::new(move |_| {
        let (Some(element), Some(reach)) = (element.get(), reach.get()) else { return };
        if content.with(|content| content.contains("<a ")) {
            for link in links(&element) {
                // Nothing is lost but a shorter way for the Tab key.
                drop(link.set_attribute("tabindex", reach));
            }
        }
    });
    // The one place, beside the composer's, where a text of the product becomes markup: the writer is the sanitizer.
    view! {
        <div
            class="message__text"
            data-emoji=move || emoji.get().then_some("true")
            node_ref=element
            inner_html=move || content.get()
        ></div>
    }
    .into_any()
}

/// How a name is marked in a text with these mentions.
fn mark(mentions: &MentionsView, me: Option<UserId>, name: &str) -> Option<Mark> {
    if mentions.all && name.eq_ignore_ascii_case(ALL) {
        return Some(Mark::Reader);
    }
    let named = || mentions.people.iter().filter(|person| person.name == name);
    named().next()?;
    Some(if named().any(|person| Some(person.user_id) == me) { Mark::Reader } else { Mark::Other })
}

fn links(text: &Element) -> Vec<Element> {
    let links = text.get_elements_by_tag_name("a");
    (0..links.length()).filter_map(|place| links.item(place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        protocol::MentionView,
        ui::state::testing::{ADA, BEN},
    };

    #[test]
    fn ones_own_name_and_all_stand_out() {
        let person = |user_id, name: &str| MentionView { user_id, name: name.into() };
        let people = vec![person(BEN, "Asha"), person(ADA, "Asha"), person(BEN, "Ben")];
        let mentions = MentionsView { all: true, people };
        let marked = |name: &str| mark(&mentions, Some(ADA), name);
        assert_eq!((marked("Asha"), marked("Ben")), (Some(Mark::Reader), Some(Mark::Other)));
        assert_eq!((marked("ALL"), marked("Cy"), marked("asha")), (Some(Mark::Reader), None, None));
        assert_eq!(mark(&MentionsView::default(), Some(ADA), "all"), None);
    }
}
