//! What is served besides functions.

use schemars::Schema;
use serde_json::{Map, Value, json};

/// What is at each path; `error` is the schema of what is answered where it is refused.
pub(super) fn paths(error: &Schema) -> Map<String, Value> {
    let paths = [
        ("/files/{id}/{name}", file("The content of a file, for members of its chat.")),
        ("/files/{id}/{name}/preview", file("A picture as it fills a screen.")),
        ("/files/{id}/{name}/thumb", file("A picture as it stands in a conversation.")),
        ("/avatars/{id}", avatar()),
        ("/emoji/{hash}.json", emoji()),
        (
            "/ws",
            json!({ "get": {
                "tags": ["socket"],
                "summary": "Opens the socket: the server's frames are ServerFrame, the client's are ClientFrame.",
                "responses": {
                    "101": { "description": "It is open (RFC 6455)." },
                    "default": refusal(),
                },
            } }),
        ),
        (
            "/api/openapi.json",
            json!({ "get": {
                "tags": ["operation"], "summary": "This document.", "security": [],
                "responses": {
                    "200": {
                        "description": "An OpenAPI document of version 3.1.",
                        "content": { "application/json": { "schema": { "type": "object" } } },
                    },
                    "default": refusal(),
                },
            } }),
        ),
        (
            "/healthz",
            json!({ "get": {
                "tags": ["operation"],
                "summary": "Whether the process runs, and has a place for the connection.",
                "security": [],
                "responses": { "200": text("It does."), "503": refusal() },
            } }),
        ),
        (
            "/readyz",
            json!({ "get": {
                "tags": ["operation"], "summary": "Whether this node can do its work.", "security": [],
                "responses": { "200": text("It can."), "503": {
                    "description": "Why it cannot; an error, if there is no place for the connection.",
                    "headers": { "Retry-After": {
                        "description": "After how many seconds another try makes sense.",
                        "schema": { "type": "integer", "minimum": 0 },
                    } },
                    "content": { "text/plain": {}, "application/json": { "schema": error } },
                } },
            } }),
        ),
    ];
    paths.into_iter().map(|(path, item)| (path.to_owned(), item)).collect()
}

/// The one shape of errors.
fn refusal() -> Value {
    json!({ "$ref": "#/components/responses/Error" })
}

fn text(description: &str) -> Value {
    json!({ "description": description, "content": { "text/plain": {} } })
}

fn parameter(name: &str, schema: Value) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": schema })
}

fn id() -> Value {
    parameter("id", json!({ "type": "string", "pattern": "^[0-9a-f]{24}$" }))
}

fn file(summary: &str) -> Value {
    json!({ "get": {
        "tags": ["files"],
        "summary": summary,
        "parameters": [id(), parameter("name", json!({ "type": "string" }))],
        "responses": {
            "200": { "description": "The content.", "content": { "*/*": {} } },
            "206": { "description": "The range that was asked for (RFC 9110, section 14)." },
            "default": refusal(),
        },
    } })
}

fn avatar() -> Value {
    json!({ "get": {
        "tags": ["files"],
        "summary": "The picture that stands for a person or a group, for who is signed in.",
        "parameters": [id()],
        "responses": {
            "200": { "description": "A square.", "content": { "image/jpeg": {} } },
            "default": refusal(),
        },
    } })
}

/// The list stands among no function's answers, and so has its schema here. A test holds the list against it.
fn emoji() -> Value {
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let emoji = json!({
        "type": "object",
        "required": ["emoji", "name"],
        "properties": {
            "emoji": { "type": "string", "description": "The emoji, written in full." },
            "name": { "type": "string", "description": "Its name by Unicode, in English." },
            "shortcodes": texts,
            "tones": texts,
        },
    });
    let group = json!({
        "type": "object",
        "required": ["name", "emoji"],
        "properties": { "name": { "type": "string" }, "emoji": { "type": "array", "items": emoji } },
    });
    let list = json!({
        "type": "object",
        "required": ["groups"],
        "properties": { "groups": { "type": "array", "items": group } },
    });
    json!({ "get": {
        "tags": ["files"],
        "summary": "The list of all emoji. What is at such an address never changes; a page says which one it is.",
        "security": [],
        "parameters": [parameter("hash", json!({ "type": "string", "pattern": "^[0-9a-f]{16}$" }))],
        "responses": {
            "200": { "description": "The list.", "content": { "application/json": { "schema": list } } },
            "404": { "description": "There is another list now, or none: a page.", "content": { "text/html": {} } },
        },
    } })
}
