//! From an agent file to the definition that a run is pinned to: every check that needs no
//! server.

use longhaul_contract::definition::{Definition, ModelSettings, Price};
use longhaul_contract::limits::Limits;
use serde_saphyr::Location;
use url::Url;

use super::tools::Compiled;
use super::{AgentFile, LimitsEntry, ModelEntry, Problem, Source, accounts, context, rules, tools};
use crate::egress::Egress;
use crate::model;
use crate::tool::ToolSources;
use crate::tool::arguments::check_schema;

/// Turns an agent file into the definition that a run is pinned to.
///
/// # Errors
///
/// The first thing that cannot be run, with its position.
pub fn compile(
    file: AgentFile,
    source: &Source<'_>,
    sources: &ToolSources,
) -> Result<Definition, Problem> {
    check_name(&file, source)?;
    let model = model(&file.model, source)?;
    if file.instructions.value.trim().is_empty() {
        return Err(Problem::new(source, file.instructions.referenced, "`instructions` is empty")
            .hint("say who the agent is and what it is to do"));
    }
    let Compiled { tools, allowed, mcp } = tools::compile(&file.tools, source, sources)?;
    let acts_for = accounts::acts_for(file.acts_for.as_ref(), source)?;
    for host in &file.network.allow {
        Egress::new(std::slice::from_ref(&host.value)).map_err(|why| {
            let message = format!("`{}` is not a host: {}", why.entry, why.problem);
            Problem::new(source, host.referenced, message)
                .hint("write `host` or `host:port`, such as `127.0.0.1:8080`")
        })?;
    }
    let checked = rules::compile_all(&file.approvals, Some(&tools), source)?;
    let (mut approvals, rules) = rules::part(&file.approvals, checked);
    approvals.extend(allowed);
    if let Some(output) = &file.output {
        check_schema(&output.value).map_err(|why| {
            Problem::new(source, output.referenced, format!("`output` is not a JSON Schema: {why}"))
        })?;
    }
    let context = context::context(file.context.as_ref(), source)?;
    let continue_after = context::continue_after(&file.continue_after, source)?;
    Ok(Definition {
        v: 1,
        limits: limits(&file.limits, source)?,
        name: file.name.value,
        description: file.description.trim().to_owned(),
        model,
        instructions: file.instructions.value,
        tools,
        network_allow: file.network.allow.into_iter().map(|host| host.value).collect(),
        approvals,
        rules,
        output: file.output.map(|output| output.value),
        context,
        continue_after,
        acts_for,
        mcp,
    })
}

/// Whether `name` can be an agent's name: it is a file's name, and part of workflow ids.
pub fn is_agent_name(name: &str) -> bool {
    let first = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= 64
        && name.bytes().next().is_some_and(first)
        && name.bytes().all(|b| first(b) || matches!(b, b'_' | b'-'))
}

fn check_name(file: &AgentFile, source: &Source<'_>) -> Result<(), Problem> {
    let name = &file.name;
    if !is_agent_name(&name.value) {
        let message = format!(
            "`{}` is not an agent's name; use lower-case letters, digits, `_` and `-`, at most 64",
            name.value
        );
        return Err(Problem::new(source, name.referenced, message));
    }
    match source.path.file_stem().and_then(|stem| stem.to_str()) {
        Some(stem) if stem != name.value => {
            let message = format!("the agent is called `{}` and its file `{stem}`", name.value);
            Err(Problem::new(source, name.referenced, message)
                .hint(format!("rename the file to `{}.yaml`, or the agent", name.value)))
        }
        Some(_) | None => Ok(()),
    }
}

/// Checks how a model is reached.
pub(super) fn model(entry: &ModelEntry, source: &Source<'_>) -> Result<ModelSettings, Problem> {
    let known = model::providers();
    if !known.contains(&entry.provider.value.as_str()) {
        let message = format!(
            "unknown provider `{}`, expected one of {}",
            entry.provider.value,
            tools::list(&known)
        );
        return Err(Problem::new(source, entry.provider.referenced, message)
            .hint("`openai` with a `base_url` reaches every OpenAI-compatible server"));
    }
    if entry.name.value.trim().is_empty() {
        return Err(Problem::new(source, entry.name.referenced, "the model has no name"));
    }
    if entry.provider.value == model::SCRIPT {
        model::script::check(source.path.parent(), &entry.name.value)
            .map_err(|why| Problem::new(source, entry.name.referenced, why))?;
    }
    if let Some(base_url) = &entry.base_url {
        check_base_url(&base_url.value)
            .map_err(|why| Problem::new(source, base_url.referenced, why).without_snippet())?;
    }
    if let Some(variable) = &entry.api_key_env
        && !is_variable(&variable.value)
    {
        // The text may be a key that somebody pasted here, so it is not shown.
        let message = "`api_key_env` is not the name of an environment variable";
        return Err(Problem::new(source, variable.referenced, message)
            .without_snippet()
            .hint("name the variable that holds the key, such as `OPENAI_API_KEY`, not the key"));
    }
    if let Some(most) = &entry.max_tokens {
        positive(source, "max_tokens", most.value.into(), most.referenced)?;
    }
    if let Some(timeout) = &entry.timeout {
        positive(source, "timeout", timeout.value.0.as_millis(), timeout.referenced)?;
    }
    if let Some(temperature) = &entry.temperature
        && !(0.0..=2.0).contains(&temperature.value)
    {
        let message = format!("`temperature` is {}, expected 0 to 2", temperature.value);
        return Err(Problem::new(source, temperature.referenced, message));
    }
    Ok(ModelSettings {
        provider: entry.provider.value.clone(),
        name: entry.name.value.clone(),
        base_url: entry.base_url.as_ref().map(|url| url.value.clone()),
        api_key_env: entry.api_key_env.as_ref().map(|variable| variable.value.clone()),
        max_tokens: entry.max_tokens.as_ref().map(|most| most.value),
        temperature: entry.temperature.as_ref().map(|temperature| temperature.value),
        timeout: entry.timeout.as_ref().map(|timeout| timeout.value.0),
        price: price(entry, source)?,
    })
}

fn price(entry: &ModelEntry, source: &Source<'_>) -> Result<Option<Price>, Problem> {
    let Some(price) = &entry.price else { return Ok(None) };
    let numbers = [Some(price.value.input), Some(price.value.output), price.value.cached];
    if !numbers.into_iter().flatten().all(|dollars| dollars.is_finite() && dollars >= 0.0) {
        return Err(Problem::new(source, price.referenced, "a price is not a number from 0 up"));
    }
    Ok(Some(Price {
        input: price.value.input,
        output: price.value.output,
        cached: price.value.cached,
    }))
}

fn check_base_url(text: &str) -> Result<(), String> {
    let url = Url::parse(text).map_err(|why| format!("`base_url` is not a URL: {why}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("`base_url` does not start with `http://` or `https://` and a host".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("`base_url` holds a user name or password; use `api_key_env`".to_owned());
    }
    Ok(())
}

fn is_variable(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    name.bytes().next().is_some_and(letter) && name.bytes().all(|b| letter(b) || b.is_ascii_digit())
}

fn limits(entry: &LimitsEntry, source: &Source<'_>) -> Result<Limits, Problem> {
    let mut limits = Limits::default();
    if let Some(turns) = &entry.turns {
        positive(source, "turns", turns.value.into(), turns.referenced)?;
        limits.turns = turns.value;
    }
    if let Some(tokens) = &entry.tokens {
        positive(source, "tokens", tokens.value.into(), tokens.referenced)?;
        limits.tokens = Some(tokens.value);
    }
    if let Some(wall_time) = &entry.wall_time {
        positive(source, "wall_time", wall_time.value.0.as_millis(), wall_time.referenced)?;
        limits.wall_time = Some(wall_time.value.0);
    }
    if let Some(blocked) = &entry.blocked {
        positive(source, "blocked", blocked.value.0.as_millis(), blocked.referenced)?;
        limits.blocked = blocked.value.0;
    }
    if let Some(parallel) = &entry.parallel_tools {
        if !(1..=64).contains(&parallel.value) {
            let message = format!("`parallel_tools` is {}, expected 1 to 64", parallel.value);
            return Err(Problem::new(source, parallel.referenced, message));
        }
        limits.parallel_tools = parallel.value;
    }
    Ok(limits)
}

/// Refuses zero.
pub(super) fn positive(
    source: &Source<'_>,
    what: &str,
    value: u128,
    at: Location,
) -> Result<(), Problem> {
    if value == 0 {
        return Err(Problem::new(source, at, format!("`{what}` is zero"))
            .hint("leave the line out for the default"));
    }
    Ok(())
}
