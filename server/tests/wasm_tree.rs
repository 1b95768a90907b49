//! What is downloaded to a browser is built without anything of the server's.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeSet, process::Command};

/// Crates that only a server needs: storage, HTTP serving, secrets, threads. `multer` is not among them:
/// Leptos names it wherever multipart forms are used, and compiles nothing of it for a browser.
const SERVER_ONLY: &[&str] = &[
    "argon2",
    "axum",
    "axum-core",
    "clap",
    "emojis",
    "governor",
    "hmac",
    "hyper",
    "hyper-util",
    "jsonwebtoken",
    "leptos_axum",
    "leptos_integration_utils",
    "libsqlite3-sys",
    "mio",
    "moka",
    "mongodb",
    "redis",
    "rusqlite",
    "rustls",
    "server",
    "socket2",
    "tokio",
    "tokio-tungstenite",
    "tokio-util",
    "tower",
    "tower-http",
    "tracing-subscriber",
    "tungstenite",
    "zxcvbn",
];

#[test]
fn nothing_of_the_server_is_in_the_browsers_tree() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--manifest-path", manifest, "-p", "frontend"])
        .args(["--target", "wasm32-unknown-unknown", "-e", "normal", "--prefix", "none"])
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).unwrap();
    let crates: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    for expected in ["frontend", "app", "leptos", "gloo-net", "web-sys"] {
        assert!(crates.contains(expected), "this is not the tree that was meant: no {expected}");
    }
    let found: Vec<&&str> = SERVER_ONLY.iter().filter(|name| crates.contains(**name)).collect();
    assert!(found.is_empty(), "{found:?} would be built for the browser");
}

#[test]
fn the_drivers_of_databases_stand_in_the_servers_manifest_alone() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    for crate_name in ["app", "frontend"] {
        let manifest = std::fs::read_to_string(format!("{root}/{crate_name}/Cargo.toml")).unwrap();
        for driver in ["mongodb", "redis", "rusqlite"] {
            let named = manifest.lines().any(|line| line.trim_start().starts_with(driver));
            assert!(!named, "{driver} in {crate_name}/Cargo.toml");
        }
    }
}
