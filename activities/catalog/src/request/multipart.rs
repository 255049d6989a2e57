//! `multipart/form-data` (RFC 7578), the same bytes each time.

use sha2::{Digest as _, Sha256};

use super::FileContent;

/// One part.
pub(super) enum Part {
    /// A field.
    Text(String),
    /// A file.
    File(FileContent),
}

/// The body and its `content-type`. The boundary comes from the contents, so that a repeated
/// request is the same request.
pub(super) fn write(parts: &[(String, Part)]) -> (Vec<u8>, String) {
    let mut hash = Sha256::new();
    for (name, part) in parts {
        hash.update(name.as_bytes());
        match part {
            Part::Text(text) => hash.update(text.as_bytes()),
            Part::File(file) => hash.update(&file.bytes),
        }
    }
    let digest = hash.finalize();
    let hex: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let boundary = format!("longhaul-{hex}");
    let mut body = Vec::new();
    for (name, part) in parts {
        let name = quoted(name);
        body.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        let mut head = format!("content-disposition: form-data; name=\"{name}\"");
        match part {
            Part::Text(text) => {
                body.extend_from_slice(format!("{head}\r\n\r\n{text}").as_bytes());
            }
            Part::File(file) => {
                let named = quoted(file.name.as_deref().unwrap_or("file"));
                head.push_str(&format!("; filename=\"{named}\""));
                let media = single_line(&file.media_type);
                body.extend_from_slice(
                    format!("{head}\r\ncontent-type: {media}\r\n\r\n").as_bytes(),
                );
                body.extend_from_slice(&file.bytes);
            }
        }
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (body, format!("multipart/form-data; boundary={boundary}"))
}

/// As HTML says: what would end the name or the line is written in percents.
fn quoted(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn single_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
