//! What is being written: a new message, an answer, or another text for a message of one's own.

use leptos::{prelude::*, task::spawn_local};

use super::{composer, quote::first_line};
use crate::{
    domain::{ChatId, MessageId, limits},
    protocol::{MessageView, QuoteView},
    ui::{
        components::{
            error_view::error_text,
            icon::{Glyph, Icon},
        },
        state::{Returned, Store, timeline::Timeline, use_store},
    },
};

/// What is being written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mode {
    /// A message, perhaps an answer.
    New(Option<QuoteView>),
    /// Another text for a message of one's own.
    Edit {
        /// Which message.
        message_id: MessageId,
        /// The text that it has.
        body: String,
        /// Whether it carries files: then it needs no text.
        carries: bool,
    },
}

impl Mode {
    /// Whether the box shows another text for a message than the one that it has.
    fn is_changed(&self, shown: &str) -> bool {
        matches!(self, Self::Edit { body, .. } if body.trim() != shown.trim())
    }

    /// The message has this text now. `None` if another one is edited, or none.
    fn saved(&self, id: MessageId, text: String) -> Option<Self> {
        match *self {
            Self::Edit { message_id, carries, .. } if message_id == id => {
                Some(Self::Edit { message_id, body: text, carries })
            }
            _ => None,
        }
    }
}

/// What is being written in a conversation. In its context.
#[derive(Clone, Copy)]
pub(super) struct Writing {
    store: Store,
    pub mode: RwSignal<Mode>,
    /// What had been written before a message was taken up for editing, with what it answers.
    before: StoredValue<(String, Option<QuoteView>)>,
    /// A text for the box, until it is there.
    pub text: RwSignal<Option<String>>,
    /// The text that a message is to have, as the box showed it last: a box that comes in its place goes on with it.
    pub edited: StoredValue<String>,
    pub saving: RwSignal<bool>,
    pub problem: RwSignal<Option<String>>,
}

impl Writing {
    /// A new message.
    pub(super) fn new() -> Self {
        Self {
            store: use_store(),
            mode: RwSignal::new(Mode::New(None)),
            before: StoredValue::new(Default::default()),
            text: RwSignal::new(None),
            edited: StoredValue::new(String::new()),
            saving: RwSignal::new(false),
            problem: RwSignal::new(None),
        }
    }

    /// What the new message answers; nothing while another one is edited.
    pub(super) fn reply_to(self) -> Option<QuoteView> {
        self.mode.with_untracked(|mode| match mode {
            Mode::New(reply_to) => reply_to.clone(),
            Mode::Edit { .. } => None,
        })
    }

    /// Whether a message is being edited.
    pub(super) fn is_editing(self) -> bool {
        self.mode.with_untracked(|mode| matches!(mode, Mode::Edit { .. }))
    }

    /// What is written answers this message from now on.
    pub(super) fn answer(self, message: &MessageView) {
        if composer::element().is_none() || self.is_held() {
            return;
        }
        self.leave();
        self.mode.set(Mode::New(Some(named(&QuoteView::of(message)))));
        composer::focus();
    }

    /// Takes up a message for editing. What had been written comes back afterwards; so nothing is done before what
    /// an earlier page has kept of that is here.
    pub(super) fn edit(self, message: &MessageView) {
        // Where nothing can be written, there is no box to come back to.
        let is_ready = self.store.outbox_is_there.get_untracked() && composer::element().is_some();
        if !is_ready || self.is_held() {
            return;
        }
        if !self.is_editing() {
            self.before.set_value((composer::text().unwrap_or_default(), self.reply_to()));
        }
        self.problem.set(None);
        let (body, carries) = (message.body.clone(), !message.attachments.is_empty());
        self.mode.set(Mode::Edit { message_id: message.id, body: body.clone(), carries });
        self.text.set(Some(body));
        composer::focus();
    }

    /// Whether another text for a message would be lost if something else were written now. That is said.
    fn is_held(self) -> bool {
        let shown = composer::text();
        let is_held = shown.is_some_and(|shown| self.mode.with_untracked(|mode| mode.is_changed(&shown)));
        if is_held {
            self.store.toasts.info("Save or leave the change first.");
            composer::focus();
        }
        is_held
    }

    /// A text comes back that was not sent after all, while a message is edited: it waits for its turn.
    pub(super) fn take_back(self, chat_id: ChatId, returned: Returned) {
        let (text, reply_to) = composer::behind(self.before.get_value(), returned);
        self.store.keep_draft(chat_id, &text, reply_to.as_ref());
        self.before.set_value((text, reply_to));
    }

    /// Another device has saved a text while a message is edited here: it waits in the place of what was written before.
    pub(super) fn bring(self, before: &str, now: Returned) {
        self.before.update_value(|waiting| {
            if waiting.0 == before {
                *waiting = now;
            }
        });
    }

    /// Takes up one's last message in the chat. False if there is none.
    pub(super) fn edit_last(self, chat_id: ChatId) -> bool {
        let me = self.store.me();
        let last = self.store.timeline.with_untracked(|open| {
            let open = open.as_ref().filter(|open: &&Timeline| open.chat_id() == chat_id)?;
            let own = |message: &&std::sync::Arc<MessageView>| {
                Some(message.sender_id) == me && message.deleted_at.is_none() && !message.body.is_empty()
            };
            open.messages().iter().rev().find(own).cloned()
        });
        last.inspect(|last| self.edit(last)).is_some()
    }

    /// Leaves what is more than a new message. False if nothing is.
    pub(super) fn leave(self) -> bool {
        self.problem.set(None);
        match self.mode.get_untracked() {
            Mode::New(None) => return false,
            Mode::New(Some(_)) => self.mode.set(Mode::New(None)),
            Mode::Edit { .. } => {
                let (text, reply_to) = self.before.get_value();
                self.mode.set(Mode::New(reply_to));
                self.text.set(Some(text));
            }
        }
        true
    }

    /// Saves the text that a message is to have. One that is refused stays where it is.
    pub(super) fn save(self, chat_id: ChatId, text: String) {
        let Mode::Edit { message_id, body, carries } = self.mode.get_untracked() else { return };
        if self.saving.get_untracked()
            || text.is_empty() && !carries
            || text.chars().count() > limits::BODY_CHARS
        {
            return;
        }
        if text == body {
            self.leave();
            return;
        }
        self.saving.set(true);
        self.problem.set(None);
        spawn_local(async move {
            let saved = self.store.edit_message(chat_id, message_id, text.clone()).await;
            // The conversation may have been left meanwhile.
            let is_here = self.saving.try_set(false).is_none();
            match saved {
                Ok(()) if is_here => {
                    let saved = self.mode.with_untracked(|mode| mode.saved(message_id, text));
                    // What has been changed meanwhile is still to be saved.
                    let shown = composer::text();
                    match saved {
                        Some(saved) if shown.is_some_and(|shown| saved.is_changed(&shown)) => {
                            self.mode.set(saved);
                        }
                        Some(_) => {
                            self.leave();
                        }
                        None => {}
                    }
                }
                Ok(()) => {}
                Err(error) if is_here => {
                    let field = error.field_error("body").map(|field| field.sentence().to_owned());
                    self.problem.set(Some(field.unwrap_or_else(|| error_text(&error).to_string())));
                }
                Err(error) => self.store.fail(&error),
            }
        });
    }
}

/// Of what is answered, what is kept: which message it is, and whose. Its text is that of the message, wherever that
/// is shown, so that none outlives its deletion.
fn named(quote: &QuoteView) -> QuoteView {
    QuoteView { sender_id: quote.sender_id, sender_name: quote.sender_name.clone(), ..quote.reference() }
}

/// What is said above the box about what is being written, with a way out.
#[component]
pub(super) fn WritingNote(
    /// What is being written.
    writing: Writing,
) -> impl IntoView {
    let leave = move |_| {
        writing.leave();
        composer::focus();
    };
    let answered = Memo::new(move |_| {
        let quote = writing.mode.with(|mode| match mode {
            Mode::New(quote) => quote.clone(),
            Mode::Edit { .. } => None,
        })?;
        let now = writing.store.timeline.with(|open| {
            let mut messages = open.iter().flat_map(|open| open.messages());
            messages.find(|message| message.id == quote.id).map(|message| QuoteView::of(message))
        });
        Some(now.unwrap_or(quote))
    });
    let note = move || {
        let (glyph, what, rest, out) = match writing.mode.get() {
            Mode::New(_) => {
                let quote = answered.get()?;
                let what = format!("Answering {}: ", quote.sender_name);
                (Glyph::Reply, what, first_line(&quote), "Do not answer")
            }
            Mode::Edit { .. } => {
                (Glyph::Pencil, "Editing".to_owned(), String::new(), "Leave the message as it was")
            }
        };
        let view = view! {
            <div class="composer__note" id=NOTE_ID>
                <Icon glyph/>
                <span class="composer__words" dir="auto"><strong>{what}</strong>{rest}</span>
                <button type="button" class="icon-button composer__leave" aria-label=out title=out on:click=leave>
                    <Icon glyph=Glyph::Close/>
                </button>
            </div>
        };
        Some(view.into_any())
    };
    view! {
        {note}
        {move || writing.problem.get().map(|problem| view! {
            <p class="composer__problem" role="alert">{problem}</p>
        })}
    }
    .into_any()
}

/// The id of what is said above the box.
pub(super) const NOTE_ID: &str = "composer-note";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Seq;

    fn editing(body: &str) -> Mode {
        Mode::Edit { message_id: MessageId::default(), body: body.into(), carries: false }
    }

    #[test]
    fn a_text_is_changed_once_it_is_another_than_the_message_has() {
        assert!(!editing("at ten").is_changed("at ten\n"));
        assert!(editing("at ten").is_changed("at eleven"));
        assert!(!Mode::New(None).is_changed("hello"));
    }

    #[test]
    fn of_what_is_answered_no_text_is_kept() {
        let quote = QuoteView {
            seq: Seq(7),
            sender_name: "Ada".into(),
            body: "why?".into(),
            files: 2,
            changed_seq: Seq(9),
            ..QuoteView::default()
        };
        let kept = QuoteView { seq: Seq(7), sender_name: "Ada".into(), ..QuoteView::default() };
        assert_eq!(named(&quote), kept);
    }

    #[test]
    fn what_is_changed_while_a_text_is_saved_is_still_to_be_saved() {
        let id = MessageId::default();
        let saved = editing("at ten").saved(id, "at eleven".into());
        assert_eq!(saved, Some(editing("at eleven")));
        assert!(saved.as_ref().is_some_and(|saved| saved.is_changed("at eleven, or later")));
        assert!(!saved.is_some_and(|saved| saved.is_changed("at eleven")));
        assert_eq!(Mode::New(None).saved(id, "at eleven".into()), None, "it was left meanwhile");
    }
}
