//! The OpenAPI 3.1 document of everything that is served over HTTP, made from the code that serves it: the fields of a
//! function are those of its arguments, and what it answers is the schema of its answer.
//!
//! OpenAPI has no word for sockets. What is sent over `GET /ws` stands among the schemas, as `ServerFrame` and
//! `ClientFrame`.

mod elsewhere;

use std::sync::LazyLock;

use leptos::server_fn::ServerFn;
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    accounts::*,
    avatar_form::{AvatarFields, ChatAvatarFields},
    avatars::*,
    chats::*,
    drafts::*,
    groups::*,
    messages::*,
    multipart::MessageFields,
    people::*,
    push::*,
    search::*,
};
use crate::{
    error::AppError,
    protocol::{ClientFrame, ServerFrame},
};

/// Where the schemas stand in the document.
const SCHEMAS: &str = "/components/schemas";
const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// The document. Made when it is first asked for.
pub fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(write);
    &DOCUMENT
}

fn write() -> Value {
    let mut book = Book::new();

    book.tag("accounts");
    book.open::<Register>();
    book.open::<Login>();
    book.open::<Logout>();
    book.open::<Refresh>();
    book.add::<Me>();
    book.add::<UpdateProfile>();
    book.add::<UpdateSettings>();
    book.multipart::<SetAvatar, AvatarFields>();
    book.add::<RemoveAvatar>();
    book.add::<ChangePassword>();
    book.add::<ListSessions>();
    book.add::<EndSession>();
    book.add::<SearchUsers>();

    book.tag("people");
    book.add::<GetUser>();
    book.add::<BlockUser>();
    book.add::<UnblockUser>();
    book.add::<ListBlocked>();

    book.tag("chats");
    book.add::<CreateDirectChat>();
    book.add::<CreateGroupChat>();
    book.add::<ListChats>();
    book.add::<GetChat>();
    book.add::<RenameChat>();
    book.add::<AddMembers>();
    book.add::<RemoveMember>();
    book.add::<SetRole>();
    book.add::<LeaveChat>();
    book.add::<DeleteChat>();
    book.add::<MarkRead>();
    book.add::<MarkUnread>();
    book.add::<MuteChat>();
    book.add::<NotifyMentions>();
    book.add::<ArchiveChat>();

    book.tag("groups");
    book.add::<SetDescription>();
    book.multipart::<SetChatAvatar, ChatAvatarFields>();
    book.add::<RemoveChatAvatar>();
    book.add::<ListMembers>();
    book.add::<SearchMembers>();
    book.add::<CreateInvite>();
    book.add::<ListInvites>();
    book.add::<RevokeInvite>();
    book.add::<GetInvite>();
    book.add::<JoinByInvite>();

    book.tag("messages");
    book.multipart::<SendMessage, MessageFields>();
    book.add::<EditMessage>();
    book.add::<DeleteMessage>();
    book.add::<React>();
    book.add::<PinMessage>();
    book.add::<ListPinned>();
    book.add::<ListEdits>();
    book.add::<ListMessages>();
    book.add::<ListMessagesAt>();
    book.add::<FindMessage>();
    book.add::<SearchMessages>();

    book.tag("drafts");
    book.add::<SaveDraft>();
    book.add::<ListDrafts>();

    book.tag("push");
    book.add::<PushKey>();
    book.add::<SubscribePush>();
    book.add::<UnsubscribePush>();

    book.finish()
}

/// The document as it grows.
struct Book {
    answers: SchemaGenerator,
    tag: &'static str,
    paths: Map<String, Value>,
}

impl Book {
    fn new() -> Self {
        let mut settings = SchemaSettings::draft2020_12().for_serialize();
        settings.definitions_path = SCHEMAS.into();
        settings.meta_schema = None;
        Self { answers: settings.into_generator(), tag: "", paths: Map::new() }
    }

    /// What follows belongs to this.
    fn tag(&mut self, tag: &'static str) {
        self.tag = tag;
    }

    /// A function for who is signed in.
    fn add<F: ServerFn<Output: JsonSchema> + JsonSchema>(&mut self) {
        self.function::<F>(FORM, fields::<F>(), true);
    }

    /// A function for everybody.
    fn open<F: ServerFn<Output: JsonSchema> + JsonSchema>(&mut self) {
        self.function::<F>(FORM, fields::<F>(), false);
    }

    /// A function that takes files, and so reads its fields by itself.
    fn multipart<F: ServerFn<Output: JsonSchema>, Fields: JsonSchema>(&mut self) {
        self.function::<F>(MULTIPART, fields::<Fields>(), true);
    }

    fn function<F: ServerFn<Output: JsonSchema>>(&mut self, kind: &str, mut fields: Schema, signed_in: bool) {
        let name = F::PATH.rsplit('/').next().unwrap_or_default();
        let summary = fields.remove("description").unwrap_or_default();
        fields.remove("title");
        let mut content = json!({ "schema": fields });
        let lists = lists(&fields);
        if kind == FORM && !lists.is_empty() {
            content["encoding"] = lists.into_iter().map(|name| (name, list_encoding())).collect();
        }
        let answer = self.answers.subschema_for::<F::Output>();
        let mut operation = json!({
            "operationId": name,
            "tags": [self.tag],
            "summary": summary,
            "requestBody": { "required": fields.get("required").is_some(), "content": { kind: content } },
            "responses": {
                "200": { "description": "Done.", "content": { "application/json": { "schema": answer } } },
                "default": { "$ref": "#/components/responses/Error" },
            },
        });
        if !signed_in {
            operation["security"] = json!([]);
        }
        self.paths.insert(F::PATH.to_owned(), json!({ "post": operation }));
    }

    fn finish(mut self) -> Value {
        let error = self.answers.subschema_for::<AppError>();
        self.answers.subschema_for::<ServerFrame>();
        self.answers.subschema_for::<ClientFrame>();
        self.paths.extend(elsewhere::paths(&error));
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Samvad",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "What a client sees of Samvad over HTTP. The rules that all of it follows, and the socket, \
                    are described in docs/protocol.md.",
                "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            },
            "security": [{ "cookie": [] }, { "bearer": [] }],
            "paths": self.paths,
            "components": {
                "schemas": self.answers.take_definitions(true),
                "responses": {
                    "Error": {
                        "description": "It was not done. The status goes with the code.",
                        "headers": { "Retry-After": {
                            "description": "After how many seconds another try makes sense.",
                            "schema": { "type": "integer", "minimum": 0 },
                        } },
                        "content": { "application/json": { "schema": error } },
                    },
                },
                "securitySchemes": {
                    "cookie": {
                        "type": "apiKey", "in": "cookie", "name": "samvad_access",
                        "description": "With the prefix __Host- over HTTPS. A request that changes something has to come \
                            from our own pages then: Sec-Fetch-Site or Origin says so.",
                    },
                    "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                },
            },
        })
    }
}

/// The schema of a function's fields, whole in one place.
fn fields<F: JsonSchema>() -> Schema {
    let mut settings = SchemaSettings::draft2020_12().for_deserialize();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    settings.into_generator().into_root_schema_for::<F>()
}

/// Which of the fields are lists.
fn lists(fields: &Schema) -> Vec<String> {
    let properties = fields.get("properties").and_then(Value::as_object);
    let is_list = |schema: &Value| schema["type"] == "array";
    let lists = properties.into_iter().flatten().filter(|(_, schema)| is_list(schema));
    lists.map(|(name, _)| name.clone()).collect()
}

/// How a list stands in a form: `name[0]=…&name[1]=…`.
fn list_encoding() -> Value {
    json!({ "style": "deepObject", "explode": true })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything in the document that refers to another place in it.
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(place)) = object.get("$ref") {
                    found.push(place.clone());
                }
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let mut found = Vec::new();
        references(document(), &mut found);
        assert!(found.len() > 50);
        for place in found {
            let place_in_it = place.strip_prefix('#').unwrap_or_default();
            assert!(document().pointer(place_in_it).is_some(), "{place}");
        }
    }

    #[test]
    fn what_is_needed_is_told_from_what_may_be_left_out() {
        let form = |function: &str| {
            document()["paths"][format!("/api/{function}")]["post"]["requestBody"]["content"][FORM]["schema"]
                .clone()
        };
        assert_eq!(form("list_messages")["required"], json!(["chat_id"]));
        assert_eq!(form("create_group_chat")["required"], json!(["name"]));
        assert_eq!(form("create_group_chat")["properties"]["member_ids"]["type"], "array");
        assert_eq!(form("me")["required"], Value::Null);
    }
}
