//! The HTTP edge of a worker, as programs and browsers use it.

use longhaul_activities::http::{ClientSettings, client};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

use crate::scene::Scene;
use crate::world::World;

/// The edge of a worker that runs.
#[derive(Clone, Debug)]
pub struct Edge {
    url: String,
    client: reqwest::Client,
}

impl Edge {
    /// The edge of the scene's worker.
    ///
    /// # Panics
    /// If there is no worker, or it does not listen.
    pub fn of(scene: &Scene) -> Self {
        let address = scene.worker.as_ref().and_then(|worker| worker.http()).expect("a listener");
        Self::at(format!("http://{address}"))
    }

    /// The edge at that address.
    pub fn at(url: String) -> Self {
        Self { url, client: client(&ClientSettings::default()).expect("an HTTP client") }
    }

    /// Where it is, without a slash at its end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A request with that API key, or without one if it is empty.
    pub fn request(&self, method: Method, path: &str, key: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        if key.is_empty() { request } else { request.bearer_auth(key) }
    }

    /// Status and body of `GET path`.
    pub async fn get(&self, path: &str, key: &str) -> (u16, Value) {
        answer(self.request(Method::GET, path, key)).await
    }

    /// Status and body of `POST path` with that body.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        answer(self.request(Method::POST, path, key).json(body)).await
    }

    /// Status and body of `DELETE path`.
    pub async fn delete(&self, path: &str, key: &str) -> (u16, Value) {
        answer(self.request(Method::DELETE, path, key)).await
    }

    /// Status and body of a decision.
    pub async fn decide(&self, id: &str, gate: &str, key: &str, body: &Value) -> (u16, Value) {
        self.post(&format!("/v1/approvals/{id}/{gate}/decision"), key, body).await
    }

    /// Sends what a form would send.
    pub async fn submit(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Response {
        let mut url = reqwest::Url::parse("http://form").expect("a URL");
        url.query_pairs_mut().extend_pairs(fields);
        let body = url.query().unwrap_or_default().to_owned();
        let request = self.request(Method::POST, path, "").header("cookie", cookie);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.body(body).send().await.expect("an answer")
    }
}

/// A new API key of `person`, made by the program.
pub async fn api_key(world: &World, person: &str, groups: &[&str]) -> String {
    let mut arguments = vec!["api-keys", "add", person, "--json"];
    for group in groups {
        arguments.extend(["--group", group]);
    }
    let made = world.longhaul(&arguments).await.ok().json();
    made["key"].as_str().expect("a key").to_owned()
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, response.json().await.expect("a JSON body"))
}
