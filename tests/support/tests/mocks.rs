//! The mock service, the collector of spans, the project and the cleaned environment.

use longhaul_tests::http::HttpReply;
use longhaul_tests::otlp::{Collector, tree};
use longhaul_tests::project::{AgentDraft, Project};
use longhaul_tests::service::MockService;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use prost::Message as _;
use serde_json::{Value, json};

use super::post;

#[tokio::test]
async fn the_service_answers_its_routes_and_complains_about_others() {
    let service = MockService::setup()
        .on("POST", "/tickets", |request| {
            HttpReply::json(&json!({"title": request.json()["title"], "count": request.count}))
        })
        .require("Authorization", "Bearer t")
        .start()
        .await;
    let url = service.url("/tickets");
    let headers = [("authorization", "Bearer t"), ("idempotency-key", "k1")];
    let body = json!({"title": "broken"});
    let (status, reply) = post(&url, &headers, &body).await.unwrap();
    assert_eq!((status, reply.as_str()), (200, r#"{"title":"broken","count":1}"#));
    let (_, again) = post(&url, &headers, &body).await.unwrap();
    assert_eq!(again, r#"{"title":"broken","count":2}"#);
    service.assert_clean();

    let (status, _) = post(&url, &headers, &json!({"title": "other"})).await.unwrap();
    assert_eq!(status, 400);
    let (status, _) = post(&url, &headers[..1], &body).await.unwrap();
    assert_eq!(status, 400);
    let (status, _) = post(&service.url("/elsewhere"), &headers[1..], &Value::Null).await.unwrap();
    assert_eq!(status, 400);
    let complaints = service.complaints();
    assert!(complaints[0].contains("two different requests"), "{complaints:?}");
    assert!(complaints[1].contains("no `idempotency-key`"), "{complaints:?}");
    assert!(complaints[2].contains("`authorization` is not"), "{complaints:?}");
    assert!(complaints[2].contains("no route `POST /elsewhere`"), "{complaints:?}");
}

fn text(value: &str) -> Option<AnyValue> {
    Some(AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) })
}

fn sent(name: &str, id: u8, parent: u8, start: u64) -> Span {
    Span {
        trace_id: vec![0xab; 16],
        span_id: vec![id; 8],
        parent_span_id: if parent == 0 { Vec::new() } else { vec![parent; 8] },
        name: name.to_owned(),
        kind: span::SpanKind::Client.into(),
        start_time_unix_nano: start,
        end_time_unix_nano: start + 5,
        attributes: vec![KeyValue {
            key: "gen_ai.request.model".to_owned(),
            value: text("mock-1"),
            ..KeyValue::default()
        }],
        status: Some(Status { code: 2, ..Status::default() }),
        ..Span::default()
    }
}

async fn export(collector: &Collector, spans: Vec<Span>) -> u16 {
    let resource = Resource {
        attributes: vec![KeyValue {
            key: "service.name".to_owned(),
            value: text("longhaul"),
            ..KeyValue::default()
        }],
        ..Resource::default()
    };
    let body = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    };
    let settings = longhaul_activities::http::ClientSettings::default();
    longhaul_activities::http::client(&settings)
        .unwrap()
        .post(format!("{}/v1/traces", collector.endpoint()))
        .header("content-type", "application/x-protobuf")
        .body(body.encode_to_vec())
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

#[tokio::test]
async fn the_collector_keeps_spans_as_a_tree() {
    let collector = Collector::start().await;
    let spans = vec![
        sent("execute_tool echo", 3, 1, 30),
        sent("chat mock-1", 2, 1, 20),
        sent("invoke_agent echo", 1, 0, 10),
    ];
    assert_eq!(export(&collector, spans).await, 200);
    let chat = collector.span("chat").await;
    assert_eq!((chat.kind.as_str(), chat.error), ("Client", true));
    assert_eq!(chat.parent, "0101010101010101");
    assert_eq!(chat.attributes["gen_ai.request.model"], "mock-1");
    assert_eq!(chat.resource["service.name"], "longhaul");
    let expected = "invoke_agent echo\n  chat mock-1\n  execute_tool echo\n";
    assert_eq!(collector.tree(&"ab".repeat(16)), expected);
    assert_eq!(tree(&[chat]), "chat mock-1\n");
    assert!(collector.mentions("execute_tool"));
    assert!(!collector.mentions("sk-mock"));
    collector.assert_no_duplicates();
}

#[tokio::test]
#[should_panic(expected = "spans sent twice:\n0202020202020202 chat")]
async fn a_span_that_is_sent_twice_is_noticed() {
    let collector = Collector::start().await;
    for _ in 0..2 {
        export(&collector, vec![sent("chat", 2, 1, 20)]).await;
    }
    collector.assert_no_duplicates();
}

#[tokio::test]
async fn agents_of_the_tests_are_valid() {
    let model = longhaul_tests::model::MockModel::echo(1).start().await;
    let service = MockService::echo().start().await;
    let project = Project::new();
    project.agent(
        "full",
        AgentDraft::on(&model)
            .files(true)
            .echo(&service)
            .rule(&["files.write"], json!({"action": "ask", "timeout": "2s"}))
            .limit("turns", json!(9))
            .model("price", json!({"input": 1.0, "output": 2.0}))
            .with("output", json!({"type": "object"})),
    );
    project.agent("scripted", AgentDraft::scripted("echo").echo(&service));
    let store = longhaul_activities::agents::AgentStore::new(project.agents());
    let full = store.load("full").unwrap_or_else(|failure| panic!("{failure}"));
    let names: Vec<&str> = full.tools.iter().map(|tool| tool.name.as_str()).collect();
    let files = ["files.list", "files.read", "files.search", "files.write"];
    assert_eq!(names, [&files[..], &["echo", "results.read"]].concat());
    store.load("scripted").unwrap_or_else(|failure| panic!("{failure}"));
}
