//! Drafts from descriptions of every version.

use serde_json::{Value, json};

use super::*;
use crate::integration::Integration;
use crate::load::load;
use crate::operation::{BodyFormat, ParamIn};

fn imported(text: &str) -> (Integration, Imported) {
    let draft = import(text, &ImportOptions::default()).unwrap_or_else(|error| panic!("{error}"));
    let file = format!("{}.yaml", draft.slug);
    let integration = load(&file, &draft.yaml).unwrap_or_else(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!("{}\n\n{}", problems.join("\n"), draft.yaml)
    });
    (integration, draft)
}

const THREE: &str = r##"
openapi: 3.0.3
info: {title: Pet Store API, version: "1.2"}
servers:
  - url: https://{region}.pets.example/v2
    variables: {region: {default: eu}}
paths:
  /pets:
    parameters:
      - $ref: "#/components/parameters/Trace"
    get:
      summary: List pets
      parameters:
        - {name: pageSize, in: query, schema: {type: integer, maximum: 100}}
        - {name: session, in: cookie, schema: {type: string}}
    post:
      description: Adds a pet to the store.
      requestBody:
        required: true
        content:
          application/json:
            schema: {$ref: "#/components/schemas/NewPet"}
  /pets/{petId}:
    get: {summary: Get a pet, operationId: getPet}
    delete: {summary: Delete a pet}
    patch:
      deprecated: true
      summary: Old
  /pets/{petId}/adopt:
    post: {summary: Adopt a pet}
  /pets/{petId}/photo:
    put:
      summary: Put a photo
      requestBody: {content: {image/png: {schema: {type: string, format: binary}}}}
    get:
      summary: Get the photo
      responses: {"200": {description: ok, content: {image/png: {}}}}
  /search:
    post:
      summary: Search pets
      requestBody: {content: {application/json: {schema: {type: array, items: {type: string}}}}}
components:
  parameters:
    Trace: {name: X-Trace, in: header, schema: {type: string}}
  schemas:
    NewPet:
      allOf:
        - {type: object, required: [name], properties: {name: {type: string, description: "Its name:\nshort."}}}
        - type: object
          properties:
            id: {type: integer, readOnly: true}
            kind: {type: string, enum: [cat, dog], nullable: true}
            parent: {$ref: "#/components/schemas/NewPet"}
  securitySchemes:
    token: {type: http, scheme: bearer}
    login:
      type: oauth2
      flows:
        authorizationCode: {authorizationUrl: "https://pets.example/auth", tokenUrl: "https://pets.example/token", scopes: {}}
    odd: {type: openIdConnect, openIdConnectUrl: "https://pets.example"}
"##;

#[test]
fn version_three_becomes_a_sound_draft() {
    let (integration, draft) = imported(THREE);
    assert_eq!((draft.slug.as_str(), draft.operations), ("pet-store", 8));
    assert_eq!(integration.servers[0].url, "https://${config.region}.pets.example/v2");
    assert_eq!(integration.servers[0].hosts, ["*.pets.example"]);
    assert_eq!(integration.config["region"].default.as_deref(), Some("eu"));
    let ids: Vec<_> = integration.auth.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["token", "login"]);
    let names: Vec<_> = integration.operations.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "pets.adopt",
            "pets.create",
            "pets.delete",
            "pets.get",
            "pets.list",
            "photo.list",
            "photo.replace",
            "search.create"
        ]
    );
    let list = &integration.operations["pets.list"];
    assert_eq!(list.input["page_size"].name.as_deref(), Some("pageSize"));
    assert_eq!(list.input["x_trace"].place, ParamIn::Header);
    let create = &integration.operations["pets.create"];
    assert!(create.input["name"].required && !create.input["kind"].required);
    assert_eq!(create.input["name"].schema["description"], "Its name: short.");
    assert_eq!(create.input["kind"].schema["type"], json!(["string", "null"]));
    assert!(!create.input.contains_key("id"), "what is read only is not sent");
    let photo = &integration.operations["photo.replace"];
    assert_eq!((photo.body, photo.input["content"].place), (BodyFormat::Binary, ParamIn::File));
    let search = &integration.operations["search.create"];
    assert_eq!(search.input["body"].place, ParamIn::WholeBody);
    assert_eq!(integration.operations["pets.get"].input["pet_id"].name.as_deref(), Some("petId"));
}

#[test]
fn guesses_are_marked_and_what_is_left_out_is_said() {
    let (_, draft) = imported(THREE);
    for line in
        ["effect: create  # review", "effect: read  # review", "category: imported  # review"]
    {
        assert!(draft.yaml.contains(line), "{line}:\n{}", draft.yaml);
    }
    assert!(!draft.yaml.contains("effect: delete"), "the method tells");
    let notes = draft.notes.join("\n");
    for part in ["`PATCH /pets/{petId}` is deprecated", "`session` in `cookie`", "`odd`"] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
}

#[test]
fn a_schema_that_contains_itself_ends() {
    let (integration, _) = imported(THREE);
    let parent = &integration.operations["pets.create"].input["parent"];
    let schema = serde_json::to_string(&parent.schema).unwrap();
    assert!(schema.len() < 4_000, "{}", schema.len());
    assert!(schema.contains("\"kind\""), "{schema}");
}

#[test]
fn version_two_becomes_a_sound_draft() {
    let old = json!({
        "swagger": "2.0",
        "info": {"title": "Old", "version": "1"},
        "host": "old.example", "basePath": "/v1/",
        "securityDefinitions": {
            "key": {"type": "apiKey", "in": "query", "name": "k"},
            "basic": {"type": "basic"},
            "app": {"type": "oauth2", "flow": "application", "tokenUrl": "https://old.example/t"},
        },
        "paths": {
            "/refunds": {"post": {"parameters": [
                {"in": "body", "name": "body", "required": true, "schema": {
                    "type": "object", "required": ["amount"],
                    "properties": {"amount": {"type": "integer"}}}}]}},
            "/forms": {"post": {"consumes": ["application/x-www-form-urlencoded"], "parameters": [
                {"in": "formData", "name": "a", "type": "string", "required": true}]}},
            "/uploads": {"post": {"consumes": ["multipart/form-data"], "parameters": [
                {"in": "formData", "name": "f", "type": "file"}]}},
        },
    });
    let (integration, _) = imported(&old.to_string());
    assert_eq!(integration.servers[0].url, "https://old.example/v1");
    let kinds: Vec<_> = integration.auth.iter().map(|it| format!("{:?}", it.kind)).collect();
    assert_eq!(kinds, ["ApiKey", "Basic", "Oauth2Cc"]);
    let refund = &integration.operations["refunds.create"];
    assert_eq!(refund.effect().as_str(), "money");
    assert!(refund.input["amount"].required);
    assert_eq!(integration.operations["forms.create"].body, BodyFormat::Form);
    let upload = &integration.operations["uploads.create"];
    assert_eq!((upload.body, upload.input["f"].place), (BodyFormat::Multipart, ParamIn::File));
}

#[test]
fn only_what_was_asked_for_comes_along() {
    let only = vec!["getPet".to_owned(), "POST /search".to_owned()];
    let options = ImportOptions { slug: Some("p".to_owned()), only };
    let draft = import(THREE, &options).unwrap();
    assert_eq!((draft.slug.as_str(), draft.operations), ("p", 2));
}

#[test]
fn what_is_no_description_is_refused() {
    for (text, part) in [
        ("{", "EOF"),
        ("a: [", ""),
        ("a: 1", "no OpenAPI"),
        ("openapi: 4.0.0", "4.0.0 is not known"),
        ("openapi: 3.1.0\npaths: {}", "no operation"),
    ] {
        let error = import(text, &ImportOptions::default()).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
}

/// A description of hundreds of operations, with the shapes that occur.
fn large() -> Value {
    let mut paths = serde_json::Map::new();
    for number in 0..150 {
        let thing = format!("thing{number}s");
        let body = json!({"required": true, "content": {"application/json": {
            "schema": {"$ref": format!("#/components/schemas/T{}", number % 10)}}}});
        paths.insert(
            format!("/v1/{thing}"),
            json!({
                "get": {"summary": format!("List {thing}"), "operationId": format!("list{number}")},
                "post": {"summary": format!("Create {thing}"), "requestBody": body},
            }),
        );
        paths.insert(format!("/v1/{thing}/{{id}}"), json!({
            "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}}],
            "get": {"summary": format!("Get {thing}")},
            "put": {"summary": format!("List {thing}"), "requestBody": body},
            "delete": {},
        }));
        paths.insert(format!("/v1/{thing}/{{id}}/cancel"), json!({"post": {}}));
    }
    let schemas: serde_json::Map<_, _> = (0..10)
        .map(|number| {
            let next = format!("#/components/schemas/T{}", (number + 1) % 10);
            (
                format!("T{number}"),
                json!({"type": "object", "required": ["a"], "properties": {
                    "a": {"type": "string", "pattern": "(?<!x)y", "example": "z"},
                    "weird key/with~signs": {"type": ["string", "null"]},
                    "next": {"$ref": next},
                    "many": {"type": "array", "items": {"$ref": next}},
                    "either": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
                    "anything": {},
                    "default": {"type": "boolean", "default": false},
                }}),
            )
        })
        .collect();
    json!({
        "openapi": "3.1.0", "info": {"title": "Large", "version": "1"},
        "servers": [{"url": "https://large.example"}],
        "paths": paths, "components": {"schemas": schemas},
    })
}

#[test]
fn a_large_description_becomes_a_sound_draft() {
    let (integration, draft) = imported(&large().to_string());
    assert_eq!(draft.operations, 900);
    let create = &integration.operations["thing7s.create"];
    assert_eq!(
        create.input["weird_key_with_signs"].name.as_deref(),
        Some("/weird key~1with~0signs")
    );
    assert_eq!(create.input["default"].schema["default"], json!(false));
    assert!(!create.input["a"].schema.contains_key("pattern"), "a pattern that is none here");
    assert_eq!(integration.operations["thing7s.cancel"].effect().as_str(), "opaque");
}
