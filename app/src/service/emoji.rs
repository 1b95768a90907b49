//! Which texts are an emoji. The table of them is large, and stays on the server; a page fetches a list of them when
//! somebody looks for one.

use std::{fmt::Write, sync::LazyLock};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::{
    error::{AppError, AppResult, FieldError},
    protocol::{EmojiGroup, EmojiList, EmojiView},
};

/// The list of all emoji, ready to be served.
pub struct ListedEmoji {
    /// Its address, which has the hash of its content in it: what is found there never changes.
    pub address: String,
    /// The list as JSON.
    pub json: Bytes,
}

/// The list of all emoji. Made once.
pub fn emoji_list() -> &'static ListedEmoji {
    static LIST: LazyLock<ListedEmoji> = LazyLock::new(|| {
        // Of plain texts, which can always be written.
        let json = serde_json::to_vec(&all()).unwrap_or_default();
        let mut address = String::from("/emoji/");
        for byte in Sha256::digest(&json).iter().take(8) {
            let _always = write!(address, "{byte:02x}");
        }
        address.push_str(".json");
        ListedEmoji { address, json: json.into() }
    });
    &LIST
}

fn all() -> EmojiList {
    use emojis::Group;

    let name = |group: Group| match group {
        Group::SmileysAndEmotion => "Faces and feelings",
        Group::PeopleAndBody => "People and hands",
        Group::AnimalsAndNature => "Animals and nature",
        Group::FoodAndDrink => "Food and drink",
        Group::TravelAndPlaces => "Travel and places",
        Group::Activities => "Activities",
        Group::Objects => "Objects",
        Group::Symbols => "Symbols",
        Group::Flags => "Flags",
    };
    let group = |group: Group| EmojiGroup {
        name: name(group).to_owned(),
        emoji: group.emojis().filter(|emoji| is_untoned(emoji)).map(view).collect(),
    };
    EmojiList { groups: Group::iter().map(group).collect() }
}

fn is_untoned(emoji: &emojis::Emoji) -> bool {
    emoji.skin_tone().is_none_or(|tone| tone == emojis::SkinTone::Default)
}

fn view(emoji: &emojis::Emoji) -> EmojiView {
    use emojis::SkinTone::{Dark, Light, Medium, MediumDark, MediumLight};

    let toned = |tone| emoji.with_skin_tone(tone).map(|toned| toned.as_str().to_owned());
    // Of two people each may have a tone: both get the same here.
    let tones: Option<Vec<String>> =
        [Light, MediumLight, Medium, MediumDark, Dark].into_iter().map(toned).collect();
    EmojiView {
        emoji: emoji.as_str().to_owned(),
        name: emoji.name().to_owned(),
        shortcodes: emoji.shortcodes().map(str::to_owned).collect(),
        tones: tones.unwrap_or_default(),
    }
}

/// The emoji that the text is, as Unicode writes it in full, so that one and the same has one form only. Fails with
/// `malformed` for the field `emoji` if it is not one emoji alone.
pub(super) fn parse(text: &str) -> AppResult<&'static str> {
    let emoji = emojis::get(text).ok_or_else(|| AppError::field("emoji", FieldError::Malformed))?;
    Ok(emoji.as_str())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn any_one_emoji_is_taken() {
        for emoji in ["👍", "👍🏽", "❤️", "👩‍👩‍👧‍👦", "🇮🇳", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "1️⃣", "☺️"]
        {
            assert_eq!(parse(emoji).unwrap(), emoji);
        }
        assert_eq!(parse("❤").unwrap(), "❤️", "the same, written shorter");
    }

    #[test]
    fn the_list_has_each_emoji_once_with_its_tones() {
        let list = all();
        let one: Vec<_> = list.groups.iter().flat_map(|group| &group.emoji).collect();
        assert!((1_700..2_500).contains(&one.len()), "{}", one.len());
        assert!(one.iter().all(|one| parse(&one.emoji).is_ok()));
        let wave = one.iter().find(|one| one.shortcodes.iter().any(|code| code == "wave")).unwrap();
        assert_eq!((wave.emoji.as_str(), wave.tones.len(), wave.tones[4].as_str()), ("👋", 5, "👋🏿"));
        assert!(one.iter().all(|one| one.tones.is_empty() || one.tones.len() == 5));
        let listed = emoji_list();
        assert!(listed.json.len() < 400_000, "{}", listed.json.len());
        assert_eq!(serde_json::from_slice::<EmojiList>(&listed.json).unwrap(), list);
    }

    #[test]
    fn nothing_else_is() {
        for text in
            ["", " ", "a", "1", "👍👍", "👍 ", "ok", ":+1:", "thumbsup", "\u{200d}", "\u{fe0f}", "🇮", "<b>"]
        {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
