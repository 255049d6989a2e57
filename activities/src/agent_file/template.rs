//! The agent file that `longhaul agents new` starts from.

/// A commented agent file for the agent `name`, which must be an agent's name.
///
/// It plays a scenario, so that it runs at once and without a key.
pub fn definition_template(name: &str) -> String {
    include_str!("template.yaml").replace("{{name}}", name)
}
