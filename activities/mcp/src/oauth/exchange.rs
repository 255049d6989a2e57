//! Requests of the authorization itself: where they may go, and how much comes back.

use std::io;
use std::time::Duration;

use longhaul_net::egress::{Egress, Reach};
use longhaul_net::http::{ClientError, ClientSettings, client};
use reqwest::header::LOCATION;
use rmcp::transport::auth::{
    OAuthHttpClient, OAuthHttpClientError, OAuthHttpClientFuture, OAuthHttpRedirectPolicy,
    OAuthHttpRequest,
};
use url::Url;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a reply that are read.
const MOST_BYTES: usize = 1024 * 1024;
/// Redirects that are followed, within the same origin.
const MOST_REDIRECTS: u32 = 3;

/// The HTTP client of the authorization.
pub(super) struct Exchange {
    anywhere: reqwest::Client,
    public: reqwest::Client,
    server: Url,
    network: Egress,
}

impl Exchange {
    /// One that reaches `server`'s own origin, public addresses, and what `network` names.
    pub(super) fn new(server: &Url, network: Egress) -> Result<Self, ClientError> {
        let of = |reach| client(&ClientSettings { reach });
        Ok(Self {
            anywhere: of(Reach::Anywhere)?,
            public: of(Reach::Public)?,
            server: server.clone(),
            network,
        })
    }

    /// The client that may go to `url`.
    fn reach(&self, url: &Url) -> Result<&reqwest::Client, OAuthHttpClientError> {
        if url.origin() == self.server.origin() {
            return Ok(&self.anywhere);
        }
        match self.network.check(url)? {
            Reach::Anywhere => Ok(&self.anywhere),
            Reach::Public => Ok(&self.public),
        }
    }

    async fn fetch(
        &self,
        mut request: reqwest::Request,
        redirects: OAuthHttpRedirectPolicy,
    ) -> Result<reqwest::Response, OAuthHttpClientError> {
        *request.timeout_mut() = Some(TIMEOUT);
        for _ in 0..MOST_REDIRECTS {
            let again = request.try_clone();
            let url = request.url().clone();
            let response = self.reach(&url)?.execute(request).await?;
            let target = match (redirects, response.status().is_redirection()) {
                (OAuthHttpRedirectPolicy::Follow, true) => response.headers().get(LOCATION),
                _ => None,
            };
            let target = target.and_then(|target| url.join(target.to_str().ok()?).ok());
            match (target, again) {
                (Some(target), Some(mut again)) if target.origin() == url.origin() => {
                    *again.url_mut() = target;
                    request = again;
                }
                _ => return Ok(response),
            }
        }
        Err(io::Error::other("too many redirects").into())
    }
}

impl OAuthHttpClient for Exchange {
    fn execute(&self, request: OAuthHttpRequest) -> OAuthHttpClientFuture<'_> {
        Box::pin(async move {
            let wanted = reqwest::Request::try_from(request.request)?;
            let mut response = self.fetch(wanted, request.redirect_policy).await?;
            let mut reply = http::Response::builder().status(response.status());
            for (name, value) in response.headers() {
                reply = reply.header(name, value);
            }
            let mut body = Vec::new();
            while let Some(piece) = response.chunk().await? {
                if body.len() + piece.len() > MOST_BYTES {
                    return Err(io::Error::other("the reply is too long").into());
                }
                body.extend_from_slice(&piece);
            }
            Ok(reply.body(body)?)
        })
    }
}
