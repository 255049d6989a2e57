//! `/a/{token}`: a link in a message. Looking at it decides nothing, since scanners of mail look
//! at everything; only its form decides, and once.

use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use longhaul_activities::people::links::{LinkClaims, LinkError, Links};
use longhaul_contract::approval::Channel;
use longhaul_store::Spent;
use minijinja::context;

use super::approvals::view;
use super::auth::Caller;
use super::deciding::{Found, decide, find};
use super::edge::Edge;
use super::error::ApiError;
use super::form::DecisionForm;
use super::page::{self, Page};

pub(crate) async fn show(State(edge): State<Edge>, Path(token): Path<String>) -> Response {
    match look(&edge, &token).await {
        Ok((claims, found)) => {
            let gate = page::gate(&found.request, &claims.workflow_id);
            let title = found.request.summary;
            let who = claims.person.name;
            Page::new("link.html")
                .show(context! { title, gate, who, expires => claims.expires.to_string() })
        }
        Err(error) => trouble(error),
    }
}

pub(crate) async fn decide_once(
    State(edge): State<Edge>,
    Path(token): Path<String>,
    form: Result<Form<DecisionForm>, axum::extract::rejection::FormRejection>,
) -> Response {
    let form = match form {
        Ok(Form(form)) => form,
        Err(rejection) => return trouble(ApiError::bad(rejection.body_text())),
    };
    match spend(&edge, &token, form).await {
        Ok(words) => Page::new("message.html")
            .show(context! { title => words, text => "Thank you. You can close this page." }),
        Err(error) => trouble(error),
    }
}

/// What a link is about, if the gate still waits for it.
async fn look(edge: &Edge, token: &str) -> Result<(LinkClaims, Found), ApiError> {
    let claims = edge.links.open(token).map_err(closed)?;
    let run = edge.runs()?.run(&claims.workflow_id);
    let found = find(&edge.store, &run, &claims.gate).await?;
    let found = found.into_iter().next().ok_or_else(over)?;
    if !found.open || found.chain != claims.chain {
        return Err(over());
    }
    if found.request.digest != claims.digest {
        return Err(ApiError::new(
            StatusCode::CONFLICT,
            "digest_mismatch",
            "this link is about another call than what is asked now",
        ));
    }
    // Whoever has the link looks; that it is whom it was sent to, only its form says.
    view(edge, &claims.workflow_id, &found, &Caller::Known(claims.person.clone()), Channel::Link)
        .await?;
    Ok((claims, found))
}

/// Decides, and uses the link up if the decision stands.
async fn spend(edge: &Edge, token: &str, form: DecisionForm) -> Result<&'static str, ApiError> {
    let claims = edge.links.open(token).map_err(closed)?;
    let run = edge.runs()?.run(&claims.workflow_id);
    let found = find(&edge.store, &run, &claims.gate).await?;
    let request = &found.first().ok_or_else(over)?.request;
    let mut answer = form.answer(request)?;
    answer.digest = Some(claims.digest.clone());
    if found.first().is_some_and(|found| found.chain != claims.chain) {
        return Err(over());
    }
    let id = Links::id(token);
    match edge.store.spend_token(&id, claims.expires).await? {
        Spent::Now => {}
        Spent::Before => {
            return Err(ApiError::new(
                StatusCode::CONFLICT,
                "already_used",
                "this link has been used: it decides once",
            ));
        }
        Spent::Expired => return Err(closed(LinkError::Expired)),
    }
    let caller = Caller::Known(claims.person);
    let said = answer.decision;
    let decided =
        decide(edge, &claims.workflow_id, &claims.gate, answer, &caller, Channel::Link).await;
    match decided {
        Ok(_) => Ok(page::said(said)),
        Err(error) => {
            // It has decided nothing. If giving it back fails, it is lost, which is the safe side.
            if let Err(lost) = edge.store.return_token(&id).await {
                tracing::warn!(error = %lost, "a link that decided nothing is used up");
            }
            Err(error)
        }
    }
}

fn closed(error: LinkError) -> ApiError {
    let status = match error {
        LinkError::Forged => StatusCode::NOT_FOUND,
        LinkError::Expired => StatusCode::GONE,
    };
    ApiError::new(status, "link", error.to_string())
}

fn over() -> ApiError {
    ApiError::new(StatusCode::GONE, "closed", "this waits for nobody any more")
}

fn trouble(error: ApiError) -> Response {
    page::trouble(error)
}
