//! What the server renders of a message's files.

use leptos::prelude::*;

use super::Attachments;
use crate::{
    domain::AttachmentKind,
    protocol::{AttachmentView, ExcerptView},
    ui::{
        files::shown::ShownFile,
        state::testing::{ADA, file, message},
    },
};

fn rendered(files: Vec<AttachmentView>) -> String {
    Owner::new().with(|| {
        let mut sent = message(1, ADA, "");
        sent.attachments = files;
        let files = Memo::new(move |_| ShownFile::stored(&sent, &[]));
        let reach = Memo::new(|_| None);
        view! { <Attachments files reach own=None/> }.to_html()
    })
}

#[test]
fn a_picture_has_its_place_and_its_colours_before_it_comes() {
    let mut picture = file(1, AttachmentKind::Image, "cat.png");
    picture.alt = "A cat & a \"dog\"".into();
    let html = rendered(vec![picture]);
    for part in [
        "data-layout=\"one\"",
        "href=\"/files/010101010101010101010101/cat.png/preview\"",
        "src=\"/files/010101010101010101010101/cat.png/thumb\"",
        "width=\"352\" height=\"264\"",
        "alt=\"A cat &amp; a &quot;dog&quot;\"",
        "loading=\"lazy\"",
        "fill=\"#808080\"",
        "aria-label=\"Download cat.png\"",
    ] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
    assert!(!html.contains("style="), "{html}");
}

#[test]
fn pictures_stand_together_before_what_else_there_is() {
    let kinds = [AttachmentKind::File, AttachmentKind::Image, AttachmentKind::Audio, AttachmentKind::Image];
    let html =
        rendered(kinds.into_iter().zip(1..).map(|(kind, number)| file(number, kind, "a.bin")).collect());
    assert!(html.contains("data-layout=\"two\""), "{html}");
    let at = |part: &str| html.find(part).unwrap_or_else(|| panic!("{part} is not in {html}"));
    assert!(at("/030303030303030303030303/a.bin\"") > at("class=\"picture\""));
    assert!(at("<audio") > at("BIN · 1000 bytes"));
}

#[test]
fn films_and_texts_show_what_is_in_them() {
    let film = file(1, AttachmentKind::Video, "a.webm");
    let mut text = file(2, AttachmentKind::Text, "notes.txt");
    text.excerpt = Some(ExcerptView { text: "<b>one</b>\ntwo".into(), is_cut: true });
    let html = rendered(vec![film, text]);
    for part in
        ["<video", "controls", "preload=\"metadata\"", "&lt;b&gt;one&lt;/b&gt;\ntwo\n…", "TXT · 1000 bytes"]
    {
        assert!(html.contains(part), "{part} is not in {html}");
    }
}
