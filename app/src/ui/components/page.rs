//! The frame that pages share: the document's title, the heading and the way back.

use leptos::prelude::*;
use leptos_meta::Title;

use super::icon::{Glyph, Icon};
use crate::ui::state::{marks::badge, use_store};

/// The name of the product, in titles.
const PRODUCT: &str = "Samvad";

/// The document's title, after the number of messages that are unread. Always use this one: leptos_meta's own puts the text into the server-rendered
/// document as it is, and a chat is called whatever its members like.
#[component]
pub fn PageTitle(
    /// What the page is called.
    #[prop(into)]
    text: Signal<String>,
) -> impl IntoView {
    // The server writes the title when the page has been rendered, and then nothing that is reactive in it
    // may be there any longer: it is read at once.
    let store = use_store();
    let now = move || text.with(|text| document_title(text, store.total_unread()));
    let rendered = cfg!(feature = "ssr").then(|| escape(&untrack(now)));
    let title = move || rendered.clone().unwrap_or_else(now);
    view! { <Title text=title/> }
}

/// A page in the content pane.
#[component]
pub fn PageFrame(
    /// What the page is called: the document's title and the heading.
    #[prop(into)]
    title: Signal<String>,
    /// Where the way back leads.
    #[prop(default = "/".to_owned(), into)]
    back: String,
    /// What the way back is called.
    #[prop(default = "Back to chats")]
    back_label: &'static str,
    /// Whether there is a way back on a wide screen, too, where the list of chats is always in sight.
    #[prop(optional)]
    always_back: bool,
    /// What the page holds.
    children: Children,
) -> impl IntoView {
    view! {
        <PageTitle text=title/>
        <main class="page" id="content" tabindex="-1">
            <header class="page__header">
                <a class="icon-button page__back" data-always=always_back.to_string() href=back aria-label=back_label>
                    <Icon glyph=Glyph::Back/>
                </a>
                <h1 class="page__title">{title}</h1>
            </header>
            <div class="page__body">{children()}</div>
        </main>
    }
    .into_any()
}

fn document_title(text: &str, unread: u64) -> String {
    let unread = if unread == 0 { String::new() } else { format!("({}) ", badge(unread)) };
    if text.is_empty() { format!("{unread}{PRODUCT}") } else { format!("{unread}{text} · {PRODUCT}") }
}

/// Text as it stands in HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_cannot_end_itself() {
        let title = escape(&document_title("</title><img src=x onerror=alert(1)> & co", 0));
        assert_eq!(title, "&lt;/title&gt;&lt;img src=x onerror=alert(1)&gt; &amp; co · Samvad");
    }

    #[test]
    fn a_page_without_a_name_is_called_after_the_product() {
        assert_eq!(document_title("", 0), "Samvad");
        assert_eq!(document_title("Settings", 0), "Settings · Samvad");
    }

    #[test]
    fn what_is_unread_is_said_first() {
        assert_eq!(document_title("", 3), "(3) Samvad");
        assert_eq!(document_title("Settings", 100), "(99+) Settings · Samvad");
    }
}
