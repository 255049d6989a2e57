//! Where settings come from, and what is said about bad ones.

use std::path::Path;
use std::time::Duration;

use super::*;

fn folder_with(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE_NAME), text).unwrap();
    folder
}

fn load(flags: &Flags, env: &[(&str, &str)], folder: &Path) -> Result<Config, ConfigError> {
    // No `temporal.toml` of the machine that runs the tests.
    let absent = [("TEMPORAL_CONFIG_FILE", "/nonexistent/temporal.toml")];
    Config::load_from(flags, env.iter().chain(&absent).copied().collect(), folder)
}

#[test]
fn defaults_without_file_environment_and_flags() {
    let folder = tempfile::tempdir().unwrap();
    let config = load(&Flags::default(), &[], folder.path()).unwrap();
    assert_eq!(config.task_queue, "longhaul");
    assert_eq!(config.agents, folder.path().join("agents"));
    assert_eq!(config.state, folder.path().join(".longhaul"));
    assert_eq!(config.http, None);
    assert_eq!(config.tuning, Tuning::default());
    assert_eq!(config.file, None);
}

#[test]
fn flags_win_over_environment_and_environment_over_file() {
    let folder = folder_with(
        "task_queue = \"file\"\nagents = \"a-file\"\nroot = \"r-file\"\n[worker]\n\
         workflow_pollers = 3\nactivity_pollers = 4\nsticky_timeout = \"2s\"\n",
    );
    let flags = Flags { task_queue: Some("flag".into()), ..Flags::default() };
    let env = [
        ("LONGHAUL_TASK_QUEUE", "variable"),
        ("LONGHAUL_AGENTS", "a-variable"),
        ("LONGHAUL_ACTIVITY_POLLERS", "5"),
    ];
    let config = load(&flags, &env, folder.path()).unwrap();
    assert_eq!(config.task_queue, "flag");
    assert_eq!(config.agents, folder.path().join("a-variable"));
    assert_eq!(config.root, folder.path().join("r-file"));
    assert_eq!(
        config.tuning,
        Tuning {
            workflow_pollers: 3,
            activity_pollers: 5,
            sticky_timeout: Duration::from_secs(2),
            ..Tuning::default()
        }
    );
}

#[test]
fn paths_in_a_file_start_from_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("deep");
    std::fs::create_dir(&deep).unwrap();
    std::fs::write(deep.join("other.toml"), "agents = \"mine\"\n").unwrap();
    let flags = Flags { config: Some("deep/other.toml".into()), ..Flags::default() };
    let config = load(&flags, &[], folder.path()).unwrap();
    assert_eq!(config.agents, deep.join("mine"));
    assert_eq!(config.file, Some(deep.join("other.toml")));
}

#[test]
fn the_store_is_in_the_state_folder_unless_file_or_environment_say_otherwise() {
    let folder = folder_with("state = \"s\"\n");
    let config = load(&Flags::default(), &[], folder.path()).unwrap();
    assert_eq!(config.store, StoreSettings::in_folder(&folder.path().join("s")));

    let folder = folder_with("[store]\ndatabase = \"postgres://db/file\"\nblobs = \"s3://file\"\n");
    let config = load(&Flags::default(), &[], folder.path()).unwrap();
    assert_eq!(config.store.database, "postgres://db/file");
    assert_eq!(config.store.blobs, "s3://file");

    let env = [("LONGHAUL_STORE", "postgres://me:hush@db/variable")];
    let config = load(&Flags::default(), &env, folder.path()).unwrap();
    assert_eq!(config.store.database, "postgres://me:hush@db/variable");
    assert_eq!(config.store.blobs, "s3://file");
    assert!(!format!("{:?}", config.store).contains("hush"));

    let env = [("LONGHAUL_BLOBS", "gs://variable")];
    let config = load(&Flags::default(), &env, folder.path()).unwrap();
    assert_eq!(config.store.blobs, "gs://variable");
}

#[test]
fn a_named_file_must_exist() {
    let folder = tempfile::tempdir().unwrap();
    let error = load(&Flags::default(), &[("LONGHAUL_CONFIG", "x.toml")], folder.path());
    let expected =
        format!("there is no configuration file `{}`", folder.path().join("x.toml").display());
    assert_eq!(error.unwrap_err().to_string(), expected);
}

#[test]
fn errors_name_file_line_and_column() {
    let cases = [
        ("agents = \"a\"\nagent = \"b\"\n", "2:1: unknown field `agent`, expected one of"),
        ("[worker]\nhttp = \"everywhere\"\n", "2:8: invalid socket address syntax"),
        ("[worker]\nsticky_timeout = \"soon\"\n", "2:18: expected a duration such as `500ms`"),
        ("[worker]\nworkflow_pollers = 1\n", "2:20: must be at least 2"),
        ("[store]\ndatabse = \"x\"\n", "2:1: unknown field `databse`, expected `database`"),
        ("root = [\n", "1:"),
    ];
    for (text, expected) in cases {
        let folder = folder_with(text);
        let error = load(&Flags::default(), &[], folder.path()).unwrap_err().to_string();
        let path = folder.path().join(FILE_NAME);
        let expected = format!("{}:{expected}", path.display());
        assert!(error.starts_with(&expected), "{error}\nis not\n{expected}");
    }
}

#[test]
fn errors_name_the_variable() {
    let folder = tempfile::tempdir().unwrap();
    let error = |name, value| {
        load(&Flags::default(), &[(name, value)], folder.path()).unwrap_err().to_string()
    };
    assert_eq!(
        error("LONGHAUL_ACTIVITY_SLOTS", "0"),
        "environment variable `LONGHAUL_ACTIVITY_SLOTS` is `0`: must be at least 1"
    );
    assert_eq!(
        error("LONGHAUL_GRACEFUL_PERIOD", "x"),
        "environment variable `LONGHAUL_GRACEFUL_PERIOD` is `x`: expected a duration such as \
         `500ms` or `10s`"
    );
}

#[test]
fn the_address_comes_from_the_first_that_names_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("temporal.toml"),
        "[profile.default]\naddress = \"profile:1\"\nnamespace = \"p\"\n",
    )
    .unwrap();
    let toml = folder.path().join("temporal.toml");
    let find = |flag: Option<&str>, env: &[(&str, &str)]| {
        let flags = Flags { address: flag.map(str::to_owned), ..Flags::default() };
        let config = Config::load_from(&flags, env.iter().copied().collect(), folder.path());
        let target = target(&config.unwrap()).unwrap();
        (target.address, target.namespace, target.source)
    };
    let file = ("TEMPORAL_CONFIG_FILE", toml.to_str().unwrap());
    let none = ("TEMPORAL_CONFIG_FILE", "/nonexistent/temporal.toml");
    let named =
        |address: &str, namespace: &str, source| (address.to_owned(), namespace.to_owned(), source);
    assert_eq!(
        find(Some("flag:1"), &[file, ("TEMPORAL_ADDRESS", "variable:1")]),
        named("flag:1", "p", TargetSource::Flag)
    );
    assert_eq!(
        find(None, &[file, ("TEMPORAL_ADDRESS", "variable:1"), ("TEMPORAL_NAMESPACE", "n")]),
        named("variable:1", "n", TargetSource::Variable)
    );
    assert_eq!(
        find(None, &[file]),
        named("profile:1", "p", TargetSource::Profile("default".into()))
    );
    assert_eq!(
        find(None, &[none, ("TEMPORAL_ADDRESS", "")]),
        named("localhost:7233", "default", TargetSource::Default)
    );
}

#[test]
fn a_missing_profile_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = load(&Flags::default(), &[("TEMPORAL_PROFILE", "prod")], folder.path()).unwrap();
    let error = target(&config).unwrap_err();
    assert!(error.to_string().contains("Profile 'prod' not found"), "{error}");
    assert!(!error.is_passing());
}

#[tokio::test]
async fn a_refused_connection_says_what_was_tried_and_what_to_do() {
    // A port that was free a moment ago.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let folder = tempfile::tempdir().unwrap();
    let flags = Flags { address: Some(address.clone()), ..Flags::default() };
    let config = load(&flags, &[], folder.path()).unwrap();
    let error = connect(&config, Vec::new()).await.map(|_| ()).unwrap_err();
    assert!(error.is_passing());
    let text = error.to_string();
    let start = format!(
        "cannot reach a Temporal server at `{address}` (named by `--address`): Connection refused"
    );
    assert!(text.starts_with(&start), "{text}");
    assert!(text.ends_with(
        "\nhint: start one with `longhaul dev`, or name another with `--address` or \
         `TEMPORAL_ADDRESS`"
    ));
}

#[test]
fn debug_output_holds_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let config = load(&Flags::default(), &[("TEMPORAL_API_KEY", "hush")], folder.path()).unwrap();
    let target = target(&config).unwrap();
    assert!(!format!("{target:?} {config:?}").contains("hush"));
}
