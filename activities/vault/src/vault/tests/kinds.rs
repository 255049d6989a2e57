//! Each kind: the request for its token, and the proof on a call.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use longhaul_catalog::Credentials;
use longhaul_catalog::credentials::MaskedRequest;
use reqwest::Method;
use ring::rsa::KeyPair as RsaPair;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};

use crate::testing::{Server, World, ada, method, new, request, rsa_der, rsa_pem};
use crate::{ConnectionState, NewConnection, Vault, VaultError};

const API: &str = "https://api.acme.example.com/v1?a=1";

/// What a call of Ada's carries: the URL, and a header.
async fn proven(vault: &Vault, header: &str) -> (String, String) {
    let credentials = vault.credentials(&ada(), "acme", None).await.unwrap();
    let mut call = request(Method::GET, API);
    credentials.prove(&mut call).await.unwrap();
    let value = call.headers().get(header).map(|value| {
        assert!(value.is_sensitive(), "{header}");
        value.to_str().unwrap().to_owned()
    });
    (call.url().to_string(), value.unwrap_or_default())
}

/// The same as people see it.
async fn masked(vault: &Vault) -> MaskedRequest {
    let credentials = vault.credentials(&ada(), "acme", None).await.unwrap();
    let mut shown =
        MaskedRequest { method: "GET".to_owned(), url: API.to_owned(), headers: Vec::new() };
    credentials.masked(&mut shown);
    assert!(!format!("{shown:?} {credentials:?}").contains("canary"), "{shown:?}");
    shown
}

fn header(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.to_owned())]
}

#[tokio::test]
async fn keys_are_sent_where_the_integration_says() {
    let keys = json!({"fields": {"api_key": {"secret": true}}});
    let with = |place: Value| {
        let mut more = keys.clone();
        more["place"] = place;
        World::new(json!([method("api_key", more)]))
    };
    let world = with(json!({"in": "header", "name": "X-Key"}));
    let vault = world.vault();
    vault.connect(new(&[("api_key", "canary-key")])).await.unwrap();
    assert_eq!(proven(&vault, "x-key").await.1, "canary-key");
    assert_eq!(masked(&vault).await.headers, header("x-key", "•••"));

    let place =
        json!({"in": "header", "name": "Authorization", "value": "Token ${fields.api_key}"});
    let world = with(place);
    let vault = world.vault();
    vault.connect(new(&[("api_key", "canary-key")])).await.unwrap();
    assert_eq!(proven(&vault, "authorization").await.1, "Token canary-key");
    assert_eq!(masked(&vault).await.headers, header("authorization", "Token •••"));

    let world = with(json!({"in": "query", "name": "key"}));
    let vault = world.vault();
    vault.connect(new(&[("api_key", "canary&key")])).await.unwrap();
    assert_eq!(proven(&vault, "x").await.0, format!("{API}&key=canary%26key"));
    assert_eq!(masked(&vault).await.url, format!("{API}&key=•••"));
}

#[tokio::test]
async fn users_and_passwords_and_further_headers() {
    let more = json!({
        "fields": {"email": {}, "token": {"secret": true}},
        "basic": {"username": "${fields.email}/token", "password": "${fields.token}"},
        "headers": {"X-Shop": "${config.shop}", "X-User": "${fields.email}"},
    });
    let world = World::with_config(json!([method("basic", more)]), json!({"shop": {}}));
    let vault = world.vault();
    let mut connection = new(&[("email", "ada@example.com"), ("token", "canary-pass")]);
    connection.config.insert("shop".to_owned(), "s1".to_owned());
    let made = vault.connect(connection).await.unwrap();
    assert_eq!(made.facts.fields["email"], "ada@example.com");
    let value = STANDARD.encode("ada@example.com/token:canary-pass");
    assert_eq!(proven(&vault, "authorization").await.1, format!("Basic {value}"));
    let shown = [("authorization", "Basic •••"), ("x-shop", "s1"), ("x-user", "ada@example.com")];
    let shown: Vec<_> = shown.into_iter().flat_map(|(name, it)| header(name, it)).collect();
    assert_eq!(masked(&vault).await.headers, shown);

    let world = World::new(json!([method("bearer", json!({}))]));
    let vault = world.vault();
    let error = vault.connect(new(&[])).await.unwrap_err();
    assert!(error.to_string().contains("`token` is missing"), "{error}");
    vault.connect(new(&[("token", "canary-token")])).await.unwrap();
    assert_eq!(proven(&vault, "authorization").await.1, "Bearer canary-token");
}

#[tokio::test]
async fn what_is_said_has_to_fit() {
    let more = json!({"fields": {"api_key": {"secret": true, "pattern": "canary-[a-z]+",
                                             "example": "canary-x"}},
                      "place": {"in": "header", "name": "x-key"}});
    let config =
        json!({"region": {"default": "eu", "pattern": "eu|us"}, "note": {"optional": true}});
    let world = World::with_config(json!([method("api_key", more)]), config);
    let vault = world.vault();
    for wrong in [
        new(&[]),
        new(&[("api_key", "CANARY-1")]),
        new(&[("api_key", "canary-x\nx: y")]),
        new(&[("api_key", "canary-x"), ("other", "canary-y")]),
        NewConnection { name: Some("a b".to_owned()), ..new(&[("api_key", "canary-x")]) },
        NewConnection { method: Some("oauth".to_owned()), ..new(&[("api_key", "canary-x")]) },
        NewConnection { integration: "other".to_owned(), ..new(&[("api_key", "canary-x")]) },
    ] {
        let error = vault.connect(wrong).await.unwrap_err();
        assert!(matches!(error, VaultError::Request(_)), "{error}");
        assert!(!error.to_string().to_lowercase().replace("`canary-x`", "").contains("canary"));
    }
    assert!(vault.connections(None, None).await.unwrap().is_empty());
    let made = vault.connect(new(&[("api_key", "canary-x")])).await.unwrap();
    assert_eq!(made.facts.config, [("region".to_owned(), "eu".to_owned())].into());
    assert_eq!(made.state, ConnectionState::Connected);
}

#[tokio::test]
async fn client_credentials_by_the_operator_s_app_or_one_s_own() {
    let server = Server::start(|seen| {
        assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/token"));
        // RFC 6749, 2.3.1: each part as a form has it.
        let expected = STANDARD.encode("longhaul:canary-client%3Asecret");
        assert_eq!(seen.headers["authorization"], format!("Basic {expected}"));
        let form = seen.form();
        assert_eq!(form["grant_type"], "client_credentials");
        assert_eq!((form["scope"].as_str(), form["audience"].as_str()), ("a b", "api"));
        assert_eq!(form["resource"], "https://api.acme.example.com");
        assert!(!form.contains_key("client_id") && !form.contains_key("client_secret"));
        (200, json!({"access_token": "canary-access", "expires_in": 3600}))
    })
    .await;
    let more = json!({"oauth": {
        "token_url": format!("{}/token", server.url), "client_auth": "basic",
        "scopes": ["b", "a"], "token_params": {"audience": "api", "tenant": "${fields.tenant}"},
        "resource": "https://api.acme.example.com",
    }, "fields": {"tenant": {"optional": true}}});
    let world = World::new(json!([method("oauth2_cc", more)]));
    let error = world.vault().connect(new(&[])).await.unwrap_err();
    assert!(error.to_string().contains("connections app set acme"), "{error}");
    assert_eq!(server.seen().len(), 0);
    let world = world.app();
    let vault = world.vault();
    let made = vault.connect(new(&[])).await.unwrap();
    assert!(made.expires_at.is_some());
    assert_eq!(proven(&vault, "authorization").await.1, "Bearer canary-access");
    assert_eq!(proven(&vault, "authorization").await.1, "Bearer canary-access");
    assert_eq!(server.seen().len(), 1);

    // The connection's own client, in the body, as JSON.
    server.answer(|seen| {
        let expected = json!({"client_id": "own", "client_secret": "canary-own",
                              "grant_type": "client_credentials"});
        assert_eq!(seen.json(), expected);
        assert!(!seen.headers.contains_key("authorization"));
        (401, json!({"error": "invalid_client"}))
    });
    let more = json!({"fields": {"client_id": {}, "client_secret": {"secret": true}},
        "oauth": {"token_url": format!("{}/token", server.url), "token_body": "json"}});
    let world = World::new(json!([method("oauth2_cc", more)]));
    let vault = world.vault();
    let error = vault
        .connect(new(&[("client_id", "own"), ("client_secret", "canary-own")]))
        .await
        .unwrap_err();
    assert!(matches!(error, VaultError::NeedsReauth(_)), "{error}");
}

#[tokio::test]
async fn a_client_may_sign_who_it_is() {
    let server = Server::start(|seen| {
        let form = seen.form();
        assert_eq!(form["client_id"], "longhaul");
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        assert_eq!(form["client_assertion_type"], kind);
        let (header, claims) = verified(&form["client_assertion"]);
        assert_eq!(header["kid"], "k1");
        assert_eq!(
            (claims["iss"].as_str(), claims["sub"].as_str()),
            (Some("longhaul"), Some("longhaul"))
        );
        assert!(claims["aud"].as_str().unwrap().ends_with("/token"));
        assert!(claims["jti"].as_str().unwrap().len() > 10);
        (200, json!({"access_token": "canary-access"}))
    })
    .await;
    let more = json!({"oauth": {"token_url": format!("{}/token", server.url),
                                "client_auth": "private_key_jwt"}});
    let mut world = World::new(json!([method("oauth2_cc", more)])).app();
    let app = world.apps.values_mut().next().unwrap();
    app.private_key = Some(rsa_pem(false).into());
    app.key_id = Some("k1".to_owned());
    let made = world.vault().connect(new(&[])).await.unwrap();
    assert_eq!(made.expires_at, None);
}

/// Header and claims of a token by the tests' RSA key.
fn verified(token: &str) -> (Value, Value) {
    let (text, signature) = token.rsplit_once('.').unwrap();
    let public = RsaPair::from_der(&rsa_der()).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.public_key().as_ref())
        .verify(text.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
        .unwrap();
    let (header, claims) = text.split_once('.').unwrap();
    let read = |text| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    (read(header), read(claims))
}

#[tokio::test]
async fn a_service_account_signs_for_its_tokens() {
    let server = Server::start(|seen| {
        let form = seen.form();
        assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
        // The operator's app has nothing to do with it.
        assert!(!form.contains_key("client_id") && !form.contains_key("client_secret"));
        let (header, claims) = verified(&form["assertion"]);
        assert_eq!(header, json!({"alg": "RS256", "typ": "JWT", "kid": "key-7"}));
        assert_eq!(claims["iss"], "robot@acme.example.com");
        assert_eq!(claims["scope"], "calendar mail");
        assert!(claims["aud"].as_str().unwrap().ends_with("/token"));
        // Nobody is impersonated, so nothing is said of it.
        assert!(claims.get("sub").is_none());
        let (issued, ends) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
        assert_eq!(ends - issued, 3600);
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let behind = i64::try_from(now).unwrap() - issued;
        assert!((60..=65).contains(&behind), "issued {behind} s ago");
        (200, json!({"access_token": "canary-access", "expires_in": 3599}))
    })
    .await;
    let more = json!({
        "fields": {"account": {"secret": true}, "subject": {"optional": true}},
        "oauth": {"token_url": format!("{}/token", server.url), "scopes": ["calendar"]},
        "jwt": {"algorithm": "RS256", "key": "account.private_key", "lifetime": "1h",
                "header": {"kid": "${fields.account.private_key_id}"}, "scope_claim": "scope",
                "claims": {"iss": "${fields.account.client_email}", "sub": "${fields.subject}"}},
    });
    let world = World::new(json!([method("jwt_bearer", more)])).app();
    let vault = world.vault();
    let account = json!({"type": "service_account", "client_email": "robot@acme.example.com",
                         "private_key_id": "key-7", "private_key": rsa_pem(false)});
    let mut connection = new(&[("account", &account.to_string())]);
    connection.scopes.insert("mail".to_owned());
    vault.connect(connection).await.unwrap();
    assert_eq!(proven(&vault, "authorization").await.1, "Bearer canary-access");
}

#[tokio::test]
async fn an_app_s_installation_and_a_two_step_token() {
    let server = Server::start(|seen| {
        assert_eq!(seen.path, "/app/installations/42/access_tokens");
        let token = seen.headers["authorization"].to_str().unwrap();
        let (_, claims) = verified(token.strip_prefix("Bearer ").unwrap());
        assert_eq!(claims["iss"], "1234");
        let ends = jiff::Timestamp::now() + std::time::Duration::from_secs(3600);
        (201, json!({"token": "canary-installation", "expires_at": ends.to_string()}))
    })
    .await;
    let more = json!({
        "fields": {"app_id": {}, "installation_id": {}, "private_key": {"secret": true}},
        "jwt": {"algorithm": "RS256", "key": "private_key", "lifetime": "9m",
                "claims": {"iss": "${fields.app_id}"}},
        "exchange": {
            "url": format!("{}/app/installations/${{fields.installation_id}}/access_tokens", server.url),
            "token_path": "/token", "expires_path": "/expires_at"},
    });
    let world = World::new(json!([method("github_app", more)]));
    let vault = world.vault();
    let key = rsa_pem(true);
    let fields = [("app_id", "1234"), ("installation_id", "42"), ("private_key", key.as_str())];
    let made = vault.connect(new(&fields)).await.unwrap();
    let left = made.expires_at.unwrap().since(made.updated_at).as_secs();
    assert!((3590..=3600).contains(&left), "{left}");
    assert_eq!(proven(&vault, "authorization").await.1, "Bearer canary-installation");

    server.answer(|seen| {
        assert_eq!(seen.path, "/login");
        assert_eq!(seen.json(), json!({"user": "ada", "password": "canary-pass"}));
        assert_eq!(seen.headers["x-tenant"], "t1");
        (200, json!({"session": {"id": "canary-session"}}))
    });
    let more = json!({
        "fields": {"user": {}, "password": {"secret": true}},
        "place": {"in": "header", "name": "X-Session"},
        "exchange": {"url": format!("{}/login", server.url), "token_path": "/session/id",
                     "headers": {"X-Tenant": "t1"}, "body_format": "json", "lifetime": "30m",
                     "body": {"user": "${fields.user}", "password": "${fields.password}"}},
    });
    let world = World::new(json!([method("two_step", more)]));
    let vault = world.vault();
    vault.connect(new(&[("user", "ada"), ("password", "canary-pass")])).await.unwrap();
    assert_eq!(proven(&vault, "x-session").await.1, "canary-session");
    assert_eq!(masked(&vault).await.headers, header("x-session", "•••"));
    world.clock.shift(31 * 60);
    proven(&vault, "x-session").await;
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_connection_may_sign_its_own_tokens() {
    let more = json!({
        "fields": {"key": {"secret": true}},
        "jwt": {"algorithm": "HS256", "key": "key", "lifetime": "20m", "claims": {"iss": "me"}},
    });
    let world = World::new(json!([method("jwt_self", more)]));
    let vault = world.vault();
    vault.connect(new(&[("key", "canary-key")])).await.unwrap();
    let credentials = vault.credentials(&ada(), "acme", None).await.unwrap();
    let mut tokens = Vec::new();
    for shift in [0, 17 * 60, 2 * 60] {
        world.clock.shift(shift);
        let mut call = request(Method::GET, API);
        credentials.prove(&mut call).await.unwrap();
        tokens.push(call.headers()["authorization"].to_str().unwrap().to_owned());
    }
    assert_eq!(tokens[0], tokens[1]);
    assert_ne!(tokens[1], tokens[2]);
    assert_eq!(masked(&vault).await.headers, header("authorization", "Bearer •••"));
}

#[tokio::test]
async fn signatures_are_put_on_calls_and_masked() {
    let more = json!({"sigv4": {"service": "sqs", "region": "${config.region}"}});
    let world = World::with_config(json!([method("aws_sigv4", more)]), json!({"region": {}}));
    let vault = world.vault();
    let mut connection =
        new(&[("access_key_id", "canary-id"), ("secret_access_key", "canary-secret")]);
    connection.config.insert("region".to_owned(), "eu-west-1".to_owned());
    vault.connect(connection).await.unwrap();
    let value = proven(&vault, "authorization").await.1;
    assert!(value.starts_with("AWS4-HMAC-SHA256 Credential=canary-id/"), "{value}");
    assert!(
        value.contains("/eu-west-1/sqs/aws4_request, SignedHeaders=host;x-amz-date, "),
        "{value}"
    );
    let shown = masked(&vault).await.headers;
    assert_eq!(shown[1], ("authorization".to_owned(), "AWS4-HMAC-SHA256 •••".to_owned()));

    let more = json!({"oauth1": {"signature_method": "HMAC-SHA256", "realm": "${config.account}"}});
    let world = World::with_config(json!([method("oauth1", more)]), json!({"account": {}}));
    let vault = world.vault();
    let mut connection = new(&[
        ("consumer_key", "canary-ck"),
        ("consumer_secret", "canary-cs"),
        ("token", "canary-t"),
        ("token_secret", "canary-ts"),
    ]);
    connection.config.insert("account".to_owned(), "1_SB1".to_owned());
    vault.connect(connection).await.unwrap();
    let value = proven(&vault, "authorization").await.1;
    assert!(
        value.starts_with("OAuth realm=\"1_SB1\", oauth_consumer_key=\"canary-ck\""),
        "{value}"
    );
    assert!(!value.contains("canary-cs") && !value.contains("canary-ts"), "{value}");
    assert_eq!(masked(&vault).await.headers, header("authorization", "OAuth •••"));
}

#[tokio::test]
async fn a_client_certificate_is_given_to_whoever_calls() {
    let more = json!({"mtls": true, "place": {"in": "header", "name": "x-key"},
        "fields": {"api_key": {"secret": true}, "certificate": {}, "private_key": {"secret": true}}});
    let world = World::new(json!([method("api_key", more)]));
    let vault = world.vault();
    let fields = [("api_key", "canary-k"), ("certificate", "CERT"), ("private_key", "canary-key")];
    vault.connect(new(&fields)).await.unwrap();
    let credentials = vault.credentials(&ada(), "acme", None).await.unwrap();
    let identity = credentials.identity().unwrap();
    assert_eq!(identity.pem, b"CERT\ncanary-key");
    assert!(!format!("{identity:?} {credentials:?}").contains("canary"));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_not_quoted() {
    let server = Server::start(|_| panic!("nothing is asked without the certificate")).await;
    let more = json!({"mtls": true,
        "oauth": {"token_url": format!("{}/token", server.url), "client_auth": "none"},
        "fields": {"certificate": {}, "private_key": {"secret": true}}});
    let world = World::new(json!([method("oauth2_cc", more)])).app();
    let vault = world.vault();
    let fields = [("certificate", "CERT"), ("private_key", "canary-key")];
    let error = vault.connect(new(&fields)).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    assert_eq!(server.seen().len(), 0);
}
