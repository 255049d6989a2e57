//! Notices to Slack: by an incoming webhook, or as a bot.

use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use super::message::Message;
use super::send::{Undelivered, answer, unsent};
use super::webhook::TIMEOUT;

/// Most characters of a section, less than Slack's 3000.
const MOST_SECTION: usize = 2_900;
/// Most bytes of an answer that are read.
const MOST_ANSWER: usize = 64 * 1024;
/// What Slack says of itself when it will be well again.
const PASSING: [&str; 5] =
    ["ratelimited", "rate_limited", "internal_error", "service_unavailable", "request_timeout"];

/// The message as Slack takes it: blocks, and a line for notifications.
pub(crate) fn body(message: &Message) -> Value {
    let title = escaped(&message.title);
    let mut facts: Vec<String> =
        message.facts.iter().map(|(name, value)| format!("*{name}:* {}", escaped(value))).collect();
    while facts.iter().map(|fact| fact.chars().count() + 1).sum::<usize>() > MOST_SECTION {
        facts.pop();
    }
    let mut blocks = vec![section(&format!("*{title}*")), section(&facts.join("\n"))];
    if let Some(preview) = &message.preview {
        // Shown as it stands: in a block of this kind nothing is markup.
        blocks.push(json!({
            "type": "rich_text",
            "elements": [{
                "type": "rich_text_preformatted",
                "elements": [{"type": "text", "text": preview}],
            }],
        }));
    }
    if let Some(link) = &message.link {
        blocks.push(json!({
            "type": "actions",
            "elements": [{
                "type": "button",
                "style": "primary",
                "text": {"type": "plain_text", "text": "Look at it and decide"},
                "url": link,
            }],
        }));
    }
    json!({"text": title, "blocks": blocks, "unfurl_links": false})
}

/// `verbatim` keeps Slack from making links, channels and people out of what it reads.
fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
}

/// Text that mentions nobody and links to nothing, whoever wrote it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Sends to an incoming webhook.
pub(super) async fn to_webhook(
    client: &Client,
    url: &str,
    key: &str,
    message: &Message,
) -> Result<(), Undelivered> {
    let request = client.post(url).timeout(TIMEOUT).header("idempotency-key", key);
    let response = request.json(&body(message)).send().await.map_err(unsent)?;
    answer(&response)
}

/// What the API answers.
#[derive(Debug, Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    error: Option<String>,
}

/// Sends as a bot, by `chat.postMessage`.
pub(super) async fn post(
    client: &Client,
    api: &str,
    token: &str,
    channel: &str,
    key: &str,
    message: &Message,
) -> Result<(), Undelivered> {
    let mut body = body(message);
    if let Value::Object(body) = &mut body {
        body.insert("channel".to_owned(), json!(channel));
    }
    let request = client.post(format!("{api}/chat.postMessage")).bearer_auth(token);
    let request = request.timeout(TIMEOUT).header("idempotency-key", key);
    let response = request.json(&body).send().await.map_err(unsent)?;
    answer(&response)?;
    let text = response.bytes().await.map_err(unsent)?;
    let unreadable = || Undelivered::later("its answer cannot be read");
    if text.len() > MOST_ANSWER {
        return Err(unreadable());
    }
    let answer: Answer = serde_json::from_slice(&text).map_err(|_| unreadable())?;
    if answer.ok {
        return Ok(());
    }
    // One of Slack's own words, or what somebody else put there.
    let error = answer.error.unwrap_or_default();
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let error = if error.len() <= 60 && error.chars().all(word) { error } else { String::new() };
    let problem = format!("Slack says `{error}`");
    Err(if PASSING.contains(&error.as_str()) {
        Undelivered::later(problem)
    } else {
        Undelivered::never(problem)
    })
}

#[cfg(test)]
mod tests {
    use super::super::filter::Told;
    use super::super::testing;
    use super::*;

    #[test]
    fn a_message_has_summary_preview_effect_why_deadline_and_a_button() {
        let notice = testing::asked(1);
        let told = Told::of(&notice).unwrap();
        let link = Some("https://l.example/a/x".to_owned());
        let all = testing::notices(vec![]);
        let message = Message::of("brief-1", &all, &notice, &told, link);
        let body = body(&message);
        // Nobody is called together because a model wrote so.
        assert_eq!(body["text"], "brief wants to run crm.refund &lt;!channel&gt; C-17");
        let facts = body["blocks"][1]["text"]["text"].as_str().unwrap();
        for fact in ["*Effect:* money", "*Why:* the rule big-refunds asks", "*Until:* 2026-"] {
            assert!(facts.contains(fact), "{facts}");
        }
        let preview = &body["blocks"][2]["elements"][0]["elements"][0]["text"];
        assert_eq!(preview, "POST https://crm.example/refunds\n- 0\n+ 120");
        assert_eq!(body["blocks"][3]["elements"][0]["url"], "https://l.example/a/x");
    }

    #[test]
    fn a_message_without_a_link_has_no_button() {
        let notice = testing::closed(2);
        let told = Told::of(&notice).unwrap();
        let message = Message::of("brief-1", &testing::notices(vec![]), &notice, &told, None);
        let body = body(&message);
        assert_eq!(body["blocks"].as_array().unwrap().len(), 2);
        assert_eq!(body["text"], "brief: crm.refund C-17 is denied");
    }
}
