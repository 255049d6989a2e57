//! A server at a URL: streamable HTTP, with a token for each request if there is one.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use longhaul_net::egress::Reach;
use longhaul_net::http::{ClientSettings, client};
use reqwest::header::{HeaderName, HeaderValue};
use rmcp::model::ClientJsonRpcMessage;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::auth::AuthError;
use rmcp::transport::common::client_side_sse::ExponentialBackoff;
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError,
    StreamableHttpPostResponse, StreamableHttpResponseLimits,
};
use sse_stream::Sse;
use url::Url;

use crate::error::McpError;
use crate::settings::{Http, Server};
use crate::variables::{Secrets, Variables};

/// A secret that shows itself to nobody who does not ask by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

/// Where the bearer token of a connection comes from. [`crate::oauth::OAuth`] is one.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// Names the connection: sessions are shared by calls with the same id and no others.
    fn id(&self) -> String;

    /// The token to send, refreshed if it is about to expire; nothing if there is no grant, and
    /// then the server says what it wants.
    ///
    /// # Errors
    ///
    /// Text for a person if it cannot be known now; the call may be tried again.
    async fn token(&self) -> Result<Option<Secret>, String>;

    /// The server refused `token`. The token to try once more, if there is another one by now or
    /// after one refresh.
    ///
    /// # Errors
    ///
    /// As for [`TokenSource::token`].
    async fn rejected(&self, token: &Secret) -> Result<Option<Secret>, String>;
}

/// Who asks a server.
#[derive(Clone, Default)]
pub enum Credential {
    /// Nobody in particular; headers of the settings may still prove something.
    #[default]
    None,
    /// Whoever the token is for.
    Token(Arc<dyn TokenSource>),
}

impl Credential {
    pub(crate) fn id(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Token(source) => source.id(),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Credential").field(&self.id()).finish()
    }
}

/// A transport to the endpoint of `server`.
pub(crate) fn transport(
    server: &Server,
    http: &Http,
    credential: &Credential,
    variables: &Variables,
) -> Result<StreamableHttpClientTransport<Authorized>, McpError> {
    let settings =
        |problem: String| McpError::Settings(format!("MCP server `{}`: {problem}", server.name));
    let url =
        Url::parse(&http.url).map_err(|error| settings(format!("`url` is no URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(settings(format!("`url` begins with `{}`, not with `https`", url.scheme())));
    }
    let mut headers = HashMap::new();
    let mut secrets = Secrets::default();
    for (name, value) in &http.headers {
        let filled = variables.fill(value, &mut secrets)?;
        let known = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| settings(format!("`{name}` is no header name")))?;
        let mut value = HeaderValue::from_str(&filled).map_err(|_| {
            settings(format!("the value of header `{name}` has control characters"))
        })?;
        value.set_sensitive(true);
        headers.insert(known, value);
    }
    // The settings name the host.
    let client = client(&ClientSettings { reach: Reach::Anywhere })
        .map_err(|error| settings(error.to_string()))?;
    let token = match credential {
        Credential::None => None,
        Credential::Token(source) => Some(Arc::clone(source)),
    };
    let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
        .custom_headers(headers)
        .max_sse_event_size(server.most_bytes())
        .max_json_response_size(server.most_bytes())
        .reinit_on_expired_session(true);
    // A stream that broke is taken up again a few times; after that the call's end is unknown.
    let mut backoff = ExponentialBackoff::default();
    backoff.max_times = Some(3);
    config.retry_config = Arc::new(backoff);
    Ok(StreamableHttpClientTransport::with_client(Authorized { client, token }, config))
}

/// The HTTP client with a token for each request.
#[derive(Clone)]
pub(crate) struct Authorized {
    client: reqwest::Client,
    token: Option<Arc<dyn TokenSource>>,
}

type HttpError = StreamableHttpError<reqwest::Error>;

fn trouble(text: String) -> HttpError {
    StreamableHttpError::Auth(AuthError::CredentialStoreError(text))
}

impl Authorized {
    /// Sends with the token there is, and once more with another one if it was refused.
    async fn send<T, F, S>(&self, send: F) -> Result<T, HttpError>
    where
        F: Fn(Option<String>) -> S + Send,
        S: Future<Output = Result<T, HttpError>> + Send,
        T: Send,
    {
        let Some(source) = &self.token else {
            return send(None).await;
        };
        let token = source.token().await.map_err(trouble)?;
        let answer = send(token.as_ref().map(|token| token.expose().to_owned())).await;
        let (Err(StreamableHttpError::AuthRequired(challenge)), Some(token)) = (&answer, token)
        else {
            return answer;
        };
        tracing::debug!(%challenge, "the token was refused");
        match source.rejected(&token).await.map_err(trouble)? {
            Some(other) => send(Some(other.expose().to_owned())).await,
            None => answer,
        }
    }
}

impl StreamableHttpClient for Authorized {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, HttpError> {
        let limits = StreamableHttpResponseLimits::default();
        self.post_message_with_response_limits(
            uri,
            message,
            session_id,
            auth_header,
            custom_headers,
            limits,
        )
        .await
    }

    async fn post_message_with_response_limits(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
        limits: StreamableHttpResponseLimits,
    ) -> Result<StreamableHttpPostResponse, HttpError> {
        self.send(|token| {
            self.client.post_message_with_response_limits(
                Arc::clone(&uri),
                message.clone(),
                session_id.clone(),
                token,
                custom_headers.clone(),
                limits,
            )
        })
        .await
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        _auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), HttpError> {
        self.send(|token| {
            let (uri, session_id) = (Arc::clone(&uri), Arc::clone(&session_id));
            self.client.delete_session(uri, session_id, token, custom_headers.clone())
        })
        .await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, HttpError> {
        let most = StreamableHttpResponseLimits::default().max_sse_event_size;
        self.get_stream_with_max_sse_event_size(
            uri,
            session_id,
            last_event_id,
            auth_header,
            custom_headers,
            most,
        )
        .await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        _auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
        max_sse_event_size: usize,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, HttpError> {
        self.send(|token| {
            self.client.get_stream_with_max_sse_event_size(
                Arc::clone(&uri),
                session_id.clone(),
                last_event_id.clone(),
                token,
                custom_headers.clone(),
                max_sse_event_size,
            )
        })
        .await
    }
}
