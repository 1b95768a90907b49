//! What a file is, by its first bytes. A name decides one thing only: which kind of text a text is.

use ::image::ImageFormat;
use app::domain::{AttachmentKind, FileName};
use memchr::memmem;

/// What nothing else is known of.
const UNKNOWN: &str = "application/octet-stream";
/// Types of text that no browser runs, whatever is in them. Scripts and style sheets are not among them, for a page
/// can ask for those by address.
const TEXT_TYPES: &[&str] = &[
    "application/json",
    "application/toml",
    "application/yaml",
    "text/calendar",
    "text/csv",
    "text/markdown",
    "text/plain",
    "text/tab-separated-values",
    "text/vcard",
    "text/x-asm",
    "text/x-c",
    "text/x-c++",
    "text/x-csharp",
    "text/x-diff",
    "text/x-fortran",
    "text/x-go",
    "text/x-haskell",
    "text/x-java-source",
    "text/x-kotlin",
    "text/x-lua",
    "text/x-perl",
    "text/x-php",
    "text/x-python",
    "text/x-ruby",
    "text/x-rust",
    "text/x-scala",
    "text/x-sql",
    "text/x-swift",
    "text/x-tex",
    "text/x-toml",
    "text/x-yaml",
];
/// Brands of pictures in the container of films (ISO/IEC 23008-12).
const STILL_BRANDS: &[&[u8; 4]] = &[
    b"avif", b"avis", b"heic", b"heim", b"heis", b"heix", b"hevc", b"hevm", b"hevs", b"hevx", b"mif1",
    b"mif2", b"msf1",
];

/// What was found out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sniffed {
    /// What it claims to be; an image is one only once it was decoded.
    pub kind: AttachmentKind,
    /// As browsers call it.
    pub media_type: &'static str,
    /// Of an image that can be decoded: how.
    pub format: Option<ImageFormat>,
}

/// Looks at the first bytes of what is no text.
pub(super) fn sniff(head: &[u8]) -> Sniffed {
    let found = if head.get(4..8) == Some(b"ftyp") {
        film(head)
    } else if head.starts_with(b"OggS") {
        ogg(head)
    } else {
        infer::get(head).map_or(UNKNOWN, |found| found.mime_type())
    };
    let (kind, media_type) = match found {
        "image/png" => return image(ImageFormat::Png, "image/png"),
        "image/jpeg" => return image(ImageFormat::Jpeg, "image/jpeg"),
        "image/gif" => return image(ImageFormat::Gif, "image/gif"),
        "image/webp" => return image(ImageFormat::WebP, "image/webp"),
        "image/bmp" => return image(ImageFormat::Bmp, "image/bmp"),
        "audio/mpeg" => (AttachmentKind::Audio, "audio/mpeg"),
        "audio/mp4" | "audio/m4a" => (AttachmentKind::Audio, "audio/mp4"),
        "audio/aac" => (AttachmentKind::Audio, "audio/aac"),
        "audio/ogg" => (AttachmentKind::Audio, "audio/ogg"),
        "audio/x-flac" => (AttachmentKind::Audio, "audio/flac"),
        "audio/x-wav" => (AttachmentKind::Audio, "audio/wav"),
        "video/mp4" => (AttachmentKind::Video, "video/mp4"),
        "video/webm" => (AttachmentKind::Video, "video/webm"),
        "video/quicktime" => (AttachmentKind::Video, "video/quicktime"),
        "video/ogg" => (AttachmentKind::Video, "video/ogg"),
        // What only looks like a text, a script or a page has bytes that no text has.
        other if other.starts_with("text/") => (AttachmentKind::File, UNKNOWN),
        other => (AttachmentKind::File, other),
    };
    Sniffed { kind, media_type, format: None }
}

/// The media type of a text of that name.
pub(super) fn text_type(name: &FileName) -> &'static str {
    let guessed = mime_guess::from_path(name.as_str()).first_raw().unwrap_or("text/plain");
    TEXT_TYPES.iter().find(|known| **known == guessed).copied().unwrap_or("text/plain")
}

fn image(format: ImageFormat, media_type: &'static str) -> Sniffed {
    Sniffed { kind: AttachmentKind::Image, media_type, format: Some(format) }
}

/// The container of films, sounds and pictures (ISO/IEC 14496-12) says in its first box what it is good for.
fn film(head: &[u8]) -> &'static str {
    let length = head.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes) as usize);
    let first = head.get(8..length.min(head.len())).unwrap_or_default();
    // The second word is a version.
    let brands = || first.chunks_exact(4).enumerate().filter(|(at, _)| *at != 1).map(|(_, brand)| brand);
    let is_still = |brand: &[u8]| STILL_BRANDS.iter().any(|still| still.as_slice() == brand);
    let Some(major) = brands().next() else { return UNKNOWN };
    if brands().any(|brand| brand == b"avif" || brand == b"avis") {
        "image/avif"
    } else if brands().any(is_still) {
        "image/heic"
    } else if major.starts_with(b"M4A") || major.starts_with(b"M4B") {
        "audio/mp4"
    } else if major == b"qt  " {
        "video/quicktime"
    } else if major.starts_with(b"3g") {
        "video/3gpp"
    } else if brands().any(is_mp4) {
        "video/mp4"
    } else {
        UNKNOWN
    }
}

fn is_mp4(brand: &[u8]) -> bool {
    let beginnings: [&[u8]; 6] = [b"iso", b"mp4", b"avc", b"M4V", b"dash", b"MSNV"];
    beginnings.iter().any(|beginning| brand.starts_with(beginning))
}

/// The streams of an Ogg file all begin on its first pages.
fn ogg(head: &[u8]) -> &'static str {
    let holds = |mark: &[u8]| memmem::find(head, mark).is_some();
    if holds(b"\x80theora") {
        "video/ogg"
    } else if holds(b"OpusHead") || holds(b"\x01vorbis") || holds(b"\x7fFLAC") || holds(b"Speex   ") {
        "audio/ogg"
    } else {
        "application/ogg"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_a_text_is_one_that_no_browser_runs() {
        let of = |name: &str| FileName::parse(name).map(|name| text_type(&name)).unwrap_or_default();
        assert_eq!(of("a.csv"), "text/csv");
        assert_eq!(of("README.md"), "text/markdown");
        assert_eq!(of("main.rs"), "text/x-rust");
        assert_eq!(of("data.JSON"), "application/json");
        for name in [
            "a.html",
            "a.htm",
            "a.xhtml",
            "a.svg",
            "a.xml",
            "a.xsl",
            "a.js",
            "a.mjs",
            "a.css",
            "a.htc",
            "a.appcache",
            "a.wasm",
            "a.pdf",
            "a.png",
            "a.mp4",
            "a.swf",
            "a.shtml",
            "a.mht",
            "a.exe",
            "a",
            "",
            "a.",
            ".html",
        ] {
            assert_eq!(of(name), "text/plain", "{name}");
        }
    }

    #[test]
    fn a_container_is_what_its_brands_say() {
        let of = |brands: &[&[u8; 4]]| {
            let length = u32::try_from(12 + brands.len() * 4).unwrap_or_default();
            let rest = [*b"ftyp", *brands[0], [0; 4]].concat();
            let others: Vec<u8> = brands[1..].iter().flat_map(|brand| **brand).collect();
            let head = [&length.to_be_bytes()[..], &rest, &others, b"mdat"].concat();
            sniff(&head).media_type
        };
        assert_eq!(of(&[b"isom", b"iso2", b"avc1", b"mp41"]), "video/mp4");
        assert_eq!(of(&[b"mp42", b"mp42", b"heic"]), "image/heic");
        assert_eq!(of(&[b"mif1", b"mif1", b"avif"]), "image/avif");
        assert_eq!(of(&[b"M4A ", b"mp42", b"isom"]), "audio/mp4");
        assert_eq!(of(&[b"M4V ", b"mp42"]), "video/mp4");
        assert_eq!(of(&[b"qt  "]), "video/quicktime");
        assert_eq!(of(&[b"3gp4", b"isom"]), "video/3gpp");
        assert_eq!(of(&[b"crx ", b"what"]), UNKNOWN);
        assert_eq!(sniff(b"\0\0\0\0ftyp").media_type, UNKNOWN);
        assert_eq!(sniff(b"\xff\xff\xff\xffftypisom").media_type, "video/mp4");
    }
}
