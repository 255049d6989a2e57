//! A call: checked, sent, read on, and cut to what is kept.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use longhaul_contract::tool::Effect;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde_json::{Map, Value, json};

use super::{Answer, Call, Engine};
use crate::arguments::{self, LIMIT, MOST_ELEMENTS, NEXT};
use crate::credentials::{AuthTrouble, Credentials, Prepared};
use crate::error::{CallError, ErrorKind, Failure, plain, words};
use crate::exchange::{Exchange, Reply, request_id};
use crate::operation::{Format, Operation, Page};
use crate::output;
use crate::page::{self, Cursor, Token, Turn};
use crate::request::{self, Ask, FileContent};

/// A call that has been checked.
pub(super) struct Plan<'a> {
    pub operation: &'a Operation,
    pub arguments: Map<String, Value>,
    pub files: BTreeMap<String, FileContent>,
    page: Option<&'a Page>,
    wanted: Option<u32>,
    pub turn: Turn,
    skip: usize,
}

impl Engine {
    /// Makes a call. Dropping the future ends it; whether a request that was under way arrived is
    /// then unknown.
    ///
    /// # Errors
    ///
    /// [`Failure::Error`]: the model is told. [`Failure::RetryAfter`]: the same call may be made
    /// again later, which includes reads that failed and writes that certainly did not happen or
    /// that the vendor can tell from the first. [`Failure::Auth`]: a person has to connect.
    pub async fn call(
        &self,
        call: &Call<'_>,
        credentials: &dyn Credentials,
    ) -> Result<Answer, Failure> {
        let plan = self.plan(call).await?;
        let repeatable = is_repeatable(call, plan.operation, SystemTime::now());
        let mut exchange = Exchange {
            engine: self,
            integration: call.integration,
            operation: plan.operation,
            credentials,
            repeatable,
            waited: Duration::ZERO,
            requests: 0,
            renewed: false,
        };
        if call.first_attempt.is_some() && !repeatable {
            let error = CallError::policy("an earlier attempt may have arrived");
            return Err(exchange.unknown(error).into());
        }
        self.admit(call, &exchange)?;
        match plan.page {
            Some(page) => self.list(call, &plan, page, &mut exchange).await,
            None => self.single(call, &plan, &mut exchange).await,
        }
    }

    /// The call's operation and arguments, checked.
    pub(super) async fn plan<'a>(&self, call: &Call<'a>) -> Result<Plan<'a>, CallError> {
        let integration = call.integration;
        let operation = integration.operations.get(call.operation).ok_or_else(|| {
            let slug = &integration.slug;
            let known = integration.operations.keys().map(String::as_str);
            let message = format!("{slug} has no operation `{}`", call.operation);
            let error = CallError::new(ErrorKind::NotFound, message);
            match arguments::closest(known, call.operation) {
                Some(meant) => error.hint(format!("did you mean `{slug}.{meant}`?")),
                None => error,
            }
        })?;
        let mut arguments = arguments::check(integration, operation, call.arguments)?;
        let files = self.files(operation, &arguments).await?;
        let page = operation.page(integration);
        let mut plan = Plan {
            operation,
            arguments: Map::new(),
            files,
            page,
            wanted: None,
            turn: Turn { cursor: Cursor::First, size: None },
            skip: 0,
        };
        if let Some(page) = page {
            let next = arguments.remove(NEXT);
            let wanted = arguments.remove(LIMIT).and_then(|limit| limit.as_u64());
            plan.wanted =
                wanted.and_then(|it| u32::try_from(it).ok()).map(|it| it.min(MOST_ELEMENTS));
            plan.turn.size = page::size(page, plan.wanted);
            if let Some(Value::String(next)) = next {
                let name = format!("{}.{}", integration.slug, call.operation);
                let token = Token::open(&next, &self.settings.next_key, &name, &arguments)?;
                (plan.turn, plan.skip) = (token.turn(), token.skip);
            }
        }
        plan.arguments = arguments;
        Ok(plan)
    }

    /// Whether the connection is one that the operation takes, with the scopes that it needs.
    fn admit(&self, call: &Call<'_>, exchange: &Exchange<'_>) -> Result<(), Failure> {
        let operation = exchange.operation;
        let method = exchange.credentials.method();
        if !operation.auth.is_empty() && !operation.auth.iter().any(|it| it == method) {
            let slug = &call.integration.slug;
            let allowed = operation.auth.join("`, `");
            let message = format!("`{slug}.{}` needs a connection by `{allowed}`", call.operation);
            return Err(CallError::new(ErrorKind::Auth, message)
                .hint(format!("this one is by `{method}`: connect in another way"))
                .into());
        }
        let granted = exchange.credentials.scopes();
        let missing = granted.map(|granted| operation.missing_scopes(method, granted));
        match missing.filter(|missing| !missing.is_empty()) {
            Some(missing) => Err(exchange.trouble(AuthTrouble::MissingScopes { missing })),
            None => Ok(()),
        }
    }

    /// The request for one page, or the only one.
    pub(super) fn prepared(
        &self,
        call: &Call<'_>,
        plan: &Plan<'_>,
        turn: &Turn,
        credentials: &dyn Credentials,
    ) -> Result<Prepared, CallError> {
        let graphql = plan.operation.graphql.is_some();
        let parameters = plan.page.map(|page| turn.parameters(page, graphql)).unwrap_or_default();
        let mut prepared = request::prepare(&Ask {
            integration: call.integration,
            operation: plan.operation,
            arguments: &plan.arguments,
            public: credentials.public(),
            page: &parameters,
            key: call.key,
            files: &plan.files,
            at: self.settings.servers.get(&call.integration.slug),
        })?;
        if let Cursor::Url(next) = &turn.cursor {
            let elsewhere =
                || CallError::new(ErrorKind::Upstream, "the list goes on at an address of its own");
            let url = prepared.url.join(next).map_err(|_| elsewhere())?;
            let listed = url.scheme() == "https"
                && url.port().is_none()
                && request::template::is_listed(&url, &prepared.hosts);
            if url.origin() != prepared.url.origin() && !listed {
                return Err(elsewhere());
            }
            prepared.url = url;
        }
        Ok(prepared)
    }

    async fn single(
        &self,
        call: &Call<'_>,
        plan: &Plan<'_>,
        exchange: &mut Exchange<'_>,
    ) -> Result<Answer, Failure> {
        let prepared = self.prepared(call, plan, &plan.turn, exchange.credentials)?;
        let mut reply = exchange.run(&prepared).await?;
        let notes = notes(plan.operation, &reply);
        let status = reply.status.as_u16();
        let request_id = request_id(call.integration, &reply);
        let value = if plan.operation.output.format == Format::Binary {
            self.file(call, reply).await?
        } else {
            let answer = output::answer(plan.operation, reply.json.take());
            output::single(plan.operation, answer, &reply.headers)
        };
        Ok(Answer {
            value,
            next: None,
            notes,
            is_list: false,
            status,
            request_id,
            requests: exchange.requests,
        })
    }

    async fn list(
        &self,
        call: &Call<'_>,
        plan: &Plan<'_>,
        page: &Page,
        exchange: &mut Exchange<'_>,
    ) -> Result<Answer, Failure> {
        let wanted = plan.wanted.and_then(|wanted| usize::try_from(wanted).ok());
        let mut turn = plan.turn.clone();
        let mut skip = plan.skip;
        let mut seen = HashSet::new();
        let (mut items, mut all_notes) = (Vec::new(), Vec::new());
        for pages in 1.. {
            seen.insert(json!(turn.cursor).to_string());
            let prepared = self.prepared(call, plan, &turn, exchange.credentials)?;
            let mut reply = exchange.run(&prepared).await?;
            all_notes.extend(notes(plan.operation, &reply));
            let mut answer = output::answer(plan.operation, reply.json.take());
            let found = output::items(page, &mut answer);
            let mut following = turn.following(page, &reply.headers, &answer, &found);
            if following.as_ref().is_some_and(|it| seen.contains(&json!(it).to_string())) {
                all_notes.push("the list does not go on: it would repeat itself".to_owned());
                following = None;
            }
            let left = wanted.map_or(usize::MAX, |wanted| wanted.saturating_sub(items.len()));
            let rest = found.len().saturating_sub(skip);
            items.extend(found.into_iter().skip(skip).take(left));
            // The place where the list goes on: in this page, or at the next.
            let (next, next_skip) =
                if rest > left { (Some(turn.cursor.clone()), skip + left) } else { (following, 0) };
            let next = next.map(|cursor| Turn { cursor, size: turn.size });
            let is_done = wanted.is_none_or(|wanted| items.len() >= wanted);
            let Some(following) =
                next.clone().filter(|_| !is_done && pages < self.settings.most_pages)
            else {
                let name = format!("{}.{}", call.integration.slug, call.operation);
                let sealed = next.map(|turn| {
                    let token = Token::new(&name, &plan.arguments, &turn, next_skip);
                    token.seal(&self.settings.next_key)
                });
                return Ok(Answer {
                    value: output::list(plan.operation, page, items),
                    next: sealed,
                    notes: all_notes,
                    is_list: true,
                    status: reply.status.as_u16(),
                    request_id: request_id(call.integration, &reply),
                    requests: exchange.requests,
                });
            };
            (turn, skip) = (following, next_skip);
        }
        Err(CallError::new(ErrorKind::Upstream, "the list has no end").into())
    }

    /// What came down, kept elsewhere.
    async fn file(&self, call: &Call<'_>, reply: Reply) -> Result<Value, CallError> {
        let text = |name| reply.headers.get(name).and_then(|it| it.to_str().ok());
        let media_type = text(CONTENT_TYPE).unwrap_or("application/octet-stream").to_owned();
        let name = text(CONTENT_DISPOSITION).and_then(file_name);
        let bytes = reply.body.len();
        let Some(blobs) = &self.blobs else {
            let message = format!("there is no store for what `{}` gives", call.operation);
            return Err(CallError::policy(message));
        };
        let content =
            FileContent { bytes: reply.body, media_type: media_type.clone(), name: name.clone() };
        let put = blobs.put(content).await;
        let reference = put.map_err(|why| CallError::new(ErrorKind::Upstream, why))?;
        Ok(json!({ "blob": reference, "bytes": bytes, "media_type": media_type, "name": name }))
    }
}

/// Whether the request may go out again although it may have arrived.
fn is_repeatable(call: &Call<'_>, operation: &Operation, now: SystemTime) -> bool {
    if operation.effect() == Effect::Read || operation.idempotent {
        return true;
    }
    let idempotency = operation.idempotency(call.integration).filter(|_| call.key.is_some());
    let lifetime = idempotency.and_then(|it| humantime::parse_duration(&it.ttl).ok());
    let age = call.first_attempt.map(|first| now.duration_since(first).unwrap_or_default());
    lifetime.is_some_and(|lifetime| age.unwrap_or_default() < lifetime)
}

/// What GraphQL says besides a result.
fn notes(operation: &Operation, reply: &Reply) -> Vec<String> {
    let errors = reply.json.get("errors").filter(|_| operation.graphql.is_some());
    let errors = errors.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |error: &Value| {
        let message = error.get("message").map(plain).unwrap_or_else(|| error.to_string());
        format!("the vendor says: {}", words(&message, &reply.secrets))
    };
    errors.iter().take(3).map(text).collect()
}

/// The last part of the name in `Content-Disposition`, without what no file system likes.
fn file_name(header: &str) -> Option<String> {
    let (_, after) = header.split_once("filename=")?;
    let name = match after.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => after.split(';').next(),
    }?;
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name).trim();
    let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    (!name.is_empty() && !name.starts_with('.')).then_some(name)
}
