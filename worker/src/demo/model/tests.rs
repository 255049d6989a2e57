//! The model of the demo and its agent file.

use std::path::Path;

use longhaul_activities::agent_file::{Source, load};

use super::*;

fn definition(model: &Model) -> longhaul_contract::definition::Definition {
    let text = agent_file(model);
    match load(&Source { path: Path::new("brief.yaml"), text: &text }) {
        Ok(definition) => definition,
        Err(problem) => panic!("{problem}"),
    }
}

#[test]
fn without_a_key_it_is_scripted() {
    assert_eq!(Model::of(&Env::default()), Model::Scripted);
    let definition = definition(&Model::Scripted);
    assert_eq!(
        (definition.model.provider.as_str(), definition.model.name.as_str()),
        ("script", "brief")
    );
    assert!(Model::Scripted.words().iter().any(|line| line.contains("no language model")));
}

#[test]
fn a_key_chooses_its_model() {
    let env: Env = [
        ("OPENAI_API_KEY", "sk-secret"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1"),
        ("OPENAI_MODEL", "local \"quoted\": model"),
    ]
    .into_iter()
    .collect();
    let model = Model::of(&env);
    let definition = definition(&model);
    assert_eq!(definition.model.provider, "openai");
    assert_eq!(definition.model.name, "local \"quoted\": model");
    assert_eq!(definition.model.base_url.as_deref(), Some("http://127.0.0.1:8000/v1"));
    assert_eq!(definition.model.api_key_env.as_deref(), Some("OPENAI_API_KEY"));
    assert!(!agent_file(&model).contains("sk-secret"));
    assert!(!model.words().concat().contains("sk-secret"));
}

#[test]
fn the_first_key_wins() {
    let env: Env = [("GEMINI_API_KEY", "a"), ("ANTHROPIC_API_KEY", "b")].into_iter().collect();
    assert_eq!(definition(&Model::of(&env)).model.provider, "anthropic");
}
