//! What files are found to be, whatever they are called.

use std::{io::Cursor, sync::Arc};

use app::{
    domain::{AttachmentKind, FileName},
    error::AppResult,
    ports::{Inspected, Media},
};
use bytes::Bytes;
use image::{DynamicImage, ImageFormat};
use server::{blob::LocalStaging, media::Inspector};
use tempfile::TempDir;

use crate::support::staged;

/// An inspector with a place of its own.
pub struct Desk {
    pub folder: TempDir,
    pub staging: Arc<LocalStaging>,
    pub inspector: Inspector,
}

pub fn desk() -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let staging = Arc::new(LocalStaging::open(folder.path()).unwrap());
    let inspector = Inspector::new(staging.clone());
    Desk { folder, staging, inspector }
}

impl Desk {
    pub async fn try_inspect(&self, content: impl Into<Bytes>, name: &str) -> AppResult<Inspected> {
        let file = staged(&*self.staging, &content.into()).await;
        self.inspector.inspect(&file, &FileName::parse(name).unwrap()).await
    }

    pub async fn inspect(&self, content: impl Into<Bytes>, name: &str) -> Inspected {
        self.try_inspect(content, name).await.unwrap()
    }
}

pub fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The beginning of a film's container of that brand, and a box of data.
fn film(brand: &[u8; 4], others: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + others.len()).unwrap();
    [
        &length.to_be_bytes()[..],
        b"ftyp",
        brand,
        &[0, 0, 2, 0],
        others,
        b"\0\0\0\x10mdat\0\x01\x02\x03\xff\xfe\xfd\xfc",
    ]
    .concat()
}

/// No real file is as short as its mark.
fn real(beginning: &[u8]) -> Vec<u8> {
    [beginning, &[0; 300]].concat()
}

/// The first page of an Ogg file whose first packet is that.
fn ogg(packet: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0\x02".to_vec();
    page.extend([0; 20]);
    page.extend([1, u8::try_from(packet.len()).unwrap()]);
    page.extend(packet);
    page.extend([0, 0xff, 0xfe]);
    page
}

#[tokio::test]
async fn sounds_and_films_are_those_that_browsers_play() {
    use AttachmentKind::{Audio, File, Video};

    let desk = desk();
    let webm = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm";
    let matroska = b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x88matroska";
    let files: Vec<(Vec<u8>, AttachmentKind, &str)> = vec![
        (b"ID3\x04\0\0\0\0\0\x21\xff\xfb\x90\0".to_vec(), Audio, "audio/mpeg"),
        (b"\xff\xfb\x90\x64\0\0\0\0".to_vec(), Audio, "audio/mpeg"),
        (film(b"M4A ", b"mp42isom"), Audio, "audio/mp4"),
        (b"\xff\xf1\x50\x80\x02\x1f\xfc\0".to_vec(), Audio, "audio/aac"),
        (ogg(b"OpusHead\x01\x02\0\0"), Audio, "audio/ogg"),
        (ogg(b"\x01vorbis\0\0\0\0"), Audio, "audio/ogg"),
        (b"fLaC\0\0\0\x22\x10\0\x10\0".to_vec(), Audio, "audio/flac"),
        (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec(), Audio, "audio/wav"),
        (film(b"isom", b"iso2avc1mp41"), Video, "video/mp4"),
        (film(b"M4V ", b"mp42"), Video, "video/mp4"),
        (film(b"qt  ", b""), Video, "video/quicktime"),
        (real(webm), Video, "video/webm"),
        (ogg(b"\x80theora\x03\x02\x01"), Video, "video/ogg"),
        // A still picture in a film's container, and films that browsers do not play.
        (film(b"heic", b"mif1heic"), File, "image/heic"),
        (film(b"mp42", b"heicmp42"), File, "image/heic"),
        (film(b"avif", b"mif1miaf"), File, "image/avif"),
        (film(b"isom", b"avif"), File, "image/avif"),
        (real(matroska), File, "video/x-matroska"),
        (b"RIFF\x24\0\0\0AVI LIST\x10\0\0\0\x01\0".to_vec(), File, "video/x-msvideo"),
    ];
    for (content, kind, media_type) in files {
        // The name says otherwise.
        let found = desk.inspect(content, "picture.png").await;
        assert_eq!((found.kind, found.media_type.as_str()), (kind, media_type));
        assert!(found.picture.is_none() && found.excerpt.is_none());
    }
}

#[tokio::test]
async fn everything_else_is_a_file() {
    let desk = desk();
    let files: [(&[u8], &str); 7] = [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
        (b"PK\x03\x04\x14\0\0\0\x08\0", "application/zip"),
        (b"MZ\x90\0\x03\0\0\0", "application/vnd.microsoft.portable-executable"),
        (b"\x7fELF\x02\x01\x01\0", "application/x-executable"),
        (b"II*\0\x08\0\0\0", "image/tiff"),
        (b"\0\0\x01\0\x01\0\x10\x10", "image/vnd.microsoft.icon"),
        (b"\x01\x02\x03\x04", "application/octet-stream"),
    ];
    for (beginning, media_type) in files {
        let found = desk.inspect(real(beginning), "page.html").await;
        assert_eq!((found.kind, found.media_type.as_str()), (AttachmentKind::File, media_type));
    }
    // A document without any byte that a text does not have.
    let found = desk.inspect(&b"%PDF-1.7\n1 0 obj <</Type/Catalog>> endobj"[..], "a.txt").await;
    assert_eq!((found.kind, found.media_type.as_str()), (AttachmentKind::File, "application/pdf"));
    // A page with a byte that no text has.
    let found = desk.inspect(&b"<!DOCTYPE html><html>\0<script>alert(1)</script>"[..], "a.html").await;
    assert_eq!((found.kind, found.media_type.as_str()), (AttachmentKind::File, "application/octet-stream"));
    // A document and an archive at once.
    let both = [&b"%PDF-1.4\n"[..], b"PK\x03\x04\x14\0\0\0", b"PK\x05\x06\0\0"].concat();
    assert_eq!(desk.inspect(both, "a.jpg").await.kind, AttachmentKind::File);
}

#[tokio::test]
async fn pages_and_drawings_are_text_and_nothing_that_runs() {
    let desk = desk();
    for (content, name) in [
        ("<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>", "drawing.svg"),
        ("<?xml version=\"1.0\"?><svg/>", "drawing.png"),
        ("<!DOCTYPE html><script>alert(1)</script>", "page.html"),
        ("<html><body onload=alert(1)>", "page.gif"),
        ("alert(1)", "script.js"),
        ("* { background: url(/logout) }", "style.css"),
        ("GIF89a/*<script>*/=1;alert(1)", "picture.gif"),
        ("BMW is a make of car", "cars.bmp"),
        ("#!/bin/sh\nrm -rf /", "run.sh"),
        ("{\"a\": 1}", "page.xhtml"),
    ] {
        let found = desk.inspect(content, name).await;
        assert_eq!((found.kind, found.media_type.as_str()), (AttachmentKind::Text, "text/plain"), "{name}");
        assert!(found.picture.is_none());
        assert_eq!(found.excerpt.unwrap().text, content);
    }
}

#[tokio::test]
async fn a_text_shows_its_first_lines() {
    let desk = desk();
    let found = desk.inspect("name,age\r\nAda,36\r\n", "people.csv").await;
    assert_eq!(found.media_type, "text/csv");
    let excerpt = found.excerpt.unwrap();
    assert_eq!((excerpt.text.as_str(), excerpt.is_cut), ("name,age\nAda,36", false));

    let utf16: Vec<u8> = "\u{feff}नमस्ते\nworld".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let found = desk.inspect(utf16, "greeting.md").await;
    assert_eq!((found.kind, found.media_type.as_str()), (AttachmentKind::Text, "text/markdown"));
    assert_eq!(found.excerpt.unwrap().text, "नमस्ते\nworld");

    // Longer than what is read of it, with a character of three bytes across the end.
    for shift in 0..3 {
        let long = format!("{}{}", "x".repeat(shift), "न\n".repeat(50_000));
        let excerpt = desk.inspect(long, "long.txt").await.excerpt.unwrap();
        assert_eq!((excerpt.text.lines().count(), excerpt.is_cut), (8, true));
    }
}
