//! The emoji that are offered for reactions. The server takes any other one, too, and whoever sees one under a
//! message can press it.

/// What most people want most of the time.
pub(super) const FREQUENT: [&str; 6] = ["👍", "❤️", "😂", "🎉", "😮", "😢"];

/// The others, by group.
pub(super) const GROUPS: [(&str, &str); 6] = [
    (
        "Faces",
        "😀 😄 😁 😆 😅 🤣 🙂 🙃 😉 😊 😇 🥰 😍 😘 😋 😜 🤪 🤗 🤭 🤫 🤔 🤨 😐 😑 😏 🙄 😬 😌 😴 🤒 🤕 🥳 🥺 😭 😱 😤 😡 🤯 😎 🤓 🫠 🫡",
    ),
    ("People and hands", "👎 👌 ✌️ 🤞 🤙 👈 👉 👆 👇 ☝️ ✋ 👋 🤝 🙏 👏 🙌 💪 🫶 🤷 🤦 👀 🧠 👶 👩‍💻 👨‍💻 🧑‍🍳"),
    ("Hearts and signs", "🧡 💛 💚 💙 💜 🖤 🤍 💔 💯 ✅ ☑️ ❌ ❓ ❗ ⚠️ 🚫 ➕ ➖ 🔁 🆗 🆕 💤 💬 🏁"),
    ("Nature and food", "🌞 🌙 ⭐ 🔥 🌈 ☔ ❄️ 🌱 🌸 🌍 🐶 🐱 🐢 🐙 🦄 🐝 🍎 🍌 🍕 🍰 🍪 ☕ 🍵 🍺 🥂"),
    ("Places and play", "🚀 ✈️ 🚲 🚗 🏠 🏖️ ⛰️ ⚽ 🏀 🎮 🎲 🎯 🏆 🥇 🎵 🎸 🎬 🎨 🎁 🎈"),
    ("Things", "💡 📌 📎 📅 ⏰ ⏳ 📞 💻 📱 📷 🔍 🔒 🔑 🔧 🧪 🐛 📦 📈 📉 📝 📚 ✉️ 💰 🧹"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_is_offered_once() {
        let all: Vec<_> = GROUPS.iter().flat_map(|(_, group)| group.split(' ')).chain(FREQUENT).collect();
        assert!((150..200).contains(&all.len()), "{}", all.len());
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }
}
