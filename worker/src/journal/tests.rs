//! Journals of the living and the dead.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use super::file::Dead;
use super::*;

fn header(queue: &str) -> Header {
    Header::new("127.0.0.1:7233", "default", queue)
}

fn run(id: &str) -> Run {
    Run { workflow_id: id.to_owned(), run_id: format!("{id}-1") }
}

fn call(id: &str) -> Call {
    Call {
        token: vec![0, 15, 16, 255],
        activity_type: "CallModel".to_owned(),
        activity_id: "model-1".to_owned(),
        run: run(id),
    }
}

fn open(folder: &Path) -> Journal {
    Journal::open(folder, header("queue")).unwrap()
}

/// What a worker of that queue would take over.
fn dead(folder: &Path) -> Vec<Dead> {
    Dead::all(folder, &Line::Journal(header("queue")).text()).unwrap()
}

/// The only journal in `folder`, read whoever owns it.
fn only(folder: &Path) -> (PathBuf, String) {
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let path = files.remove(0);
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

fn read(text: &str) -> Ledger {
    Ledger::read(text).unwrap().1
}

#[test]
fn lines_stay_as_they_are() {
    let lines = [
        Line::Journal(Header { host: "here".to_owned(), ..header("queue") }),
        Line::Begin { n: 1, call: call("a") },
        Line::End { n: 1 },
        Line::Held(run("a")),
        Line::LetGo(run("a")),
    ];
    let text: String = lines.iter().map(Line::text).collect();
    assert_eq!(
        text,
        r#"{"journal":{"version":1,"host":"here","address":"127.0.0.1:7233","namespace":"default","task_queue":"queue"}}
{"begin":{"n":1,"token":"000f10ff","activity_type":"CallModel","activity_id":"model-1","workflow_id":"a","run_id":"a-1"}}
{"end":{"n":1}}
{"held":{"workflow_id":"a","run_id":"a-1"}}
{"let_go":{"workflow_id":"a","run_id":"a-1"}}
"#
    );
    for (line, text) in lines.iter().zip(text.lines()) {
        assert_eq!(&serde_json::from_str::<Line>(text).unwrap(), line);
    }
}

#[test]
fn what_is_open_at_the_end_is_what_counts() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let first = journal.begin(call("a"));
    let second = journal.begin(call("b"));
    assert_ne!(first, second);
    journal.hold(run("a"));
    journal.hold(run("b"));
    journal.let_go(run("b"));
    // One that is rebuilt is held anew before the old one is dropped.
    journal.hold(run("a"));
    journal.let_go(run("a"));
    let ledger = read(&only(folder.path()).1);
    assert_eq!(ledger.calls().collect::<Vec<_>>(), [&call("a"), &call("b")]);
    assert_eq!(ledger.held().collect::<Vec<_>>(), [&run("a")]);
}

#[test]
fn an_end_is_written_once_the_server_knows_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let number = journal.begin(call("a"));
    journal.end(number);
    assert_eq!(read(&only(folder.path()).1).calls().count(), 1);
    let told = Instant::now().checked_sub(TOLD_WITHIN * 2).unwrap();
    journal.pen().ended.iter_mut().for_each(|(at, _)| *at = told);
    let number = journal.begin(call("b"));
    assert_eq!(read(&only(folder.path()).1).calls().collect::<Vec<_>>(), [&call("b")]);
    journal.end(number);
}

#[test]
fn a_torn_or_unknown_line_costs_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    journal.begin(call("a"));
    let (_, text) = only(folder.path());
    let torn = format!("{text}{{\"later\":{{}}}}\n{}", &Line::End { n: 1 }.text()[..6]);
    assert_eq!(read(&torn).calls().count(), 1);
    for text in ["", "\n", "{\"jour", "{\"end\":{\"n\":1}}\n"] {
        assert_eq!(Ledger::read(text), None, "{text}");
    }
    let other = text.replace("\"version\":1", "\"version\":2");
    assert_ne!(Ledger::read(&other).unwrap().0, header("queue"));
    for token in ["abc", "zz", "é"] {
        let line = Line::Begin { n: 1, call: call("a") }.text().replace("000f10ff", token);
        assert!(serde_json::from_str::<Line>(&line).is_err(), "{token}");
    }
}

#[test]
fn only_the_dead_are_found_and_only_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("state").join("journal");
    assert!(dead(&folder).is_empty());
    let journal = open(&folder);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (path, text) = only(&folder);
    assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
    assert!(dead(&folder).is_empty());
    // As a kill would: the lock goes, the file stays.
    journal.begin(call("a"));
    drop(journal);
    let mut left = dead(&folder);
    assert_eq!(left.len(), 1);
    assert!(left[0].text().unwrap().starts_with(&text));
    assert!(dead(&folder).is_empty(), "another successor has it");
    left.remove(0).delete();
    assert!(!path.exists());
    assert!(dead(&folder).is_empty());
}

#[test]
fn a_worker_that_ends_in_order_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let number = journal.begin(call("a"));
    journal.hold(run("a"));
    journal.end(number);
    drop(journal);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_has_grown_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open_with(folder.path(), header("queue"), 4096).unwrap();
    journal.begin(call("kept"));
    journal.hold(run("kept"));
    let (path, _) = only(folder.path());
    for _ in 0..200 {
        journal.hold(run("passing"));
        journal.let_go(run("passing"));
    }
    let (other, text) = only(folder.path());
    assert_ne!(other, path);
    assert!(text.len() < 5000, "{}", text.len());
    let (found, ledger) = Ledger::read(&text).unwrap();
    assert_eq!(found, header("queue"));
    assert_eq!(ledger.calls().collect::<Vec<_>>(), [&call("kept")]);
    assert_eq!(ledger.held().collect::<Vec<_>>(), [&run("kept")]);
    assert!(dead(folder.path()).is_empty(), "the new file is held, too");
    // What counts is more than the limit: it is not written again with every line.
    for id in 0..100 {
        journal.hold(run(&format!("many-{id}")));
    }
    assert!(journal.pen().rotate_at > 4096);
    assert_eq!(read(&only(folder.path()).1).held().count(), 101);
}

#[test]
fn files_of_nobody_are_cleared_away_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let old = |name: &str, days: u64| {
        let mut file = std::fs::File::create(folder.path().join(name)).unwrap();
        file.write_all(Line::Journal(header("other")).text().as_bytes()).unwrap();
        let at = std::time::SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60);
        file.set_modified(at).unwrap();
    };
    old("1.journal", 8);
    old("2.journal", 1);
    old("3.new", 1);
    old("4.new", 0);
    old("5.txt", 30);
    assert!(dead(folder.path()).is_empty());
    let mut names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["2.journal", "4.new", "5.txt"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_done_without() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    std::fs::write(&file, "").unwrap();
    assert!(Journal::open(&file.join("journal"), header("queue")).is_none());
}
