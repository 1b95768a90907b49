//! The mark of the product in the browser's tab, with the number of messages that are unread.

use leptos::prelude::*;

use crate::ui::state::marks::badge;

/// What stands in the document without unread messages.
const PLAIN: &str = "/favicon.svg";

/// Shows it. The document has the plain one at first.
pub fn show(unread: u64) {
    let icon = document().query_selector("link[rel=icon]").ok().flatten();
    if let Some(icon) = icon {
        let address = if unread == 0 { PLAIN.to_owned() } else { address(&drawing(&badge(unread))) };
        // A browser that refuses shows the one before.
        let _ = icon.set_attribute("href", &address);
    }
}

/// The mark under a badge.
fn drawing(number: &str) -> String {
    let size = if number.len() > 2 { 11 } else { 14 };
    format!(
        concat!(
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>",
            "<style>path{{fill:#0b6b63}}@media(prefers-color-scheme:dark){{path{{fill:#63c5b9}}}}</style>",
            "<path d='M9 4h11a6 6 0 0 1 6 6v1a6 6 0 0 1-6 6h-7l-5 4v-4.2A6 6 0 0 1 3 11v-1a6 6 0 0 1 6-6z'/>",
            "<rect x='10' y='12' width='22' height='20' rx='10' fill='#b3261e'/>",
            "<text x='21' y='22' fill='#fff' font-family='sans-serif' font-weight='700' font-size='{size}' ",
            "text-anchor='middle' dominant-baseline='central'>{number}</text></svg>"
        ),
        size = size,
        number = number
    )
}

/// A drawing as an address that says it all.
fn address(drawing: &str) -> String {
    let escaped = drawing.replace('%', "%25").replace('#', "%23").replace('<', "%3C").replace('>', "%3E");
    format!("data:image/svg+xml,{escaped}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drawing_is_an_address() {
        let address = address(&drawing("99+"));
        assert!(address.starts_with("data:image/svg+xml,%3Csvg"), "{address}");
        assert!(!address.contains(['<', '>', '#']) && address.contains("99+"), "{address}");
    }
}
