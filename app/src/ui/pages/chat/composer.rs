//! Writing a message. Without a script it is a plain form; with one, what is written is kept, and goes
//! through the outbox.

use leptos::{
    ev::{ClipboardEvent, KeyboardEvent, SubmitEvent},
    html::Textarea,
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{HtmlElement, HtmlTextAreaElement},
};

use super::attachments::{Pickers, Tray};
use crate::{
    domain::{ChatId, limits},
    ui::{
        components::{
            form::is_enter,
            icon::{Glyph, Icon},
        },
        state::{local, outbox::Full, use_store},
    },
};

/// The id of the box that one writes in.
const BOX_ID: &str = "composer-text";

/// From how few characters left on that is said.
const WARN_BELOW: usize = 500;

/// Leads to where one writes.
pub(super) fn focus() {
    let text = document().get_element_by_id(BOX_ID).and_then(|text| text.dyn_into::<HtmlElement>().ok());
    if let Some(text) = text {
        // Nothing is lost if the browser refuses: the focus stays.
        let _ = text.focus();
    }
}

/// The form at the foot of a conversation.
#[component]
pub(super) fn Composer(
    /// To which chat.
    chat_id: ChatId,
    /// Changes each time something is sent.
    sent: RwSignal<u32>,
) -> impl IntoView {
    let store = use_store();
    let text: NodeRef<Textarea> = NodeRef::new();
    let length = RwSignal::new(0_usize);
    let takes_files = store.upload_limits().files > 0;
    let (client_id, problem, entered) = store.initial.with_value(|data| {
        let problem = data.refusal_of("send_message").map(|error| {
            let reason =
                error.field_error("body").map_or_else(|| error.code.sentence(), |field| field.sentence());
            // No page can give files back to a form.
            if takes_files { format!("{reason} Files have to be chosen again.") } else { reason.to_owned() }
        });
        let entered = data.entered("send_message", "body").map(escape).unwrap_or_default();
        (data.client_id, problem, entered)
    });

    let changed = move |text: &HtmlTextAreaElement| {
        let value = text.value();
        length.set(value.trim().chars().count());
        store.keep_draft(chat_id, &value);
        fit(text);
    };
    // What an earlier page kept, before what has been typed since this one came. A browser may have put it back
    // by itself.
    Effect::new(move |_| {
        let Some(text) = text.get() else { return };
        if store.outbox_is_there.get() {
            let ((kept, draft), typed) = (store.draft(chat_id), text.value());
            if typed == kept {
                // Some of it may be known only by now to have been sent.
                text.set_value(&draft);
            } else if !begins_with(&typed, &draft) {
                text.set_value(&joined(&draft, &typed));
            }
        }
        changed(&text);
    });
    // What was not sent after all stands behind what has been written since.
    Effect::new(move |_| {
        let Some(text) = text.get() else { return };
        for returned in store.take_returned(chat_id) {
            text.set_value(&joined(&text.value(), &returned));
            changed(&text);
        }
    });

    let send = move || {
        let Some(text) = text.get_untracked() else { return };
        let value = text.value();
        let body = value.trim();
        // Too long is said beside the box, and nothing to send is nothing to say.
        if body.chars().count() > limits::BODY_CHARS {
            return;
        }
        store.keep_draft(chat_id, &value);
        match store.send(chat_id, body.to_owned()) {
            Ok(true) => {}
            Ok(false) => return,
            Err(Full) => {
                let told = "Too many messages are waiting to be sent. Yours stays here until then.";
                return store.toasts.info(told);
            }
        }
        text.set_value("");
        changed(&text);
        if store.timeline.with_untracked(|open| open.as_ref().is_some_and(|open| open.has_newer())) {
            store.load(chat_id);
        }
        sent.update(|sent| *sent = sent.wrapping_add(1));
    };
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        send();
    };
    let on_key = move |event: KeyboardEvent| {
        if is_enter(&event) && !event.shift_key() {
            event.prevent_default();
            send();
        }
    };
    let on_paste = move |event: ClipboardEvent| {
        let files = if takes_files { local::pasted(&event) } else { Vec::new() };
        if !files.is_empty() {
            event.prevent_default();
            store.choose(chat_id, files);
        }
    };
    let on_input = move |_| {
        if let Some(text) = text.get_untracked() {
            changed(&text);
        }
    };
    let limit = Memo::new(move |_| limit_text(length.get()));
    let over = Memo::new(move |_| length.get() > limits::BODY_CHARS);

    view! {
        <form
            class="composer"
            method="post"
            action="/api/send_message"
            enctype="multipart/form-data"
            on:submit=on_submit
        >
            {problem.map(|problem| view! { <p class="composer__problem" role="alert">{problem}</p> })}
            <input type="hidden" name="chat_id" value=chat_id.to_string()/>
            <input type="hidden" name="client_id" value=client_id.to_string()/>
            <Tray chat_id/>
            <div class="composer__box">
                <label class="visually-hidden" for=BOX_ID>"Message"</label>
                <textarea
                    class="composer__text"
                    id=BOX_ID
                    name="body"
                    rows="1"
                    dir="auto"
                    placeholder="Write a message"
                    enterkeyhint="send"
                    aria-describedby="composer-limit"
                    aria-invalid=move || over.get().then_some("true")
                    node_ref=text
                    on:keydown=on_key
                    on:input=on_input
                    on:paste=on_paste
                    inner_html=entered
                ></textarea>
                // Behind the text, so that a plain form whose files are refused has said its text before.
                {takes_files.then(|| view! { <Pickers chat_id/> })}
                <button type="submit" class="button primary composer__send" aria-label="Send" title="Send">
                    <Icon glyph=Glyph::Send/>
                </button>
            </div>
            <p
                class="composer__limit"
                id="composer-limit"
                role="status"
                data-over=move || over.get().then_some("true")
            >
                {move || limit.get()}
            </p>
        </form>
    }
    .into_any()
}

/// Whether the text has these lines before all others.
fn begins_with(text: &str, lines: &str) -> bool {
    let rest = text.strip_prefix(lines);
    lines.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('\n'))
}

/// One text after the other, on lines of their own.
fn joined(first: &str, second: &str) -> String {
    let between = if first.is_empty() || second.is_empty() { "" } else { "\n" };
    [first, between, second].concat()
}

/// What is said about a text of so many characters.
fn limit_text(length: usize) -> String {
    match limits::BODY_CHARS.checked_sub(length) {
        None => {
            let over = length - limits::BODY_CHARS;
            format!("{over} {} too many", characters(over))
        }
        Some(left) if left < WARN_BELOW => format!("{left} {} left", characters(left)),
        Some(_) => String::new(),
    }
}

fn characters(count: usize) -> &'static str {
    if count == 1 { "character" } else { "characters" }
}

/// Text as it stands in a `textarea` of a document, which swallows a first line break.
fn escape(text: &str) -> String {
    format!("\n{}", text.replace('&', "&amp;").replace('<', "&lt;"))
}

/// Makes the box as high as its text, where the style sheet cannot.
#[cfg(feature = "hydrate")]
fn fit(text: &HtmlTextAreaElement) {
    if web_sys::css::supports_with_value("field-sizing", "content").unwrap_or(false) {
        return;
    }
    let style = HtmlElement::style(text);
    // A browser that refuses leaves a box that scrolls.
    let _ = style.set_property("height", "auto");
    let _ = style.set_property("height", &format!("{}px", text.scroll_height()));
}

/// On the server nothing is laid out.
#[cfg(not(feature = "hydrate"))]
fn fit(_text: &HtmlTextAreaElement) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_said_near_it_and_beyond() {
        assert_eq!(limit_text(0), "");
        assert_eq!(limit_text(limits::BODY_CHARS - 500), "");
        assert_eq!(limit_text(limits::BODY_CHARS - 499), "499 characters left");
        assert_eq!(limit_text(limits::BODY_CHARS), "0 characters left");
        assert_eq!(limit_text(limits::BODY_CHARS + 1), "1 character too many");
    }

    #[test]
    fn what_was_entered_cannot_end_its_box() {
        assert_eq!(escape("</textarea>&amp;"), "\n&lt;/textarea>&amp;amp;");
    }
}
