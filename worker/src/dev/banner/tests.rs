//! The banner of the dev server.

use longhaul_activities::agent_file::{Problem, Source};

use super::*;

fn info() -> DevInfo {
    DevInfo {
        pid: 7,
        started: "1".to_owned(),
        address: "127.0.0.1:7234".to_owned(),
        ui: Some("http://127.0.0.1:8233".to_owned()),
        namespace: "default".to_owned(),
        task_queue: "longhaul".to_owned(),
        http: "127.0.0.1:4000".parse().unwrap(),
        agents: "/w/agents".into(),
        root: "/w".into(),
    }
}

fn server() -> ServerInfo {
    ServerInfo {
        address: "127.0.0.1:7234".to_owned(),
        ui: Some("http://127.0.0.1:8233".to_owned()),
        version: "1.29.1".to_owned(),
        db: Some("/w/.longhaul/temporal-1.29.1.db".into()),
        why: "`temporal` on PATH (/usr/bin/temporal)".to_owned(),
        pid: Some(8),
    }
}

fn agents() -> Vec<Agent> {
    let (good, bad) = (Path::new("/w/agents/echo.yaml"), Path::new("/w/agents/bad.yaml"));
    let text = "name: echo\nmodel: {provider: openai, name: m}\ninstructions: Echo.\n";
    let source = Source { path: bad, text: "" };
    vec![
        Agent {
            path: good.to_path_buf(),
            result: longhaul_activities::agent_file::load(&Source { path: good, text }),
        },
        Agent { path: bad.to_path_buf(), result: Err(Problem::whole(&source, "is empty")) },
    ]
}

#[test]
fn the_banner_says_where_all_is_and_how_to_begin() {
    let text = banner(&info(), Some(&server()), Some(9), &agents(), Path::new("/w"));
    let problem = agents()[1].result.as_ref().unwrap_err().to_string();
    assert_eq!(
        text,
        format!(
            "  server    127.0.0.1:7234, Temporal 1.29.1
            `temporal` on PATH (/usr/bin/temporal)
  web ui    http://127.0.0.1:8233
  state     .longhaul/temporal-1.29.1.db
  worker    task queue longhaul, process 9, http://127.0.0.1:4000
  root      /w
  agents    echo (in agents, reloaded when they change)

{problem}

Start a run with either of
  longhaul run echo \"Hello\"
  temporal workflow start --address 127.0.0.1:7234 --type Agent --task-queue longhaul --input \
             '{{\"agent\":\"echo\",\"message\":\"Hello\"}}'
"
        )
    );
}

#[test]
fn without_agents_it_says_how_to_make_one() {
    let text = banner(&info(), None, None, &[], Path::new("/elsewhere"));
    assert!(
        text.contains("  agents    none in /w/agents yet; `longhaul agents new NAME` makes one\n"),
        "{text}"
    );
    assert!(!text.contains("Start a run"), "{text}");
}

#[test]
fn the_usual_address_is_left_out() {
    let usual = DevInfo { address: "127.0.0.1:7233".to_owned(), ..info() };
    assert!(!stock("echo", &usual).contains("--address"));
    let named = DevInfo { namespace: "team".to_owned(), ..usual };
    assert!(stock("echo", &named).contains(" --namespace team "));
}
