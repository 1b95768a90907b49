//! The server functions.
