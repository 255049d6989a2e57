//! What a worker has in hand, on this host's disk, so that its successor need not wait for
//! time-outs after a crash.
//!
//! | module | holds |
//! | --- | --- |
//! | `ledger` | the lines of a journal, and what they add up to |
//! | `file` | files that belong to one living process each, and those of the dead |
//! | [`take_over`] | what a worker does with the journals of the dead |
//!
//! A journal is a help and never a condition: a worker that cannot write one says so and goes on,
//! and its runs recover by time-outs as they do on another host.

mod file;
mod ledger;
pub mod take_over;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use file::Owned;
pub use file::folder;
pub use ledger::{Call, Header, Run};
use ledger::{Ledger, Line};

/// How long an attempt that has ended is still kept: the server is told a moment after it ends,
/// and a worker that dies in between leaves it open there. That of one which the server does know
/// is refused by it, so keeping it is safe.
const TOLD_WITHIN: Duration = Duration::from_secs(1);
/// A file that has grown to this many bytes is written anew with what still counts.
const ROTATE_AT: u64 = 1024 * 1024;

/// The journal of one worker. Cheap to clone; the file is held until the last clone is gone, and
/// then deleted unless calls are still in flight.
#[derive(Clone)]
pub struct Journal(Arc<Mutex<Pen>>);

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Task tokens are nobody's business.
        f.debug_struct("Journal").field("path", &self.pen().path).finish_non_exhaustive()
    }
}

/// Who writes, and what the file adds up to.
struct Pen {
    path: PathBuf,
    header: Header,
    /// None once writing has failed: what would follow a half line says nothing.
    file: Option<Owned>,
    ledger: Ledger,
    next: u64,
    ended: VecDeque<(Instant, u64)>,
    rotate_at: u64,
}

impl Journal {
    /// A new journal in `folder`; `None`, with a warning, if it cannot be written.
    pub fn open(folder: &Path, header: Header) -> Option<Self> {
        Self::open_with(folder, header, ROTATE_AT)
    }

    fn open_with(folder: &Path, header: Header, rotate_at: u64) -> Option<Self> {
        let line = Line::Journal(header.clone());
        match Owned::create(folder, &line.text()) {
            Ok((path, file)) => Some(Self(Arc::new(Mutex::new(Pen {
                path,
                header,
                file: Some(file),
                ledger: Ledger::default(),
                next: 1,
                ended: VecDeque::new(),
                rotate_at,
            })))),
            Err(error) => {
                tracing::warn!(
                    folder = %folder.display(),
                    %error,
                    "no crash journal can be written; after a crash, runs go on once time-outs pass"
                );
                None
            }
        }
    }

    /// An attempt of an activity begins; its end is told with the number that this returns.
    pub fn begin(&self, call: Call) -> u64 {
        let mut pen = self.pen();
        let number = pen.next;
        pen.next += 1;
        pen.settle();
        pen.write(Line::Begin { n: number, call });
        number
    }

    /// An attempt has ended.
    pub fn end(&self, number: u64) {
        let mut pen = self.pen();
        pen.ended.push_back((Instant::now(), number));
        pen.settle();
    }

    /// A run is in memory from now on.
    pub fn hold(&self, run: Run) {
        self.pen().write(Line::Held(run));
    }

    /// A run is no longer in memory.
    pub fn let_go(&self, run: Run) {
        self.pen().write(Line::LetGo(run));
    }

    fn pen(&self) -> MutexGuard<'_, Pen> {
        // A panic elsewhere leaves at worst a line unwritten.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pen {
    fn write(&mut self, line: Line) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = file.append(&line.text()) {
            self.fail(&error);
            return;
        }
        self.ledger.apply(line);
        if file.size() > self.rotate_at {
            self.rotate();
        }
    }

    /// Writes down the ends that the server has been told by now.
    fn settle(&mut self) {
        while let Some((at, number)) = self.ended.front().copied()
            && at.elapsed() > TOLD_WITHIN
        {
            self.ended.pop_front();
            self.write(Line::End { n: number });
        }
    }

    fn rotate(&mut self) {
        let mut text = Line::Journal(self.header.clone()).text();
        for line in self.ledger.lines() {
            text.push_str(&line.text());
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        // Under a new name: a file that takes the place of another is flushed to the disk by some
        // file systems, for which everybody would wait. A successor that finds both does no harm.
        match Owned::create(folder, &text) {
            Ok((path, file)) => {
                // Much that still counts must not be written again and again.
                self.rotate_at = self.rotate_at.max(file.size().saturating_mul(2));
                self.file = Some(file);
                let old = std::mem::replace(&mut self.path, path);
                // At worst a successor finds nothing to do in it.
                let _ = std::fs::remove_file(old);
            }
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&mut self, error: &std::io::Error) {
        tracing::warn!(
            path = %self.path.display(),
            %error,
            "the crash journal ends here; after a crash, runs go on once time-outs pass"
        );
        self.file = None;
    }
}

impl Drop for Pen {
    fn drop(&mut self) {
        let ended = self.ended.iter().map(|(_, number)| *number);
        // Whoever lets a worker go has waited for its answers to reach the server.
        ended.for_each(|number| self.ledger.apply(Line::End { n: number }));
        if self.ledger.calls().next().is_none() && self.file.is_some() {
            // At worst a successor finds nothing to do in it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
