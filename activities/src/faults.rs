//! Pauses in activities, asked for by `LONGHAUL_PAUSE`, so that a crash has a middle to happen in;
//! and a worker that keeps nothing from one activity to the next.
//!
//! `CallModel` and `CallTool` pause before their work, `CallModel.report` and `CallTool.report`
//! between the result and its report to the server.

#[cfg(test)]
mod tests;

use std::time::Duration;

use longhaul_contract::failure::FailureKind;

use crate::error::Failure;

/// The environment variable that asks for pauses.
pub const PAUSE_VARIABLE: &str = "LONGHAUL_PAUSE";

/// The entry that asks for a worker that keeps nothing.
const FORGET: &str = "forget";

/// The faults that are asked for; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    pauses: Vec<Pause>,
    forgets: bool,
}

/// An entry of `LONGHAUL_PAUSE` that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{entry}` in `LONGHAUL_PAUSE` cannot be read: {problem}\nhint: write `ACTIVITY[/TOOL][@ATTEMPT]=DURATION`, separated by commas, such as `CallTool/files.search@1=5s,CallModel@1=2s`, or `forget`"
)]
pub struct FaultsError {
    /// The entry as written.
    pub entry: String,
    /// What is wrong with it.
    pub problem: String,
}

impl From<FaultsError> for Failure {
    fn from(error: FaultsError) -> Self {
        Self::new(FailureKind::Internal, error.to_string())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pause {
    activity: String,
    object: Option<String>,
    attempt: Option<u32>,
    duration: Duration,
}

impl Faults {
    /// The pauses that the environment asks for.
    pub fn from_env() -> Result<Self, FaultsError> {
        match std::env::var(PAUSE_VARIABLE) {
            Ok(text) => Self::parse(&text),
            Err(std::env::VarError::NotPresent) => Ok(Self::default()),
            Err(std::env::VarError::NotUnicode(text)) => Err(FaultsError {
                entry: text.to_string_lossy().into_owned(),
                problem: "it is not UTF-8".to_owned(),
            }),
        }
    }

    /// The pauses that `text` asks for.
    pub fn parse(text: &str) -> Result<Self, FaultsError> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let (forget, pauses): (Vec<&str>, Vec<&str>) = entries.partition(|entry| *entry == FORGET);
        let pauses = pauses.into_iter().map(Pause::parse).collect::<Result<_, _>>()?;
        Ok(Self { pauses, forgets: !forget.is_empty() })
    }

    /// Whether the worker is to lose what it keeps of runs before each activity.
    pub fn forgets(&self) -> bool {
        self.forgets
    }

    /// How long this attempt is to pause, if at all. The longest of all pauses that match.
    pub fn duration(&self, activity: &str, object: &str, attempt: u32) -> Option<Duration> {
        let matching = self.pauses.iter().filter(|pause| {
            pause.activity == activity
                && pause.object.as_deref().is_none_or(|wanted| wanted == object)
                && pause.attempt.is_none_or(|wanted| wanted == attempt)
        });
        matching.map(|pause| pause.duration).max()
    }

    /// Pauses if this attempt is to pause. `object` is the tool's name, or empty.
    pub async fn pause(&self, activity: &str, object: &str, attempt: u32) {
        if let Some(duration) = self.duration(activity, object, attempt) {
            tracing::warn!(activity, object, attempt, ?duration, "pausing as LONGHAUL_PAUSE asks");
            tokio::time::sleep(duration).await;
        }
    }
}

impl Pause {
    fn parse(entry: &str) -> Result<Self, FaultsError> {
        let error =
            |problem: &str| FaultsError { entry: entry.to_owned(), problem: problem.to_owned() };
        let (place, duration) =
            entry.split_once('=').ok_or_else(|| error("it has no `=` and duration"))?;
        let duration = humantime::parse_duration(duration.trim())
            .map_err(|problem| error(&format!("its duration is wrong: {problem}")))?;
        let (place, attempt) = match place.split_once('@') {
            Some((place, attempt)) => match attempt.trim().parse::<u32>() {
                Ok(attempt) if attempt > 0 => (place, Some(attempt)),
                Ok(_) | Err(_) => return Err(error("its attempt is not a number from 1")),
            },
            None => (place, None),
        };
        let (activity, object) = match place.split_once('/') {
            Some((_, "")) => return Err(error("it has a `/` and no tool after it")),
            Some((activity, object)) => (activity, Some(object.trim().to_owned())),
            None => (place, None),
        };
        let activity = activity.trim();
        if activity.is_empty() {
            return Err(error("it names no activity"));
        }
        Ok(Self { activity: activity.to_owned(), object, attempt, duration })
    }
}
