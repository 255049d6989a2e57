//! The compose file and the Dockerfile against each other and against the code.

use std::collections::BTreeSet;

use longhaul_contract::names;
use regex::Regex;
use serde_json::Value;

use crate::docs::variables;
use crate::workspace::{assert_none, read, root};

const COMPOSE: &str = "docker-compose.yml";
const DOCKERFILE: &str = "worker/Dockerfile";

fn compose() -> Value {
    serde_saphyr::from_str(&read(COMPOSE)).unwrap_or_else(|error| panic!("{COMPOSE}: {error}"))
}

fn services() -> Vec<(String, Value)> {
    let services = compose()["services"].as_object().unwrap().clone();
    services.into_iter().collect()
}

fn worker() -> Value {
    compose()["services"]["worker"].clone()
}

/// An instruction of the Dockerfile, such as `EXPOSE`, with its arguments; the last of that name.
fn instruction(name: &str) -> String {
    let dockerfile = read(DOCKERFILE).replace("\\\n", " ");
    let line = dockerfile.lines().rfind(|line| line.starts_with(&format!("{name} ")));
    let line = line.unwrap_or_else(|| panic!("{DOCKERFILE} has no `{name}`"));
    line[name.len()..].trim().to_owned()
}

/// An image's tag is a version, or comes from a variable whose default is one.
fn is_pinned(image: &str) -> bool {
    let tag = Regex::new(r":(v?[0-9]+(\.[0-9]+)+[a-z0-9.-]*)(@sha256:[0-9a-f]{64})?$").unwrap();
    tag.is_match(image)
}

#[test]
fn images_are_pinned() {
    let mut complaints = Vec::new();
    for (name, service) in services() {
        match service["image"].as_str() {
            Some(image) if service["build"].is_null() && !is_pinned(image) => {
                complaints.push(format!("{COMPOSE}: `{name}` runs `{image}`"));
            }
            Some(_) => {}
            None if service["build"].is_null() => {
                complaints.push(format!("{COMPOSE}: `{name}` has no image"));
            }
            None => {}
        }
    }
    let from = Regex::new(r"(?m)^FROM (?:--platform=\S+ )?(\S+)(?: AS (\S+))?").unwrap();
    let dockerfile = read(DOCKERFILE);
    let stages: BTreeSet<&str> = from
        .captures_iter(&dockerfile)
        .filter_map(|found| found.get(2).map(|stage| stage.as_str()))
        .collect();
    for found in from.captures_iter(&dockerfile) {
        let image = found.get(1).unwrap().as_str();
        if !stages.contains(image) && !is_pinned(image) {
            complaints.push(format!("{DOCKERFILE}: `FROM {image}`"));
        }
    }
    assert!(stages.len() >= 2, "{DOCKERFILE} has one stage");
    assert_none(&complaints);
}

#[test]
fn the_worker_is_given_only_variables_that_it_knows() {
    let known = variables();
    let worker = worker();
    let given = worker["environment"].as_object().unwrap();
    let keys = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"];
    let complaints: Vec<String> = given
        .keys()
        .filter(|name| {
            let libraries = name.starts_with("TEMPORAL_") || name.starts_with("OTEL_");
            !libraries && !known.contains(*name) && !keys.contains(&name.as_str())
        })
        .map(|name| format!("nothing reads `{name}`"))
        .collect();
    assert_none(&complaints);
    for needed in ["TEMPORAL_ADDRESS", "OTEL_EXPORTER_OTLP_ENDPOINT"] {
        assert!(given.contains_key(needed), "the worker is not given `{needed}`");
    }
}

#[test]
fn services_that_are_named_exist() {
    let services: BTreeSet<String> = services().into_iter().map(|(name, _)| name).collect();
    let worker = worker();
    let environment = &worker["environment"];
    let address = environment["TEMPORAL_ADDRESS"].as_str().unwrap();
    let collector = environment["OTEL_EXPORTER_OTLP_ENDPOINT"].as_str().unwrap();
    assert_eq!(address, "temporal:7233");
    // The exporter speaks HTTP, whose port is not that of gRPC.
    assert_eq!(collector, "http://jaeger:4318");
    for name in ["temporal", "jaeger", "postgresql", "ui", "worker"] {
        assert!(services.contains(name), "there is no service `{name}`");
    }
    for (service, value) in self::services() {
        for dependency in value["depends_on"].as_object().into_iter().flatten() {
            assert!(services.contains(dependency.0), "`{service}` needs `{}`", dependency.0);
        }
    }
}

#[test]
fn the_store_is_a_database_that_is_made_with_the_server() {
    let store = setting("LONGHAUL_STORE");
    let (server, database) = store.rsplit_once('/').unwrap();
    assert!(server.ends_with("@postgresql:5432"), "the store is at `{server}`");
    let compose = compose();
    let made = compose["configs"]["databases"]["content"].as_str().unwrap();
    assert_eq!(made.trim(), format!("CREATE DATABASE {database};"));
    let given = compose["services"]["postgresql"]["configs"].as_array().unwrap();
    assert!(given.iter().any(|it| it["source"] == "databases"), "PostgreSQL is not told of it");
}

#[test]
fn every_lasting_service_restarts_and_is_watched() {
    let mut complaints = Vec::new();
    for (name, service) in services() {
        if service["restart"] != "unless-stopped" {
            complaints.push(format!("`{name}` does not restart"));
        }
        // These images hold no shell or client to look with; nothing waits for them.
        let blind = ["ui", "jaeger"].contains(&name.as_str());
        let in_image = name == "worker" && !instruction("HEALTHCHECK").is_empty();
        if !blind && !in_image && service["healthcheck"].is_null() {
            complaints.push(format!("`{name}` has no health check"));
        }
    }
    assert_none(&complaints);
}

#[test]
fn volumes_that_are_named_are_declared_and_mounts_exist() {
    let compose = compose();
    let mut complaints = Vec::new();
    for (name, service) in services() {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let volume = volume.as_str().unwrap();
            let source = volume.split(':').next().unwrap();
            if let Some(path) = source.strip_prefix("./") {
                if !root().join(path).exists() {
                    complaints.push(format!("`{name}` mounts `{source}`, which is not there"));
                }
            } else if compose["volumes"].get(source).is_none() {
                complaints.push(format!("the volume `{source}` of `{name}` is not declared"));
            }
        }
    }
    assert_none(&complaints);
    let worker = worker();
    let mounts: Vec<&str> =
        worker["volumes"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let agents = mounts.iter().find(|mount| mount.starts_with("./agents:")).unwrap();
    assert!(agents.ends_with(":ro"), "agents are mounted for writing: {agents}");
}

/// The value of a variable in the image, or of the compose file where that says another.
fn setting(name: &str) -> String {
    let worker = worker();
    if let Some(value) = worker["environment"][name].as_str() {
        return value.to_owned();
    }
    let env = Regex::new(&format!(r"\b{name}=(\S+)")).unwrap();
    let found = env.captures(&read(DOCKERFILE)).map(|found| found[1].to_owned());
    found.unwrap_or_else(|| panic!("neither {COMPOSE} nor {DOCKERFILE} sets `{name}`"))
}

#[test]
fn ports_and_paths_agree() {
    let listens = setting("LONGHAUL_HTTP");
    let port = listens.rsplit(':').next().unwrap();
    assert_eq!(instruction("EXPOSE"), port);
    assert!(instruction("HEALTHCHECK").contains(&format!(":{port}/healthz")), "health check");
    let worker = worker();
    let published = worker["ports"].as_array().unwrap();
    assert!(
        published.iter().any(|it| it.as_str().unwrap().ends_with(&format!(":{port}"))),
        "port {port} of the worker is not published: {published:?}"
    );
    for variable in ["LONGHAUL_AGENTS", "LONGHAUL_ROOT", "LONGHAUL_BLOBS"] {
        let mounted = setting(variable);
        let fits = |mount: &Value| {
            let mut parts = mount.as_str().unwrap().split(':').skip(1);
            parts.next() == Some(mounted.as_str())
        };
        assert!(
            worker["volumes"].as_array().unwrap().iter().any(fits),
            "`{variable}` is `{mounted}`, where nothing is mounted"
        );
    }
}

#[test]
fn the_task_queue_is_the_usual_one() {
    let worker = worker();
    if let Some(queue) = worker["environment"]["LONGHAUL_TASK_QUEUE"].as_str() {
        assert_eq!(queue, names::TASK_QUEUE);
    }
}

#[test]
fn every_published_port_stays_on_this_machine() {
    let mut complaints = Vec::new();
    for (name, service) in services() {
        for port in service["ports"].as_array().into_iter().flatten() {
            let port = port.as_str().unwrap();
            if !port.starts_with("127.0.0.1:") {
                complaints.push(format!("`{name}` publishes `{port}` to the network"));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn the_image_runs_without_rights() {
    let user = instruction("USER");
    assert!(!["root", "0", "0:0"].contains(&user.as_str()), "the image runs as `{user}`");
    assert_eq!(worker()["read_only"], true, "the worker's file system can be written");
    assert!(instruction("ENTRYPOINT").contains("longhaul"), "the image does not run the program");
}

#[test]
fn the_image_is_built_from_what_the_workspace_needs() {
    let dockerfile = read(DOCKERFILE);
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    for member in manifest["workspace"]["members"].as_array().unwrap() {
        let folder = member.as_str().unwrap().split('/').next().unwrap();
        assert!(dockerfile.contains(&format!(" {folder}")), "the build is not given `{folder}`");
    }
    let toolchain = Regex::new(r"rust:1\.([0-9]+)\.").unwrap();
    let minor: u32 = toolchain.captures(&dockerfile).unwrap()[1].parse().unwrap();
    let least = manifest["workspace"]["package"]["rust-version"].as_str().unwrap();
    let least: u32 = least.split('.').nth(1).unwrap().parse().unwrap();
    assert!(minor >= least, "the image builds with 1.{minor}, 1.{least} is needed");
}
