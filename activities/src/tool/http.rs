//! HTTP tools: one request, filled from the arguments of the call.

mod answer;
mod check;
mod exchange;
mod headers;
mod secrets;
mod template;
#[cfg(test)]
mod tests;
mod url;
mod values;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use longhaul_contract::tool::{HttpRest, ToolErrorKind};
use reqwest::Method;
use serde_json::Value;

use self::exchange::Request;
use self::secrets::Secrets;
use self::url::UrlTemplate;
use self::values::Values;
use super::trouble::Trouble;
use crate::egress::{Egress, Reach};
use crate::http::{ClientSettings, client};

pub use check::check_http;

/// Looks up a variable of the worker's environment.
pub(crate) type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The HTTP side of a tool host.
pub(crate) struct HttpTools {
    variables: Variables,
    clients: Clients,
}

/// An HTTP tool, as its binding has it.
#[derive(Clone, Copy)]
pub(crate) struct HttpTool<'t> {
    pub(crate) method: &'t str,
    pub(crate) url: &'t str,
    pub(crate) headers: &'t [(String, String)],
    pub(crate) rest: HttpRest,
}

impl HttpTools {
    pub(crate) fn new(variables: Variables) -> Self {
        Self { variables, clients: Clients::default() }
    }

    /// Makes the request and returns the body of its answer as text.
    pub(crate) async fn call(
        &self,
        tool: HttpTool<'_>,
        allow: &[String],
        arguments: &Value,
        key: &str,
        limit: Duration,
    ) -> Result<String, Trouble> {
        let egress = Egress::new(allow)
            .map_err(|error| Trouble::new(ToolErrorKind::Other, format!("`network`: {error}")))?;
        let mut secrets = Secrets::default();
        let request = self.prepare(tool, arguments, key, &mut secrets)?;
        let answer = exchange::exchange(&self.clients, &egress, request, limit).await;
        let result = answer.and_then(|answer| answer.into_result(&secrets));
        // Whatever the other side said, no secret of ours goes back with it.
        match result {
            Ok(text) => Ok(secrets.redact(text)),
            Err(mut trouble) => {
                trouble.message = secrets.redact(trouble.message);
                Err(trouble)
            }
        }
    }

    fn prepare(
        &self,
        tool: HttpTool<'_>,
        arguments: &Value,
        key: &str,
        secrets: &mut Secrets,
    ) -> Result<Request, Trouble> {
        let broken = |problem: String| Trouble::new(ToolErrorKind::Other, problem);
        let method = Method::from_bytes(tool.method.as_bytes())
            .map_err(|_| broken(format!("`{}` is not a method", tool.method)))?;
        let mut values = Values::new(arguments);
        let mut url = UrlTemplate::parse(tool.url).map_err(broken)?.fill(&mut values)?;
        let mut headers = headers::fill(tool.headers, &mut values, &self.variables, secrets)?;
        headers::complete(&mut headers, &method, key);
        let body = match tool.rest {
            HttpRest::Query => {
                url::append_query(&mut url, values.rest());
                None
            }
            HttpRest::Body => Some(values.into_body()),
        };
        Ok(Request { method, url, headers, body })
    }
}

/// The clients, made when they are first needed.
#[derive(Default)]
pub(crate) struct Clients {
    anywhere: OnceLock<reqwest::Client>,
    public: OnceLock<reqwest::Client>,
}

impl Clients {
    /// The client that reaches so far. Each has its own connections, so that one that was made
    /// to an allowed address is not used for a host that must be public.
    pub(crate) fn get(&self, reach: Reach) -> Result<&reqwest::Client, Trouble> {
        let slot = match reach {
            Reach::Anywhere => &self.anywhere,
            Reach::Public => &self.public,
        };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let made = client(&ClientSettings { reach })
            .map_err(|error| Trouble::new(ToolErrorKind::Other, error.to_string()))?;
        Ok(slot.get_or_init(|| made))
    }
}
