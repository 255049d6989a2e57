//! Tests of the agent that is measured.

use longhaul_activities::agents::AgentStore;
use longhaul_activities::model::script::Scenario;
use longhaul_contract::tool::Lane;

use super::*;

#[test]
fn the_agents_can_be_loaded_and_their_scenario_played() {
    let folder = tempfile::tempdir().unwrap();
    furnish(folder.path()).unwrap();
    let agents = folder.path().join("agents");
    for (name, lane) in [(AGENT, Lane::Learnt), (PLAIN_AGENT, Lane::Normal)] {
        let agent = AgentStore::new(agents.clone()).load(name).unwrap();
        assert_eq!(agent.tool("files.read").unwrap().lane, lane);
        assert!(agent.tool("files.write").is_none(), "nothing asks a person");
        Scenario::load(Some(&agents), &agent.model.name).unwrap();
    }
}

#[test]
fn the_message_says_how_many_turns() {
    assert_eq!(input(7, false).message.as_deref(), Some("7"));
}
