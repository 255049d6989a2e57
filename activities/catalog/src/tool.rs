//! An operation as a model knows it.

use std::collections::BTreeMap;

use longhaul_contract::tool::Effect;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::arguments;
use crate::auth::AuthKind;
use crate::integration::Integration;

/// Most bytes of an answer that the model sees at once, unless the operation says otherwise.
const BUDGET: u32 = 16 * 1024;

/// An operation as a model knows it, and what decides whether a call of it may run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    /// `slug.operation`.
    pub name: String,
    /// The integration's slug.
    pub integration: String,
    /// What it does, in a few words.
    pub title: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of the arguments.
    pub parameters: Value,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether a repeated call changes nothing more.
    pub idempotent: bool,
    /// Whether another operation can undo it.
    pub reversible: bool,
    /// The auth methods that it takes, by id, and their kinds.
    pub auth: BTreeMap<String, AuthKind>,
    /// The scopes that it needs, by auth method.
    pub scopes: BTreeMap<String, Vec<String>>,
    /// Most bytes of its answer that the model sees at once.
    pub budget: u32,
}

impl Tool {
    /// The operation called `name` of `integration`.
    pub fn of(integration: &Integration, name: &str) -> Option<Self> {
        let operation = integration.operations.get(name)?;
        let takes = |id: &String| operation.auth.is_empty() || operation.auth.contains(id);
        let auth = integration.auth.iter().filter(|method| takes(&method.id));
        let auth: BTreeMap<_, _> = auth.map(|it| (it.id.clone(), it.kind)).collect();
        let scopes = auth
            .keys()
            .map(|id| (id.clone(), operation.scopes(id)))
            .filter(|(_, scopes)| !scopes.is_empty())
            .collect();
        Some(Self {
            name: format!("{}.{name}", integration.slug),
            integration: integration.slug.clone(),
            title: format!("{}: {}", integration.name, operation.title),
            description: operation.description.clone(),
            parameters: arguments::schema(integration, operation),
            effect: operation.effect(),
            idempotent: operation.idempotent,
            reversible: operation.reversible,
            auth,
            scopes,
            budget: operation.output.budget.unwrap_or(BUDGET),
        })
    }

    /// The short form: name, title, effect, and the arguments that a call must have.
    pub fn summary(&self) -> Value {
        serde_json::json!({
            "name": self.name,
            "title": self.title,
            "effect": self.effect,
            "required": self.parameters.get("required").cloned().unwrap_or_default(),
        })
    }
}
