//! The scenario `brief` on real folders, with the real file tools.

use std::fs;

use longhaul_contract::digest::Digest;
use longhaul_contract::model::ModelReply;
use longhaul_contract::tool::ToolInvocation;

use super::*;
use crate::model::{Environment, Models, ModelsSettings};
use crate::tool::{Attempt, ToolHost, ToolSettings};

/// What a person does at the gate.
#[derive(Clone, Copy, PartialEq)]
enum Person {
    Approves,
    Denies,
    Sleeps,
}

struct Run {
    items: Vec<Item>,
    turns: Vec<ModelReply>,
    folder: tempfile::TempDir,
}

impl Run {
    fn answer(&self) -> &str {
        self.turns.last().unwrap().text.as_deref().unwrap()
    }

    fn brief(&self) -> String {
        fs::read_to_string(self.folder.path().join("PROJECT-BRIEF.md")).unwrap()
    }

    fn calls(&self) -> Vec<(&str, &Value)> {
        let calls = self.turns.iter().flat_map(|turn| &turn.calls);
        calls.map(|call| (call.tool.as_str(), &call.arguments)).collect()
    }

    fn paths_read(&self) -> Vec<&str> {
        let reads = self.calls().into_iter().filter(|(tool, _)| *tool == "files.read");
        reads.map(|(_, arguments)| arguments["path"].as_str().unwrap()).collect()
    }
}

async fn run(files: &[(&str, &str)], tools: &str, person: Person) -> Run {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let definition = definition("brief", tools);
    let models =
        Models::with_environment(ModelsSettings::default(), Environment::of(|_| None)).unwrap();
    let host = ToolHost::new(ToolSettings::plain(folder.path()).unwrap());
    let mut run = Run { items: vec![user("Brief me.")], turns: Vec::new(), folder };
    for turn in 1..20 {
        let call = ModelCall {
            definition: &definition,
            items: &run.items,
            encoded: &Encoded::default(),
            turn,
            attempt: 1,
            workflow_id: "w",
            run_id: "r",
        };
        let reply = models.call(&call).await.unwrap();
        assert_eq!(reply, models.call(&call).await.unwrap(), "a retry says the same");
        run.items.push(Item::Assistant {
            text: reply.text.clone(),
            calls: reply.calls.clone(),
            native: None,
            blob: None,
        });
        for call in &reply.calls {
            assert_eq!(call.problem, None, "{call:?}");
            let result = outcome(&host, &definition, call, person).await;
            run.items.push(Item::ToolResult {
                call: call.id.clone(),
                tool: call.tool.clone(),
                result,
                edited: None,
            });
        }
        let ended = reply.calls.is_empty();
        run.turns.push(reply);
        if ended {
            return run;
        }
    }
    panic!("no end after {} turns", run.turns.len());
}

async fn outcome(
    host: &ToolHost,
    definition: &Definition,
    call: &ToolCall,
    person: Person,
) -> ToolOutcome {
    match (call.tool.as_str(), person) {
        ("files.write", Person::Denies) => {
            return ToolOutcome::Denied { reason: Some("Not in this folder.".to_owned()) };
        }
        ("files.write", Person::Sleeps) => return ToolOutcome::Expired,
        _ => {}
    }
    let invocation = ToolInvocation {
        v: 1,
        definition: Digest::of("d"),
        call: call.id.clone(),
        tool: call.tool.clone(),
        arguments: call.arguments.clone(),
        key: "k".to_owned(),
        turn: 1,
        chain: String::new(),
        index: 0,
        blob: None,
        judging: None,
        grant: None,
        answer: None,
        response: None,
        resume: None,
    };
    let spec = definition.tool(&call.tool).unwrap();
    host.call(definition, spec, &invocation, Attempt { number: 1, last: true }, None).await.unwrap()
}

const TOOLS: &str = "[{files: {write: true}}]";

const PROJECT: [(&str, &str); 7] = [
    (
        "README.md",
        "# Grus\n\nGrus counts cranes over the marshes and warns of flocks near runways.\n\nSee docs/radar.md.\n",
    ),
    ("Cargo.toml", "[package]\nname = \"grus-counter\"\n"),
    (
        "src/main.rs",
        "//! Starts the counter.\n\nfn main() {\n    let cranes = count_cranes();\n}\n\npub fn count_cranes() -> u32 {\n    7\n}\n// padding padding padding padding padding\n",
    ),
    ("src/radar.rs", "pub struct Radar;\n"),
    ("docs/radar.md", "## Radar echoes\n\nEchoes under 3 dB are dropped.\n"),
    (
        "docs/guide.md",
        "# Guide\n\nThis guide is longer than the page about the radar, so it is the document that is read first.\n",
    ),
    ("logo.png", "not really"),
];

#[tokio::test]
async fn the_brief_cites_what_only_reading_tells() {
    let run = run(&PROJECT, TOOLS, Person::Approves).await;
    let reads = run.paths_read();
    assert!((3..=6).contains(&reads.len()), "{reads:?}");
    for path in ["README.md", "Cargo.toml", "docs/guide.md", "src/main.rs"] {
        assert!(reads.contains(&path), "{path} in {reads:?}");
    }
    assert!(!reads.contains(&"logo.png"), "{reads:?}");
    let turns: Vec<Vec<&str>> = run
        .turns
        .iter()
        .map(|turn| turn.calls.iter().map(|call| call.tool.as_str()).collect())
        .collect();
    assert_eq!(turns[0], ["files.list"]);
    assert_eq!(turns[2], ["files.search", "files.read"]);
    assert_eq!(turns[3], ["files.write"]);
    assert_eq!(turns.len(), 5);
    let brief = run.brief();
    for cited in [
        "Grus counts cranes over the marshes",
        "name = \"grus-counter\"",
        "`src/main.rs`: line 3 `fn main() {`; line 7 `pub fn count_cranes() -> u32 {`",
        "## Radar echoes",
        "| .md | 3 |",
        "7 files in 2 folders",
        "- `src/`: 2 files",
    ] {
        assert!(brief.contains(cited), "no `{cited}` in:\n{brief}");
    }
    assert!(!brief.contains("\n\n\n") && !brief.contains("{{"), "{brief}");
    assert!(
        run.answer().starts_with("I wrote PROJECT-BRIEF.md: 7 files listed"),
        "{}",
        run.answer()
    );
}

#[tokio::test]
async fn the_next_file_is_one_that_was_mentioned() {
    let mut files = PROJECT.to_vec();
    files.push(("docs/zz.md", "x"));
    let long = "some words of a log\n".repeat(50);
    for name in ["a.log", "b.log", "c.log", "d.log"] {
        files.push((name, &long));
    }
    let run = run(&files, TOOLS, Person::Approves).await;
    assert_eq!(run.paths_read().last(), Some(&"docs/radar.md"));
}

#[tokio::test]
async fn what_the_person_did_shows_in_the_answer() {
    let denied = run(&PROJECT, TOOLS, Person::Denies).await;
    assert!(denied.answer().contains("was denied"), "{}", denied.answer());
    assert!(denied.answer().contains("Not in this folder."), "{}", denied.answer());
    assert!(!denied.folder.path().join("PROJECT-BRIEF.md").exists());
    let expired = run(&PROJECT, TOOLS, Person::Sleeps).await;
    assert!(expired.answer().starts_with("Nobody answered"), "{}", expired.answer());
}

#[tokio::test]
async fn without_write_the_answer_says_so() {
    let run = run(&PROJECT, "[{files: {}}]", Person::Approves).await;
    assert!(run.answer().starts_with("This agent cannot write files"), "{}", run.answer());
}

#[tokio::test]
async fn an_empty_folder_gets_a_brief_too() {
    let run = run(&[("empty.txt", "")], TOOLS, Person::Approves).await;
    assert!(run.brief().contains("No file could be read as text."), "{}", run.brief());
    let run = self::run(&[], TOOLS, Person::Approves).await;
    assert!(run.brief().contains("0 files in 0 folders"), "{}", run.brief());
}

#[tokio::test]
async fn any_folder_will_do() {
    let mut seed = 7_u64;
    let mut next = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for _ in 0..3 {
        let mut files = Vec::new();
        for index in 0..next(40) + 1 {
            let depth = next(3);
            let folders: String = (0..depth).map(|_| format!("d{}/", next(4))).collect();
            let ending = ["", ".qx7", ".rs", ".md", ".bin", ".py", ".log"]
                [usize::try_from(next(7)).unwrap()];
            let text = match next(5) {
                0 => String::new(),
                1 => "\u{0}\u{1}binary".to_owned(),
                2 => format!(
                    "secret-token-{index} stands in line one\n{}",
                    "`x` {{ y }} ~~~ | z\n".repeat(30)
                ),
                _ => format!(
                    "# heading {index}\nonly-by-reading-{index}\n{}",
                    "w ".repeat(usize::try_from(next(300)).unwrap())
                ),
            };
            files.push((format!("{folders}n{index}_{}{ending}", next(1000)), text));
        }
        let files: Vec<(&str, &str)> =
            files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
        let run = run(&files, TOOLS, Person::Approves).await;
        let brief = run.brief();
        let listed = files.len();
        assert!(brief.contains(&format!("{listed} files in ")), "{listed}:\n{brief}");
        for path in run.paths_read() {
            let text = files.iter().find(|(name, _)| *name == path).unwrap().1;
            let cited = text.contains('\u{0}')
                || text.lines().next().is_some_and(|line| brief.contains(line.trim()));
            assert!(cited, "{path} is not cited in:\n{brief}");
        }
        assert!(run.answer().starts_with("I wrote PROJECT-BRIEF.md"), "{}", run.answer());
    }
}
