//! Tests of the catalogue as a whole.

use super::*;
use crate::load::load;

const SMALL: &str = crate::load::tests::SMALL;

#[test]
fn nothing_is_wrong_with_what_is_compiled_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut slugs = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        // Tasks for the search lie beside the entries.
        if path.extension().is_none_or(|it| it != "yaml") || file == "search_tasks.yaml" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let read = load(&file, &text).unwrap_or_else(|problems| {
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            panic!("{}", problems.join("\n"))
        });
        let builtin = Catalog::builtin().integration(&read.slug).unwrap();
        assert_eq!(*builtin, read, "the build changes nothing");
        slugs.push(read.slug);
    }
    slugs.sort();
    let builtin = Catalog::builtin();
    assert_eq!(builtin.slugs().collect::<Vec<_>>(), slugs, "and leaves nothing out");
}

#[test]
fn no_two_words_stand_for_two_vendors() {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for integration in Catalog::builtin().integrations() {
        let slug = integration.slug.clone();
        for synonym in integration.synonyms.iter().chain([&integration.slug]) {
            let other = owners.insert(synonym.to_lowercase(), slug.clone());
            assert!(other.is_none_or(|other| other == slug), "`{synonym}` of {slug}");
        }
    }
}

#[test]
fn a_folder_adds_and_replaces() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("resend.yaml"), SMALL).unwrap();
    fs::write(folder.path().join("notes.txt"), "not YAML: [").unwrap();
    let other = load("resend.yaml", &SMALL.replace("name: Resend", "name: Other")).unwrap();
    let catalog = Catalog::default().with(other).with_folder(folder.path()).unwrap();
    assert_eq!(catalog.slugs().collect::<Vec<_>>(), ["resend"]);
    assert_eq!(catalog.integration("resend").unwrap().name, "Resend");
    let (integration, operation) = catalog.find("resend.domains.list").unwrap();
    assert_eq!((integration.slug.as_str(), operation), ("resend", "domains.list"));
    assert!(catalog.find("resend.domains.get").is_none());
    let meant = |name| catalog.meant(name);
    assert_eq!(meant("resend.domain.list").as_deref(), Some("resend.domains.list"));
    assert_eq!(meant("resnd.domains.list").as_deref(), Some("resend.domains.list"));
    assert_eq!(meant("stripe.charges.list"), None);
}

#[test]
fn every_mistake_in_a_folder_is_said() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), "slug: [").unwrap();
    fs::write(folder.path().join("b.yaml"), SMALL).unwrap();
    let problems = Catalog::default().with_folder(folder.path()).unwrap_err();
    let files: Vec<_> = problems.iter().map(|problem| problem.file.as_str()).collect();
    assert_eq!(files, ["a.yaml", "b.yaml"]);
    assert!(Catalog::default().with_folder(&folder.path().join("none")).is_err());
}

#[test]
fn a_broken_entry_is_left_out() {
    let good = Box::leak(
        serde_json::to_string(&load("resend.yaml", SMALL).unwrap()).unwrap().into_boxed_str(),
    );
    let catalog = Catalog::of_json(&[("bad", "{"), ("resend", good)]);
    assert!(catalog.integration("bad").is_none());
    assert_eq!(catalog.integrations().count(), 1);
}

#[test]
fn a_tool_is_what_a_gate_and_a_model_need() {
    let catalog = Catalog::default().with(load("resend.yaml", SMALL).unwrap());
    let tool = catalog.tool("resend.domains.list").unwrap();
    assert_eq!(tool.title, "Resend: List domains");
    assert_eq!(tool.effect, longhaul_contract::tool::Effect::Read);
    assert_eq!(tool.budget, 16 * 1024);
    assert_eq!(tool.auth.keys().collect::<Vec<_>>(), ["key"]);
    assert_eq!(tool.parameters["properties"]["region"]["type"], "string");
    assert!(catalog.tool("resend.domains.delete").is_none());
}
