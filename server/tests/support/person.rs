//! Somebody who is signed in.

use std::ops::Deref;

use serde_json::Value;

use super::{Answer, Browser, Refused, Socket, client_id};

/// A person at a browser.
pub struct Person {
    browser: Browser,
    pub id: String,
    pub name: String,
    pub email: String,
    pub password: String,
}

impl Deref for Person {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

impl Person {
    /// Signs in to an account that there is.
    pub async fn sign_in(browser: Browser, email: &str, password: &str) -> Self {
        let account = browser.call("login", &[("email", email), ("password", password)]).await.ok();
        Self::of(browser, &account, password)
    }

    /// Makes an account of this name.
    pub async fn register(browser: Browser, name: &str) -> Self {
        let email = format!("{}@example.org", uuid::Uuid::new_v4().simple());
        let password = "correct horse battery";
        let fields = [("email", email.as_str()), ("display_name", name), ("password", password)];
        let account = browser.call("register", &fields).await.ok();
        Self::of(browser, &account, password)
    }

    fn of(browser: Browser, account: &Value, password: &str) -> Self {
        let text = |name: &str| account[name].as_str().unwrap().to_owned();
        let password = password.to_owned();
        Self { browser, id: text("id"), name: text("display_name"), email: text("email"), password }
    }

    /// Signs in once more, in another browser.
    pub async fn elsewhere(&self) -> Self {
        Self::sign_in(Browser::new(self.site.clone()), &self.email, &self.password).await
    }

    /// Makes a group with these people. Returns its id.
    pub async fn group(&self, name: &str, members: &[&Person]) -> String {
        let names: Vec<String> = (0..members.len()).map(|index| format!("member_ids[{index}]")).collect();
        let mut fields = vec![("name", name)];
        fields.extend(names.iter().map(String::as_str).zip(members.iter().map(|person| person.id.as_str())));
        id_of(&self.call("create_group_chat", &fields).await.ok())
    }

    /// Opens the direct chat with somebody. Returns its id.
    pub async fn direct(&self, other: &Person) -> String {
        id_of(&self.call("create_direct_chat", &[("user_id", &other.id)]).await.ok())
    }

    /// Takes somebody out of a group.
    pub async fn remove(&self, chat: &str, other: &Person) {
        self.call("remove_member", &[("chat_id", chat), ("user_id", &other.id)]).await.ok();
    }

    /// Adds somebody to a group.
    pub async fn add(&self, chat: &str, other: &Person) {
        self.call("add_members", &[("chat_id", chat), ("user_ids[0]", &other.id)]).await.ok();
    }

    /// Sends a message that must be taken.
    pub async fn send(&self, chat: &str, body: &str) -> Value {
        self.try_send(chat, &client_id(), body).await.ok()
    }

    /// Sends a message under an id of the device's choice.
    pub async fn try_send(&self, chat: &str, client_id: &str, body: &str) -> Answer {
        let form = message_form(&[("chat_id", chat), ("client_id", client_id), ("body", body)]);
        self.call_multipart("send_message", form).await
    }

    /// A page of a chat's messages.
    pub async fn messages(&self, chat: &str, more: &[(&str, &str)]) -> Vec<Value> {
        let mut fields = vec![("chat_id", chat)];
        fields.extend(more);
        self.call("list_messages", &fields).await.ok()["messages"].as_array().unwrap().clone()
    }

    /// Opens a socket that has to be admitted; its `hello` has been read.
    pub async fn socket(&self) -> Socket {
        Socket::open(&self.browser).await
    }

    /// Tries to open a socket.
    pub async fn try_socket(&self) -> Result<Socket, Refused> {
        Socket::try_open(&self.browser).await
    }
}

/// The `id` of what was answered.
pub fn id_of(answer: &Value) -> String {
    answer["id"].as_str().unwrap().to_owned()
}

/// A multipart form of text fields under the boundary `limit`.
pub fn message_form(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, value) in fields {
        form.extend_from_slice(
            format!("--limit\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .as_bytes(),
        );
    }
    form.extend_from_slice(b"--limit--\r\n");
    form
}
