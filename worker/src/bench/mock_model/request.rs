//! What the mock model reads of a request: it counts messages and keeps none of their text.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

/// Bytes of a text that are kept: a number and two words.
const KEPT: usize = 96;

/// Where a conversation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conversation {
    /// Its name, from the first message.
    pub(super) name: String,
    /// Size of the file to read.
    pub(super) size: u64,
    /// Calls that people asked for.
    pub(super) wanted: usize,
    /// Calls that were made.
    pub(super) calls: usize,
    /// Texts that the model said, with a call or without.
    pub(super) said: usize,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(default)]
    content: Beginning,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<Call<'a>>>,
    #[serde(borrow, default)]
    tool_call_id: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
}

/// Reads and checks a request.
///
/// # Errors
/// In words without quotes, if something is missing, doubled or out of order.
pub(super) fn read(body: &[u8]) -> Result<Conversation, String> {
    let body: Body<'_> = serde_json::from_slice(body)
        .map_err(|error| format!("no request: {}", error.to_string().replace('"', "`")))?;
    let mut found: Option<Conversation> = None;
    let mut waiting: Option<&str> = None;
    for message in &body.messages {
        let text = message.content.0.as_str();
        match message.role.as_ref() {
            "system" | "developer" => {}
            "user" => match &mut found {
                None => found = Some(opening(text)?),
                Some(known) => more(known, text)?,
            },
            "assistant" => {
                let known = found.as_mut().ok_or("the model speaks first")?;
                if waiting.is_some() {
                    return Err(format!("{}: call {} has no result", known.name, known.calls));
                }
                waiting = spoken(known, text, message.tool_calls.as_deref().unwrap_or_default())?;
            }
            "tool" => {
                let name = found.as_ref().map_or("", |known| known.name.as_str());
                let id = message.tool_call_id.as_deref();
                if waiting.is_none() || waiting != id {
                    return Err(
                        format!("{name}: a result of {id:?}, not {waiting:?}").replace('"', "`")
                    );
                }
                waiting = None;
            }
            other => return Err(format!("the role {other} is unknown").replace('"', "`")),
        }
    }
    let known = found.ok_or("nobody asked for anything")?;
    if waiting.is_some() {
        return Err(format!("{}: the last call has no result", known.name));
    }
    Ok(known)
}

/// `50 run-7 1024`.
fn opening(text: &str) -> Result<Conversation, String> {
    let mut words = text.split_whitespace();
    let wanted = words.next().and_then(|word| word.parse().ok());
    let size = |word: &str| word.parse().ok();
    match (wanted, words.next(), words.next().map_or(Some(220), size)) {
        (Some(wanted), Some(name), Some(size)) => {
            Ok(Conversation { name: name.to_owned(), size, wanted, calls: 0, said: 0 })
        }
        (_, _, _) => Err("the first message is not of the form: 50 run-7 1024".to_owned()),
    }
}

/// `10 more`; what the runtime says in between counts for nothing.
fn more(known: &mut Conversation, text: &str) -> Result<(), String> {
    if text.starts_with("[Notice") {
        return Ok(());
    }
    let count = text.strip_suffix(" more").and_then(|count| count.parse::<usize>().ok());
    let count = count.ok_or_else(|| format!("{}: a message without a number", known.name))?;
    known.wanted += count;
    Ok(())
}

/// Checks what the model said earlier, and gives the id of its call.
fn spoken<'a>(
    known: &mut Conversation,
    text: &str,
    calls: &'a [Call<'_>],
) -> Result<Option<&'a str>, String> {
    known.said += 1;
    let counter = text.strip_prefix("n=").and_then(|rest| rest.split_whitespace().next());
    if counter.and_then(|counter| counter.parse().ok()) != Some(known.said) {
        return Err(format!("{}: text {} is not where it belongs", known.name, known.said));
    }
    let last = known.calls == known.wanted;
    match calls {
        [] if last => Ok(None),
        [call] if !last => {
            known.calls += 1;
            Ok(Some(&call.id))
        }
        calls => Err(format!(
            "{}: text {} has {} calls, after {} of {}",
            known.name,
            known.said,
            calls.len(),
            known.calls,
            known.wanted
        )),
    }
}

/// The beginning of a text that is a string or a list of parts.
#[derive(Default)]
struct Beginning(String);

impl<'de> Deserialize<'de> for Beginning {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Text)
    }
}

struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Beginning;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Beginning, E> {
        Ok(Beginning(text.get(..text.floor_char_boundary(KEPT)).unwrap_or_default().to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Beginning, E> {
        Ok(Beginning::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Beginning, A::Error> {
        #[derive(Deserialize)]
        struct Part {
            #[serde(default)]
            text: Beginning,
        }
        let first = parts.next_element::<Part>()?.map(|part| part.text).unwrap_or_default();
        while parts.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }
}
