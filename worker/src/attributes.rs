//! Longhaul's search attributes on a cluster: which exist, and making those that do not.
//!
//! An upsert of an attribute that a cluster does not have fails a workflow task for ever, so a run
//! learns at its start which ones exist and leaves the others alone.

use std::collections::HashMap;
use std::time::Duration;

use longhaul_contract::names::SEARCH_ATTRIBUTES;
use temporalio_client::tonic::{Code, IntoRequest as _, Status};
use temporalio_client::{Client, NamespacedClient as _};
use temporalio_common::protos::temporal::api::enums::v1::IndexedValueType;
use temporalio_common::protos::temporal::api::operatorservice::v1::{
    AddSearchAttributesRequest, ListSearchAttributesRequest,
};
use temporalio_common::protos::temporal::api::workflowservice::v1::GetSearchAttributesRequest;

/// How long a cluster may take until it lists what was just registered.
const LISTED_WITHIN: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Why search attributes cannot be listed or registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttributeError {
    /// These credentials may not, or this cluster cannot.
    #[error("the cluster does not let this client {action} search attributes: {problem}")]
    Refused {
        /// `list` or `register`.
        action: &'static str,
        /// What the server said.
        problem: String,
    },
    /// The server could not.
    #[error("cannot {action} search attributes: {problem}")]
    Failed {
        /// `list` or `register`.
        action: &'static str,
        /// What the server said.
        problem: String,
    },
}

/// What `longhaul setup` did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Setup {
    /// Attributes that are there now.
    pub existing: Vec<String>,
    /// Those of them that were not there before.
    pub added: Vec<String>,
    /// Attributes that are there with another type, which Longhaul does not use.
    pub mistyped: Vec<String>,
}

/// Which of Longhaul's search attributes the namespace of `client` has, with the right type.
///
/// # Errors
/// If the server does not tell.
pub async fn existing(client: &Client) -> Result<Vec<String>, AttributeError> {
    Ok(compare(&list(client).await?).existing)
}

/// Registers those of Longhaul's search attributes that the namespace of `client` does not have.
///
/// # Errors
/// If the server does not tell which exist, or refuses new ones.
pub async fn register(client: &Client) -> Result<Setup, AttributeError> {
    let mut setup = compare(&list(client).await?);
    let missing: HashMap<String, i32> = SEARCH_ATTRIBUTES
        .into_iter()
        .filter(|(name, _)| !setup.existing.iter().chain(&setup.mistyped).any(|had| had == name))
        .map(|(name, kind)| (name.to_owned(), indexed_type(kind) as i32))
        .collect();
    if missing.is_empty() {
        return Ok(setup);
    }
    let names: Vec<String> = missing.keys().cloned().collect();
    let request =
        AddSearchAttributesRequest { search_attributes: missing, namespace: client.namespace() };
    let mut service = client.connection().operator_service();
    match service.add_search_attributes(request.into_request()).await {
        Ok(_) => {}
        // Another worker was faster.
        Err(status) if status.code() == Code::AlreadyExists => {}
        Err(status) => return Err(explain("register", &status)),
    }
    setup.added = names;
    setup.existing = listed(client, &setup.added).await?;
    Ok(setup)
}

/// Registers what can be registered and returns which attributes exist. What cannot be done is
/// logged: runs do without.
pub(crate) async fn prepare(client: &Client) -> Vec<String> {
    match register(client).await {
        Ok(setup) => {
            if !setup.added.is_empty() {
                tracing::info!(added = setup.added.join(", "), "search attributes registered");
            }
            if !setup.mistyped.is_empty() {
                tracing::warn!(
                    names = setup.mistyped.join(", "),
                    "search attributes of these names have another type and are not used"
                );
            }
            setup.existing
        }
        Err(error) => {
            let existing = existing(client).await.unwrap_or_default();
            tracing::warn!(
                %error,
                existing = existing.join(", "),
                "runs are not found by agent or state; whoever may register search attributes \
                 runs `longhaul setup`"
            );
            existing
        }
    }
}

/// Waits until the namespace lists `added`, and returns which of ours it lists then.
async fn listed(client: &Client, added: &[String]) -> Result<Vec<String>, AttributeError> {
    let deadline = tokio::time::Instant::now() + LISTED_WITHIN;
    loop {
        let existing = existing(client).await?;
        let all = added.iter().all(|name| existing.contains(name));
        if all || tokio::time::Instant::now() >= deadline {
            return Ok(existing);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn list(client: &Client) -> Result<HashMap<String, i32>, AttributeError> {
    let request = ListSearchAttributesRequest { namespace: client.namespace() };
    let mut operator = client.connection().operator_service();
    match operator.list_search_attributes(request.into_request()).await {
        Ok(response) => Ok(response.into_inner().custom_attributes),
        Err(status) if is_refusal(&status) => {
            // Clusters that keep the operator's calls to themselves still tell everybody this.
            let mut service = client.connection().workflow_service();
            let request = GetSearchAttributesRequest {};
            match service.get_search_attributes(request.into_request()).await {
                Ok(response) => Ok(response.into_inner().keys),
                Err(_) => Err(explain("list", &status)),
            }
        }
        Err(status) => Err(explain("list", &status)),
    }
}

fn compare(listed: &HashMap<String, i32>) -> Setup {
    let mut setup = Setup::default();
    for (name, kind) in SEARCH_ATTRIBUTES {
        match listed.get(name) {
            Some(found) if *found == indexed_type(kind) as i32 => {
                setup.existing.push(name.to_owned());
            }
            Some(_) => setup.mistyped.push(name.to_owned()),
            None => {}
        }
    }
    setup
}

fn indexed_type(name: &str) -> IndexedValueType {
    match name {
        "Keyword" => IndexedValueType::Keyword,
        "KeywordList" => IndexedValueType::KeywordList,
        "Double" => IndexedValueType::Double,
        _ => IndexedValueType::Unspecified,
    }
}

fn is_refusal(status: &Status) -> bool {
    matches!(status.code(), Code::PermissionDenied | Code::Unauthenticated | Code::Unimplemented)
}

fn explain(action: &'static str, status: &Status) -> AttributeError {
    let problem = status.message().to_owned();
    if is_refusal(status) {
        AttributeError::Refused { action, problem }
    } else {
        AttributeError::Failed { action, problem }
    }
}

#[cfg(test)]
mod tests;
