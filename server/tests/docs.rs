//! `docs/protocol.md` is the reference of the wire: it names everything that the code has.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/frames.rs"]
mod frames;

use std::collections::BTreeSet;

use app::error::{ErrorCode, FieldError};
use serde_json::Value;

const PAGE: &str = include_str!("../../docs/protocol.md");

/// The row of a table that begins with this name.
fn row(name: &str) -> Option<&'static str> {
    PAGE.lines().find(|line| {
        line.strip_prefix("| ").and_then(|line| line.split(" | ").next()).is_some_and(|cell| {
            cell.split(", ").any(|part| part.trim_matches([' ', '|']) == format!("`{name}`"))
        })
    })
}

/// The names in the first column of the tables between two headings.
fn first_column(from: &str, to: &str) -> BTreeSet<&'static str> {
    let part = PAGE.split(from).nth(1).unwrap().split(to).next().unwrap();
    let rows = part.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|line| line.split('`').next()).collect()
}

#[test]
fn every_error_has_its_row_with_its_status() {
    for code in ErrorCode::ALL {
        let row = row(code.as_str()).unwrap_or_else(|| panic!("{} is missing", code.as_str()));
        assert!(row.contains(&format!("| {} |", code.status())), "{row}");
    }
    for error in FieldError::ALL {
        assert!(row(error.as_str()).is_some(), "{} is missing", error.as_str());
    }
    let listed = first_column("## Errors", "| field error");
    let known = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(listed, known, "and no row is of an error that there is not");
}

#[test]
fn every_function_has_its_row_and_every_row_its_function() {
    // Composing the router is what registers the functions.
    let _linked: fn(server::state::AppState) -> axum::Router = server::build;
    let registered: BTreeSet<&str> = leptos::server_fn::axum::server_fn_paths()
        .map(|(path, _)| path.strip_prefix("/api/").unwrap())
        .collect();
    assert!(registered.len() > 20);
    assert_eq!(first_column("## Server functions", "### What they answer"), registered);
}

/// The frame's row names its type and all its fields but those that are told of in common.
fn check(frame: &Value, in_common: &[&str]) -> String {
    let kind = frame["type"].as_str().unwrap();
    // `error` and `heads` are names of other things as well: look at the socket's part alone.
    let socket = PAGE.split("## The socket").nth(1).unwrap();
    let row = socket.lines().find(|line| line.starts_with(&format!("| `{kind}` |")));
    let row = row.unwrap_or_else(|| panic!("the frame {kind} is missing"));
    for name in frame.as_object().unwrap().keys() {
        if name != "type" && !in_common.contains(&name.as_str()) {
            assert!(row.contains(&format!("`{name}`")), "{name} of {kind} in {row}");
        }
    }
    kind.to_owned()
}

#[test]
fn every_frame_has_its_row_with_its_fields() {
    let mut known = BTreeSet::new();
    for event in frames::events() {
        let common = ["chat_id", "seq", "at", "actor_id", "named"];
        known.insert(check(&serde_json::to_value(event).unwrap(), &common));
    }
    for notice in frames::notices() {
        known.insert(check(&serde_json::to_value(notice).unwrap(), &[]));
    }
    for frame in frames::client_frames() {
        known.insert(check(&serde_json::to_value(frame).unwrap(), &[]));
    }
    let listed: BTreeSet<String> =
        first_column("## The socket", "## Beside them").into_iter().map(str::to_owned).collect();
    assert_eq!(listed, known, "and no row is of a frame that there is not");
}

#[test]
fn every_field_of_an_answer_is_named() {
    let answers = PAGE.split("### What they answer").nth(1).unwrap().split("## The socket").next().unwrap();
    for (what, value) in [
        ("message", serde_json::to_value(frames::message()).unwrap()),
        ("mentions of a message", serde_json::to_value(frames::mentions()).unwrap()),
        ("what a message answers", serde_json::to_value(frames::quote()).unwrap()),
        ("reaction", serde_json::to_value(frames::reaction()).unwrap()),
        ("attachment", serde_json::to_value(frames::attachment()).unwrap()),
        ("chat", serde_json::to_value(frames::chat()).unwrap()),
        ("one's state of a chat", serde_json::to_value(frames::mine()).unwrap()),
        ("draft", serde_json::to_value(frames::draft()).unwrap()),
        ("user", serde_json::to_value(frames::user()).unwrap()),
    ] {
        let entry = answers.split(&format!("- {what}: ")).nth(1).unwrap().split("\n- ").next().unwrap();
        for name in value.as_object().unwrap().keys() {
            assert!(entry.contains(&format!("`{name}`")), "{name} of a {what}");
        }
    }
}
