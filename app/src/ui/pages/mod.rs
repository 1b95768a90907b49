//! One module per address. A page takes what it needs from the page's data the first time and from the
//! server functions later, and says so while it waits, when it failed and when there is nothing.

pub mod chat;
pub mod details;
pub mod failed;
pub mod home;
pub mod join;
pub mod login;
pub mod new_chat;
pub mod new_group;
pub mod not_found;
pub mod profile;
mod push_card;
pub mod register;
pub mod search;
pub mod settings;
mod sign_in_card;
pub mod workspace;
