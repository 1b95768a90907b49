//! Who or what something is from, at a glance: a picture that they have chosen, over initials on a colour that stays the
//! same.

use leptos::prelude::*;

use crate::domain::{AttachmentId, ChatId, UserId};

/// How many colours the style sheet has for avatars.
const HUES: u8 = 12;

/// Which of the avatar colours belongs to these bytes of an id.
pub fn hue(id: &[u8; 12]) -> u8 {
    // FNV-1a, stirred once more at the end: ids made one after the other differ in one byte only, and
    // still get different colours.
    let hash =
        id.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    u8::try_from((hash >> 16) % u32::from(HUES)).unwrap_or_default()
}

/// At most two letters that stand for a name: of its first and of its last word.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace().filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    let letters: String = [first, last].into_iter().flatten().flat_map(|c| c.to_uppercase().next()).collect();
    if letters.is_empty() { "?".to_owned() } else { letters }
}

/// The address of the picture that stands for a person or a group.
pub fn avatar_path(id: AttachmentId) -> String {
    format!("/avatars/{id}")
}

/// A person or a group as a small picture. Their name always stands beside it, so it is not read aloud. Until a picture is
/// there, and where it does not come, the initials are seen beneath it.
#[component]
pub fn Avatar(
    /// What they are called.
    #[prop(into)]
    name: Signal<String>,
    /// Which colour: see [`hue`].
    hue: u8,
    /// The picture that stands for them, if one does.
    #[prop(into)]
    picture: Signal<Option<AttachmentId>>,
    /// Whether it stands for a group.
    #[prop(optional)]
    group: bool,
    /// `s`, `m` or `l`.
    #[prop(default = "m")]
    size: &'static str,
) -> impl IntoView {
    let side = side(size);
    view! {
        <span
            class="avatar"
            data-hue=hue.to_string()
            data-size=size
            data-kind=if group { "group" } else { "person" }
            aria-hidden="true"
        >
            {move || name.with(|name| initials(name))}
            {move || picture.get().map(|id| view! {
                <img
                    class="avatar__picture"
                    src=avatar_path(id)
                    width=side
                    height=side
                    alt=""
                    loading="lazy"
                    decoding="async"
                    draggable="false"
                />
            })}
        </span>
    }
    .into_any()
}

/// How many CSS pixels a picture of that size has along each side.
fn side(size: &str) -> &'static str {
    match size {
        "s" => "24",
        "l" => "72",
        _ => "40",
    }
}

/// The colour of a person.
pub fn user_hue(id: UserId) -> u8 {
    hue(id.as_bytes())
}

/// The colour of a group.
pub fn chat_hue(id: ChatId) -> u8 {
    hue(id.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_and_the_last_word_in_any_script() {
        for (name, expected) in [
            ("Ada Lovelace", "AL"),
            ("ada", "A"),
            ("Ada Augusta King Lovelace", "AL"),
            ("  (ada) @lovelace ", "AL"),
            ("सम्यक जैन", "सज"),
            ("李 小龙", "李小"),
            ("ßen", "S"),
            ("🙂", "?"),
            ("", "?"),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
    }

    #[test]
    fn the_colour_of_an_id_is_one_of_the_palette_and_neighbours_differ() {
        let mut seen = std::collections::BTreeSet::new();
        for last in 0..=255 {
            let mut id = [7; 12];
            id[11] = last;
            assert!(hue(&id) < HUES);
            seen.insert(hue(&id));
        }
        assert_eq!(seen.len(), usize::from(HUES));
    }
}
