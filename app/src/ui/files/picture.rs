//! How pictures are laid out. Everything is known before the first byte of a picture has come, so that
//! nothing moves when it does.

/// The box that a picture alone is shown in, in CSS pixels.
const WIDEST: u32 = 352;
const HIGHEST: u32 = 320;
/// A very long picture is cut to this rather than made a thread.
const NARROWEST: u32 = 96;

/// Colours across and down in a placeholder.
const ACROSS: usize = 4;
const DOWN: usize = 3;

/// The name that the style sheet has for the layout of so many pictures.
pub fn layout(count: usize) -> &'static str {
    match count {
        0 | 1 => "one",
        2 => "two",
        3 => "three",
        4 => "four",
        _ => "many",
    }
}

/// How large a picture alone is shown, in CSS pixels. One whose size is not known gets a place of 4:3.
pub fn shown_size(width: u32, height: u32) -> (u32, u32) {
    if width == 0 || height == 0 {
        return (HIGHEST, HIGHEST / 4 * 3);
    }
    let (w, h) = (u64::from(width), u64::from(height));
    let fit = |limit: u32, this: u64, other: u64| ((u64::from(limit) * other + this / 2) / this) as u32;
    let (wide, high) = if w <= u64::from(WIDEST) && h <= u64::from(HIGHEST) {
        (width, height)
    } else if w * u64::from(HIGHEST) >= h * u64::from(WIDEST) {
        (WIDEST, fit(WIDEST, w, h))
    } else {
        (fit(HIGHEST, h, w), HIGHEST)
    };
    (wide.max(NARROWEST), high.max(NARROWEST))
}

/// The rectangles of a placeholder: where each is, and its colour as it stands in an attribute. What is no
/// colour is left out.
pub fn regions(placeholder: &str) -> impl Iterator<Item = (usize, usize, String)> {
    let colours = placeholder.as_bytes().chunks(6).take(ACROSS * DOWN).enumerate();
    colours.filter_map(|(index, colour)| {
        let colour = str::from_utf8(colour).ok()?;
        let is_colour = colour.len() == 6 && colour.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_colour.then(|| (index % ACROSS, index / ACROSS, format!("#{colour}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_keeps_its_shape_within_its_box() {
        assert_eq!(shown_size(1_920, 1_080), (352, 198));
        assert_eq!(shown_size(1_080, 1_920), (180, 320));
        assert_eq!(shown_size(200, 150), (200, 150));
        // The same picture at the size of its original and of its preview.
        assert_eq!(shown_size(4_032, 3_024), shown_size(1_920, 1_440));
    }

    #[test]
    fn what_is_extreme_or_unknown_gets_a_place_all_the_same() {
        assert_eq!(shown_size(1, 1), (96, 96));
        assert_eq!(shown_size(10_000, 10), (352, 96));
        assert_eq!(shown_size(u32::MAX, u32::MAX), (320, 320));
        assert_eq!(shown_size(0, 50), (320, 240));
    }

    #[test]
    fn a_placeholder_is_four_by_three_colours_and_nothing_else() {
        let whole: Vec<_> = regions(&"a1b2c3".repeat(12)).collect();
        assert_eq!(whole.len(), 12);
        assert_eq!(whole[5], (1, 1, "#a1b2c3".to_owned()));
        assert_eq!(regions(&"ffffff".repeat(20)).count(), 12);
        assert_eq!(
            regions("url(x)red; é\u{1F600}00ff00").map(|region| region.2).collect::<Vec<_>>(),
            Vec::<String>::new()
        );
        assert_eq!(regions("").count(), 0);
    }
}
