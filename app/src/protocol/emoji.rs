//! The list of all emoji: what a page offers beyond those that it brings along.

use serde::{Deserialize, Serialize};

/// All emoji, by group, in Unicode's order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmojiList {
    /// The groups.
    pub groups: Vec<EmojiGroup>,
}

/// Emoji of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmojiGroup {
    /// What the group is called, in English.
    pub name: String,
    /// Its emoji, each in the yellow of no skin.
    pub emoji: Vec<EmojiView>,
}

/// An emoji.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmojiView {
    /// The emoji, written in full.
    pub emoji: String,
    /// Its name by Unicode, in English.
    pub name: String,
    /// What it is called between colons, as on GitHub.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shortcodes: Vec<String>,
    /// The same in the five tones of skin, from light to dark, if it has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tones: Vec<String>,
}
