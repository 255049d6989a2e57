//! A connection that there is not yet: enough for a dry run, and for nothing else.

use std::collections::BTreeSet;

use async_trait::async_trait;
use reqwest::Request;

use super::{AuthTrouble, ClientIdentity, Credentials, MASK, MaskedRequest, Proof, Public};
use crate::auth::{AuthKind, AuthMethod, KeyIn};
use crate::integration::Integration;

/// What a call looks like before anybody has connected. Each call that goes out with it ends with
/// [`AuthTrouble::NotConnected`].
#[derive(Clone, Debug)]
pub struct Unconnected {
    integration: String,
    method: Option<AuthMethod>,
    name: String,
    public: Public,
}

impl Unconnected {
    /// A connection called `name` by the auth method `method`; by the integration's first if none
    /// is said. `public` is what is known of it: without its `config`, addresses with holes cannot
    /// be shown.
    pub fn new(
        integration: &Integration,
        method: Option<&str>,
        name: &str,
        public: Public,
    ) -> Self {
        let mut methods = integration.auth.iter();
        let method = match method {
            Some(id) => methods.find(|it| it.id == id),
            None => methods.next(),
        };
        Self {
            integration: integration.slug.clone(),
            method: method.cloned(),
            name: name.to_owned(),
            public,
        }
    }

    fn trouble(&self) -> AuthTrouble {
        AuthTrouble::NotConnected { integration: self.integration.clone(), name: self.name.clone() }
    }

    /// `template` with what is public in it, and [`MASK`] for everything else.
    fn shown(&self, template: &str) -> String {
        let mut shown = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("${") {
            shown.push_str(before);
            let (hole, after) = after.split_once('}').unwrap_or((after, ""));
            let public = match hole.split_once('.') {
                Some(("config", name)) => self.public.config.get(name),
                Some(("token", name)) => self.public.token.get(name),
                Some(_) | None => None,
            };
            shown.push_str(public.map_or(MASK, String::as_str));
            rest = after;
        }
        shown.push_str(rest);
        shown
    }
}

#[async_trait]
impl Credentials for Unconnected {
    fn method(&self) -> &str {
        self.method.as_ref().map_or("none", |method| method.id.as_str())
    }

    fn connection(&self) -> &str {
        &self.name
    }

    fn public(&self) -> &Public {
        &self.public
    }

    async fn prove(&self, _request: &mut Request) -> Result<Proof, AuthTrouble> {
        Err(self.trouble())
    }

    async fn rejected(&self, _proof: &Proof) -> Result<bool, AuthTrouble> {
        Err(self.trouble())
    }

    fn masked(&self, request: &mut MaskedRequest) {
        let Some(method) = &self.method else { return };
        let scheme = match method.kind {
            AuthKind::None => None,
            AuthKind::Basic => Some("Basic"),
            AuthKind::AwsSigv4 => Some("AWS4-HMAC-SHA256"),
            AuthKind::Oauth1 => Some("OAuth"),
            AuthKind::ApiKey
            | AuthKind::Bearer
            | AuthKind::Oauth2
            | AuthKind::Oauth2Cc
            | AuthKind::Oauth2Device
            | AuthKind::JwtBearer
            | AuthKind::JwtSelf
            | AuthKind::GithubApp
            | AuthKind::TwoStep
            | AuthKind::McpOauth => Some("Bearer"),
        };
        match (&method.place, scheme) {
            (Some(place), _) => {
                let value = place.value.as_deref().map_or(MASK.to_owned(), |it| self.shown(it));
                match place.place {
                    KeyIn::Header => request.header(&place.name, value),
                    KeyIn::Query => request.query(&place.name, &value),
                }
            }
            (None, Some(scheme)) => request.header("authorization", format!("{scheme} {MASK}")),
            (None, None) => {}
        }
        for (name, value) in &method.headers {
            request.header(name, self.shown(value));
        }
    }

    fn scopes(&self) -> Option<&BTreeSet<String>> {
        None
    }

    fn identity(&self) -> Option<ClientIdentity> {
        None
    }
}
