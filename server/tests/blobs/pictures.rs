//! Pictures: what is shown of them, and what must not get through.

use std::{io::Write, sync::Arc, time::Duration};

use app::{
    domain::{AttachmentKind, FileName},
    error::ErrorCode,
    ports::{Inspected, Media, Staged},
};
use image::{DynamicImage, GrayImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use server::media::Inspector;

use crate::{
    kinds::{desk, encoded},
    support::{code, staged},
};

pub const RED: Rgb<u8> = Rgb([200, 30, 30]);
pub const BLUE: Rgb<u8> = Rgb([30, 30, 200]);

/// Red in its upper left quarter, and blue.
fn quarters(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, y| if x < width / 2 && y < height / 2 { RED } else { BLUE }).into()
}

/// What was made of a picture, decoded again: preview and thumbnail.
fn decoded(found: &Inspected) -> [DynamicImage; 2] {
    let picture = found.picture.as_ref().unwrap();
    let format = ImageFormat::from_mime_type(&picture.view.media_type).unwrap();
    let image = |file: &Staged| image::load_from_memory_with_format(&content(file), format).unwrap();
    [image(&picture.preview), image(&picture.thumb)]
}

fn content(file: &Staged) -> Vec<u8> {
    let content = std::fs::read(file.path()).unwrap();
    assert_eq!(content.len() as u64, file.length());
    content
}

/// Everything that is made of the picture, one after the other.
fn made(found: &Inspected) -> Vec<u8> {
    let picture = found.picture.as_ref().unwrap();
    [content(&picture.preview), content(&picture.thumb)].concat()
}

pub fn holds(all: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(all, part).is_some()
}

pub fn is_near(pixel: Rgba<u8>, colour: Rgb<u8>) -> bool {
    pixel.0.iter().zip(colour.0).all(|(one, other)| one.abs_diff(other) < 16)
}

/// The place, the camera and the orientation, as a camera writes them (EXIF 2.3, TIFF 6.0).
pub fn exif(orientation: u16) -> Vec<u8> {
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value].concat()
    };
    let short = |value: u16| [value.to_le_bytes()[0], value.to_le_bytes()[1], 0, 0];
    let mut tiff = b"II*\0\x08\0\0\0\x03\0".to_vec();
    tiff.extend(entry(0x010f, 2, 12, 50_u32.to_le_bytes())); // camera
    tiff.extend(entry(0x0112, 3, 1, short(orientation)));
    tiff.extend(entry(0x8825, 4, 1, 62_u32.to_le_bytes())); // place
    tiff.extend([0; 4]);
    assert_eq!(tiff.len(), 50);
    tiff.extend(b"SecretCam 1\0");
    tiff.extend(2_u16.to_le_bytes());
    tiff.extend(entry(1, 2, 2, *b"N\0\0\0"));
    tiff.extend(entry(2, 5, 3, 92_u32.to_le_bytes()));
    tiff.extend([0; 4]);
    for number in [52_u32, 1, 31, 1, 12, 1] {
        tiff.extend(number.to_le_bytes());
    }
    [b"Exif\0\0".to_vec(), tiff].concat()
}

/// Puts segments behind the first marker of a JPEG.
pub fn with_segments(jpeg: &[u8], segments: &[(u8, &[u8])]) -> Vec<u8> {
    let mut all = jpeg[..2].to_vec();
    for (marker, content) in segments {
        all.extend([0xff, *marker]);
        all.extend(u16::try_from(content.len() + 2).unwrap().to_be_bytes());
        all.extend(*content);
    }
    all.extend(&jpeg[2..]);
    all
}

/// Puts a chunk behind the header of a PNG.
fn with_chunk(png: &[u8], name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let header = 8 + 25;
    [&png[..header], &chunk(name, content), &png[header..]].concat()
}

fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    let sum = crc32(&[name, content].concat());
    [&length.to_be_bytes()[..], name, content, &sum.to_be_bytes()].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    })
}

#[tokio::test]
async fn a_picture_is_shrunk_and_never_enlarged() {
    let desk = desk();
    for (width, height, preview, thumb) in [
        (4000, 3000, (1920, 1440), (640, 480)),
        (3000, 4000, (1440, 1920), (480, 640)),
        (1000, 10, (1000, 10), (640, 6)),
        (640, 640, (640, 640), (640, 640)),
        (1, 1, (1, 1), (1, 1)),
        (1, 20_000, (1, 1920), (1, 640)),
        (20_000, 1, (1920, 1), (640, 1)),
    ] {
        let found = desk.inspect(encoded(&quarters(width, height), ImageFormat::Png), "a.png").await;
        assert_eq!((found.kind, found.media_type.as_str()), (AttachmentKind::Image, "image/png"));
        let view = &found.picture.as_ref().unwrap().view;
        assert_eq!((view.width, view.height, view.media_type.as_str()), (preview.0, preview.1, "image/jpeg"));
        let sizes = decoded(&found).map(|image| (image.width(), image.height()));
        assert_eq!(sizes, [preview, thumb], "{width}x{height}");
    }
}

#[tokio::test]
async fn every_format_that_is_decoded_is_decoded() {
    let desk = desk();
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Bmp]
    {
        let found = desk.inspect(encoded(&quarters(90, 60), format), "notes.txt").await;
        assert_eq!((found.kind, found.media_type.as_str()), (AttachmentKind::Image, format.to_mime_type()));
        for image in decoded(&found) {
            let image = image.to_rgba8();
            assert!(
                is_near(*image.get_pixel(10, 10), RED) && is_near(*image.get_pixel(80, 50), BLUE),
                "{format:?}"
            );
        }
    }
    // Of the colours of grey, and of two bytes each.
    let grey = DynamicImage::from(GrayImage::from_pixel(800, 800, image::Luma([77])));
    for image in
        [grey.clone(), grey.to_luma_alpha8().into(), grey.to_rgba16().into(), grey.to_luma16().into()]
    {
        let found = desk.inspect(encoded(&image, ImageFormat::Png), "grey.png").await;
        assert_eq!(found.picture.as_ref().unwrap().view.media_type, "image/jpeg");
        let [_, thumb] = decoded(&found);
        assert!(is_near(thumb.to_rgba8().as_raw()[..4].try_into().map(Rgba).unwrap(), Rgb([77; 3])));
    }
}

#[tokio::test]
async fn the_placeholder_has_the_colours_of_the_regions() {
    let desk = desk();
    let found = desk.inspect(encoded(&quarters(4000, 3000), ImageFormat::Png), "a.png").await;
    let placeholder = found.picture.unwrap().view.placeholder;
    assert_eq!(placeholder.len(), 4 * 3 * 6);
    let region = |at: usize| {
        let digits = &placeholder[at * 6..at * 6 + 6];
        Rgba([0, 2, 4, 0].map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()))
    };
    for (at, colour) in [(0, RED), (1, RED), (2, BLUE), (3, BLUE), (8, BLUE), (11, BLUE)] {
        assert!(is_near(region(at), colour), "{at} in {placeholder}");
    }
}

#[tokio::test]
async fn a_picture_stands_upright_and_tells_nothing_of_where_it_was_taken() {
    let desk = desk();
    let jpeg = encoded(&quarters(120, 80), ImageFormat::Jpeg);
    let xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><GPSLatitude>52,31N</GPSLatitude></x:xmpmeta>";
    // Where the upper left corner goes, as EXIF numbers it.
    for (orientation, upright, corner) in [
        (1, (120, 80), (10, 10)),
        (2, (120, 80), (110, 10)),
        (3, (120, 80), (110, 70)),
        (4, (120, 80), (10, 70)),
        (5, (80, 120), (10, 10)),
        (6, (80, 120), (70, 10)),
        (7, (80, 120), (70, 110)),
        (8, (80, 120), (10, 110)),
        (99, (120, 80), (10, 10)),
    ] {
        let taken = with_segments(
            &jpeg,
            &[(0xe1, &exif(orientation)), (0xe1, xmp), (0xed, b"Photoshop 3.0\0"), (0xfe, b"a comment")],
        );
        let found = desk.inspect(taken, "IMG_0001.jpg").await;
        let view = &found.picture.as_ref().unwrap().view;
        assert_eq!((view.width, view.height), upright, "{orientation}");
        for image in decoded(&found) {
            let image = image.to_rgba8();
            assert!(is_near(*image.get_pixel(corner.0, corner.1), RED), "{orientation}");
            let red = image.pixels().filter(|pixel| is_near(**pixel, RED)).count();
            assert!((2_000..2_800).contains(&red), "{orientation}: {red}");
        }
        for trace in [&b"Exif"[..], b"SecretCam", b"GPS", b"xap", b"xmp", b"Photoshop", b"comment", b"II*\0"]
        {
            assert!(!holds(&made(&found), trace), "{orientation}: {trace:?}");
        }
    }
}

#[tokio::test]
async fn a_png_keeps_its_orientation_and_loses_its_texts() {
    let desk = desk();
    let png = encoded(&quarters(120, 80), ImageFormat::Png);
    let png = with_chunk(&png, b"eXIf", &exif(6)[6..]);
    let png = with_chunk(&png, b"tEXt", b"Comment\0<script>alert(1)</script>");
    let png = with_chunk(&png, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta GPS/>");
    let found = desk.inspect(png, "a.png").await;
    let [preview, _] = decoded(&found);
    assert_eq!((preview.width(), preview.height()), (80, 120));
    assert!(is_near(*preview.to_rgba8().get_pixel(70, 10), RED));
    for trace in [&b"<script>"[..], b"xmp", b"SecretCam", b"GPS"] {
        assert!(!holds(&made(&found), trace));
    }
}

#[tokio::test]
async fn what_is_transparent_stays_so_and_does_not_bleed() {
    let desk = desk();
    // A disc of red on nothing, whose colour is green.
    let disc = RgbaImage::from_fn(1000, 1000, |x, y| {
        let inside = x.abs_diff(500).pow(2) + y.abs_diff(500).pow(2) < 400 * 400;
        if inside { Rgba([200, 30, 30, 255]) } else { Rgba([0, 255, 0, 0]) }
    });
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let found = desk.inspect(encoded(&disc.clone().into(), format), "sticker").await;
        assert_eq!(found.picture.as_ref().unwrap().view.media_type, "image/webp");
        let [_, thumb] = decoded(&found);
        let thumb = thumb.to_rgba8();
        assert_eq!(thumb.get_pixel(0, 0).0[3], 0);
        assert_eq!(thumb.get_pixel(320, 320).0, [200, 30, 30, 255]);
        assert!(thumb.pixels().filter(|pixel| pixel.0[3] > 30).all(|pixel| pixel.0[1] < 60), "it bleeds");
    }
    // Room for transparency that is not used is none.
    let opaque = DynamicImage::from(quarters(700, 700).to_rgba8());
    let found = desk.inspect(encoded(&opaque, ImageFormat::Png), "screen.png").await;
    assert_eq!(found.picture.unwrap().view.media_type, "image/jpeg");
}

#[tokio::test]
async fn of_a_picture_that_moves_the_first_frame_is_shown() {
    let desk = desk();
    let mut gif = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut gif);
        for colour in [RED, BLUE] {
            let frame = RgbImage::from_pixel(50, 50, colour);
            encoder.encode_frame(image::Frame::new(DynamicImage::from(frame).into_rgba8())).unwrap();
        }
    }
    let found = desk.inspect(gif, "moves.gif").await;
    assert_eq!(found.kind, AttachmentKind::Image);
    assert!(is_near(*decoded(&found)[0].to_rgba8().get_pixel(25, 25), RED));
}

/// A PNG that says it has so many pixels, and has none.
fn huge(width: u32, height: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let nothing = chunk(b"IDAT", &[0x78, 0x9c, 0x63, 0, 0, 0, 0, 0xff, 0xff]);
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), nothing, chunk(b"IEND", b"")].concat()
}

#[cfg(target_os = "linux")]
#[test]
fn too_many_pixels_are_refused_before_anything_is_decoded() {
    let name = concat!(module_path!(), "::too_many_pixels_are_refused_before_anything_is_decoded");
    crate::support::in_a_process_of_its_own(name, &[], || {
        crate::support::in_a_runtime(async {
            let desk = desk();
            desk.inspect(encoded(&quarters(100, 100), ImageFormat::Png), "first.png").await;
            let before = crate::support::peak_memory();
            for (width, height) in [(60_000, 60_000), (50_001, 1_000), (10, 5_000_001)] {
                let refused = code(desk.try_inspect(huge(width, height), "a.png").await);
                assert_eq!(refused, Some(ErrorCode::ImageTooLarge), "{width}x{height}");
            }
            // Within the limit, but nothing behind the header.
            assert_eq!(desk.inspect(huge(100, 100), "a.png").await.kind, AttachmentKind::File);
            let more = crate::support::peak_memory() - before;
            assert!(more < 8 * 1024 * 1024, "{more} bytes more");
        });
    });
}

#[tokio::test]
async fn a_broken_picture_is_a_file() {
    let desk = desk();
    let jpeg = encoded(&quarters(400, 400), ImageFormat::Jpeg);
    let png = encoded(&quarters(400, 400), ImageFormat::Png);
    let webp = encoded(&quarters(400, 400), ImageFormat::WebP);
    let cases = [
        (jpeg[..300].to_vec(), "image/jpeg"),
        (png[..png.len() / 2].to_vec(), "image/png"),
        (webp[..webp.len() / 2].to_vec(), "image/webp"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec(), "image/jpeg"),
        (b"GIF89a\0\0\0\0\0\0\0".to_vec(), "image/gif"),
        (b"BM\0\0\0\0\0\0".to_vec(), "image/bmp"),
    ];
    for (content, media_type) in cases {
        let length = content.len();
        let found = desk.inspect(content, "a.jpg").await;
        assert_eq!((found.kind, found.media_type.as_str()), (AttachmentKind::File, media_type), "{length}");
        assert!(found.picture.is_none());
    }
}

#[tokio::test]
async fn of_a_file_that_is_two_things_only_the_picture_is_shown() {
    let desk = desk();
    let tail = b"<html><script>alert(1)</script></html>";
    let gif = [encoded(&quarters(50, 50), ImageFormat::Gif), tail.to_vec()].concat();
    let jpeg = with_segments(&encoded(&quarters(50, 50), ImageFormat::Jpeg), &[(0xfe, tail)]);
    let archive = b"PK\x03\x04\x14\0\0\0\x08\0<script>alert(1)</script>PK\x05\x06";
    let png = [encoded(&quarters(50, 50), ImageFormat::Png), archive.to_vec()].concat();
    for content in [gif, jpeg, png] {
        let found = desk.inspect(content, "page.html").await;
        assert_eq!(found.kind, AttachmentKind::Image);
        assert!(!holds(&made(&found), b"script") && !holds(&made(&found), b"PK\x03\x04"));
    }
}

/// A text chunk that inflates to 100 MB is not inflated.
#[cfg(target_os = "linux")]
#[test]
fn a_text_that_inflates_is_not_inflated() {
    let name = concat!(module_path!(), "::a_text_that_inflates_is_not_inflated");
    crate::support::in_a_process_of_its_own(name, &[], || {
        // Of a picture of zeros the data are what we need: zeros, deflated.
        let zeros = encoded(&GrayImage::new(10_000, 10_000).into(), ImageFormat::Png);
        let at = memchr::memmem::find(&zeros, b"IDAT").unwrap();
        let length = u32::from_be_bytes(zeros[at - 4..at].try_into().unwrap()) as usize;
        let deflated = &zeros[at + 4..at + 4 + length];
        let png = encoded(&quarters(50, 50), ImageFormat::Png);
        let text = [b"Comment\0\0", deflated].concat();
        let international = [&b"XML:com.adobe.xmp\0\x01\0\0\0"[..], deflated].concat();
        let profile = [b"icc\0\0", deflated].concat();
        let mut bombs = vec![png.clone(); 3];
        for _ in 0..5 {
            bombs[0] = with_chunk(&bombs[0], b"zTXt", &text);
            bombs[1] = with_chunk(&bombs[1], b"iTXt", &international);
        }
        bombs[2] = with_chunk(&bombs[2], b"iCCP", &profile);
        crate::support::in_a_runtime(async {
            let desk = desk();
            crate::support::forget_peak_memory();
            let before = crate::support::peak_memory();
            for bomb in bombs {
                let found = desk.inspect(bomb, "a.png").await;
                assert!(matches!(found.kind, AttachmentKind::Image | AttachmentKind::File));
            }
            let more = crate::support::peak_memory() - before;
            assert!(more < 60 * 1024 * 1024, "{more} bytes more");
        });
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_get_a_turn_is_told() {
    let desk = desk();
    // Room for one such picture at a time, and no patience.
    let inspector =
        Arc::new(Inspector::with_bounds(desk.staging.clone(), 1_000_000, Duration::from_millis(1)));
    let large = bytes::Bytes::from(encoded(&quarters(4_000, 3_000), ImageFormat::Png));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let file = staged(&*desk.staging, &large).await;
        let inspector = inspector.clone();
        all.spawn(
            async move { inspector.inspect(&file, &FileName::parse("a.png").unwrap()).await.map(|_| ()) },
        );
    }
    let (mut shown, mut refused) = (0, 0);
    while let Some(result) = all.join_next().await {
        match code(result.unwrap()) {
            None => shown += 1,
            Some(ErrorCode::Busy) => refused += 1,
            Some(other) => panic!("{other:?}"),
        }
    }
    assert!(shown >= 1 && refused >= 1, "{shown} shown, {refused} refused");
    // Texts and sounds need no turn; and when it is quiet again, there is one.
    let file = staged(&*desk.staging, &large).await;
    let name = FileName::parse("a.png").unwrap();
    let mut found = inspector.inspect(&file, &name).await;
    while code(found.as_ref().map(|_| ()).map_err(Clone::clone)) == Some(ErrorCode::Busy) {
        found = inspector.inspect(&file, &name).await;
    }
    assert_eq!(found.unwrap().kind, AttachmentKind::Image);
}

/// With a turn for one picture at a time, many at once take the memory of one.
#[cfg(target_os = "linux")]
#[test]
fn many_pictures_at_once_take_the_memory_of_those_whose_turn_it_is() {
    let name = concat!(module_path!(), "::many_pictures_at_once_take_the_memory_of_those_whose_turn_it_is");
    crate::support::in_a_process_of_its_own(name, &[], || {
        crate::support::in_a_runtime(async {
            let desk = desk();
            let inspector = Inspector::with_bounds(desk.staging.clone(), 3_000_000, Duration::from_secs(120));
            // Three million pixels are 9 MB.
            let file = {
                let content = encoded(&quarters(2_000, 1_500), ImageFormat::Png);
                staged(&*desk.staging, &content.into()).await
            };
            let name = FileName::parse("a.png").unwrap();
            inspector.inspect(&file, &name).await.unwrap();
            let before = crate::support::peak_memory();
            let many = (0..5).map(|_| inspector.inspect(&file, &name));
            for found in futures::future::join_all(many).await {
                assert_eq!(found.unwrap().kind, AttachmentKind::Image);
            }
            let more = crate::support::peak_memory() - before;
            assert!(more < 9_000_000, "{more} bytes more for five than for one");
        });
    });
}

#[tokio::test]
async fn what_was_made_goes_with_its_owner() {
    let desk = desk();
    let incoming = desk.folder.path().join("incoming");
    let files = || std::fs::read_dir(&incoming).unwrap().count();
    let found = desk.inspect(encoded(&quarters(700, 700), ImageFormat::Png), "a.png").await;
    assert_eq!(files(), 2);
    drop(found);
    assert_eq!(files(), 0);
}

/// How long pictures of cameras take, and how much memory: `cargo test … --test blobs camera -- --ignored --nocapture`.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "a measurement"]
fn pictures_of_cameras_are_measured() {
    crate::support::in_a_runtime(async {
        for (width, height) in [(4_000, 3_000), (8_000, 6_000)] {
            let desk = desk();
            let file = {
                // Something to do for the decoder.
                let noise = crate::support::bytes((width * height * 3) as usize, 5);
                let mut picture = RgbImage::from_raw(width, height, noise.to_vec()).unwrap();
                for (x, y, pixel) in picture.enumerate_pixels_mut() {
                    pixel.0 =
                        [(x / 16) as u8, (y / 16) as u8, 90].map(|base| base.wrapping_add(pixel.0[0] / 16));
                }
                let content = encoded(&picture.into(), ImageFormat::Jpeg);
                staged(&*desk.staging, &content.into()).await
            };
            crate::support::forget_peak_memory();
            let before = crate::support::peak_memory();
            let began = std::time::Instant::now();
            let found = desk.inspector.inspect(&file, &FileName::parse("a.jpg").unwrap()).await.unwrap();
            let took = began.elapsed();
            let more = (crate::support::peak_memory() - before) / 1_000_000;
            let picture = found.picture.unwrap();
            writeln!(
                std::io::stderr(),
                "{width}x{height}, {} KB: {took:?}, {more} MB more; preview {} KB, thumbnail {} KB",
                file.length() / 1000,
                picture.preview.length() / 1000,
                picture.thumb.length() / 1000,
            )
            .unwrap();
        }
    });
}
