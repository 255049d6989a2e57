//! `moto`: signatures are checked as AWS checks them, for S3 and SQS.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use longhaul_catalog::Credentials as _;
use longhaul_net::http::{ClientSettings, client};
use longhaul_tests::vault::{VaultSetup, ada, integration};
use longhaul_tests::wait::eventually;
use longhaul_vault::{NewConnection, Secret, Vault};
use reqwest::header::HeaderValue;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

const REGION: &str = "eu-west-1";

/// A running moto; it ends with the test.
struct Moto {
    address: SocketAddr,
    vault: Vault,
    _folder: TempDir,
    _child: Child,
}

fn auth(service: &str) -> Value {
    json!([{"id": "keys", "kind": "aws_sigv4", "source": "https://docs.aws.amazon.com",
            "sigv4": {"service": service, "region": REGION}}])
}

impl Moto {
    /// The first three requests are let through unchecked, which is how keys come into being.
    async fn start() -> Self {
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port");
        let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/python/bin/python");
        let child = Command::new(&python)
            .args(["-m", "moto.server", "-p", &address.port().to_string()])
            .env("INITIAL_NO_AUTH_ACTION_COUNT", "3")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("`{}`: {error}; run .ci/peers", python.display()));
        eventually(Duration::from_secs(60), "moto to listen", async || {
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let mut setup = VaultSetup::new(folder.path().to_path_buf(), &auth("iam"));
        setup.integrations =
            ["iam", "s3", "sqs"].map(|service| integration(service, &auth(service))).to_vec();
        Self { address, vault: setup.vault(), _folder: folder, _child: child }
    }

    async fn connect(&self, name: &str, key: &str, secret: &str) {
        for service in ["iam", "s3", "sqs"] {
            let mut connection = NewConnection::new(ada(), service);
            connection.name = Some(name.to_owned());
            for (field, value) in [("access_key_id", key), ("secret_access_key", secret)] {
                connection.fields.insert(field.to_owned(), Secret::new(value));
            }
            self.vault.connect(connection).await.unwrap();
        }
    }

    /// Sends a request that a connection signed.
    async fn call(
        &self,
        (service, name): (&str, &str),
        method: Method,
        path: &str,
        body: Option<(&'static str, String)>,
    ) -> (StatusCode, String) {
        let credentials = self.vault.credentials(&ada(), service, Some(name)).await.unwrap();
        let url = format!("http://{}{path}", self.address).parse().unwrap();
        let mut request = reqwest::Request::new(method, url);
        if let Some((target, body)) = body {
            if service == "sqs" {
                let headers = request.headers_mut();
                headers
                    .insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
                headers.insert("x-amz-target", HeaderValue::from_static(target));
            }
            *request.body_mut() = Some(body.into());
        }
        credentials.prove(&mut request).await.unwrap();
        let client = client(&ClientSettings::default()).unwrap();
        let answer = client.execute(request).await.expect("an answer");
        (answer.status(), answer.text().await.expect("a body"))
    }

    async fn iam(&self, query: &str) -> String {
        let path = format!("/?Version=2010-05-08&{query}");
        let (status, body) = self.call(("iam", "first"), Method::GET, &path, None).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// A user who may do everything with S3 and SQS: connection `good`; and `bad`, with the same
    /// key and another secret.
    async fn user(&self) {
        self.connect("first", "any", "any").await;
        self.iam("Action=CreateUser&UserName=ada").await;
        let made = self.iam("Action=CreateAccessKey&UserName=ada").await;
        let policy = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A\
                      %22Allow%22%2C%22Action%22%3A%22%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D";
        self.iam(&format!(
            "Action=PutUserPolicy&UserName=ada&PolicyName=all&PolicyDocument={policy}"
        ))
        .await;
        let part = |tag: &str| {
            let (_, rest) = made.split_once(&format!("<{tag}>")).expect("a key");
            rest.split_once('<').expect("its end").0.to_owned()
        };
        let (key, secret) = (part("AccessKeyId"), part("SecretAccessKey"));
        self.connect("good", &key, &secret).await;
        self.connect("bad", &key, &format!("{secret}x")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_takes_what_the_right_secret_signed_and_nothing_else() {
    let moto = Moto::start().await;
    moto.user().await;
    let (good, bad) = (("s3", "good"), ("s3", "bad"));
    let body = |text: &str| Some(("", text.to_owned()));
    let place = "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint>\
                 </CreateBucketConfiguration>";
    let (status, said) = moto.call(good, Method::PUT, "/bucket", body(place)).await;
    assert_eq!(status, 200, "{said}");
    // A name that is written in more than one way.
    let path = "/bucket/a%20b/%C3%BC=(1)+~!*'.txt";
    let (status, said) = moto.call(good, Method::PUT, path, body("content")).await;
    assert_eq!(status, 200, "{said}");
    assert_eq!(
        moto.call(good, Method::GET, path, None).await,
        (StatusCode::OK, "content".to_owned())
    );
    let list = "/bucket?list-type=2&prefix=a+b%2F&delimiter=%2F&max-keys=10";
    let (status, said) = moto.call(good, Method::GET, list, None).await;
    assert_eq!(status, 200, "{said}");
    assert!(said.contains("(1)"), "{said}");
    for (method, path) in [(Method::GET, path), (Method::GET, list), (Method::DELETE, path)] {
        let (status, said) = moto.call(bad, method, path, None).await;
        assert_eq!(status, 403, "{said}");
        assert!(said.contains("SignatureDoesNotMatch"), "{said}");
    }
    assert_eq!(moto.call(good, Method::DELETE, path, None).await.0, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqs_takes_what_the_right_secret_signed_and_nothing_else() {
    let moto = Moto::start().await;
    moto.user().await;
    let (good, bad) = (("sqs", "good"), ("sqs", "bad"));
    let call = async |who, target, body: Value| {
        moto.call(who, Method::POST, "/", Some((target, body.to_string()))).await
    };
    let (status, said) = call(good, "AmazonSQS.CreateQueue", json!({"QueueName": "q"})).await;
    assert_eq!(status, 200, "{said}");
    let made: Value = serde_json::from_str(&said).unwrap();
    let message = json!({"QueueUrl": made["QueueUrl"], "MessageBody": "h\u{e9}llo & more"});
    let (status, said) = call(bad, "AmazonSQS.SendMessage", message.clone()).await;
    assert_eq!(status, 403, "{said}");
    assert!(said.contains("SignatureDoesNotMatch"), "{said}");
    let (status, said) = call(good, "AmazonSQS.SendMessage", message).await;
    assert_eq!(status, 200, "{said}");
    let receive = json!({"QueueUrl": made["QueueUrl"]});
    let (status, said) = call(good, "AmazonSQS.ReceiveMessage", receive).await;
    assert_eq!(status, 200, "{said}");
    let got: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(got["Messages"][0]["Body"], "h\u{e9}llo & more");
    assert_eq!(got["Messages"].as_array().unwrap().len(), 1);
}
