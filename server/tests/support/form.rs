//! The multipart form of a message, part by part, right or wrong.

use serde_json::Value;

use super::{Answer, Person, client_id};

/// The smallest picture that browsers take: one red pixel, as a GIF.
pub const PIXEL: &[u8] =
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\x00\x00\xff\xff\xff!\xf9\x04\x00\x00\x00\x00\x00,\
    \x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

/// A form under the boundary `limit`.
#[derive(Clone)]
pub struct Form {
    bytes: Vec<u8>,
}

impl Form {
    /// A message of this text to a chat, under a new id.
    pub fn message(chat: &str, body: &str) -> Self {
        Self::under(chat, &client_id(), body)
    }

    /// The same under an id of the device's choice.
    pub fn under(chat: &str, client_id: &str, body: &str) -> Self {
        Self::empty().text("chat_id", chat).text("client_id", client_id).text("body", body)
    }

    /// Without any part.
    pub fn empty() -> Self {
        Self { bytes: Vec::new() }
    }

    /// With a text.
    pub fn text(self, name: &str, value: &str) -> Self {
        self.part(&format!("name=\"{name}\""), value.as_bytes())
    }

    /// With a file.
    pub fn file(self, name: &str, content: &[u8]) -> Self {
        self.part(&format!("name=\"files\"; filename=\"{name}\""), content)
    }

    /// With a picture that is to stand for somebody.
    pub fn avatar(self, content: &[u8]) -> Self {
        self.part("name=\"file\"; filename=\"me.gif\"", content)
    }

    /// With a part whose head says this.
    pub fn part(mut self, disposition: &str, content: &[u8]) -> Self {
        let head = format!("--limit\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
        self.bytes.extend_from_slice(head.as_bytes());
        self.bytes.extend_from_slice(content);
        self.bytes.extend_from_slice(b"\r\n");
        self
    }

    /// All of it.
    pub fn end(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(b"--limit--\r\n");
        self.bytes
    }

    /// What there is of it so far.
    pub fn unfinished(self) -> Vec<u8> {
        self.bytes
    }
}

impl Person {
    /// Sends a form.
    pub async fn post(&self, form: Form) -> Answer {
        self.call_multipart("send_message", form.end()).await
    }

    /// Sends a message with one file, which must be taken. Returns the file.
    pub async fn share(&self, chat: &str, name: &str, content: &[u8]) -> Value {
        let message = self.post(Form::message(chat, "").file(name, content)).await.ok();
        message["attachments"][0].clone()
    }
}

/// The address of a file.
pub fn file_path(file: &Value) -> String {
    format!("/files/{}/x", file["id"].as_str().unwrap())
}

/// All files below a folder, by their paths within it.
pub fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
