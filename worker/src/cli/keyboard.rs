//! Lines that a person types, read beside everything else that goes on.

use std::io::BufRead as _;

use tokio::sync::mpsc;

/// Standard input, a line at a time.
///
/// A thread of its own waits for the lines, so that a question can be withdrawn while it is open
/// and the program can end without one.
pub(crate) struct Keyboard {
    lines: mpsc::UnboundedReceiver<String>,
}

impl Keyboard {
    /// Starts to read. There is one standard input, so one keyboard.
    pub(crate) fn open() -> Self {
        let (sender, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines }
    }

    /// The next line, trimmed; `None` at the end of the input. May be dropped and asked again.
    pub(crate) async fn line(&mut self) -> Option<String> {
        self.lines.recv().await.map(|line| line.trim().to_owned())
    }

    /// Forgets what was typed before the question.
    pub(crate) fn forget(&mut self) {
        while self.lines.try_recv().is_ok() {}
    }
}
