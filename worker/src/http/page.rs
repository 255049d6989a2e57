//! Pages for people: plain HTML that needs no scripts, and headers that allow none.

use std::sync::LazyLock;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use longhaul_contract::approval::{ApprovalRequest, Decision};
use minijinja::{Environment, Value, context};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::ApiError;

/// The style of all pages.
pub(crate) const STYLE: &str = include_str!("pages/style.css");

/// What several pages show, in front of each.
const PARTS: &str = include_str!("pages/parts.html");
const PAGES: [(&str, &str); 8] = [
    ("layout.html", include_str!("pages/layout.html")),
    ("connect.html", include_str!("pages/connect.html")),
    ("connect_go.html", include_str!("pages/connect_go.html")),
    ("gate.html", include_str!("pages/gate.html")),
    ("inbox.html", include_str!("pages/inbox.html")),
    ("link.html", include_str!("pages/link.html")),
    ("message.html", include_str!("pages/message.html")),
    ("sign_in.html", include_str!("pages/sign_in.html")),
];

/// Names that end in `.html` are escaped for HTML, whatever is put into them.
static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    for (name, text) in PAGES {
        let parts = if name == "layout.html" { "" } else { PARTS };
        // A template that cannot be read is one that is missing; the tests show each.
        let _ = templates.add_template_owned(name, format!("{parts}{text}"));
    }
    templates
});

const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'",
        ),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    // The address of a page may be a link that decides. Without any referrer, browsers would not
    // say whose page a form is of, either.
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow")),
];

/// A page in the making.
pub(crate) struct Page {
    template: &'static str,
    status: StatusCode,
}

impl Page {
    pub(crate) fn new(template: &'static str) -> Self {
        Self { template, status: StatusCode::OK }
    }

    pub(crate) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// Shows it with those values; its title is the one called `title`, if there is one.
    pub(crate) fn show(self, values: Value) -> Response {
        let title = values.get_attr("title").unwrap_or_default();
        let render = |name, values| TEMPLATES.get_template(name)?.render(values);
        let text = render(self.template, values).and_then(|main| {
            let main = Value::from_safe_string(main);
            render("layout.html", context! { title, main })
        });
        let mut response = match text {
            Ok(text) => (self.status, Html(text)).into_response(),
            Err(error) => {
                tracing::error!(%error, page = self.template, "a page cannot be shown");
                (StatusCode::INTERNAL_SERVER_ERROR, "This page cannot be shown.").into_response()
            }
        };
        response.headers_mut().extend(HEADERS);
        response
    }
}

/// An error as a page.
pub(crate) fn trouble(error: ApiError) -> Response {
    let mut title = error.message;
    if let Some(first) = title.get(..1).map(str::to_uppercase) {
        title.replace_range(..1, &first);
    }
    let text = error.hint.unwrap_or_default();
    Page::new("message.html").status(error.status).show(context! { title, text })
}

/// What the templates know of a gate.
pub(crate) fn gate(request: &ApprovalRequest, workflow_id: &str) -> Value {
    let arguments = serde_json::to_string_pretty(&request.arguments).unwrap_or_default();
    let allowed = |decision| request.allowed.is_empty() || request.allowed.contains(&decision);
    let response = request.response.as_ref().and_then(|it| serde_json::to_string_pretty(it).ok());
    context! {
        workflow_id,
        path => path(workflow_id, &request.id),
        id => request.id.clone(),
        kind => request.kind.as_str(),
        tool => request.tool.clone(),
        summary => request.summary.clone(),
        effect => request.effect.as_str(),
        reason => request.reason.clone(),
        because => request.because.clone(),
        rules => request.rules.iter().map(|rule| rule.id.clone()).collect::<Vec<_>>(),
        preview => request.preview.clone(),
        problem => request.problem.clone(),
        digest => request.digest.as_str(),
        asked_at => request.asked_at.to_string(),
        deadline => request.deadline.to_string(),
        votes => request.votes.iter().filter_map(|vote| vote.by.name.clone()).collect::<Vec<_>>(),
        quorum => request.approvers.iter().map(|approvers| approvers.quorum).max().unwrap_or(1),
        arguments,
        response,
        approve => allowed(Decision::Approve),
        deny => allowed(Decision::Deny),
        answer => allowed(Decision::Answer),
        question => allowed(Decision::Question),
        delegate => request.allowed.contains(&Decision::Delegate),
    }
}

/// The path of a gate's page.
pub(crate) fn path(workflow_id: &str, gate: &str) -> String {
    let part = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    format!("/approvals/{}/{}", part(workflow_id), part(gate))
}

/// What somebody did, for a page that says so.
pub(crate) fn said(decision: Decision) -> &'static str {
    match decision {
        Decision::Approve => "Approved",
        Decision::Deny => "Denied",
        Decision::Answer => "Answered",
        Decision::Question => "Sent back with your question",
        Decision::Delegate => "Passed on",
    }
}

#[cfg(test)]
mod tests;
