//! The OpenAPI document, taken at its word: every function is called as it says, and answers as it says.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::{
    Answer, Browser, Form, PIXEL, Person, TestServer, client_id, id_of, message_form, push_keys,
};

/// The document, as it is served to whoever asks.
struct Document(Value);

impl Document {
    async fn fetch(server: &TestServer) -> Self {
        let answer = server.browser().fetch("/api/openapi.json", &[]).await;
        assert_eq!(answer.header("content-type"), "application/json");
        Self(answer.ok())
    }

    /// The functions by their names, with what the document says of each.
    fn functions(&self) -> impl Iterator<Item = (&str, &Value)> {
        let paths = self.0["paths"].as_object().unwrap();
        paths.iter().filter_map(|(path, item)| Some((path.strip_prefix("/api/")?, &item["post"])))
    }

    /// What holds a value against a schema of the document.
    fn validator(&self, schema: &Value) -> Validator {
        let mut whole = schema.clone();
        whole["components"] = self.0["components"].clone();
        jsonschema::options().should_validate_formats(true).build(&whole).unwrap()
    }
}

/// Asserts that it is as the schema says.
#[track_caller]
fn assert_valid(validator: &Validator, value: &Value, what: &str) {
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{error} at {}, by {}", error.instance_path(), error.schema_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}\nin {value:#}");
}

/// What there is to call functions with.
struct World {
    person: Person,
    other: Person,
    outsider: Person,
    chat: String,
    message: String,
}

impl World {
    async fn new(server: &TestServer) -> Self {
        let person = server.register("Ada").await;
        let (other, outsider) = (server.register("Bob").await, server.register("Cid").await);
        let chat = person.group("Team", &[&other]).await;
        let message = id_of(&person.send(&chat, "hello").await);
        Self { person, other, outsider, chat, message }
    }

    /// A value that makes sense for this field of this function. `None`: it is left out.
    async fn value(&self, function: &str, name: &str, schema: &Value) -> Option<String> {
        let value = match (function, name) {
            ("register", "email") => format!("{}@example.org", uuid::Uuid::new_v4().simple()),
            (_, "email") => self.person.email.clone(),
            (_, "password" | "current") => self.person.password.clone(),
            (_, "new") => "a longer sentence than before".to_owned(),
            (_, "chat_id") => self.chat.clone(),
            (_, "message_id" | "reply_to") => self.message.clone(),
            (_, "client_id") => client_id(),
            (_, "sender_id") => self.person.id.clone(),
            ("add_members", _) => self.outsider.id.clone(),
            (_, "user_id" | "member_ids") => self.other.id.clone(),
            (_, "session_id") => {
                let sessions = self.person.elsewhere().await.call("list_sessions", &[]).await.ok();
                let other = |session: &&Value| session["current"] == false;
                id_of(sessions.as_array().unwrap().iter().find(other).unwrap())
            }
            (_, "endpoint") => "https://fcm.googleapis.com/openapi".to_owned(),
            (_, "p256dh") => push_keys().0,
            (_, "auth") => push_keys().1,
            (_, "emoji") => "👍".to_owned(),
            (_, "invite_id") => id_of(&self.invite().await),
            (_, "token") => self.invite().await["token"].as_str().unwrap().to_owned(),
            (_, "at" | "to") => "2999-01-01T00:00:00Z".to_owned(),
            ("search_messages", "from") => "2000-01-01T00:00:00Z".to_owned(),
            ("search_messages", "query") => "hello".to_owned(),
            // Where an earlier page ended; and nobody has sent a file.
            ("search_messages", "before" | "has_file") => return None,
            ("create_invite", "expires_in_seconds") => "3600".to_owned(),
            (_, "until") => "2999-01-01T00:00:00Z".to_owned(),
            // One of three ways to say where a page begins.
            ("list_messages", "after" | "around") | ("send_message", "alt" | "files") => return None,
            _ => plain(schema),
        };
        Some(value)
    }

    async fn invite(&self) -> Value {
        self.person.call("create_invite", &[("chat_id", &self.chat)]).await.ok()
    }

    /// Calls the function with every field that the document names.
    async fn call(&self, browser: &Browser, function: &str, said: &Value) -> Answer {
        let (kind, content) = said["requestBody"]["content"].as_object().unwrap().iter().next().unwrap();
        let mut fields = Vec::new();
        for (name, schema) in content["schema"]["properties"].as_object().into_iter().flatten() {
            let Some(value) = self.value(function, name, schema).await else { continue };
            let is_list = schema["type"] == "array";
            fields.push((if is_list { format!("{name}[0]") } else { name.clone() }, value));
        }
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if kind == "multipart/form-data" && content["schema"]["properties"]["file"]["format"] == "binary" {
            let texts = fields.iter().filter(|(name, _)| *name != "file");
            let form = texts.fold(Form::empty(), |form, (name, value)| form.text(name, value));
            browser.call_multipart(function, form.avatar(PIXEL).end()).await
        } else if kind == "multipart/form-data" {
            browser.call_multipart(function, message_form(&fields)).await
        } else {
            browser.call(function, &fields).await
        }
    }
}

/// A value of the type that the schema names.
fn plain(schema: &Value) -> String {
    let kind = match &schema["type"] {
        // It may be left out, and is not.
        Value::Array(kinds) => kinds.iter().find(|kind| **kind != "null").unwrap(),
        kind => kind,
    };
    match (kind.as_str(), schema["oneOf"].as_array()) {
        (_, Some(choices)) => choices[0]["const"].as_str().unwrap().to_owned(),
        (Some("string"), _) => "some text".to_owned(),
        (Some("integer"), _) => "1".to_owned(),
        (Some("boolean"), _) => "true".to_owned(),
        _ => panic!("no value is known for {schema}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_names_the_functions_that_there_are() {
    let server = TestServer::start().await;
    let document = Document::fetch(&server).await;
    let named: BTreeSet<&str> = document.functions().map(|(name, _)| name).collect();
    let registered: BTreeSet<&str> = leptos::server_fn::axum::server_fn_paths()
        .map(|(path, _)| path.strip_prefix("/api/").unwrap())
        .collect();
    assert_eq!(named, registered);
    for (name, said) in document.functions() {
        assert_eq!(said["operationId"], name);
        assert!(said["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{name}: {said}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_function_can_be_called_as_the_document_says() {
    let server = TestServer::builder().without_rate_limits().start().await;
    let document = Document::fetch(&server).await;
    let error = document.validator(&json!({ "$ref": "#/components/schemas/Error" }));
    let mut called = 0;
    for (function, said) in document.functions() {
        let world = World::new(&server).await;
        let answer = world.call(&world.person, function, said).await;
        assert_eq!(answer.status, 200, "{function}: {}", answer.text());
        let schema = &said["responses"]["200"]["content"]["application/json"]["schema"];
        assert_valid(&document.validator(schema), &answer.json(), function);

        // Who is not signed in is refused, unless the document says that anybody may.
        let answer = world.call(&server.browser(), function, said).await;
        let is_open = said["security"] == json!([]);
        assert_eq!(answer.status == 401, !is_open || function == "refresh", "{function}: {}", answer.text());
        if answer.status != 200 {
            assert_valid(&error, &answer.json(), function);
        }
        // And so is who leaves out everything that has to be there.
        if said["requestBody"]["required"] == true {
            let answer = world.person.call(function, &[]).await;
            assert!(matches!(answer.status, 400 | 415 | 422), "{function}: {}", answer.text());
            assert_valid(&error, &answer.json(), function);
        }
        called += 1;
    }
    assert!(called > 30);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_over_the_socket_is_as_the_document_says() {
    let server = TestServer::start().await;
    let document = Document::fetch(&server).await;
    let frames = document.validator(&json!({ "$ref": "#/components/schemas/ServerFrame" }));
    let world = World::new(&server).await;
    let mut socket = world.other.socket().await;
    assert_valid(&frames, &socket.hello, "hello");
    world.person.send(&world.chat, "how are you?").await;
    let of_chat = ("chat_id", world.chat.as_str());
    let upon = [of_chat, ("message_id", world.message.as_str())];
    for (function, fields) in [
        ("react", [&upon[..], &[("emoji", "👍"), ("on", "true")]].concat()),
        ("edit_message", [&upon[..], &[("body", "hello, all")]].concat()),
        ("delete_message", upon.to_vec()),
        ("update_profile", vec![("display_name", "Countess")]),
        ("rename_chat", vec![of_chat, ("name", "Crew")]),
    ] {
        world.person.call(function, &fields).await.ok();
    }
    let form = Form::empty().text("chat_id", &world.chat).avatar(PIXEL);
    world.person.call_multipart("set_chat_avatar", form.end()).await.ok();
    world.person.call_multipart("set_avatar", Form::empty().avatar(PIXEL).end()).await.ok();
    socket.next_event("chat_avatar_changed").await;
    socket
        .next_that("user_changed with an avatar", |frame| {
            frame["type"] == "user_changed" && frame["avatar"].is_string()
        })
        .await;
    assert!(socket.seen.len() >= 5, "{:?}", socket.seen);
    for frame in &socket.seen {
        assert_valid(&frames, frame, frame["type"].as_str().unwrap());
    }
    assert!(!frames.is_valid(&json!({ "type": "heads" })), "and the schema does refuse something");
    server.stop().await;
}
