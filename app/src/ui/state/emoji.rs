//! The list of all emoji, fetched when it is first needed; which ones this browser has used last, and in which tone.

use std::sync::Arc;

use leptos::prelude::*;

use super::{
    Store,
    browser::{self, Storage},
};
use crate::protocol::EmojiList;

/// Emoji that are remembered as used.
pub const RECENT: usize = 24;
/// Tones that a skin can have beside none.
pub const TONES: usize = 5;

const RECENT_KEY: &str = "samvad:emoji-recent";
const TONE_KEY: &str = "samvad:emoji-tone";

/// The list, as far as it is here.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Emoji {
    /// Nobody has needed it yet.
    #[default]
    Unknown,
    /// It is on its way.
    Asked,
    /// It is here.
    Known(Arc<EmojiList>),
    /// It did not come.
    Missing,
}

impl Emoji {
    /// The list, if it is here.
    pub fn list(&self) -> Option<&EmojiList> {
        match self {
            Self::Known(list) => Some(list),
            _ => None,
        }
    }
}

impl Store {
    /// Fetches the list, unless it is here or on its way.
    pub fn want_emoji(&self) {
        let address = self.initial.with_value(|data| data.emoji_list.clone());
        let is_wanted = self.emoji.with_untracked(|emoji| matches!(emoji, Emoji::Unknown | Emoji::Missing));
        if !is_wanted || address.is_empty() {
            return;
        }
        self.emoji.set(Emoji::Asked);
        self.fetch_emoji(address);
    }

    #[cfg(feature = "hydrate")]
    fn fetch_emoji(&self, address: String) {
        use crate::error::{AppError, ErrorCode};

        let emoji = self.emoji;
        leptos::task::spawn_local(async move {
            let fetched = browser::within(async {
                let away = |_why: gloo_net::Error| AppError::from(ErrorCode::Offline);
                let answer = gloo_net::http::Request::get(&address).send().await.map_err(away)?;
                answer.json::<EmojiList>().await.map_err(away)
            });
            emoji.set(match fetched.await {
                Ok(list) => Emoji::Known(Arc::new(list)),
                Err(_away) => Emoji::Missing,
            });
        });
    }

    /// On the server nobody types.
    #[cfg(not(feature = "hydrate"))]
    fn fetch_emoji(&self, _address: String) {}
}

/// The emoji that this browser has used last, the last one first.
pub fn recent() -> Vec<String> {
    let kept = browser::stored(Storage::Browser, RECENT_KEY).unwrap_or_default();
    kept.split_whitespace().take(RECENT).map(str::to_owned).collect()
}

/// Remembers that an emoji was used. Where the browser keeps nothing, nothing is remembered.
pub fn note_used(emoji: &str) {
    let kept = with_first(recent(), emoji).join(" ");
    let _kept = browser::store(Storage::Browser, RECENT_KEY, Some(&kept));
}

fn with_first(mut recent: Vec<String>, emoji: &str) -> Vec<String> {
    recent.retain(|one| one != emoji);
    recent.insert(0, emoji.to_owned());
    recent.truncate(RECENT);
    recent
}

/// The tone that this browser has chosen: 0 for none, or 1 to [`TONES`].
pub fn tone() -> usize {
    let kept = browser::stored(Storage::Browser, TONE_KEY);
    kept.and_then(|kept| kept.parse().ok()).filter(|tone| *tone <= TONES).unwrap_or(0)
}

/// Remembers the tone.
pub fn keep_tone(tone: usize) {
    let _kept = browser::store(Storage::Browser, TONE_KEY, Some(&tone.to_string()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_comes_first_and_once() {
        let all = ["🎉", "👍"].map(str::to_owned).to_vec();
        assert_eq!(with_first(all.clone(), "👍"), ["👍", "🎉"]);
        let many: Vec<String> = (0..RECENT).map(|number| number.to_string()).collect();
        let kept = with_first(many, "👍");
        assert_eq!((kept.len(), kept[0].as_str()), (RECENT, "👍"));
    }
}
