//! What a new project holds.

use longhaul_activities::agents::AgentStore;

use super::*;
use crate::config::{Config, Flags};
use crate::env_vars::Env;

#[test]
fn a_new_project_is_in_order() {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path()).expect("written");
    let config = Config::load_from(&Flags::default(), Env::default(), dir.path()).expect("read");
    assert_eq!(config.agents, dir.path().join("agents"));
    let agents = AgentStore::new(&config.agents);
    assert_eq!(agents.list().expect("listed"), ["hello"]);
    assert_eq!(agents.load("hello").expect("in order").model.provider, "script");
}

#[test]
fn nothing_is_overwritten() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("README.md"), "mine").expect("written");
    let error = write(dir.path()).expect_err("refused").to_string();
    assert!(error.contains("has `README.md` already; nothing was written\nhint:"), "{error}");
    assert_eq!(std::fs::read_to_string(dir.path().join("README.md")).expect("there"), "mine");
    assert!(!dir.path().join("longhaul.toml").exists());
}
