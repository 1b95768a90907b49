//! The text of a message, with what people typed as Markdown shown as it is meant.

use leptos::{html::Div, prelude::*, web_sys::Element};

use crate::markdown::{html, is_few_emoji};

/// A message's text. What it stands in has `dir="auto"`, by which a text of a single paragraph goes; it is the same
/// on the server and in the browser, so that nothing in it has to be hydrated.
#[component]
pub fn MessageText(
    /// What was typed.
    #[prop(into)]
    body: Signal<String>,
    /// The `tabindex` that keeps its links out of the Tab key's way, where other keys lead to it.
    #[prop(into)]
    reach: Signal<Option<&'static str>>,
) -> impl IntoView {
    let content = Memo::new(move |_| body.with(|body| html(body)));
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

fn links(text: &Element) -> Vec<Element> {
    let links = text.get_elements_by_tag_name("a");
    (0..links.length()).filter_map(|place| links.item(place)).collect()
}
