//! The icons: one 24 × 24 drawing each, in strokes of the text's own colour.

use leptos::prelude::*;

/// Which drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    /// Back to where one came from.
    Back,
    /// A new chat: a sheet and a pencil.
    Compose,
    /// Several people.
    People,
    /// One person.
    Person,
    /// Settings: sliders.
    Settings,
    /// Look for something.
    Search,
    /// Close, take away.
    Close,
    /// Something went wrong.
    Alert,
    /// Something to know.
    Info,
    /// Done, sent.
    Check,
    /// Not done yet.
    Clock,
    /// Send.
    Send,
    /// Downwards, to the newest.
    Down,
    /// Away from here.
    Leave,
    /// Add.
    Plus,
    /// A conversation.
    Chat,
    /// A device.
    Device,
    /// Try again.
    Retry,
    /// Files to be chosen.
    Paperclip,
    /// A picture to be taken.
    Camera,
    /// A file.
    File,
    /// A film.
    Film,
    /// Sound.
    Sound,
    /// A picture.
    Picture,
    /// Fetch to this device.
    Download,
    /// Delete.
    Trash,
    /// On to the next.
    Forward,
    /// More that can be done.
    More,
    /// A reaction.
    Smile,
    /// Answer.
    Reply,
    /// Change a text.
    Pencil,
    /// Copy.
    Copy,
    /// An address.
    Link,
    /// Pin, and what is pinned.
    Pin,
    /// Put away.
    Archive,
    /// It notifies one.
    Bell,
    /// It does not.
    BellOff,
    /// Count as unread.
    Unread,
    /// A day.
    Calendar,
}

impl Glyph {
    /// The strokes, as the data of an SVG path.
    fn path(self) -> &'static str {
        match self {
            Self::Back => "M15 5l-7 7 7 7",
            Self::Compose => {
                "M11 5H6a2 2 0 0 0-2 2v11a2 2 0 0 0 2 2h11a2 2 0 0 0 2-2v-5M17.5 3.5a2.1 2.1 0 0 1 3 3L12 15l-4 1 1-4z"
            }
            Self::People => {
                "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20v-1a5 5 0 0 1 5-5h3a5 5 0 0 1 5 5v1M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.2a5 5 0 0 1 3.5 4.8v1"
            }
            Self::Person => {
                "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM5 20v-.5A5.5 5.5 0 0 1 10.5 14h3a5.5 5.5 0 0 1 5.5 5.5v.5"
            }
            Self::Settings => {
                "M4 7h9M19 7h1M4 17h1M11 17h9M16 4.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5zM8 14.5a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5z"
            }
            Self::Search => "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20",
            Self::Close => "M6 6l12 12M18 6L6 18",
            Self::Alert => {
                "M12 8.5v4.5M12 16.5v.01M10.3 4.2L2.8 17.3A2 2 0 0 0 4.5 20.3h15a2 2 0 0 0 1.7-3L13.7 4.2a2 2 0 0 0-3.4 0z"
            }
            Self::Calendar => {
                "M5 5.5h14a1 1 0 0 1 1 1V19a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V6.5a1 1 0 0 1 1-1zM4 10h16M8 3v4M16 3v4"
            }
            Self::Info => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 7.5v.01",
            Self::Check => "M5 12.5l4.5 4.5L19 7.5",
            Self::Clock => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2",
            Self::Send => "M12 19V5M5.5 11.5L12 5l6.5 6.5",
            Self::Down => "M12 5v14M5.5 12.5L12 19l6.5-6.5",
            Self::Leave => {
                "M14 8V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h6a2 2 0 0 0 2-2v-2M9 12h12M17.5 8.5L21 12l-3.5 3.5"
            }
            Self::Plus => "M12 5v14M5 12h14",
            Self::Chat => "M20.5 11.5a8 8 0 0 1-11.8 7L4 20l1.5-4.5A8 8 0 1 1 20.5 11.5z",
            Self::Device => {
                "M5 5h14a1.5 1.5 0 0 1 1.5 1.5V15A1.5 1.5 0 0 1 19 16.5H5A1.5 1.5 0 0 1 3.5 15V6.5A1.5 1.5 0 0 1 5 5zM9 20h6M12 16.5V20"
            }
            Self::Retry => "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9.5M20 4.5v5h-5",
            Self::Paperclip => {
                "M20 11.5l-8 8a5 5 0 0 1-7-7l8.5-8.5a3.3 3.3 0 0 1 4.7 4.7l-8.3 8.3a1.7 1.7 0 0 1-2.4-2.4l7.5-7.5"
            }
            Self::Camera => {
                "M4.5 8H8l1.5-2.5h5L16 8h3.5A1.5 1.5 0 0 1 21 9.5v8a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17.5v-8A1.5 1.5 0 0 1 4.5 8zM12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z"
            }
            Self::File => {
                "M13.5 3.5H7A1.5 1.5 0 0 0 5.5 5v14A1.5 1.5 0 0 0 7 20.5h10a1.5 1.5 0 0 0 1.5-1.5V8.5zM13.5 3.5v5h5"
            }
            Self::Film => {
                "M4.5 5h15A1.5 1.5 0 0 1 21 6.5v11a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 17.5v-11A1.5 1.5 0 0 1 4.5 5zM10 9v6l5-3z"
            }
            Self::Sound => "M4 10v4M8 6.5v11M12 9v6M16 4.5v15M20 10v4",
            Self::Picture => {
                "M4.5 4.5h15A1.5 1.5 0 0 1 21 6v12a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 18V6a1.5 1.5 0 0 1 1.5-1.5zM3.5 17l5-5 4 4 3-3 5 5M15.5 9v.01"
            }
            Self::Download => "M12 4v11M6.5 10L12 15.5 17.5 10M5 20h14",
            Self::Trash => "M4.5 7h15M9.5 7V4.5h5V7M6.5 7l1 12.5h9l1-12.5M10.5 11v5M13.5 11v5",
            Self::Forward => "M9 5l7 7-7 7",
            Self::More => "M5.5 12h.01M12 12h.01M18.5 12h.01",
            Self::Smile => {
                "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8 14a4.5 4.5 0 0 0 8 0M9 9.5v.01M15 9.5v.01"
            }
            Self::Reply => "M9.5 6L4 11.5 9.5 17M4 11.5h10a6 6 0 0 1 6 6V19",
            Self::Pencil => "M15.5 5.5l3 3M4.5 19.5l1-4L16 5a2.1 2.1 0 0 1 3 3L8.5 18.5z",
            Self::Copy => {
                "M9.5 8.5H18a1.5 1.5 0 0 1 1.5 1.5v8.5A1.5 1.5 0 0 1 18 20H9.5A1.5 1.5 0 0 1 8 18.5V10a1.5 1.5 0 0 1 1.5-1.5zM5 15.5A1.5 1.5 0 0 1 4 14V5.5A1.5 1.5 0 0 1 5.5 4H14a1.5 1.5 0 0 1 1.5 1"
            }
            Self::Link => {
                "M10 14a4 4 0 0 0 5.7 0l3.1-3.1a4 4 0 0 0-5.7-5.7L12 6.3M14 10a4 4 0 0 0-5.7 0l-3.1 3.1a4 4 0 0 0 5.7 5.7l1.1-1.1"
            }
            Self::Pin => "M9 4h6l-.7 6.2 3.2 3.3v1.5h-11v-1.5l3.2-3.3zM12 15v5.5",
            Self::Archive => "M4 5h16v4H4zM5.5 9v9.5h13V9M10 12.5h4",
            Self::Bell => "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5h4",
            Self::BellOff => {
                "M6 16.5V11a6 6 0 0 1 .9-3.2M9.2 5.7A6 6 0 0 1 18 11v2.5M16 18H4.5L6 16.5M10 20.5h4M4 4l16 16"
            }
            Self::Unread => "M20.5 11.5a8 8 0 0 1-11.8 7L4 20l1.5-4.5A8 8 0 0 1 13 3.6M19 5.5v.01",
        }
    }
}

/// A drawing beside words or in a control that has a name of its own: never read aloud.
#[component]
pub fn Icon(
    /// Which drawing.
    glyph: Glyph,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">
            <path d=glyph.path()></path>
        </svg>
    }
    .into_any()
}

/// The mark of the product: two voices, one after the other.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" focusable="false">
            <path class="mark__first" d="M9 4h11a6 6 0 0 1 6 6v1a6 6 0 0 1-6 6h-7l-5 4v-4.2A6 6 0 0 1 3 11v-1a6 6 0 0 1 6-6z"></path>
            <path class="mark__second" d="M27.5 15.5A6 6 0 0 1 29 19.5v.5a6 6 0 0 1-4 5.7V29l-4.3-3H16a6 6 0 0 1-4.5-2l3.5-3h6a9 9 0 0 0 6.5-5.5z"></path>
        </svg>
    }
    .into_any()
}
