//! How what takes long is shown: a spinner on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a plain log says that something still goes on.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Where a search or a start tells how it goes.
pub trait Progress: Send + Sync {
    /// A line that stays.
    fn note(&self, line: &str);
    /// What is being done now, and its latest detail. Called again and again while it lasts.
    fn busy(&self, what: &str, detail: &str);
    /// Nothing is being done any more.
    fn idle(&self);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn note(&self, _line: &str) {}
    fn busy(&self, _what: &str, _detail: &str) {}
    fn idle(&self) {}
}

/// Shows progress on standard error.
#[derive(Debug, Default)]
pub struct Terminal {
    current: Mutex<Option<Activity>>,
}

#[derive(Debug)]
struct Activity {
    what: String,
    since: Instant,
    /// How often it has been said in plain lines.
    said: u32,
    /// On a terminal only.
    bar: Option<ProgressBar>,
}

impl Activity {
    fn begin(what: &str) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner:.dim} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { what: what.to_owned(), since: Instant::now(), said: 0, bar }
    }
}

impl Progress for Terminal {
    fn note(&self, line: &str) {
        let current = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match current.as_ref().and_then(|activity| activity.bar.as_ref()) {
            Some(bar) => bar.suspend(|| plain(line)),
            None => plain(line),
        }
    }

    fn busy(&self, what: &str, detail: &str) {
        let mut current = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(old) = current.take_if(|activity| activity.what != what)
            && let Some(bar) = old.bar
        {
            bar.finish_and_clear();
        }
        let activity = current.get_or_insert_with(|| Activity::begin(what));
        let elapsed = activity.since.elapsed();
        let line = busy_line(what, detail, elapsed);
        match &activity.bar {
            Some(bar) => bar.set_message(line),
            None if activity.said == 0 || elapsed >= PLAIN_EVERY * activity.said => {
                activity.said += 1;
                plain(&line);
            }
            None => {}
        }
    }

    fn idle(&self) {
        let mut current = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(bar) = current.take().and_then(|activity| activity.bar) {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.idle();
    }
}

fn busy_line(what: &str, detail: &str, elapsed: Duration) -> String {
    let mut line = what.to_owned();
    if elapsed >= Duration::from_secs(1) {
        line.push_str(&format!(" ({} s)", elapsed.as_secs()));
    }
    if !detail.is_empty() {
        line.push_str(": ");
        line.push_str(detail);
    }
    line
}

fn plain(line: &str) {
    // Nobody is left to tell if standard error is gone.
    let _ = writeln!(stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_line_tells_time_after_a_second() {
        assert_eq!(busy_line("building", "", Duration::from_millis(900)), "building");
        assert_eq!(
            busy_line("building", "net/http", Duration::from_secs(61)),
            "building (61 s): net/http"
        );
    }
}
