//! The OpenAPI document, taken at its word: every function is called as it says, and answers as it says.

#[path = "../support/frames.rs"]
mod frames;

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde::Serialize;
use serde_json::{Value, json};
use server::http::bounds::Bounds;

use crate::support::{
    Answer, Browser, Form, NOBODY, PIXEL, Person, TestServer, client_id, id_of, push_keys, raw,
};

/// The document, as it is served to whoever asks.
struct Document(Value);

impl Document {
    async fn fetch(server: &TestServer) -> Self {
        Self::fetch_by(&server.browser()).await
    }

    async fn fetch_by(browser: &Browser) -> Self {
        let answer = browser.fetch("/api/openapi.json", &[]).await;
        assert_eq!(answer.header("content-type"), "application/json");
        Self(answer.ok())
    }

    /// The functions by their names, with what the document says of each.
    fn functions(&self) -> impl Iterator<Item = (&str, &Value)> {
        let paths = self.0["paths"].as_object().unwrap();
        paths.iter().filter_map(|(path, item)| Some((path.strip_prefix("/api/")?, item.get("post")?)))
    }

    /// The types of the frames that these schemas are of.
    fn types(&self, names: &[&str]) -> BTreeSet<&str> {
        let one_of = |name: &&str| {
            let schema = &self.0["components"]["schemas"][*name];
            schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array).unwrap()
        };
        let all = names.iter().flat_map(one_of);
        all.filter_map(|one| one["properties"]["type"]["const"].as_str()).collect()
    }

    /// What holds a value against a schema of the document, and lets nothing through that this does not name.
    fn validator(&self, schema: &Value) -> Validator {
        let mut whole = schema.clone();
        whole["components"] = self.0["components"].clone();
        close(&mut whole);
        jsonschema::options().should_validate_formats(true).build(&whole).unwrap()
    }

    /// Asserts that what is got from a path has a status, a kind and a content that the document names.
    #[track_caller]
    fn assert_names(&self, path: &str, answer: &Answer) {
        let responses = &self.0["paths"][path]["get"]["responses"];
        let said = &responses[answer.status.to_string()];
        let said = match said["$ref"].as_str() {
            Some(place) => self.0.pointer(place.trim_start_matches('#')).unwrap(),
            None => said,
        };
        let kind = answer.header("content-type").split(';').next().unwrap();
        assert!(said["content"][kind].is_object(), "{path}: {} as {kind} in {responses:#}", answer.status);
        if let Some(schema) = said["content"][kind].get("schema") {
            assert_valid(&self.validator(schema), &answer.json(), path);
        }
    }
}

/// Makes every schema refuse what it does not name. As they are, they pass over it, as clients have to; and an event
/// may be of any type, as servers of a newer version send them.
fn close(schema: &mut Value) {
    match schema {
        Value::Array(list) => list.iter_mut().for_each(close),
        Value::Object(object) => {
            object.values_mut().for_each(close);
            if !object.contains_key("properties") {
                return;
            }
            let is_of_many = object.contains_key("anyOf");
            let nothing_else = if is_of_many { "unevaluatedProperties" } else { "additionalProperties" };
            object.insert(nothing_else.to_owned(), Value::Bool(false));
            // Beside the fields of one type stand those that all types have.
            if let Some(Value::Array(types)) = object.get_mut("anyOf") {
                types.retain(|one| one["additionalProperties"] != true);
                for one in types {
                    one.as_object_mut().unwrap().remove("additionalProperties");
                }
            }
        }
        _ => {}
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
        let form = Form::message(&chat, "hello").text("alt[0]", "What was agreed");
        let message = id_of(&person.post(form.file("notes.txt", b"agreed")).await.ok());
        Self { person, other, outsider, chat, message }
    }

    /// A value that makes sense for this field of this function.
    async fn value(&self, function: &str, name: &str, schema: &Value) -> String {
        match (function, name) {
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
            // Where an earlier page would have ended: before everything that there is, in the year 3000.
            ("search_messages", "before") => format!("32503680000000-{NOBODY}"),
            ("create_invite", "expires_in_seconds") => "3600".to_owned(),
            (_, "until") => "2999-01-01T00:00:00Z".to_owned(),
            // From either side, so that the page has the message.
            ("list_messages", "before") => "2".to_owned(),
            ("list_messages", "after") => "0".to_owned(),
            ("send_message", "alt") => "A red spot".to_owned(),
            _ => plain(schema),
        }
    }

    async fn invite(&self) -> Value {
        self.person.call("create_invite", &[("chat_id", &self.chat)]).await.ok()
    }

    /// Calls the function with every field that the document names but these.
    async fn call(&self, browser: &Browser, function: &str, said: &Value, but: &[&str]) -> Answer {
        let (kind, content) = said["requestBody"]["content"].as_object().unwrap().iter().next().unwrap();
        let (mut fields, mut files) = (Vec::new(), Vec::new());
        for (name, schema) in content["schema"]["properties"].as_object().into_iter().flatten() {
            if but.contains(&name.as_str()) {
                continue;
            }
            if schema["format"] == "binary" || schema["items"]["format"] == "binary" {
                files.push(format!("name=\"{name}\"; filename=\"spot.gif\""));
                continue;
            }
            let value = self.value(function, name, schema).await;
            fields.push((if is_list(schema) { format!("{name}[0]") } else { name.clone() }, value));
        }
        if kind == "multipart/form-data" {
            // What files are for stands before them.
            let form = fields.iter().fold(Form::empty(), |form, (name, value)| form.text(name, value));
            let form = files.iter().fold(form, |form, file| form.part(file, PIXEL));
            return browser.call_multipart(function, form.end()).await;
        }
        assert_eq!(files, Vec::<String>::new(), "{function} takes files in a form that has none");
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        browser.call(function, &fields).await
    }
}

/// The fields that are left out, call by call: those that only stand alone.
fn calls(function: &str) -> &'static [&'static [&'static str]] {
    match function {
        // Three ways to say where a page begins.
        "list_messages" => &[&["after", "around"], &["before", "around"], &["before", "after"]],
        _ => &[&[]],
    }
}

fn is_list(schema: &Value) -> bool {
    let kind = &schema["type"];
    // It may be left out, and is not.
    kind == "array" || kind.as_array().is_some_and(|kinds| kinds.contains(&json!("array")))
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
        for but in calls(function) {
            let answer = world.call(&world.person, function, said, but).await;
            assert_eq!(answer.status, 200, "{function} without {but:?}: {}", answer.text());
            let schema = &said["responses"]["200"]["content"]["application/json"]["schema"];
            assert_valid(&document.validator(schema), &answer.json(), function);

            // Who is not signed in is refused, unless the document says that anybody may.
            let answer = world.call(&server.browser(), function, said, but).await;
            let is_refused = said["security"] != json!([]) || function == "refresh";
            assert_eq!(answer.status == 401, is_refused, "{function}: {}", answer.text());
            if answer.status != 200 {
                assert_valid(&error, &answer.json(), function);
            }
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

/// Frames as they are sent.
fn sent(frames: &[impl Serialize]) -> Vec<Value> {
    frames.iter().map(|frame| serde_json::to_value(frame).unwrap()).collect()
}

/// Where there is something in a value: pointers to it and to all of its parts.
fn places(value: &Value, place: String, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(name, part)| places(part, format!("{place}/{name}"), found));
        }
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, part)| places(part, format!("{place}/{index}"), found));
        }
        _ => {}
    }
    found.push(place);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_frame_is_as_the_document_says_and_nothing_else_is() {
    let server = TestServer::start().await;
    let document = Document::fetch(&server).await;
    server.stop().await;
    let from_the_server = [sent(&frames::events()), sent(&frames::notices())].concat();
    for (name, parts, all) in [
        ("ServerFrame", &["LogEvent", "Notice"][..], from_the_server),
        ("ClientFrame", &["ClientFrame"][..], sent(&frames::client_frames())),
    ] {
        let validator = document.validator(&json!({ "$ref": format!("#/components/schemas/{name}") }));
        let types: BTreeSet<&str> = all.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
        assert_eq!(types, document.types(parts));
        for frame in &all {
            assert_valid(&validator, frame, name);
            let mut found = Vec::new();
            places(frame, String::new(), &mut found);
            for place in found {
                let mut other = frame.clone();
                match other.pointer_mut(&place).unwrap() {
                    Value::Object(object) => drop(object.insert("unheard_of".to_owned(), json!(1))),
                    value => *value = json!({}),
                }
                assert!(!validator.is_valid(&other), "{name} with something else at {place:?}: {other:#}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_function_answers_as_the_document_says_as_well() {
    let bounds = Bounds { connections: 1, ..Bounds::default() };
    let server = TestServer::builder().bounded(bounds).start().await;
    let browser = server.browser();
    let document = Document::fetch_by(&browser).await;
    for (path, address, status) in [
        ("/api/openapi.json", "/api/openapi.json", 200),
        ("/emoji/{hash}.json", app::service::emoji_list().address.as_str(), 200),
        ("/emoji/{hash}.json", "/emoji/0000000000000000.json", 404),
        ("/healthz", "/healthz", 200),
        ("/readyz", "/readyz", 200),
    ] {
        let answer = browser.fetch(address, &[]).await;
        assert_eq!(answer.status, status, "{address}");
        document.assert_names(path, &answer);
    }
    for path in ["/healthz", "/readyz"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: chat\r\nConnection: close\r\n\r\n");
        let answer = raw(&browser, request.into_bytes(), false).await;
        assert_eq!(answer.status, 503, "{path}: the browser has the only place");
        document.assert_names(path, &answer);
    }
    server.lose_store().await;
    let answer = browser.fetch("/readyz", &[]).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "2"));
    document.assert_names("/readyz", &answer);
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
    server.stop().await;
}
