//! Signals to the processes of tests.

use std::process::Command;

/// Sends a process a signal, such as `-STOP`.
pub fn signal(signal: &str, process: u32) {
    let sent = Command::new("kill").args([signal, &process.to_string()]).status().unwrap();
    assert!(sent.success(), "{signal} to {process}");
}
