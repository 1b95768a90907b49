//! Where accounts, chats and messages are kept: one module per adapter of `app::ports::Store`.
//!
//! Every adapter passes the same contract suite (`server/tests/contract`). Rules about who may do what
//! do not belong here; they are decided by the functions that the ports hand in.

mod blocks;
mod conversation;
pub mod embedded;
mod mentions;
mod mine;
pub mod mongo;
mod people;
