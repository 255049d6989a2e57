//! Tests of the agents that ask the mock model.

use longhaul_activities::agents::AgentStore;
use longhaul_contract::tool::Lane;

use super::*;

#[test]
fn the_agents_can_be_loaded() {
    let folder = tempfile::tempdir().unwrap();
    for (name, lane) in
        [(WORKS, Lane::Learnt), (ASKS, Lane::Normal), (EXPRESS, Lane::Fast), (PLAIN, Lane::Normal)]
    {
        let text = agent_file(name, "http://127.0.0.1:1/v1/", false);
        std::fs::write(folder.path().join(format!("{name}.yaml")), text).unwrap();
        let agent = AgentStore::new(folder.path().to_owned()).load(name).unwrap();
        assert_eq!(!agent.approvals.is_empty(), name == ASKS);
        assert_eq!(agent.tool("files.read").unwrap().lane, lane);
    }
}

#[test]
fn files_have_the_asked_size() {
    assert_eq!(data(1024).len(), 1024);
    assert_eq!(data(220).len(), 220);
}
