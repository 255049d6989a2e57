//! Which tables describe a channel, and what is said about the others.

use longhaul_activities::people::{ChannelKind, ChannelSettings, EventKind, MailTls, Setting};
use longhaul_contract::tool::Effect;

use crate::config::{Config, ConfigError, FILE_NAME, Flags};
use crate::env_vars::Env;

fn load(text: &str) -> Result<Vec<ChannelSettings>, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(FILE_NAME), text).unwrap();
    Config::load_from(&Flags::default(), Env::default(), folder.path()).map(|config| config.notify)
}

fn refused(text: &str) -> String {
    let error = load(text).unwrap_err().to_string();
    let (_, told) = error.split_once("longhaul.toml:").unwrap_or_else(|| panic!("{error}"));
    told.to_owned()
}

#[test]
fn each_kind_of_channel_is_read() {
    let channels = load(
        r#"
[[notify]]
name = "hook"
kind = "webhook"
url = "https://example.com/hook"
secret_env = "HOOK_SECRET"
events = ["asked", "closed"]
groups = ["finance"]
agents = ["brief*"]
effects = ["money", "delete"]

[[notify]]
name = "ops"
kind = "slack"
url_env = "SLACK_URL"

[[notify]]
name = "ada"
kind = "slack"
token_env = "SLACK_TOKEN"
channel = "U12345"
person = "ada@example.com"
person_groups = ["finance"]

[[notify]]
name = "mail"
kind = "email"
host = "smtp.example.com"
user = "longhaul"
password_env = "SMTP_PASSWORD"
from = "Longhaul <longhaul@example.com>"
to = ["ada@example.com", "Eve <eve@example.com>"]
links = true
"#,
    )
    .unwrap();
    let [hook, ops, ada, mail] = channels.as_slice() else { panic!("{channels:?}") };
    assert_eq!(hook.filter.events, [EventKind::Asked, EventKind::Closed]);
    assert_eq!(hook.filter.effects, [Effect::Money, Effect::Delete]);
    assert_eq!(ops.filter.events, EventKind::ASKING);
    let url = Setting::Env("SLACK_URL".into());
    assert_eq!(ops.kind, ChannelKind::SlackWebhook { url });
    assert_eq!(ada.person.as_ref().unwrap().groups, ["finance"]);
    assert!(matches!(&ada.kind, ChannelKind::Slack { api, .. } if api == "https://slack.com/api"));
    let ChannelKind::Email(mail) = &mail.kind else { panic!("{mail:?}") };
    assert_eq!((mail.port, mail.tls, mail.links), (587, MailTls::StartTls, true));
}

#[test]
fn a_table_that_describes_no_channel_is_refused_with_its_place() {
    let table = |rest: &str| format!("\n[[notify]]\nname = \"a\"\n{rest}\n");
    let mail = "kind = \"email\"\nhost = \"h.example\"\nfrom = \"a@example.com\"";
    let cases = [
        ("kind = \"webhook\"".to_owned(), "2:1: a webhook needs `url`"),
        ("kind = \"webhook\"\nurl = \"nowhere\"".to_owned(), "5:7: expected an address"),
        (
            "kind = \"webhook\"\nurl = \"https://a\"\nfrom = \"x\"".to_owned(),
            "6:8: a channel of kind `webhook` has no `from`",
        ),
        (
            "kind = \"slack\"\nurl = \"https://a\"".to_owned(),
            "5:7: who knows this address may post",
        ),
        ("kind = \"slack\"\ntoken_env = \"T\"".to_owned(), "2:1: Slack needs"),
        ("kind = \"pigeon\"".to_owned(), "4:8: unknown variant `pigeon`"),
        ("kind = \"slack\"\nurl_env = \"U\"\nsound = 1".to_owned(), "6:1: unknown field `sound`"),
        (
            "kind = \"slack\"\nurl_env = \"U\"\nevents = [\"rung\"]".to_owned(),
            "6:11: unknown variant `rung`",
        ),
        (
            "kind = \"slack\"\nurl_env = \"U\"\nperson_groups = [\"g\"]".to_owned(),
            "6:17: `person_groups` without",
        ),
        (mail.to_owned(), "2:1: mail needs `to`"),
        (format!("{mail}\nto = [\"ada\"]"), "7:6: `ada` is no mail address"),
        (format!("{mail}\nto = [\"a@b.example\"]\nuser = \"u\""), "8:8: `user` and `password_env`"),
        (format!("{mail}\nto = [\"a@b.example\"]\ntls = \"plain\""), "8:7: without TLS"),
    ];
    for (rest, expected) in cases {
        let told = refused(&table(&rest));
        assert!(told.starts_with(expected), "{expected}: {told}");
    }
    let slack = "kind = \"slack\"\nurl_env = \"U\"";
    let twice = refused(&format!("{}{}", table(slack), table(slack)));
    assert!(twice.contains("there are two channels `a`"), "{twice}");
    let named = refused("[[notify]]\nname = \"A b\"\nkind = \"slack\"\nurl_env = \"U\"\n");
    assert!(named.starts_with("2:8: `name` is 1 to 40"), "{named}");
}
