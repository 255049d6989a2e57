//! One request and what comes back: proof, redirects by hand, and no more bytes than are allowed.

use longhaul_net::egress::Reach;
use longhaul_net::http::describe;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{Method, Request, Response, StatusCode};
use serde_json::Value;
use url::Url;

use super::{Exchange, Reply, secrets};
use crate::credentials::{Prepared, Proof};
use crate::error::{CallError, ErrorKind, Failure, without};
use crate::operation::Format;
use crate::output;
use crate::request::template::is_listed;

/// Most redirects in a row.
const MOST_HOPS: usize = 5;

/// What became of a request.
pub(super) enum Sent {
    /// It was answered.
    Reply(Box<Reply>),
    /// It never left.
    Not(String),
    /// It left, and no whole answer came.
    Lost(String),
}

/// The request of one hop.
struct Hop {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
    /// Whether the host may see who sends it.
    trusted: bool,
}

impl Exchange<'_> {
    /// Sends `prepared`, and follows redirects.
    pub(super) async fn send(&mut self, prepared: &Prepared) -> Result<Sent, Failure> {
        let mut hop = Hop {
            method: prepared.method.clone(),
            url: prepared.url.clone(),
            headers: prepared.headers.clone(),
            body: prepared.body.clone(),
            trusted: true,
        };
        let mut known = Vec::new();
        let mut proof = None;
        for _ in 0..=MOST_HOPS {
            let response = match self.hop(&hop, &mut proof, &mut known).await? {
                Ok(response) => response,
                Err(sent) => return Ok(sent),
            };
            let Some(target) = redirect(&response) else {
                return self.read(response, proof, known).await;
            };
            hop = self.follow(prepared, hop, response.status(), &target)?;
        }
        let message = format!("{} redirects without end", self.integration.name);
        Err(CallError::new(ErrorKind::Upstream, message).into())
    }

    async fn hop(
        &self,
        hop: &Hop,
        proof: &mut Option<Proof>,
        known: &mut Vec<String>,
    ) -> Result<Result<Response, Sent>, Failure> {
        let reach = self.engine.settings.egress.check(&hop.url).map_err(|refusal| {
            CallError::policy(format!("{}: {refusal}", self.integration.slug))
        })?;
        if hop.url.scheme() != "https" && reach == Reach::Public {
            let host = hop.url.host_str().unwrap_or_default();
            let message = format!("`{host}` would be reached without TLS");
            return Err(CallError::policy(message).into());
        }
        let identity = if hop.trusted { self.credentials.identity() } else { None };
        let client = self.engine.client(reach, identity.as_ref())?;
        let mut request = Request::new(hop.method.clone(), hop.url.clone());
        *request.headers_mut() = hop.headers.clone();
        if !hop.body.is_empty() {
            *request.body_mut() = Some(hop.body.clone().into());
        } else if matches!(hop.method, Method::POST | Method::PUT | Method::PATCH) {
            request.headers_mut().insert(CONTENT_LENGTH, 0.into());
        }
        *request.timeout_mut() = Some(self.engine.settings.timeout);
        if hop.trusted {
            let proved = self.credentials.prove(&mut request).await;
            *proof = Some(proved.map_err(|trouble| self.trouble(trouble))?);
            known.extend(secrets::of(&request, &hop.url, &hop.headers));
        }
        Ok(match client.execute(request).await {
            Ok(response) => Ok(response),
            // Its URL may hold a key.
            Err(error) => {
                let error = error.without_url();
                let why = without(&describe(&error), known);
                let left = !(error.is_connect() || error.is_builder());
                Err(if left { Sent::Lost(why) } else { Sent::Not(why) })
            }
        })
    }

    /// The request that a redirect asks for, if it may be made.
    fn follow(
        &self,
        prepared: &Prepared,
        hop: Hop,
        status: StatusCode,
        target: &str,
    ) -> Result<Hop, Failure> {
        let name = &self.integration.name;
        let url = hop.url.join(target).map_err(|_| {
            let message = format!("{name} redirects to what is no address");
            CallError::new(ErrorKind::Upstream, message)
        })?;
        let same = url.origin() == prepared.url.origin();
        let listed =
            url.scheme() == "https" && url.port().is_none() && is_listed(&url, &prepared.hosts);
        let trusted = hop.trusted && (same || listed);
        let looks = matches!(hop.method, Method::GET | Method::HEAD);
        let host = url.host_str().unwrap_or_default().to_owned();
        if !looks && status == StatusCode::SEE_OTHER {
            // The answer is there, to be read.
            let headers = without_body(&hop.headers);
            return self.elsewhere(Hop {
                method: Method::GET,
                url,
                headers,
                body: Vec::new(),
                trusted,
            });
        }
        let keeps =
            matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        if !(looks || keeps && trusted) {
            let message =
                format!("{name} redirects this {} to `{host}`, where it is not sent", hop.method);
            return Err(CallError::policy(message).into());
        }
        self.elsewhere(Hop { url, trusted, ..hop })
    }

    /// Without anything of the connection's, if the host is not among those that it trusts.
    fn elsewhere(&self, hop: Hop) -> Result<Hop, Failure> {
        if hop.trusted {
            return Ok(hop);
        }
        let mut headers = HeaderMap::new();
        if let Some(accept) = hop.headers.get(ACCEPT) {
            headers.insert(ACCEPT, accept.clone());
        }
        Ok(Hop { headers, ..hop })
    }

    async fn read(
        &self,
        mut response: Response,
        proof: Option<Proof>,
        secrets: Vec<String>,
    ) -> Result<Sent, Failure> {
        let status = response.status();
        let settings = &self.engine.settings;
        let format = self.operation.output.format;
        let is_file = status.is_success() && format == Format::Binary;
        let most = if is_file { settings.most_file } else { settings.most_bytes };
        let too_large = || {
            let name = &self.integration.name;
            let mut error = CallError::new(
                ErrorKind::Upstream,
                format!("{name}'s answer is larger than {most} bytes and was not read"),
            );
            error.status = Some(status.as_u16());
            error.hint("ask for less: a smaller `limit`, fewer fields, a shorter range")
        };
        let most_u64 = u64::try_from(most).unwrap_or(u64::MAX);
        if response.content_length().is_some_and(|length| length > most_u64) {
            return Err(too_large().into());
        }
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() > most => {
                    return Err(too_large().into());
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) => {
                    let why = without(&describe(&error.without_url()), &secrets);
                    return Ok(Sent::Lost(why));
                }
            }
        }
        let (body, json) = if is_file {
            (body, Value::Null)
        } else {
            let body = masked(body, &secrets);
            let json = output::parse(format, &body);
            (body, json)
        };
        let headers = response.headers().clone();
        Ok(Sent::Reply(Box::new(Reply { status, headers, body, json, secrets, proof })))
    }
}

/// Where the answer sends us.
fn redirect(response: &Response) -> Option<String> {
    let moved = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let target = response.headers().get(LOCATION).filter(|_| moved)?;
    Some(target.to_str().ok()?.to_owned())
}

fn without_body(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    headers.remove(CONTENT_TYPE);
    headers
}

/// The body without our secrets, which a vendor that echoes requests would give to the model.
fn masked(body: Vec<u8>, secrets: &[String]) -> Vec<u8> {
    match String::from_utf8(body) {
        Ok(text) => without(&text, secrets).into_bytes(),
        Err(error) => error.into_bytes(),
    }
}
