//! Searching messages: what a text is compared as, what an index keeps of it, and what somebody asks for.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | [`fold`](mod@fold) | texts that people take for the same become the same |
//! | [`grams`](mod@grams) | the few characters in a row under which an index finds a text |
//! | [`text`] | the words and phrases that are looked for: what matches, and where |
//! | [`input`] | what is typed into the box: words, phrases and operators |
//!
//! A store asks its index for the messages that have all grams of a query, and then compares each of them with
//! [`SearchText::matches`], which alone decides. An index may therefore find too many, never too few.

mod fold;
mod grams;
mod input;
mod text;

pub use fold::fold;
pub use grams::{Gram, grams};
pub use input::{SearchInput, names_match};
pub use text::{Mark, SearchText};
