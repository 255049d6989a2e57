//! When a tool is known to be quick.

use std::time::Duration;

use longhaul_contract::definition::Definition;
use longhaul_contract::tool::{Effect, Lane, ToolSpec};

use super::Pace;

const QUICK: Duration = Duration::from_millis(20);
const SLOW: Duration = Duration::from_millis(400);

fn definition(name: &str) -> Definition {
    let text = format!(
        "name: {name}\nmodel: {{provider: ollama, name: m}}\ninstructions: Help.\n\
         tools:\n  - files: {{root: ., write: true}}\n"
    );
    let path = std::path::PathBuf::from(format!("agents/{name}.yaml"));
    crate::agent_file::load(&crate::agent_file::Source { path: &path, text: &text }).unwrap()
}

fn tool(definition: &Definition, name: &str) -> ToolSpec {
    definition.tool(name).unwrap().clone()
}

fn calls(pace: &Pace, agent: &str, tool: &ToolSpec, times: &[Duration]) {
    for time in times {
        pace.took(agent, tool, *time);
    }
}

#[test]
fn three_quick_calls_in_a_row_make_it_quick_and_one_slow_call_ends_that() {
    let (pace, one) = (Pace::default(), definition("one"));
    let read = tool(&one, "files.read");
    calls(&pace, "one", &read, &[QUICK, QUICK, SLOW, QUICK, QUICK]);
    assert_eq!(pace.quick(&one), Vec::<String>::new());
    calls(&pace, "one", &read, &[QUICK]);
    assert_eq!(pace.quick(&one), ["files.read"]);
    assert_eq!(pace.quick(&definition("other")), Vec::<String>::new(), "an agent's own");
    calls(&pace, "one", &read, &[SLOW]);
    assert_eq!(pace.quick(&one), Vec::<String>::new());
}

#[test]
fn only_reads_whose_lane_is_learnt_count() {
    let (pace, one) = (Pace::default(), definition("one"));
    let write = tool(&one, "files.write");
    assert_ne!(write.effect, Effect::Read);
    let mut never = tool(&one, "files.read");
    never.lane = Lane::Normal;
    calls(&pace, "one", &write, &[QUICK; 5]);
    calls(&pace, "one", &never, &[QUICK; 5]);
    assert_eq!(pace.quick(&one), Vec::<String>::new());
}
