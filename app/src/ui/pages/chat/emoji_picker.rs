//! All emoji to choose from: those used last, a group at a time, or those of a name. One group is drawn at a time, so
//! that it opens at once however many there are.

use std::sync::Arc;

use leptos::{
    ev::MouseEvent,
    html::Dialog,
    prelude::*,
    wasm_bindgen::JsCast,
    web_sys::{Element, HtmlTextAreaElement},
};

use super::{
    completion::insert,
    composer,
    emoji::{FREQUENT, GROUPS},
    panel::{close_button, on_key, put},
};
use crate::{
    protocol::{EmojiGroup, EmojiList, EmojiView},
    ui::{
        components::{
            focus::edges,
            icon::{Glyph, Icon},
        },
        state::{
            emoji::{self, Emoji, TONES},
            use_store,
        },
    },
};

/// Found by a name, at most.
const FOUND: usize = 96;
/// Those used last that stand above the others.
const ABOVE: usize = 7;
/// What a tone is called; none comes first.
const TONE_NAMES: [&str; TONES + 1] =
    ["No skin tone", "Light", "Medium light", "Medium", "Medium dark", "Dark"];
const HAND: [&str; TONES + 1] = ["✋", "✋🏻", "✋🏼", "✋🏽", "✋🏾", "✋🏿"];

/// The emoji to choose from.
#[component]
pub(super) fn EmojiPicker(
    /// Takes the chosen one.
    choose: Callback<String>,
    /// Closes it.
    close: Callback<()>,
) -> impl IntoView {
    let store = use_store();
    store.want_emoji();
    let tone = RwSignal::new(emoji::tone());
    let group = RwSignal::new(0_usize);
    let wanted = RwSignal::new(String::new());
    let list = Memo::new(move |_| {
        store.emoji.with(|emoji| match emoji {
            Emoji::Known(list) => Arc::clone(list),
            _ => Arc::new(brought_along()),
        })
    });
    let is_missing = Memo::new(move |_| store.emoji.with(|emoji| matches!(emoji, Emoji::Missing)));
    let can_search = Memo::new(move |_| store.emoji.with(|emoji| emoji.list().is_some()));
    let shown = Memo::new(move |_| {
        list.with(|list| wanted.with(|wanted| shown(list, wanted, group.get(), tone.get())))
    });
    let use_it = move |emoji: String| {
        emoji::note_used(&emoji);
        choose.run(emoji);
    };
    // One listener for all of them.
    let on_click = move |event: MouseEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let button = target.and_then(|target| target.closest("[data-emoji]").ok().flatten());
        if let Some(emoji) = button.and_then(|button| button.get_attribute("data-emoji")) {
            use_it(emoji);
        }
    };
    let above = move || {
        let mut above = emoji::recent();
        above.extend(
            FREQUENT
                .iter()
                .filter(|one| !above.iter().any(|used| used == *one))
                .map(|one| (*one).to_owned())
                .collect::<Vec<_>>(),
        );
        above.truncate(ABOVE);
        above.into_iter().map(|one| one_button(&one, None, false)).collect::<Vec<_>>()
    };
    let tab = move |(place, name): (usize, String)| {
        let is_open = move || group.get() == place && wanted.with(String::is_empty);
        let picture = list.with(|list| {
            list.groups.get(place).and_then(|group| group.emoji.first()).map(|one| one.emoji.clone())
        });
        let open = move |_| {
            wanted.set(String::new());
            group.set(place);
        };
        view! {
            <button
                type="button"
                class="panel__one"
                aria-label=name.clone()
                title=name
                aria-pressed=move || is_open().to_string()
                on:click=open
            >
                {picture}
            </button>
        }
        .into_any()
    };
    let tabs = move || {
        let names: Vec<_> = list.with(|list| list.groups.iter().map(|group| group.name.clone()).collect());
        names.into_iter().enumerate().map(tab).collect::<Vec<_>>()
    };
    let skin = move |place: usize| {
        let choose = move |_| {
            emoji::keep_tone(place);
            tone.set(place);
        };
        view! {
            <button
                type="button"
                class="panel__one"
                aria-label=TONE_NAMES[place]
                title=TONE_NAMES[place]
                aria-pressed=move || (tone.get() == place).to_string()
                on:click=choose
            >
                {HAND[place]}
            </button>
        }
        .into_any()
    };
    let heading = move || shown.with(|(name, _)| name.clone());
    let grid = move || {
        shown.with(|(_, all)| {
            let button = |(place, (emoji, name)): (usize, &(String, String))| {
                one_button(emoji, Some(name).filter(|name| !name.is_empty()), place > 0)
            };
            all.iter().enumerate().map(button).collect::<Vec<_>>()
        })
    };
    view! {
        <div class="panel__body panel__body--picker emoji-picker" on:click=on_click>
            <div class="emoji-picker__head">
                <div class="panel__emoji panel__emoji--first">{above}{close_button(close)}</div>
                <label class="emoji-picker__search">
                    <Icon glyph=Glyph::Search/>
                    <span class="visually-hidden">"Find an emoji by its name"</span>
                    <input
                        type="search"
                        class="emoji-picker__field"
                        placeholder="Find by name"
                        autocomplete="off"
                        disabled=move || !can_search.get()
                        prop:value=move || wanted.get()
                        on:input=move |event| wanted.set(event_target_value(&event))
                    />
                </label>
                <div class="emoji-picker__tabs" role="group" aria-label="Groups">{tabs}</div>
            </div>
            <Show when=move || is_missing.get()>
                <p class="emoji-picker__note">"The others could not be loaded. These are always here."</p>
            </Show>
            <h3 class="panel__heading">{heading}</h3>
            <div class="panel__emoji emoji-picker__grid">{grid}</div>
            <div class="emoji-picker__tones" role="group" aria-label="Skin tone">
                {(0..=TONES).map(skin).collect::<Vec<_>>()}
            </div>
        </div>
    }
    .into_any()
}

fn one_button(emoji: &str, name: Option<&String>, is_passed: bool) -> AnyView {
    view! {
        <button
            type="button"
            class="panel__one"
            data-emoji=emoji.to_owned()
            title=name.cloned()
            tabindex=is_passed.then_some("-1")
        >
            {emoji.to_owned()}
        </button>
    }
    .into_any()
}

/// Those that every page brings along.
fn brought_along() -> EmojiList {
    let one = |emoji: &str| EmojiView {
        emoji: emoji.to_owned(),
        name: String::new(),
        shortcodes: Vec::new(),
        tones: Vec::new(),
    };
    let group = |(name, all): &(&str, &str)| EmojiGroup {
        name: (*name).to_owned(),
        emoji: all.split(' ').map(one).collect(),
    };
    EmojiList { groups: GROUPS.iter().map(group).collect() }
}

/// What is shown, under which heading: a group, or what has the words in its name. Each with its name.
fn shown(list: &EmojiList, wanted: &str, group: usize, tone: usize) -> (String, Vec<(String, String)>) {
    let toned = |one: &EmojiView| {
        let emoji = tone.checked_sub(1).and_then(|tone| one.tones.get(tone)).unwrap_or(&one.emoji);
        (emoji.clone(), one.name.clone())
    };
    let words: Vec<String> = wanted
        .to_lowercase()
        .split([' ', ':', '_'])
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    if words.is_empty() {
        let group = list.groups.get(group).or(list.groups.first());
        let all = group.map(|group| group.emoji.iter().map(toned).collect()).unwrap_or_default();
        return (group.map(|group| group.name.clone()).unwrap_or_default(), all);
    }
    let has = |one: &EmojiView, word: &str| {
        let begins =
            |name: &str| name.split([' ', '_', '-']).any(|part| part.to_lowercase().starts_with(word));
        begins(&one.name) || one.shortcodes.iter().any(|code| begins(code))
    };
    let all = list.groups.iter().flat_map(|group| &group.emoji);
    let found: Vec<_> =
        all.filter(|one| words.iter().all(|word| has(one, word))).take(FOUND).map(toned).collect();
    let heading = if found.is_empty() { "Nothing has that name" } else { "Found" };
    (heading.to_owned(), found)
}

/// The button beside the box, and the emoji over the page.
#[component]
pub(super) fn ComposerEmoji() -> impl IntoView {
    let store = use_store();
    let dialog = NodeRef::<Dialog>::new();
    let beside = RwSignal::new(None::<(f64, f64, f64, f64)>);
    Effect::new(move || {
        let (Some(dialog), Some(beside)) = (dialog.get(), beside.get()) else { return };
        if !dialog.open() && dialog.show_modal().is_ok() {
            request_animation_frame(move || put(&dialog, beside));
        }
    });
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    let open = move |event: MouseEvent| {
        let target = event.current_target().and_then(|target| target.dyn_into::<Element>().ok());
        beside.set(Some(target.map(|target| edges(&target)).unwrap_or_default()));
    };
    let choose = Callback::new(move |emoji: String| {
        close();
        if let Some(text) = composer::element() {
            write(&text, &emoji);
        }
    });
    let on_click = move |event: MouseEvent| {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if target.is_some_and(|target| target.tag_name() == "DIALOG") {
            close();
        }
    };
    let closed = move |_| {
        beside.set(None);
        composer::focus();
    };
    view! {
        <button
            type="button"
            class="icon-button composer__emoji"
            aria-label="Emoji"
            title="Emoji"
            aria-haspopup="dialog"
            data-alive=move || store.is_alive().then_some("true")
            on:click=open
        >
            <Icon glyph=Glyph::Smile/>
        </button>
        <dialog
            node_ref=dialog
            class="panel"
            aria-label="Emoji"
            on:close=closed
            on:click=on_click
            on:keydown=move |event| on_key(&event)
        >
            {move || beside.get().map(|_| {
                view! { <EmojiPicker choose close=Callback::new(move |()| close())/> }
            })}
        </dialog>
    }
    .into_any()
}

fn write(text: &HtmlTextAreaElement, emoji: &str) {
    insert(text, None, emoji);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> EmojiList {
        let one = |emoji: &str, name: &str, code: &str, tones: &[&str]| EmojiView {
            emoji: emoji.into(),
            name: name.into(),
            shortcodes: vec![code.into()],
            tones: tones.iter().map(|tone| (*tone).to_owned()).collect(),
        };
        let hands = ["👋🏻", "👋🏼", "👋🏽", "👋🏾", "👋🏿"];
        let people = vec![one("👋", "waving hand", "wave", &hands), one("🧠", "brain", "brain", &[])];
        let things = vec![one("🎉", "party popper", "tada", &[])];
        let group = |name: &str, emoji| EmojiGroup { name: name.into(), emoji };
        EmojiList { groups: vec![group("People", people), group("Things", things)] }
    }

    fn pictures(wanted: &str, group: usize, tone: usize) -> (String, String) {
        let (heading, all) = shown(&list(), wanted, group, tone);
        (heading, all.into_iter().map(|(emoji, _)| emoji).collect())
    }

    #[test]
    fn a_group_is_shown_in_the_chosen_tone() {
        assert_eq!(pictures("", 0, 0), ("People".into(), "👋🧠".into()));
        assert_eq!(pictures("", 0, 5), ("People".into(), "👋🏿🧠".into()));
        assert_eq!(pictures("", 1, 1).0, "Things");
    }

    #[test]
    fn emoji_are_found_by_the_beginnings_of_all_words() {
        assert_eq!(pictures("PARTY pop", 0, 0).1, "🎉");
        assert_eq!(pictures(":tada:", 0, 0).1, "🎉");
        assert_eq!(pictures("hand", 1, 2), ("Found".into(), "👋🏼".into()));
        assert_eq!(pictures("arty", 0, 0), ("Nothing has that name".into(), String::new()));
    }

    #[test]
    fn without_the_list_there_are_those_that_come_with_the_page() {
        let all = brought_along();
        let count: usize = all.groups.iter().map(|group| group.emoji.len()).sum();
        assert!(count > 140, "{count}");
    }
}
