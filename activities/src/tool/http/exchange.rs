//! One request and its answer, redirects included, each hop checked before anything is sent.

use std::time::{Duration, Instant, SystemTime};

use longhaul_contract::tool::ToolErrorKind;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use url::Url;

use super::Clients;
use super::answer::{Answer, place};
use crate::egress::{Egress, Refusal};
use crate::http::{describe, retry_after};
use crate::tool::trouble::{Course, EffectSeen, Trouble};

/// Redirects that are followed.
const MOST_REDIRECTS: usize = 5;

/// Bytes of a body that are read.
const MOST_READ: usize = 4 * 1024 * 1024;

/// A request that is ready to be sent.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Value>,
}

/// Sends `request`, follows redirects and reads the answer, all within `limit`.
pub(crate) async fn exchange(
    clients: &Clients,
    egress: &Egress,
    mut request: Request,
    limit: Duration,
) -> Result<Answer, Trouble> {
    let deadline = Instant::now() + limit;
    // A server that redirects has had a request, whatever becomes of the next.
    let mut effect = EffectSeen::None;
    for _ in 0..=MOST_REDIRECTS {
        let reach = egress
            .check(&request.url)
            .map_err(|refusal| refused(&request.url, &refusal).with_effect(effect))?;
        let client = clients.get(reach)?;
        let left = deadline.saturating_duration_since(Instant::now());
        let mut builder = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .timeout(left);
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        let response = match builder.send().await {
            Ok(response) => response,
            Err(error) => return Err(unsent(&request.url, error, limit, effect)),
        };
        match next(&request, &response) {
            Some(next) => {
                request = next.map_err(|trouble| trouble.with_effect(EffectSeen::Perhaps))?
            }
            None => return read(request.url, response, limit, effect).await,
        }
        effect = EffectSeen::Perhaps;
    }
    let message = format!("{} redirected more than {MOST_REDIRECTS} times", place(&request.url));
    Err(Trouble::new(ToolErrorKind::Upstream, message).with_effect(effect))
}

/// The request that `response` redirects to, if it redirects.
fn next(request: &Request, response: &Response) -> Option<Result<Request, Trouble>> {
    let status = response.status();
    let redirects = matches!(
        status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let location = response.headers().get(LOCATION).filter(|_| redirects)?;
    let url = location.to_str().ok().and_then(|location| request.url.join(location).ok());
    let Some(mut url) = url else {
        let message = format!("{} redirects to what is not a URL", place(&request.url));
        return Some(Err(Trouble::new(ToolErrorKind::Upstream, message)));
    };
    url.set_fragment(None);
    if request.url.scheme() == "https" && url.scheme() == "http" {
        let message = format!(
            "{} redirects from `https` to `http`, which is not followed",
            place(&request.url)
        );
        return Some(Err(Trouble::forbidden(message)));
    }
    let turns_to_get = match status {
        StatusCode::SEE_OTHER => request.method != Method::HEAD,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => request.method == Method::POST,
        _ => false,
    };
    let (method, body) = if turns_to_get {
        (Method::GET, None)
    } else {
        (request.method.clone(), request.body.clone())
    };
    // What the tool's author meant for one server is nothing for another.
    let headers = if url.origin() == request.url.origin() {
        let mut headers = request.headers.clone();
        if body.is_none() {
            headers.remove(CONTENT_TYPE);
        }
        headers
    } else {
        HeaderMap::new()
    };
    Some(Ok(Request { method, url, headers, body }))
}

async fn read(
    url: Url,
    mut response: Response,
    limit: Duration,
    before: EffectSeen,
) -> Result<Answer, Trouble> {
    let status = response.status();
    let wait = retry_after(response.headers(), SystemTime::now());
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let mut body = Vec::new();
    let mut more = false;
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = MOST_READ - body.len();
                body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
                if chunk.len() > room {
                    more = true;
                    break;
                }
            }
            Ok(None) => break,
            // The status says enough.
            Err(_) if !status.is_success() => break,
            Err(error) if error.is_timeout() => {
                let message = format!(
                    "HTTP {status} from {}, and its body did not come within {limit:?}",
                    place(&url)
                );
                return Err(Trouble::new(ToolErrorKind::Timeout, message)
                    .on(Course::Passing(None))
                    .with_effect(EffectSeen::Perhaps));
            }
            Err(error) => {
                let message = format!(
                    "HTTP {status} from {}, and the connection broke while its body was read: {}",
                    place(&url),
                    describe(&error.without_url())
                );
                return Err(Trouble::new(ToolErrorKind::Upstream, message)
                    .on(Course::Passing(None))
                    .with_effect(EffectSeen::Perhaps));
            }
        }
    }
    Ok(Answer { url, status, content_type, body, more, wait, before })
}

fn refused(url: &Url, refusal: &Refusal) -> Trouble {
    Trouble::forbidden(format!("{} cannot be reached: {refusal}", place(url)))
}

/// Why there was no answer.
fn unsent(url: &Url, error: reqwest::Error, limit: Duration, before: EffectSeen) -> Trouble {
    if let Some(refusal) = Refusal::behind(&error) {
        return refused(url, refusal).with_effect(before);
    }
    // Without a connection nothing was sent.
    let effect =
        if error.is_connect() || error.is_builder() { before } else { EffectSeen::Perhaps };
    let connecting = error.is_connect();
    let (kind, message) = if error.is_timeout() && !connecting {
        (ToolErrorKind::Timeout, format!("no answer from {} within {limit:?}", place(url)))
    } else {
        let what = if connecting { "cannot be reached" } else { "did not answer" };
        let kind =
            if error.is_timeout() { ToolErrorKind::Timeout } else { ToolErrorKind::Upstream };
        let reason = describe(&error.without_url());
        (kind, format!("{} {what}: {reason}", place(url)))
    };
    Trouble::new(kind, message).on(Course::Passing(None)).with_effect(effect)
}
