//! Samvad's server: the sockets and the adapters behind the application's ports.

pub mod bus;
pub mod limiter;
pub mod presence;
pub mod ws;
