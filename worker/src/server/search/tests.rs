//! The order in which a server is looked for.

use std::sync::Mutex;

use super::super::progress::Silent;
use super::*;

const GOOD: &str = "#!/bin/sh\necho 'temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)'\n";
const OLD: &str = "#!/bin/sh\necho 'temporal version 1.1.0 (Server 1.25.0, UI 2.30.3)'\n";
const BROKEN: &str = "#!/bin/sh\necho 'cannot execute: wrong libc' >&2\nexit 127\n";
const DEAF_DOCKER: &str =
    "#!/bin/sh\necho 'Cannot connect to the Docker daemon. Is it running?' >&2\nexit 1\n";
const GO: &str = "#!/bin/sh\n\
    [ \"$1\" = install ] || exit 9\n\
    echo golang.org/x/net >&2\n\
    printf '%s\\n' '#!/bin/sh' 'echo \"temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)\"' \
    > \"$GOBIN/temporal\"\n\
    /bin/chmod +x \"$GOBIN/temporal\"\n";
const BROKEN_GO: &str = "#!/bin/sh\necho 'go: no network' >&2\nexit 1\n";

/// A folder of programs that stands for `PATH`, and a cache folder.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        Self { folder }
    }

    fn has(self, name: &str, script: &str) -> Self {
        let path = self.folder.path().join("bin").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // A shell writes it: a file that this process has open for writing cannot be run, and a
        // test in another thread may be starting a child right now.
        let written = std::process::Command::new("sh")
            .args(["-c", "printf %s \"$1\" > \"$2\" && chmod +x \"$2\"", "sh", script])
            .arg(&path)
            .status()
            .unwrap();
        assert!(written.success());
        self
    }

    fn place(&self) -> SearchPath {
        SearchPath {
            path: self.folder.path().join("bin").into_os_string(),
            cache: Some(self.folder.path().join("cache/temporal-1.5.1")),
            download: false,
        }
    }

    async fn search(&self) -> Result<Found, ServerError> {
        search(&self.place(), &Silent).await
    }

    /// `text` with the folder's path made the same for each test.
    fn plain(&self, text: &str) -> String {
        text.replace(&*self.folder.path().to_string_lossy(), "/M")
    }
}

#[tokio::test]
async fn temporal_on_path_comes_first() {
    let machine = Machine::new().has("temporal", GOOD).has("docker", DEAF_DOCKER).has("go", GO);
    let found = machine.search().await.unwrap();
    assert_eq!(machine.plain(&found.why), "`temporal` on PATH (/M/bin/temporal)");
    assert_eq!(found.version, version::SERVER);
    assert_eq!(found.skipped, []);
}

#[tokio::test]
async fn go_builds_what_is_missing_once() {
    let machine = Machine::new().has("temporal", OLD).has("docker", DEAF_DOCKER).has("go", GO);
    let found = machine.search().await.unwrap();
    assert_eq!(machine.plain(&found.why), "built with `go` (/M/cache/temporal-1.5.1/temporal)");
    let skipped: Vec<String> =
        found.skipped.iter().map(|attempt| machine.plain(&attempt.to_string())).collect();
    assert_eq!(
        skipped,
        [
            "`temporal` on PATH: `/M/bin/temporal`: its server is 1.25.0, too old: 1.27.0 or \
             later is needed",
            "Temporal 1.5.1 built or downloaded before: no `/M/cache/temporal-1.5.1/temporal`",
            "container engine `docker`: installed, but does not run: Cannot connect to the \
             Docker daemon. Is it running?",
            "container engine `podman`: not on PATH",
        ]
    );
    // The scratch folder is gone, the lock and the program stay.
    let left = std::fs::read_dir(machine.folder.path().join("cache")).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["temporal-1.5.1", "temporal-1.5.1.lock"]);

    let machine = machine.has("go", BROKEN_GO);
    let found = machine.search().await.unwrap();
    assert_eq!(
        machine.plain(&found.why),
        "built or downloaded before (/M/cache/temporal-1.5.1/temporal)"
    );
}

#[tokio::test]
async fn two_builds_do_not_collide() {
    let machine = Machine::new().has("go", GO);
    let (place, other) = (machine.place(), machine.place());
    let (one, two) = tokio::join!(search(&place, &Silent), search(&other, &Silent));
    assert_eq!(one.unwrap().version, version::SERVER);
    assert_eq!(two.unwrap().version, version::SERVER);
}

#[tokio::test]
async fn when_all_fails_each_thing_tried_is_named() {
    let machine = Machine::new().has("temporal", BROKEN).has("go", BROKEN_GO);
    let error = machine.search().await.unwrap_err();
    let text = machine.plain(&error.to_string());
    let (tried, hint) = text.split_once("hint: ").unwrap();
    assert_eq!(
        tried,
        "no Temporal server was found, and none could be started\n\
         \u{20} `temporal` on PATH: `/M/bin/temporal`: `--version` failed: cannot execute: wrong \
         libc\n\
         \u{20} Temporal 1.5.1 built or downloaded before: no `/M/cache/temporal-1.5.1/temporal`\n\
         \u{20} container engine `docker`: not on PATH\n\
         \u{20} container engine `podman`: not on PATH\n\
         \u{20} `go` on PATH, to build it: `go install \
         github.com/temporalio/cli/cmd/temporal@v1.5.1` failed: go: no network\n\
         \u{20} download from temporal.download: not allowed here\n"
    );
    assert!(hint.starts_with("install the Temporal command line, then run this again\n  "));
}

/// Remembers what it was told.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Progress for Heard {
    fn note(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
    fn busy(&self, what: &str, _detail: &str) {
        self.0.lock().unwrap().push(what.to_owned());
    }
    fn idle(&self) {}
}

#[tokio::test]
async fn a_build_tells_that_it_goes_on() {
    let machine = Machine::new().has("go", GO);
    let heard = Heard::default();
    search(&machine.place(), &heard).await.unwrap();
    let mut heard = heard.0.into_inner().unwrap();
    heard.dedup();
    assert_eq!(heard, ["building Temporal 1.5.1 with go, once, in a few minutes"]);
}
