//! The only place that prints: two streams, colours where a terminal takes them, JSON documents.

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use console::{Style, Term};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

/// Columns assumed where nobody can say how wide the output is.
const WIDTH_UNKNOWN: usize = 140;
/// Wider lines are hard to follow even on a wide terminal.
const WIDTH_MOST: usize = 140;

/// Where text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output: what was asked for.
    Out,
    /// Standard error: progress, questions and errors.
    Err,
}

impl Stream {
    /// Writes one line. A reader that went away is no error: the program ends by itself.
    pub fn line(self, text: impl Display) {
        let _ = match self {
            Self::Out => writeln!(io::stdout(), "{text}"),
            Self::Err => writeln!(io::stderr(), "{text}"),
        };
    }

    /// Writes text without ending the line, for a question.
    pub fn ask(self, text: impl Display) {
        let _ = match self {
            Self::Out => write!(io::stdout(), "{text}").and_then(|()| io::stdout().flush()),
            Self::Err => write!(io::stderr(), "{text}").and_then(|()| io::stderr().flush()),
        };
    }

    /// Whether a person reads this stream on a terminal.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Out => io::stdout().is_terminal(),
            Self::Err => io::stderr().is_terminal(),
        }
    }

    /// The colours of this stream.
    pub fn paint(self) -> Paint {
        match self {
            Self::Out => Paint { coloured: console::colors_enabled() },
            Self::Err => Paint { coloured: console::colors_enabled_stderr() },
        }
    }

    /// Columns to lay text out for.
    pub fn width(self) -> usize {
        let term = match self {
            Self::Out => Term::stdout(),
            Self::Err => Term::stderr(),
        };
        match term.size_checked() {
            Some((_, columns)) => usize::from(columns).clamp(40, WIDTH_MOST),
            None => WIDTH_UNKNOWN,
        }
    }
}

/// Whether a person can be asked: they see the question and can type.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && (io::stderr().is_terminal() || io::stdout().is_terminal())
}

/// Writes `value` as one JSON document on standard output.
///
/// # Errors
///
/// Fails if the value cannot be written as JSON.
pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<(), serde_json::Error> {
    let text = serde_json::to_string_pretty(value)?;
    Stream::Out.line(text);
    Ok(())
}

/// Writes raw bytes on standard output, for shell completions.
pub fn bytes(content: &[u8]) {
    let _ = io::stdout().write_all(content);
}

/// Standard output for a long stream of bytes, whose writer wants to know when nobody reads.
pub fn writer() -> impl io::Write {
    io::BufWriter::new(io::stdout())
}

/// An error, in the form in which the program reports it.
pub fn error(text: impl Display) {
    let paint = Stream::Err.paint();
    Stream::Err.line(format_args!("{} {text}", paint.bad("error:")));
}

/// Lines on a stream, with one below them that says what goes on, on a terminal.
///
/// Clones share that line, so that whoever prints does not tear it.
#[derive(Clone, Debug)]
pub struct Voice {
    stream: Stream,
    bar: ProgressBar,
}

impl Voice {
    /// Speaks on `stream`.
    pub fn new(stream: Stream) -> Self {
        let target = match stream {
            _ if !stream.is_terminal() => ProgressDrawTarget::hidden(),
            Stream::Out => ProgressDrawTarget::stdout(),
            Stream::Err => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {spinner} {msg}") {
            bar.set_style(style.tick_chars("-\\|/ "));
        }
        bar.set_prefix(" ".repeat(18));
        bar.finish_and_clear();
        Self { stream, bar }
    }

    /// The stream.
    pub fn stream(&self) -> Stream {
        self.stream
    }

    /// A line that stays.
    pub fn line(&self, text: impl Display) {
        self.bar.suspend(|| self.stream.line(text));
    }

    /// Says what goes on, until [`Voice::idle`].
    pub fn busy(&self, what: &str) {
        if self.bar.is_finished() {
            self.bar.reset();
        }
        self.bar.set_message(what.to_owned());
        self.bar.tick();
    }

    /// Nothing goes on that takes long.
    pub fn idle(&self) {
        if !self.bar.is_finished() {
            self.bar.finish_and_clear();
        }
    }
}

/// The colours in use. Without colours every method returns its text as it is.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    coloured: bool,
}

impl Paint {
    /// No colours, for files, pipes and tests.
    pub const PLAIN: Self = Self { coloured: false };

    /// What stands out: names and headings.
    pub fn strong(self, text: impl Display) -> String {
        self.apply(Style::new().bold(), text)
    }

    /// What may be skipped.
    pub fn faint(self, text: impl Display) -> String {
        self.apply(Style::new().dim(), text)
    }

    /// What went well.
    pub fn good(self, text: impl Display) -> String {
        self.apply(Style::new().green(), text)
    }

    /// What went wrong.
    pub fn bad(self, text: impl Display) -> String {
        self.apply(Style::new().red().bold(), text)
    }

    /// What waits for somebody.
    pub fn attention(self, text: impl Display) -> String {
        self.apply(Style::new().yellow().bold(), text)
    }

    /// What can be copied: commands, paths, addresses.
    pub fn accent(self, text: impl Display) -> String {
        self.apply(Style::new().cyan(), text)
    }

    fn apply(self, style: Style, text: impl Display) -> String {
        style.force_styling(self.coloured).apply_to(text).to_string()
    }
}
