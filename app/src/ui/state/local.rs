//! The files of this device that the page holds, each under a key: the state itself is plain data. Who shows or
//! sends a file holds it; when the last one has let go, the page forgets it.

#[cfg(feature = "hydrate")]
pub use there::*;

#[cfg(not(feature = "hydrate"))]
pub use absent::*;

#[cfg(feature = "hydrate")]
mod there {
    use std::{cell::RefCell, sync::Arc};

    use leptos::wasm_bindgen::JsCast;
    use web_sys::{
        ClipboardEvent, DataTransfer, DragEvent, Event, File, FileList, HtmlImageElement, HtmlInputElement,
        Url,
    };

    use crate::{
        domain::limits,
        ui::files::chosen::{ChosenFile, FileKey},
    };

    /// Files that are taken at once: more than any message can carry.
    const MAX_TAKEN: u32 = 2 * limits::MOST_FILES_PER_MESSAGE as u32;

    struct Held {
        key: FileKey,
        file: File,
        url: Option<String>,
        holders: u32,
    }

    thread_local! {
        static HELD: RefCell<(FileKey, Vec<Held>)> = const { RefCell::new((0, Vec::new())) };
    }

    /// Holds the file once more.
    pub fn hold(key: FileKey) {
        change(key, |held| held.holders += 1);
    }

    /// Holds the file once less.
    pub fn let_go(key: FileKey) {
        change(key, |held| {
            held.holders -= 1;
            if held.holders == 0
                && let Some(url) = &held.url
            {
                // An address that is none any more needs no revoking.
                let _ = Url::revoke_object_url(url);
            }
        });
        HELD.with_borrow_mut(|(_, all)| all.retain(|held| held.holders > 0));
    }

    /// The file itself.
    pub fn file(key: FileKey) -> Option<File> {
        HELD.with_borrow(|(_, all)| all.iter().find(|held| held.key == key).map(|held| held.file.clone()))
    }

    /// Holds a file that the browser has kept, and says where.
    pub fn take_up(chosen: &mut ChosenFile, file: File) {
        let taken = take(file);
        chosen.key = taken.key;
        chosen.url.clone_from(&taken.url);
    }

    /// What was chosen in an input, which is empty afterwards: a plain form would send it a second time.
    pub fn chosen_in(input: &HtmlInputElement) -> Vec<Arc<ChosenFile>> {
        let chosen = input.files().map(take_in).unwrap_or_default();
        input.set_value("");
        chosen
    }

    /// A file that stays in its input, to be looked at.
    pub struct Looked {
        /// Its size in bytes.
        pub size: u64,
        /// Its media type by what the device makes of its name; empty if it knows none.
        pub media_type: String,
        /// Where the page finds it, until [`forget_url`].
        pub url: String,
    }

    /// The file that was chosen in an input.
    pub fn look_at(input: &HtmlInputElement) -> Option<Looked> {
        let file = input.files()?.get(0)?;
        let url = Url::create_object_url_with_blob(&file).ok()?;
        Some(Looked { size: file.size() as u64, media_type: file.type_(), url })
    }

    /// The size in bytes of the file that was chosen in an input.
    pub fn size_of(input: &HtmlInputElement) -> Option<u64> {
        Some(input.files()?.get(0)?.size() as u64)
    }

    /// The page looks at the file no longer.
    pub fn forget_url(url: &str) {
        // An address that is none any more needs no revoking.
        let _ = Url::revoke_object_url(url);
    }

    /// The files of a paste. None if it is a text with its picture, as word processors put it there.
    pub fn pasted(event: &ClipboardEvent) -> Vec<Arc<ChosenFile>> {
        let Some(data) = event.clipboard_data() else { return Vec::new() };
        let has = |format: &str| data.get_data(format).is_ok_and(|text| !text.is_empty());
        if has("text/plain") && has("text/html") { Vec::new() } else { taken_from(data) }
    }

    /// The files that were let fall.
    pub fn dropped(event: &DragEvent) -> Vec<Arc<ChosenFile>> {
        event.data_transfer().map(taken_from).unwrap_or_default()
    }

    /// Whether what is dragged are files.
    pub fn are_files(event: &DragEvent) -> bool {
        event.data_transfer().is_some_and(|data| data.types().includes(&"Files".into(), 0))
    }

    /// Has the pointer show that nothing can be let fall here.
    pub fn refuse_drop(event: &DragEvent) {
        if let Some(data) = event.data_transfer() {
            data.set_drop_effect("none");
        }
    }

    /// Width and height of the picture that the event is about.
    pub fn shape_of(event: &Event) -> (u32, u32) {
        let image = event.target().and_then(|image| image.dyn_into::<HtmlImageElement>().ok());
        image.map(|image| (image.natural_width(), image.natural_height())).unwrap_or_default()
    }

    fn taken_from(data: DataTransfer) -> Vec<Arc<ChosenFile>> {
        data.files().map(take_in).unwrap_or_default()
    }

    /// Holds the files for who asks.
    fn take_in(files: FileList) -> Vec<Arc<ChosenFile>> {
        (0..files.length().min(MAX_TAKEN)).filter_map(|index| files.get(index)).map(take).collect()
    }

    fn take(file: File) -> Arc<ChosenFile> {
        HELD.with_borrow_mut(|(last, all)| {
            *last += 1;
            let mut chosen = ChosenFile {
                key: *last,
                name: file.name(),
                size: file.size() as u64,
                media_type: file.type_(),
                ..ChosenFile::default()
            };
            if chosen.is_picture() {
                chosen.url = Url::create_object_url_with_blob(&file).ok();
            }
            all.push(Held { key: *last, file, url: chosen.url.clone(), holders: 1 });
            Arc::new(chosen)
        })
    }

    fn change(key: FileKey, change: impl FnOnce(&mut Held)) {
        HELD.with_borrow_mut(|(_, all)| {
            if let Some(held) = all.iter_mut().find(|held| held.key == key) {
                change(held);
            }
        });
    }
}

#[cfg(not(feature = "hydrate"))]
mod absent {
    use std::sync::Arc;

    use leptos::web_sys::{ClipboardEvent, DragEvent, Event, HtmlInputElement};

    use crate::ui::files::chosen::{ChosenFile, FileKey};

    /// There are no files.
    pub fn hold(_key: FileKey) {}

    /// There are no files.
    pub fn let_go(_key: FileKey) {}

    /// Nobody chooses.
    pub fn chosen_in(_input: &HtmlInputElement) -> Vec<Arc<ChosenFile>> {
        Vec::new()
    }

    /// A file that stays in its input, to be looked at.
    pub struct Looked {
        /// Its size in bytes.
        pub size: u64,
        /// Its media type by what the device makes of its name.
        pub media_type: String,
        /// Where the page finds it.
        pub url: String,
    }

    /// Nobody chooses.
    pub fn look_at(_input: &HtmlInputElement) -> Option<Looked> {
        None
    }

    /// Nobody chooses.
    pub fn size_of(_input: &HtmlInputElement) -> Option<u64> {
        None
    }

    /// There are no files.
    pub fn forget_url(_url: &str) {}

    /// Nobody pastes.
    pub fn pasted(_event: &ClipboardEvent) -> Vec<Arc<ChosenFile>> {
        Vec::new()
    }

    /// Nobody lets anything fall.
    pub fn dropped(_event: &DragEvent) -> Vec<Arc<ChosenFile>> {
        Vec::new()
    }

    /// Nobody drags.
    pub fn are_files(_event: &DragEvent) -> bool {
        false
    }

    /// Nobody drags.
    pub fn refuse_drop(_event: &DragEvent) {}

    /// Nothing is seen.
    pub fn shape_of(_event: &Event) -> (u32, u32) {
        (0, 0)
    }
}
