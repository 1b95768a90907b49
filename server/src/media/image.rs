//! Pictures, made anew: decoded, shrunk, turned upright and encoded again.
//!
//! Nothing but pixels gets through: no EXIF, no place, no comment, and none of what else stands in the file. Nor
//! does a colour profile, so the colours of a picture in a wide colour space look a little paler. Of a picture
//! that moves the first frame is shown. Where nothing is transparent the result is a JPEG, else a lossless WebP.

use std::{
    fs::File,
    io::{BufReader, Cursor},
    path::Path,
};

use ::image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, codecs::jpeg::JpegEncoder,
    codecs::webp::WebPEncoder, metadata::Orientation,
};
use app::{domain::limits, protocol::PictureView};
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

use super::Misread;

/// The most that a decoded picture may take, in bytes: four for each of the most pixels. A picture of
/// more, with two bytes for each colour, is a file like any other.
pub(super) const MOST_BYTES: u64 = limits::IMAGE_PIXELS * 4;
/// What a decoder may take besides.
const DECODER_BYTES: u64 = 64 * 1024 * 1024;
/// What the decoder of PNGs may take, which does not count the picture itself: for a row of pixels, and for what
/// its metadata inflate to.
const PNG_BYTES: u64 = 16 * 1024 * 1024;
/// The quality of JPEGs, of 100.
const QUALITY: u8 = 82;
/// Regions of the placeholder, across and down.
const REGIONS: (u32, u32) = (4, 3);

/// What a picture says of itself before it is decoded.
pub(super) struct Header {
    /// How many pixels it has.
    pub pixels: u64,
    /// How many bytes it takes when it is decoded.
    pub bytes: u64,
}

/// What is shown of a picture.
pub(super) struct Rendered {
    /// What pages are told of it.
    pub view: PictureView,
    /// As large as a screen shows it.
    pub preview: Vec<u8>,
    /// As a conversation shows it.
    pub thumb: Vec<u8>,
}

/// Reads the header and decodes nothing.
pub(super) fn header(path: &Path, format: ImageFormat) -> Result<Header, Misread> {
    let decoder = open(path, format)?;
    let (width, height) = decoder.dimensions();
    Ok(Header { pixels: u64::from(width) * u64::from(height), bytes: decoder.total_bytes() })
}

/// Makes preview, thumbnail and placeholder.
pub(super) fn render(path: &Path, format: ImageFormat) -> Result<Rendered, Misread> {
    let mut decoder = open(path, format)?;
    // What is wrong with its metadata is not wrong with the picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    let mut preview = fit(image, limits::PREVIEW_SIDE)?;
    preview.apply_orientation(orientation);
    let is_opaque = is_opaque(&preview);
    // Bytes of colour are all that is encoded, and for the placeholder the thumbnail is enough.
    let preview = plain(preview, is_opaque);
    let (width, height) = (preview.width(), preview.height());
    let encoded = encode(&preview, is_opaque)?;
    let thumb = fit(preview, limits::THUMBNAIL_SIDE)?;
    let media_type = if is_opaque { "image/jpeg" } else { "image/webp" };
    let view =
        PictureView { width, height, media_type: media_type.to_owned(), placeholder: placeholder(&thumb)? };
    Ok(Rendered { view, preview: encoded, thumb: encode(&thumb, is_opaque)? })
}

/// Makes the square that stands for a person or a group: the middle of the picture, on white.
pub(super) fn square(path: &Path, format: ImageFormat) -> Result<Vec<u8>, Misread> {
    let mut decoder = open(path, format)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    let (width, height) = (image.width(), image.height());
    let side = width.min(height);
    // Turned about its middle, a square is cut from the same place.
    let middle =
        (f64::from((width - side) / 2), f64::from((height - side) / 2), f64::from(side), f64::from(side));
    let size = (limits::AVATAR_SIDE, limits::AVATAR_SIDE);
    let mut square = resize_part(&image, middle, size, FilterType::Lanczos3)?;
    drop(image);
    square.apply_orientation(orientation);
    let mut on_white = square.into_rgba8();
    for pixel in on_white.pixels_mut() {
        let [red, green, blue, alpha] = pixel.0;
        pixel.0 =
            [over(red, alpha, u8::MAX), over(green, alpha, u8::MAX), over(blue, alpha, u8::MAX), u8::MAX];
    }
    encode(&DynamicImage::from(on_white).into_rgb8().into(), true)
}

/// A colour, as opaque as that, over another one.
fn over(colour: u8, alpha: u8, ground: u8) -> u8 {
    let mixed = u32::from(colour) * u32::from(alpha) + u32::from(ground) * (255 - u32::from(alpha));
    u8::try_from(mixed / 255).unwrap_or(u8::MAX)
}

fn open(path: &Path, format: ImageFormat) -> Result<impl ImageDecoder, Misread> {
    let file = File::open(path).map_err(Misread::File)?;
    let mut reader = ImageReader::with_format(BufReader::with_capacity(64 * 1024, file), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(if format == ImageFormat::Png { PNG_BYTES } else { MOST_BYTES + DECODER_BYTES });
    reader.limits(limits);
    reader.into_decoder().map_err(broken)
}

/// The picture with its longer side no longer than that; one that is small already stays as it is.
fn fit(image: DynamicImage, side: u32) -> Result<DynamicImage, Misread> {
    let (width, height) = (image.width(), image.height());
    let longer = width.max(height);
    if longer <= side {
        return Ok(image);
    }
    let shrunk = |length: u32| {
        let exact = (u64::from(length) * u64::from(side) + u64::from(longer) / 2) / u64::from(longer);
        u32::try_from(exact).unwrap_or(side).max(1)
    };
    resize(&image, (shrunk(width), shrunk(height)), FilterType::Lanczos3)
}

fn resize(image: &DynamicImage, size: (u32, u32), filter: FilterType) -> Result<DynamicImage, Misread> {
    let whole = (0.0, 0.0, f64::from(image.width()), f64::from(image.height()));
    resize_part(image, whole, size, filter)
}

/// Resizes what is within left, top, width and height.
fn resize_part(
    image: &DynamicImage,
    (left, top, width, height): (f64, f64, f64, f64),
    size: (u32, u32),
    filter: FilterType,
) -> Result<DynamicImage, Misread> {
    let mut resized = DynamicImage::new(size.0, size.1, image.color());
    // What is transparent has a colour too, which must not be mixed in. That takes a copy, so not without need.
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(filter))
        .use_alpha(!is_opaque(image))
        .crop(left, top, width, height);
    Resizer::new().resize(image, &mut resized, &options).map_err(broken)?;
    Ok(resized)
}

fn is_opaque(image: &DynamicImage) -> bool {
    match image {
        DynamicImage::ImageRgba8(pixels) => pixels.pixels().all(|pixel| pixel.0[3] == u8::MAX),
        DynamicImage::ImageLumaA8(pixels) => pixels.pixels().all(|pixel| pixel.0[1] == u8::MAX),
        DynamicImage::ImageRgba16(pixels) => pixels.pixels().all(|pixel| pixel.0[3] == u16::MAX),
        DynamicImage::ImageLumaA16(pixels) => pixels.pixels().all(|pixel| pixel.0[1] == u16::MAX),
        other => !other.color().has_alpha(),
    }
}

fn plain(image: DynamicImage, is_opaque: bool) -> DynamicImage {
    if is_opaque { image.into_rgb8().into() } else { image.into_rgba8().into() }
}

fn encode(image: &DynamicImage, is_opaque: bool) -> Result<Vec<u8>, Misread> {
    let mut encoded = Cursor::new(Vec::new());
    let written = if is_opaque {
        image.write_with_encoder(JpegEncoder::new_with_quality(&mut encoded, QUALITY))
    } else {
        image.write_with_encoder(WebPEncoder::new_lossless(&mut encoded))
    };
    written.map_err(broken)?;
    Ok(encoded.into_inner())
}

/// The colours of the regions. What is transparent counts as a grey that is neither light nor dark.
fn placeholder(image: &DynamicImage) -> Result<String, Misread> {
    let regions = resize(image, REGIONS, FilterType::Box)?.into_rgba8();
    Ok(regions
        .pixels()
        .flat_map(|pixel| {
            let [red, green, blue, alpha] = pixel.0;
            [red, green, blue].map(|colour| format!("{:02x}", over(colour, alpha, 0x80)))
        })
        .collect())
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> Misread {
    Misread::Picture(error.into())
}
