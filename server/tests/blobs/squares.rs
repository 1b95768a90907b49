//! Squares: what stands for people and groups, made from the middle of a picture.

use app::{domain::limits::AVATAR_SIDE, error::ErrorCode, ports::Media};
use bytes::Bytes;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

use crate::{
    kinds::{Desk, desk, encoded},
    pictures::{BLUE, RED, exif, holds, is_near, with_segments},
    support::{code, staged},
};

const GREEN: Rgb<u8> = Rgb([30, 160, 30]);

/// Red on the left, green on the right, and blue in the square between them; the upper half of that is green too if
/// that is wanted.
fn stripes(width: u32, height: u32, with_top: bool) -> DynamicImage {
    let edge = (width - height) / 2;
    RgbImage::from_fn(width, height, |x, y| match x {
        x if x < edge => RED,
        x if x >= width - edge => GREEN,
        _ if with_top && y < height / 2 => GREEN,
        _ => BLUE,
    })
    .into()
}

async fn square(desk: &Desk, content: impl Into<Bytes>) -> Option<Vec<u8>> {
    let file = staged(&*desk.staging, &content.into()).await;
    let square = desk.inspector.square(&file).await.unwrap()?;
    let bytes = std::fs::read(square.path()).unwrap();
    assert_eq!(bytes.len() as u64, square.length());
    Some(bytes)
}

/// It decoded again: a JPEG of the right size.
fn decoded(square: &[u8]) -> RgbaImage {
    let image = image::load_from_memory_with_format(square, ImageFormat::Jpeg).unwrap();
    assert_eq!((image.width(), image.height()), (AVATAR_SIDE, AVATAR_SIDE));
    image.to_rgba8()
}

#[tokio::test]
async fn the_middle_of_a_picture_of_any_kind_and_size_is_taken() {
    let desk = desk();
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Bmp]
    {
        for (width, height) in [(300, 100), (2_000, 1_000), (64, 64), (1, 1)] {
            let square =
                decoded(&square(&desk, encoded(&stripes(width, height, false), format)).await.unwrap());
            for (x, y) in [(8, 8), (128, 128), (247, 247)] {
                assert!(is_near(*square.get_pixel(x, y), BLUE), "{format:?} {width}x{height} at {x}, {y}");
            }
        }
    }
    let upright = decoded(
        &square(&desk, encoded(&stripes(100, 100, true).rotate90(), ImageFormat::Png)).await.unwrap(),
    );
    assert!(is_near(*upright.get_pixel(250, 128), GREEN) && is_near(*upright.get_pixel(5, 128), BLUE));
}

#[tokio::test]
async fn it_is_upright_and_says_nothing_but_pixels() {
    let desk = desk();
    let jpeg = encoded(&stripes(300, 100, true), ImageFormat::Jpeg);
    for (orientation, top) in [(1, (128, 20)), (3, (128, 235)), (6, (235, 128)), (8, (20, 128))] {
        let photo = with_segments(&jpeg, &[(0xe1, &exif(orientation)), (0xfe, b"a comment")]);
        assert!(holds(&photo, b"SecretCam") && holds(&photo, b"a comment"));
        let square = square(&desk, photo).await.unwrap();
        for trace in [&b"Exif"[..], b"SecretCam", b"a comment"] {
            assert!(!holds(&square, trace), "{orientation}");
        }
        let square = decoded(&square);
        assert!(is_near(*square.get_pixel(top.0, top.1), GREEN), "{orientation}");
        assert!(is_near(*square.get_pixel(255 - top.0, 255 - top.1), BLUE), "{orientation}");
    }
}

#[tokio::test]
async fn what_is_transparent_becomes_white() {
    let desk = desk();
    let see_through =
        RgbaImage::from_fn(80, 80, |x, _| Rgba([200, 30, 30, if x < 40 { 0 } else { u8::MAX }]));
    let square = decoded(&square(&desk, encoded(&see_through.into(), ImageFormat::Png)).await.unwrap());
    assert!(is_near(*square.get_pixel(40, 128), Rgb([255, 255, 255])));
    assert!(is_near(*square.get_pixel(220, 128), RED));
}

#[tokio::test]
async fn what_is_no_picture_makes_none() {
    let desk = desk();
    let png = encoded(&stripes(30, 10, false), ImageFormat::Png);
    for content in [
        b"only words".to_vec(),
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec(),
        png[..png.len() / 2].to_vec(),
        b"%PDF-1.7 and so on".to_vec(),
        vec![0; 100],
    ] {
        assert_eq!(square(&desk, content).await, None);
    }
    let mut gif = encoded(&stripes(30, 10, false), ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0x60, 0xea, 0x60, 0xea]);
    let file = staged(&*desk.staging, &gif.into()).await;
    assert_eq!(code(desk.inspector.square(&file).await), Some(ErrorCode::ImageTooLarge));
}
