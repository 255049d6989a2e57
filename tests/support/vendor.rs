//! Catalogue entries against what vendors publish of their own APIs.
//!
//! A contract says what a vendor's description says of requests. [`check`] compares one operation
//! with it, both as data; nothing is sent. [`mutate`] spoils entries, to see that each check bites.
//! [`mock`] takes real requests, judges them by the contract alone, and answers.
//!
//! | module | holds |
//! | --- | --- |
//! | [`contract`] | a vendor's description, as `LONGHAUL_VENDOR_SPECS` has it |
//! | [`target`] | which operation of the vendor's an entry is, and whether address and path agree |
//! | [`rest`] | parameters, bodies and media types |
//! | [`shape`] | JSON Schema beside JSON Schema |
//! | [`auth`] | how a connection proves itself, and with which scopes |
//! | [`graphql`] | documents and their variables |
//! | [`supply`] | what an entry sends, and whether it always does |
//! | [`mutate`] | spoiled entries |
//! | [`arguments`] | arguments made from an operation's schema |
//! | [`proof`] | made-up connections |
//! | [`mock`] | a server in place of a vendor |
//! | [`judge`] | its judgement of a request |
//! | [`strict`], [`form`] | schemas that take nothing unnamed, and text as values |
//! | [`answer`] | what it answers |
//! | [`slice`] | a part of a contract for other programs |

pub mod answer;
pub mod arguments;
pub mod auth;
pub mod contract;
pub mod form;
pub mod graphql;
pub mod judge;
pub mod mock;
pub mod mutate;
pub mod proof;
pub mod rest;
pub mod shape;
pub mod slice;
pub mod strict;
pub mod supply;
pub mod target;

use std::fmt;

use longhaul_catalog::{Integration, Operation};

pub use contract::Contract;

/// What an entry got wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The vendor has no such operation.
    Operation,
    /// Method or path differ.
    Path,
    /// The address differs.
    Server,
    /// The vendor gives it up.
    Deprecated,
    /// Something that the vendor needs may be missing.
    Required,
    /// The vendor knows no such thing.
    Unknown,
    /// The vendor wants another type.
    Type,
    /// The vendor does not take such a value.
    Enum,
    /// The body is written in another way.
    Media,
    /// The vendor takes no such proof.
    Auth,
    /// Other scopes are needed.
    Scope,
    /// The document is wrong.
    Document,
}

/// One thing that an entry got wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The operation's name.
    pub operation: String,
    /// Which rule it breaks.
    pub rule: Rule,
    /// What is concerned: a parameter, a field, a scope.
    pub subject: String,
    /// In words.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, rule, subject, message } = self;
        write!(f, "{operation}: {rule:?} `{subject}`: {message}")
    }
}

/// Where findings go.
#[derive(Debug)]
pub struct Report {
    operation: String,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Report {
    /// An empty one.
    pub fn new(operation: &str) -> Self {
        Self { operation: operation.to_owned(), findings: Vec::new() }
    }

    /// Adds a finding.
    pub fn add(&mut self, rule: Rule, subject: impl Into<String>, message: impl Into<String>) {
        let operation = self.operation.clone();
        let finding = Finding { operation, rule, subject: subject.into(), message: message.into() };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

/// What the operation `name` gets wrong, by the vendor's word.
pub fn check(contract: &Contract, integration: &Integration, name: &str) -> Vec<Finding> {
    let operation = &integration.operations[name];
    if operation.graphql.is_none() {
        return rest(contract, integration, operation, name);
    }
    let mut report = Report::new(name);
    graphql::check(contract, integration, operation, &mut report);
    report.findings
}

/// Of several descriptions of the same path, the one that fits best counts.
fn rest(
    contract: &Contract,
    integration: &Integration,
    operation: &Operation,
    name: &str,
) -> Vec<Finding> {
    let targets = match target::find(contract, integration, operation) {
        Ok(targets) => targets,
        Err((rule, message)) => {
            let mut report = Report::new(name);
            report.add(rule, operation.http.clone().unwrap_or_default(), message);
            return report.findings;
        }
    };
    let reports = targets.into_iter().map(|target| {
        let mut report = Report::new(name);
        target::check(contract, integration, operation, &target, &mut report);
        rest::check(contract, integration, operation, &target, &mut report);
        auth::check(contract, integration, operation, target.theirs, &mut report);
        report.findings
    });
    reports.min_by_key(Vec::len).unwrap_or_default()
}
