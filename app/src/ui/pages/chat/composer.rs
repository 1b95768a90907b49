//! Writing a message. Without a script it is a plain form; with one, what is written is kept, and goes
//! through the outbox.

use leptos::{
    ev::{ClipboardEvent, Event, KeyboardEvent, SubmitEvent},
    html::Textarea,
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{HtmlElement, HtmlTextAreaElement},
};

use super::{
    attachments::{Pickers, Tray},
    completion::{Choices, Completion, LIST_ID},
    emoji_picker::ComposerEmoji,
    writing::{Mode, NOTE_ID, Writing, WritingNote},
};
use crate::{
    domain::{ChatId, limits},
    protocol::QuoteView,
    ui::{
        components::{
            form::is_enter,
            icon::{Glyph, Icon},
        },
        state::{Returned, local, outbox::Full, saving::Brought, use_store},
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

/// The box that one writes in, if there is one.
pub(super) fn element() -> Option<HtmlTextAreaElement> {
    document().get_element_by_id(BOX_ID).and_then(|text| text.dyn_into().ok())
}

/// What stands in the box, if there is one.
pub(super) fn text() -> Option<String> {
    element().map(|text| text.value())
}

/// The form at the foot of a conversation.
#[component]
pub(super) fn Composer(
    /// To which chat.
    chat_id: ChatId,
    /// Changes each time something is sent.
    sent: RwSignal<u32>,
    /// What is being written.
    writing: Writing,
) -> impl IntoView {
    let store = use_store();
    let text: NodeRef<Textarea> = NodeRef::new();
    let length = RwSignal::new(0_usize);
    let takes_files = store.upload_limits().files > 0;
    let completion = Completion::new(chat_id);
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
        // What is edited has its place already.
        if writing.is_editing() {
            writing.edited.set_value(value);
        } else {
            store.keep_draft(chat_id, &value, writing.reply_to().as_ref());
        }
        fit(text);
    };
    // What an earlier page kept, before what has been typed since this one came. A browser may have put it back
    // by itself.
    Effect::new(move |_| {
        let Some(text) = text.get() else { return };
        if writing.is_editing() {
            // The box that it was begun in was away meanwhile.
            text.set_value(&writing.edited.get_value());
        } else if store.outbox_is_there.get() {
            let (kept, draft) = store.draft(chat_id);
            let typed = text.value();
            let (value, reply_to) = restored((typed.clone(), writing.reply_to()), kept, draft);
            if value != typed {
                text.set_value(&value);
            }
            if reply_to != writing.reply_to() {
                writing.mode.set(Mode::New(reply_to));
            }
        }
        changed(&text);
        if store.outbox_is_there.get() {
            // From now on it goes with what one's other devices save.
            untrack(|| store.open_draft(chat_id));
        }
    });
    on_cleanup(move || store.leave_draft(chat_id));
    // What another device has saved, in the place of what nobody goes on with here.
    Effect::new(move |_| {
        let Some(text) = text.get() else { return };
        for Brought { before, now } in store.take_brought(chat_id) {
            if writing.is_editing() {
                writing.bring(&before, now);
                continue;
            }
            // What has been typed in this very moment stays, and is saved.
            if text.value() == before {
                completion.close();
                text.set_value(&now.0);
                writing.mode.set(Mode::New(now.1));
            }
            changed(&text);
        }
    });
    // What was not sent after all stands behind what has been written since.
    Effect::new(move |_| {
        let Some(text) = text.get() else { return };
        for returned in store.take_returned(chat_id) {
            if writing.is_editing() {
                writing.take_back(chat_id, returned);
                continue;
            }
            let (value, reply_to) = behind((text.value(), writing.reply_to()), returned);
            text.set_value(&value);
            writing.mode.set(Mode::New(reply_to));
            changed(&text);
        }
    });
    // Where a message is taken up for editing, and left again.
    Effect::new(move |_| {
        let (Some(text), Some(value)) = (text.get(), writing.text.get()) else { return };
        writing.text.set(None);
        text.set_value(&value);
        changed(&text);
    });
    // Also when nothing else changes, what it answers is kept.
    Effect::new(move |before: Option<()>| {
        writing.mode.track();
        if before.is_some()
            && let Some(text) = text.get_untracked()
        {
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
        if writing.is_editing() {
            return writing.save(chat_id, body.to_owned());
        }
        let reply_to = writing.reply_to();
        store.keep_draft(chat_id, &value, reply_to.as_ref());
        match store.send(chat_id, body.to_owned(), reply_to) {
            Ok(true) => {}
            Ok(false) => return,
            Err(Full) => {
                let told = "Too many messages are waiting to be sent. Yours stays here until then.";
                return store.toasts.info(told);
            }
        }
        text.set_value("");
        completion.close();
        writing.leave();
        changed(&text);
        if store.timeline.with_untracked(|open| open.as_ref().is_some_and(|open| open.has_newer())) {
            store.load(chat_id, None);
        }
        sent.update(|sent| *sent = sent.wrapping_add(1));
    };
    let on_submit = move |event: SubmitEvent| {
        event.prevent_default();
        send();
    };
    let on_key = move |event: KeyboardEvent| {
        if text.get_untracked().is_some_and(|text| completion.takes(&event, &text)) {
            return event.prevent_default();
        }
        if is_enter(&event) && !event.shift_key() {
            event.prevent_default();
            return send();
        }
        let is_empty = || text.get_untracked().is_some_and(|text| text.value().is_empty());
        let is_taken = match event.key().as_str() {
            _ if event.is_composing() => false,
            "Escape" => writing.leave(),
            "ArrowUp" => is_empty() && !writing.is_editing() && writing.edit_last(chat_id),
            _ => false,
        };
        if is_taken {
            event.prevent_default();
        }
    };
    let on_paste = move |event: ClipboardEvent| {
        let files = if takes_files && !writing.is_editing() { local::pasted(&event) } else { Vec::new() };
        if !files.is_empty() {
            event.prevent_default();
            store.choose(chat_id, files);
        }
    };
    let on_input = move |event: Event| {
        let Some(text) = text.get_untracked() else { return };
        completion.close_name(&event, &text);
        changed(&text);
        completion.look(&text);
        if !writing.is_editing() && !text.value().trim().is_empty() {
            store.say_typing(chat_id);
        }
    };
    let editing = Memo::new(move |_| writing.mode.with(|mode| matches!(mode, Mode::Edit { .. })));
    let send_label = move || if editing.get() { "Save" } else { "Send" };
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
            <WritingNote writing/>
            <Choices chat_id completion text/>
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
                    aria-describedby=format!("{NOTE_ID} composer-limit")
                    aria-invalid=move || over.get().then_some("true")
                    node_ref=text
                    on:keydown=on_key
                    on:input=on_input
                    on:paste=on_paste
                    on:keyup=move |event| completion.follow(Some(&event), text)
                    on:click=move |_| completion.follow(None, text)
                    on:blur=move |_| completion.close()
                    aria-autocomplete="list"
                    aria-controls=move || completion.is_open().then_some(LIST_ID)
                    aria-activedescendant=move || completion.active_id()
                    inner_html=entered
                ></textarea>
                // Behind the text, so that a plain form whose files are refused has said its text before.
                {takes_files.then(|| view! { <Pickers chat_id/> })}
                <ComposerEmoji/>
                <button
                    type="submit"
                    class="button primary composer__send"
                    aria-label=send_label
                    title=send_label
                    aria-disabled=move || writing.saving.get().then_some("true")
                >
                    {move || if editing.get() {
                        view! { <Icon glyph=Glyph::Check/> }
                    } else {
                        view! { <Icon glyph=Glyph::Send/> }
                    }}
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

/// What stands in the box and is answered once what was kept of it is here. Some of what was kept may be known only by
/// now to have been sent; what has been typed or answered since stays.
fn restored((typed, answered): Returned, kept: Returned, (draft, reply_to): Returned) -> Returned {
    let id = |quote: &Option<QuoteView>| quote.as_ref().map(|quote| quote.id);
    let is_kept = typed == kept.0;
    let answers =
        if answered.is_none() || is_kept && id(&answered) == id(&kept.1) { reply_to } else { answered };
    let text = match is_kept {
        true => draft,
        false if begins_with(&typed, &draft) => typed,
        false => joined(&draft, &typed),
    };
    (text, answers)
}

/// What is written, with what was not sent after all behind it. Of what they answer the last counts.
pub(super) fn behind((text, reply_to): Returned, (returned, answered): Returned) -> Returned {
    (joined(&text, &returned), answered.or(reply_to))
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
    use crate::domain::MessageId;

    fn written(text: &str, answers: Option<u8>) -> Returned {
        let quote = |n| QuoteView { id: MessageId::from_bytes([n; 12]), ..QuoteView::default() };
        (text.into(), answers.map(quote))
    }

    #[test]
    fn the_limit_is_said_near_it_and_beyond() {
        assert_eq!(limit_text(0), "");
        assert_eq!(limit_text(limits::BODY_CHARS - 500), "");
        assert_eq!(limit_text(limits::BODY_CHARS - 499), "499 characters left");
        assert_eq!(limit_text(limits::BODY_CHARS), "0 characters left");
        assert_eq!(limit_text(limits::BODY_CHARS + 1), "1 character too many");
    }

    #[test]
    fn what_was_not_sent_stands_behind_what_is_written() {
        let answer = || written("because", Some(1));
        assert_eq!(behind(answer(), written("and", None)), written("because\nand", Some(1)));
        assert_eq!(behind(answer(), written("at ten", Some(2))), written("because\nat ten", Some(2)));
        assert_eq!(behind(written("", None), written("and", None)), written("and", None));
    }

    #[test]
    fn what_was_kept_comes_back_before_what_has_been_typed_since() {
        let kept = || written("half", Some(1));
        assert_eq!(restored(written("", None), kept(), kept()), kept());
        assert_eq!(restored(written("half", None), kept(), kept()), kept(), "a browser put the text back");
        assert_eq!(restored(written("new", Some(2)), kept(), kept()), written("half\nnew", Some(2)));
        assert_eq!(
            restored(written("", Some(2)), written("", None), written("", None)),
            written("", Some(2))
        );
    }

    #[test]
    fn what_another_tab_has_sent_leaves_neither_its_text_nor_what_it_answered() {
        let (kept, sent) = (|| written("because", Some(1)), || written("", None));
        assert_eq!(restored(kept(), kept(), sent()), sent());
        assert_eq!(restored(written("because", Some(2)), kept(), sent()), written("", Some(2)));
        assert_eq!(restored(written("because I", Some(1)), kept(), sent()), written("because I", Some(1)));
    }

    #[test]
    fn what_was_entered_cannot_end_its_box() {
        assert_eq!(escape("</textarea>&amp;"), "\n&lt;/textarea>&amp;amp;");
    }
}
