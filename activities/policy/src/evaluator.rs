//! The rules of all sources, compiled once, and the verdict on a call.
//!
//! Of all rules that speak of a call, the strictest wins, whoever wrote it. So the worker's rules
//! are a floor that an agent can only raise. A rule that cannot be evaluated asks, or refuses if
//! that is its action. A remembered decision lets a call run that would ask only if every rule
//! that asks permits it.

use std::cell::OnceCell;
use std::io;

use longhaul_contract::definition::Action;
use longhaul_contract::digest::Digest;
use longhaul_contract::glob;
use longhaul_contract::policy::{
    Breadth, ConnectionFacts, Outcome, Policy, PolicySnapshot, Remembered, Rule, RuleProblem,
    RuleProblemKind, RuleRef, RuleSource, RunFacts, ShadowHit, Verdict,
};
use longhaul_contract::tool::{Effect, ToolSpec, one_line};
use serde_json::Value;

use crate::condition::{Condition, MOST_ARGUMENTS, Trouble};
use crate::facts::Facts;
use crate::{remembered, terms};

#[cfg(test)]
mod tests;

/// Entries of each list of a verdict.
const MOST_LISTED: usize = 16;

/// Characters of a verdict's reason.
const MOST_REASON: usize = 400;

/// A call that is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Dotted tool name, or what the model wrote.
    pub tool: &'a str,
    /// The tool, if the agent has it.
    pub spec: Option<&'a ToolSpec>,
    /// The arguments in full, also where history has them by reference.
    pub arguments: &'a Value,
    /// What is wrong with the arguments, as found against the tool's schema.
    pub problem: Option<&'a str>,
    /// The connection that the call uses.
    pub connection: Option<&'a ConnectionFacts>,
}

/// The rules of all sources, compiled.
#[derive(Debug)]
pub struct Evaluator {
    rules: Vec<Compiled>,
    remembered: Vec<Remembered>,
    worker: Policy,
    digest: Digest,
}

#[derive(Debug)]
struct Compiled {
    rule: Rule,
    name: RuleRef,
    condition: Option<Result<Condition, Trouble>>,
}

/// What a rule that speaks of a call says.
#[derive(Clone, Copy)]
struct Voice<'a> {
    rule: &'a Compiled,
    action: Action,
    trouble: Option<&'a Trouble>,
}

/// What all of them say together.
struct Ruling<'a> {
    outcome: Outcome,
    reason: String,
    deciding: Vec<Voice<'a>>,
    remembered: Option<&'a Remembered>,
}

impl Evaluator {
    /// Compiles the rules of an agent and of its worker. A condition that does not compile is a
    /// rule that cannot be evaluated; what is wrong with it, [`crate::check`] says beforehand.
    pub fn new(agent: &Policy, worker: &Policy, remembered: &[Remembered]) -> Self {
        let sources = [(RuleSource::Worker, worker), (RuleSource::Agent, agent)];
        let mut rules: Vec<Compiled> = sources
            .into_iter()
            .flat_map(|(source, policy)| policy.rules.iter().map(move |rule| (source, rule)))
            .map(|(source, rule)| Compiled::new(source, rule))
            .collect();
        // So that nothing that is reported depends on the order of the rules.
        rules.sort_by(|a, b| a.name.cmp(&b.name));
        let mut remembered = remembered.to_vec();
        remembered.sort_by(|a, b| a.id.cmp(&b.id));
        let digest = Digest::of(&(agent, worker, &remembered));
        Self { rules, remembered, worker: worker.clone(), digest }
    }

    /// The digest of everything that judges.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What judges beside the agent's own rules, to be kept with the verdicts.
    pub fn snapshot(&self) -> PolicySnapshot {
        PolicySnapshot {
            v: 1,
            digest: self.digest.clone(),
            worker: self.worker.clone(),
            remembered: self.remembered.clone(),
        }
    }

    /// Judges one call of a run.
    ///
    /// A tool that the agent does not have is refused, and arguments against its schema go back to
    /// the model; no rule speaks of either.
    pub fn judge(&self, call: &Call<'_>, run: &RunFacts) -> Verdict {
        let Some(tool) = call.spec else {
            let reason = format!("the agent has no tool `{}`", call.tool);
            return self.verdict(Outcome::Refuse, reason);
        };
        if call.problem.is_some() {
            let reason = "arguments against the schema".to_owned();
            return self.verdict(Outcome::Invalid, reason);
        }
        let facts = Facts::new(call.arguments, run, tool, call.connection);
        let too_large = OnceCell::new();
        let mut found: Vec<(&Compiled, Option<Trouble>)> = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.names(tool, call.connection)) {
            match rule.holds(&facts, || *too_large.get_or_init(|| is_large(call.arguments))) {
                Ok(true) => found.push((rule, None)),
                Ok(false) => {}
                Err(trouble) => found.push((rule, Some(trouble))),
            }
        }
        let voices: Vec<Voice<'_>> =
            found.iter().map(|(rule, trouble)| Voice::new(rule, trouble.as_ref())).collect();
        let (shadow, heard): (Vec<_>, Vec<_>) =
            voices.iter().copied().partition(|voice| voice.rule.rule.shadow);

        let ruling = self.rule(&heard, tool, call, run);
        let permitted = permits(&ruling.deciding, tool);
        let mut verdict = self.verdict(ruling.outcome, ruling.reason);
        let mut omitted = 0;
        let deciding = ruling.deciding.iter().map(|voice| voice.rule.name.clone());
        verdict.rules = listed(deciding, &mut omitted);
        verdict.remembered = ruling.remembered.map(|decision| decision.id.clone());
        if ruling.outcome == Outcome::Ask {
            let asking: Vec<&Rule> = ruling.deciding.iter().map(|voice| &voice.rule.rule).collect();
            verdict.ask = Some(terms::strictest(&asking, permitted));
        }
        if !shadow.is_empty() {
            let hits = shadow.iter().map(Voice::hit);
            verdict.shadow = listed(hits, &mut omitted);
            let outcome = self.rule(&voices, tool, call, run).outcome;
            verdict.with_shadow = (outcome != verdict.outcome).then_some(outcome);
        }
        verdict.problems = listed(heard.iter().filter_map(Voice::problem), &mut omitted);
        verdict.omitted = omitted;
        verdict
    }

    /// What `voices` say together, with what is remembered.
    fn rule<'a>(
        &'a self,
        voices: &[Voice<'a>],
        tool: &ToolSpec,
        call: &Call<'_>,
        run: &RunFacts,
    ) -> Ruling<'a> {
        let mut ruling = strictest(voices, tool);
        if ruling.outcome == Outcome::Refuse || self.remembered.is_empty() {
            return ruling;
        }
        let mut speaking = self
            .remembered
            .iter()
            .filter(|decision| remembered::speaks(decision, call.tool, call.arguments, run));
        if let Some(refusal) = speaking.clone().find(|it| it.action == Action::Refuse) {
            let reason = format!("the remembered decision `{}` refuses it", refusal.id);
            return Ruling {
                outcome: Outcome::Refuse,
                reason,
                deciding: Vec::new(),
                remembered: Some(refusal),
            };
        }
        if ruling.outcome == Outcome::Ask
            && let Some(permitted) = permits(&ruling.deciding, tool)
            && let Some(decision) = speaking
                .find(|it| it.action == Action::Run && remembered::breadth(&it.scope) <= permitted)
        {
            ruling.outcome = Outcome::Run;
            ruling.reason = format!("the remembered decision `{}` lets it run", decision.id);
            ruling.remembered = Some(decision);
        }
        ruling
    }

    fn verdict(&self, outcome: Outcome, reason: String) -> Verdict {
        Verdict {
            v: 1,
            outcome,
            reason: one_line(&reason, MOST_REASON),
            rules: Vec::new(),
            ask: None,
            remembered: None,
            shadow: Vec::new(),
            with_shadow: None,
            problems: Vec::new(),
            omitted: 0,
            policy: Some(self.digest.clone()),
        }
    }
}

impl Compiled {
    fn new(source: RuleSource, rule: &Rule) -> Self {
        let condition = rule.when.as_deref().map(|when| {
            Condition::new(when).map_err(|error| Trouble {
                kind: RuleProblemKind::Unreadable,
                message: one_line(&error.to_string(), 200),
            })
        });
        let name = RuleRef { source, id: rule.id.clone() };
        Self { rule: rule.clone(), name, condition }
    }

    /// Whether the rule is about such a call, its condition aside.
    fn names(&self, tool: &ToolSpec, connection: Option<&ConnectionFacts>) -> bool {
        speaks_of(&self.rule, tool, connection)
    }

    fn holds(&self, facts: &Facts<'_>, too_large: impl FnOnce() -> bool) -> Result<bool, Trouble> {
        match &self.condition {
            None => Ok(true),
            Some(Err(trouble)) => Err(trouble.clone()),
            Some(Ok(condition)) if condition.reads_arguments() && too_large() => Err(Trouble {
                kind: RuleProblemKind::TooLarge,
                message: format!("the arguments have more than {MOST_ARGUMENTS} bytes"),
            }),
            Some(Ok(condition)) => condition.holds(facts),
        }
    }
}

/// Whether `rule` is about such a call, its condition aside.
pub(crate) fn speaks_of(
    rule: &Rule,
    tool: &ToolSpec,
    connection: Option<&ConnectionFacts>,
) -> bool {
    (rule.effects.is_empty() || rule.effects.contains(&tool.effect))
        && glob::any_or_none(&rule.tools, &tool.name)
        && (rule.connections.is_empty()
            || connection.is_some_and(|facts| glob::any_or_none(&rule.connections, &facts.name)))
}

impl<'a> Voice<'a> {
    fn new(rule: &'a Compiled, trouble: Option<&'a Trouble>) -> Self {
        let action = match trouble {
            Some(_) => rule.rule.action.max(Action::Ask),
            None => rule.rule.action,
        };
        Self { rule, action, trouble }
    }

    fn hit(&self) -> ShadowHit {
        ShadowHit {
            rule: self.rule.name.clone(),
            action: self.action,
            problem: self.trouble.map(|trouble| trouble.kind),
        }
    }

    fn problem(&self) -> Option<RuleProblem> {
        self.trouble.map(|trouble| RuleProblem {
            rule: self.rule.name.clone(),
            kind: trouble.kind,
            message: trouble.message.clone(),
        })
    }

    fn reason(&self, tool: &str) -> String {
        if let Some(trouble) = self.trouble {
            return format!("rule `{}` cannot be evaluated: {}", self.rule.name, trouble.message);
        }
        let source = self.rule.name.source.as_str();
        let verb = match self.action {
            Action::Run => return format!("a rule of the {source} lets it run"),
            Action::Ask => "asks for",
            Action::Refuse => "refuses",
        };
        match &self.rule.rule.because {
            Some(because) => format!("a rule of the {source} {verb} `{tool}`: {because}"),
            None => format!("a rule of the {source} {verb} `{tool}`"),
        }
    }
}

/// What `voices` say together: the strictest wins, and no rule lets an effect run that is worse
/// than an update.
fn strictest<'a>(voices: &[Voice<'a>], tool: &ToolSpec) -> Ruling<'a> {
    let effect = tool.effect.as_str();
    let strictest = voices.iter().map(|voice| voice.action).max();
    let deciding: Vec<Voice<'a>> =
        voices.iter().copied().filter(|voice| Some(voice.action) == strictest).collect();
    // A rule that says so on purpose explains more than one that broke.
    let first = deciding.iter().find(|voice| voice.trouble.is_none()).or(deciding.first());
    let (outcome, reason) = match (strictest, first) {
        (Some(Action::Run), _) if tool.effect > Effect::Update => {
            (Outcome::Ask, format!("effect `{effect}` asks, whatever the rules allow"))
        }
        (Some(action), Some(voice)) => (action.into(), voice.reason(&tool.name)),
        _ if tool.effect == Effect::Read => (Outcome::Run, "it only reads".to_owned()),
        _ => (Outcome::Ask, format!("effect `{effect}` asks unless a rule allows it")),
    };
    Ruling { outcome, reason, deciding, remembered: None }
}

/// How broadly all that makes a call ask lets an answer be remembered.
fn permits(deciding: &[Voice<'_>], tool: &ToolSpec) -> Option<Breadth> {
    if deciding.is_empty() {
        // No rule asks, only the effect does.
        return remembered::by_effect(tool.effect);
    }
    let permitted = deciding.iter().map(|voice| match voice.trouble {
        None if voice.action == Action::Ask => voice.rule.rule.remember,
        Some(_) | None => None,
    });
    // `None` is less than any breadth: one rule that permits nothing decides.
    permitted.min().flatten()
}

/// The first of `entries`; the others are counted.
fn listed<T>(entries: impl Iterator<Item = T>, omitted: &mut u32) -> Vec<T> {
    let mut list: Vec<T> = Vec::new();
    for entry in entries {
        if list.len() < MOST_LISTED {
            list.push(entry);
        } else {
            *omitted = omitted.saturating_add(1);
        }
    }
    list
}

/// Whether `arguments` are more than a condition looks at.
fn is_large(arguments: &Value) -> bool {
    struct Room(usize);

    impl io::Write for Room {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    serde_json::to_writer(Room(MOST_ARGUMENTS), arguments).is_err()
}
