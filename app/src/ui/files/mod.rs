//! Files as people see them: pure, for both targets.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | [`words`] | names, kinds, sizes and addresses of files, and what a message with files says in a list |
//! | [`picture`] | how large pictures are shown, side by side or alone, and what stands in their place |
//! | [`chosen`] | a file of this device that is not stored yet, and why it cannot be sent |
//! | [`shown`] | a file as a message shows it, stored or on its way; the pictures of a conversation in order |
//! | [`progress`] | how far each file of an upload has gone |
//!
//! The files' bytes are no business of these modules: `ui/state/local.rs` holds them, in the browser alone.

pub mod chosen;
pub mod picture;
pub mod progress;
pub mod shown;
pub mod words;
