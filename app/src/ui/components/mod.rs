//! What pages are put together from. A component here knows the store and the server functions, but no
//! page; what can be decided without a document is a plain function with a test.

pub mod asked;
pub mod avatar;
pub mod avatar_card;
pub mod badge;
pub mod blocking;
pub mod button;
pub mod chat_list;
pub mod confirm;
pub mod dialog;
pub mod empty;
pub mod error_view;
pub mod favicon;
pub mod field;
pub mod focus;
pub mod form;
pub mod icon;
pub mod mention_badge;
pub mod message_text;
pub mod page;
pub mod people;
pub mod pinned;
pub mod presence;
pub mod search_field;
pub mod switcher;
pub mod toasts;
