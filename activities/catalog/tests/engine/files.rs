//! Files, up and down.

use axum::response::IntoResponse;
use longhaul_catalog::ErrorKind;
use serde_json::json;

use crate::mock::{Caller, Vendor, ok, status, with};

#[tokio::test]
async fn multipart_is_the_same_bytes_each_time() {
    let vendor = Vendor::start(|_, _| ok(json!({"id": "f"}))).await;
    let caller = Caller::of(&vendor);
    let file = json!({"text": "hello", "name": "../a\"b.txt", "media_type": "text/csv"});
    let arguments = json!({"note": "n", "file": file});
    for _ in 0..2 {
        caller.call("files.upload", arguments.clone()).await.unwrap();
    }
    let seen = vendor.seen();
    assert_eq!(seen[0].body, seen[1].body);
    let media = seen[0].header("content-type").unwrap();
    let boundary = media.strip_prefix("multipart/form-data; boundary=").unwrap();
    let expected = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\nn\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"file\"; \
         filename=\"a%22b.txt\"\r\ncontent-type: text/csv\r\n\r\nhello\r\n--{boundary}--\r\n"
    );
    assert_eq!(seen[0].text(), expected);
}

#[tokio::test]
async fn bytes_go_up_from_the_store_and_come_down_to_it() {
    let bytes: Vec<u8> = (0..=255).collect();
    let down = bytes.clone();
    let vendor = Vendor::start(move |_, seen| match seen.method.as_str() {
        "GET" => {
            let name = "attachment; filename=\"/etc/report.bin\"";
            with(down.clone().into_response(), &[("content-disposition", name)])
        }
        _ => with("".into_response(), &[("etag", "e1")]),
    })
    .await;
    let caller = Caller::of(&vendor);
    let down = caller.call("files.download", json!({"path": "a b/c"})).await.unwrap();
    let expected = json!({
        "blob": 0, "bytes": 256, "media_type": "application/octet-stream", "name": "report.bin"
    });
    assert_eq!(down.value, expected);
    let up = json!({"path": "x//y", "file": {"blob": 0, "media_type": "image/png"}});
    let up = caller.call("files.put", up).await.unwrap();
    assert_eq!(up.value, json!({"etag": "e1"}));
    let seen = vendor.seen();
    assert!(seen[0].target.starts_with("/api/files/a%20b/c?"), "{}", seen[0].target);
    assert!(seen[1].target.starts_with("/api/files/x//y?"), "{}", seen[1].target);
    assert_eq!(seen[1].body, bytes);
    assert_eq!(seen[1].header("content-type"), Some("image/png"));
}

#[tokio::test]
async fn a_missing_file_is_an_error_and_no_file() {
    let vendor = Vendor::start(|_, _| status(404, json!({"error": {"message": "gone"}}))).await;
    let caller = Caller::of(&vendor);
    let failure = caller.call("files.download", json!({"path": "a"})).await.unwrap_err();
    let error = failure.error();
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(error.vendor.message.as_deref(), Some("gone"));
}

#[tokio::test]
async fn no_file_is_larger_than_allowed() {
    let vendor = Vendor::start(|_, _| vec![0_u8; 200_001].into_response()).await;
    let caller = Caller::of(&vendor);
    let failure = caller.call("files.download", json!({"path": "a"})).await.unwrap_err();
    assert!(failure.error().message.contains("larger than 200000 bytes"), "{failure}");
    let large = json!({"path": "a", "file": "x".repeat(200_001)});
    let failure = caller.call("files.put", large).await.unwrap_err();
    assert_eq!(failure.error().kind, ErrorKind::Validation);
    assert_eq!(vendor.seen().len(), 1, "the second never left");
}
