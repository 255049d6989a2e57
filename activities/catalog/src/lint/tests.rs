//! Each lint turns red when its reason is there, and only then.

use crate::load::{load, parse};

/// An entry that uses most of what there is, and that nothing is wrong with.
const GOOD: &str = r#"schema: 1
slug: acme
name: Acme
category: shop
homepage: https://acme.example
evidence: {tier: 1, origin: "github:acme/api@abc:openapi.json", docs: https://acme.example/docs}
servers:
  - {url: "https://${config.shop}.acme.example", hosts: ["*.acme.example"]}
  - {id: files, url: "https://files.acme.example"}
config:
  shop: {pattern: "[a-z]+", example: main}
auth:
  - id: key
    kind: api_key
    fields: {api_key: {secret: true, pattern: "ak_.+"}}
    place: {in: header, name: x-api-key, value: "Key ${fields.api_key}"}
    source: https://acme.example/auth
    verify: orders.list
  - id: oauth
    kind: oauth2
    oauth: {authorize_url: https://acme.example/authorize, token_url: https://acme.example/token}
    source: https://acme.example/oauth
defaults:
  limits: {rps: 5, source: https://acme.example/limits}
  idempotency: {header: Idempotency-Key, ttl: 24h, source: https://acme.example/keys}
  errors: {message: /message, kinds: {gone: not_found}}
  page: {kind: cursor, param: after, next: /next, items: /data, limit: size, max: 50}
operations:
  orders.list:
    title: List orders
    description: Lists the orders of the shop.
    http: GET /orders
    paged: true
    input:
      status: {in: query, type: string, enum: [open, closed], default: open}
  orders.cancel:
    title: Cancel an order
    description: Cancels an order that has not left.
    http: POST /orders/{id}/cancel
    effect: update
    scopes: {oauth: [orders]}
    reconcile: orders.list
    input:
      id: {in: path, type: string}
  orders.search:
    title: Search orders
    description: Finds orders by words in them.
    graphql: {document: "query($words: String) { orders(words: $words) { id } }", data: /orders}
    effect: read
    input:
      words: {in: variable, type: string}
  files.upload:
    title: Upload a file
    description: Uploads a file to the shop.
    http: POST /files
    server: files
    effect: create
    body: multipart
    input:
      file: {in: file, required: true}
"#;

#[test]
fn nothing_is_wrong_with_a_good_entry() {
    let problems = load("acme.yaml", GOOD).err().unwrap_or_default();
    assert!(problems.is_empty(), "{}", problems[0]);
}

/// Replaces one part of the good entry, and says what is wrong then.
fn broken(from: &str, to: &str) -> Vec<String> {
    assert_eq!(GOOD.matches(from).count(), 1, "`{from}` is in the entry once");
    let text = GOOD.replace(from, to);
    let integration = parse("acme.yaml", &text).unwrap_or_else(|problem| panic!("{problem}"));
    super::check("acme.yaml", &text, &integration).iter().map(ToString::to_string).collect()
}

#[test]
fn each_mistake_is_found() {
    let cases = [
        ("schema: 1", "schema: 2", "version 1"),
        ("slug: acme", "slug: Acme", "small letters"),
        ("slug: acme", "slug: other", "the file is called"),
        ("category: shop", "category: ' '", "is empty"),
        ("homepage: https://acme.example", "homepage: acme", "is no page"),
        ("origin: \"github:acme/api@abc:openapi.json\", ", "", "`origin`"),
        ("tier: 1", "tier: 4", "a tier is"),
        (", hosts: [\"*.acme.example\"]", "", "a hole in its host"),
        ("hosts: [\"*.acme.example\"]", "hosts: [\"*.example\"]", "is no host"),
        ("hosts: [\"*.acme.example\"]", "hosts: [\"https://a.example\"]", "is no host"),
        ("url: \"https://files.acme", "url: \"http://files.acme", "does not begin with"),
        ("{id: files, url", "{url", "has an `id`"),
        ("${config.shop}.acme", "${config.other}.acme", "nothing fills the hole"),
        ("shop: {pattern: \"[a-z]+\", ", "shop: {", "give it a `pattern`"),
        ("example: main", "example: MAIN", "its example does not match"),
        ("example: main", "example: main, secret: true", "a field of an auth method"),
        ("pattern: \"[a-z]+\"", "pattern: \"[a-z\"", "no regular expression"),
        ("secret: true, pattern", "secret: true, default: abc, pattern", "has no default"),
        ("source: https://acme.example/auth", "source: somebody said so", "is no page"),
        ("verify: orders.list", "verify: orders.cancel", "does not read"),
        ("verify: orders.list", "verify: orders.show", "no operation `orders.show`"),
        ("id: oauth", "id: key", "two auth methods"),
        (
            "place: {in: header, name: x-api-key, value: \"Key ${fields.api_key}\"}",
            "mtls: false",
            "needs `place`",
        ),
        ("${fields.api_key}", "${fields.token}", "nothing fills the hole"),
        ("authorize_url: https://acme.example/authorize, ", "", "needs `oauth.authorize_url`"),
        ("token_url: https://acme", "token_url: http://acme", "does not begin with"),
        ("{api_key: {secret: true, pattern: \"ak_.+\"}}", "{api_key: {}}", "no secret field"),
        (
            "rps: 5, source: https://acme.example/limits",
            "rps: 0, source: https://a.example",
            "a limit of nothing",
        ),
        ("source: https://acme.example/limits", "source: ''", "is no page"),
        ("ttl: 24h", "ttl: a day", "no length of time"),
        ("header: Idempotency-Key, ttl", "ttl", "one of them"),
        ("message: /message", "message: message", "no JSON pointer"),
        ("gone: not_found", "gone: lost", "no kind of error"),
        ("kind: cursor, param: after", "kind: cursor", "needs the `param`"),
        ("next: /next, items", "items", "a cursor needs `next`"),
        ("limit: size, max: 50", "max: 50", "there is none"),
        ("max: 50", "max: 0", "a page of nothing"),
        ("  orders.list:", "  orders:", "`noun.verb`"),
        ("title: Search orders", "title: List Orders", "has the title of"),
        ("description: Lists the orders of the shop.", "description: Lists.", "say what it does"),
        ("http: GET /orders", "http: FETCH /orders", "no method and path"),
        ("http: GET /orders", "http: GET orders", "begins with `/`"),
        ("    effect: update\n", "", "write its `effect`"),
        ("effect: update", "effect: read", "`cancel` does not read"),
        (
            "    http: POST /orders/{id}/cancel\n    effect: update\n",
            "    http: GET /orders/{id}/cancel\n",
            "a grave word",
        ),
        ("http: GET /orders", "http: DELETE /orders\n    effect: read", "`DELETE` does not read"),
        ("http: GET /orders", "http: GET /orders\n    effect: delete", "the effect says otherwise"),
        ("document: \"query(", "document: \"mutation(", "a mutation writes"),
        ("scopes: {oauth", "scopes: {oauth1", "no auth method `oauth1`"),
        ("reconcile: orders.list", "reconcile: files.upload", "does not read"),
        ("server: files", "server: images", "no server of that id"),
        ("    paged: true\n", "    paged: true\n    output: {at: /x}\n", "not `at`"),
        (
            "id: {in: path, type: string}",
            "key: {in: path, type: string}",
            "no argument fills the hole",
        ),
        (
            "id: {in: path, type: string}",
            "id: {in: path, type: string}\n      b: {in: path, type: string}",
            "the path has no hole",
        ),
        ("words: {in: variable", "text: {in: variable", "no variable `$text`"),
        ("status: {in: query", "status: {in: body", "has no body"),
        ("status: {in: query", "status: {in: variable", "belongs to `graphql`"),
        (
            "words: {in: variable, type: string}",
            "words: {in: variable, type: string}\n      q: {in: body, type: string}",
            "variables only",
        ),
        ("status: {in: query", "status: {in: header, name: Authorization", "no argument sets"),
        (
            "status: {in: query, type: string,",
            "status: {in: query, typ: string,",
            "no word of ours",
        ),
        (
            "status: {in: query, type: string, enum: [open, closed], default: open}",
            "status: {in: query}",
            "has no `type`",
        ),
        ("default: open", "default: shut", "does not fit"),
        (
            "status: {in: query, type: string, enum: [open, closed], default: open}",
            "password: {in: query, type: string, default: x}",
            "looks like a secret",
        ),
        (
            "status: {in: query, type: string",
            "size: {in: query, type: string",
            "belongs to the page",
        ),
        ("body: multipart", "body: json", "a file needs"),
        (
            "file: {in: file, required: true}",
            "file: {in: file}\n      all: {in: whole_body, type: object}",
            "the whole body",
        ),
        (
            "title: List orders",
            "title: List orders\n    headers: {Cookie: x}",
            "not for the catalogue",
        ),
        (
            "title: List orders",
            "title: List orders\n    headers: {x-key: sk_live_abcdefghijkl}",
            "looks like a secret",
        ),
    ];
    for (from, to, part) in cases {
        let problems = broken(from, to);
        assert!(
            problems.iter().any(|problem| problem.contains(part)),
            "`{to}` should be `{part}`: {problems:#?}"
        );
    }
}

#[test]
fn a_problem_is_where_the_mistake_is() {
    let problems = broken("default: open", "default: shut");
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].starts_with("acme.yaml:35:7: "), "{}", problems[0]);
}

#[test]
fn what_models_cannot_tell_apart_is_found() {
    let copy = "  orders_list.all:\n    title: All\n    description: Lists all of them.\n    http: GET /a\n";
    let other =
        copy.replace("orders_list.all", "orders.list_all").replace("title: All", "title: B");
    let text = format!("{GOOD}{copy}{other}");
    let problems = load("acme.yaml", &text).unwrap_err();
    assert!(problems[0].message.contains("cannot tell"), "{problems:?}");
}
