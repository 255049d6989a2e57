//! What the command line accepts.

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_verb_of_the_documentation_is_there() {
    let lines = [
        "longhaul dev --ephemeral --port 7300 --agents a",
        "longhaul worker --http 127.0.0.1:9090",
        "longhaul demo --dir . --yes --crash",
        "longhaul init somewhere",
        "longhaul run brief hello --session --id x",
        "longhaul run brief hello --detach --json",
        "longhaul chat brief --id x",
        "longhaul send x hello --wait",
        "longhaul status",
        "longhaul status x --json",
        "longhaul transcript x",
        "longhaul approvals --json",
        "longhaul approvals approve x/apr_1_1 --digest sha256:00112233",
        "longhaul approvals deny --run x apr_1_1 --reason no",
        "longhaul approvals show x/apr_1_1",
        "longhaul trace x --follow",
        "longhaul retry x",
        "longhaul cancel x --reason enough",
        "longhaul transcript x --full",
        "longhaul forget x --dry-run --json",
        "longhaul forget x --yes",
        "longhaul store status --json",
        "longhaul store list --limit 5",
        "longhaul store gc --dry-run --older-than 1h --json",
        "longhaul store backup folder",
        "longhaul store restore folder --json",
        "longhaul store export x --output x.jsonl",
        "longhaul agents",
        "longhaul agents list --json",
        "longhaul agents validate",
        "longhaul agents new helper",
        "longhaul setup --address localhost:7233",
        "longhaul completions zsh",
    ];
    for line in lines {
        if let Err(error) = parse(line) {
            panic!("`{line}`: {error}");
        }
    }
}

#[test]
fn contradictions_are_refused() {
    for line in ["longhaul run brief hello --wait --detach", "longhaul trace x --follow --json"] {
        let error = parse(line).expect_err(line);
        assert_eq!(error.kind(), ErrorKind::ArgumentConflict, "{line}");
    }
    assert!(parse("longhaul").is_err());
    assert!(parse("longhaul store gc --older-than soon").is_err());
}

#[test]
fn options_of_the_connection_stand_anywhere() {
    let cli = parse("longhaul status --address a:1 --namespace n --task-queue q").expect("valid");
    assert_eq!(cli.globals.address.as_deref(), Some("a:1"));
    assert_eq!(cli.globals.flags().namespace.as_deref(), Some("n"));
    assert_eq!(cli.globals.flags().task_queue.as_deref(), Some("q"));
}
