//! The composed application over HTTP: what is answered, what is refused, and who may do what.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod accounts;
mod attachments;
mod avatars;
mod blocking;
mod chats;
mod connections;
mod conversation;
mod cross_site;
mod drafts;
mod errors;
mod faults;
mod forms;
mod groups;
mod logging;
mod matrix;
mod mentions;
mod messages;
mod openapi;
mod pages;
mod profiles;
mod push;
mod reading;
mod search;
mod sessions;
mod throttling;
mod uploads;
mod writers;
