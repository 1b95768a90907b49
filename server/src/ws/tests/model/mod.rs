//! Model checks: what must hold in every order, searched for an order in which it does not.
//!
//! | module | what belongs there |
//! | --- | --- |
//! | `threads` | locks and wakers: every order of a few threads, exhaustively |
//! | `chance` | seeds, and time that runs as they say |
//! | `group_commit` | the application's writers of chats, over a store that fails and answers late |
//! | `connecting` | sockets that are set up while events, joining and leaving happen |

mod chance;
mod connecting;
mod group_commit;
mod threads;

pub use chance::Chance;
