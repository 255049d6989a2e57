//! Token servers and their habits.

use std::time::{Duration, SystemTime};

use longhaul_catalog::auth::Oauth;
use longhaul_net::egress::Egress;
use serde_json::{Value, json};

use super::reply::error_of;
use super::{TokenClient, TokenReply, TokenRequest, TokenTrouble, read_granted, until};
use crate::Secret;
use crate::error::VaultError;
use crate::testing::{Server, scopes};

fn oauth(value: Value) -> Oauth {
    let mut whole = json!({"token_url": "https://acme.example.com/token"});
    whole.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
    serde_json::from_value(whole).unwrap()
}

fn granted(settings: Value, body: Value) -> super::Granted {
    read_granted(&oauth(settings), &TokenReply { body, date: None }).unwrap()
}

#[test]
fn replies_are_read_as_vendors_write_them() {
    let plain = granted(
        json!({}),
        json!({"access_token": "a", "refresh_token": "r", "expires_in": 3600, "scope": "x y"}),
    );
    assert_eq!(plain.access_token.expose(), "a");
    assert_eq!(plain.refresh_token.unwrap().expose(), "r");
    assert_eq!(plain.lifetime, Some(Duration::from_secs(3600)));
    assert_eq!(plain.scopes, Some(scopes(&["x", "y"])));

    // Slack: a token within, with all that belongs to it beside it.
    let nested = granted(
        json!({"token_path": "/authed_user/access_token", "scope_sep": ",",
               "metadata_from_token": {"team": "/team/id", "none": "/nothing"}}),
        json!({"ok": true, "access_token": "bot", "scope": "bot:scope", "team": {"id": "T1"},
               "authed_user": {"access_token": "user", "scope": "a:b,c:d", "expires_in": "43200",
                               "refresh_token": "user-r"}}),
    );
    assert_eq!(nested.access_token.expose(), "user");
    assert_eq!(nested.refresh_token.unwrap().expose(), "user-r");
    assert_eq!(nested.scopes, Some(scopes(&["a:b", "c:d"])));
    assert_eq!(nested.lifetime, Some(Duration::from_secs(43200)));
    assert_eq!(nested.kept, [("team".to_owned(), "T1".to_owned())].into());

    let millis = granted(
        json!({"expires_unit": "millis"}),
        json!({"access_token": "a", "expires_in": 7_200_000, "scopes": ["x"]}),
    );
    assert_eq!(millis.lifetime, Some(Duration::from_secs(7200)));
    assert_eq!(millis.scopes, Some(scopes(&["x"])));
    for forever in [json!(0), json!(-1), json!(null), json!("never")] {
        let reply = granted(json!({}), json!({"access_token": "a", "expires_in": forever}));
        assert_eq!(reply.lifetime, None);
    }
}

#[test]
fn a_reply_without_a_token_or_with_a_bound_one_is_refused() {
    for body in [json!({}), json!({"access_token": ""}), json!({"access_token": 7}), json!(null)] {
        let trouble = read_granted(&oauth(json!({})), &TokenReply { body, date: None });
        assert!(matches!(trouble, Err(TokenTrouble::Vault(VaultError::Refused(_)))));
    }
    let bound = json!({"access_token": "a", "token_type": "DPoP"});
    let trouble = read_granted(&oauth(json!({})), &TokenReply { body: bound, date: None });
    assert!(matches!(trouble, Err(TokenTrouble::Vault(VaultError::Refused(_)))));
}

#[test]
fn errors_are_found_whatever_the_status() {
    let found = |body: Value| error_of(&body);
    let some = |code: &str, words: &str| Some((code.to_owned(), words.to_owned()));
    let plain = json!({"error": "invalid_grant", "error_description": "used"});
    assert_eq!(found(plain), some("invalid_grant", "used"));
    assert_eq!(found(json!({"ok": false, "error": "token_revoked"})), some("token_revoked", ""));
    assert_eq!(found(json!({"ok": false})), some("error", ""));
    let nested = json!({"error": {"code": 190, "message": "gone", "type": "OAuth"}});
    assert_eq!(found(nested), some("190", "gone"));
    for fine in [json!({"access_token": "a", "error": null}), json!({"error": ""}), json!([])] {
        assert_eq!(found(fine), None);
    }
}

#[test]
fn ends_are_measured_by_the_server_s_clock() {
    let server = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let hour = Some(Duration::from_secs(3600));
    assert_eq!(until(&json!(3600), Some(server)), hour);
    assert_eq!(until(&json!("3600"), Some(server)), hour);
    assert_eq!(until(&json!(1_800_003_600), Some(server)), hour);
    assert_eq!(until(&json!(1_800_003_600_000_u64), Some(server)), hour);
    assert_eq!(until(&json!("2027-01-15T09:00:00Z"), Some(server)), hour);
    assert_eq!(until(&json!("2027-01-15T07:00:00Z"), Some(server)), Some(Duration::ZERO));
    assert_eq!(until(&json!("soon"), Some(server)), None);
}

fn client() -> TokenClient {
    TokenClient::new(Egress::new(&["127.0.0.1".to_owned()]).unwrap()).unwrap()
}

fn post(url: &str) -> TokenRequest {
    let mut request = TokenRequest::post(url.parse().unwrap());
    request.with("refresh_token", "canary-token");
    request
}

#[tokio::test]
async fn forms_are_read_and_errors_lose_what_they_quote() {
    let server = Server::start(|_| (200, json!("access_token=a%2Fb&scope=x%2Cy"))).await;
    let reply = client().send(post(&server.url)).await.map_err(|_| ()).unwrap();
    assert_eq!(reply.body, json!({"access_token": "a/b", "scope": "x,y"}));
    assert!(reply.date.is_some());
    assert_eq!(server.last().headers["accept"], "application/json");

    server.answer(|seen| {
        let words = format!("bad token {} in {}", seen.form()["refresh_token"], seen.body);
        (400, json!({"error": "invalid_grant", "error_description": words}))
    });
    let denied = client().send(post(&server.url)).await.map(|_| ()).unwrap_err();
    let TokenTrouble::Denied { code, message } = denied else { panic!("{denied:?}") };
    assert_eq!(code, "invalid_grant");
    assert_eq!(message, "bad token ••• in refresh_token=•••");

    server.answer(|_| (403, json!("nothing but words and canary-token=")));
    let denied = client().send(post(&server.url)).await.map(|_| ()).unwrap_err();
    assert!(format!("{denied:?}").contains("http_403"), "{denied:?}");
    assert!(!format!("{denied:?}").contains("canary"), "{denied:?}");

    server.answer(|_| (503, json!({"error": "temporarily_unavailable"})));
    let failed = client().send(post(&server.url)).await.map(|_| ()).unwrap_err();
    assert!(matches!(failed, TokenTrouble::Upstream { .. }), "{failed:?}");
}

#[tokio::test]
async fn secrets_go_to_no_other_place() {
    // A redirect is not followed.
    let other = Server::start(|_| (200, json!({"access_token": "a"}))).await;
    let server = Server::start(|_| (307, json!({}))).await;
    let denied = client().send(post(&server.url)).await.map(|_| ()).unwrap_err();
    assert!(matches!(denied, TokenTrouble::Denied { .. }), "{denied:?}");
    assert_eq!(other.seen().len(), 0);

    let strict = TokenClient::new(Egress::default()).unwrap();
    for url in [server.url.as_str(), "http://id.example.com/token", "http://169.254.169.254/"] {
        let refused = strict.send(post(url)).await.map(|_| ()).unwrap_err();
        let TokenTrouble::Vault(VaultError::Refused(words)) = refused else { panic!("{url}") };
        assert!(!words.contains("canary"), "{words}");
    }
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn a_header_cannot_be_split_by_a_secret() {
    assert!(super::header_value(&Secret::new("a\r\nx: y")).is_err());
}
