//! The files among the arguments, from wherever they are kept.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Engine;
use crate::error::{CallError, FieldError};
use crate::operation::{Operation, ParamIn};
use crate::request::FileContent;
use crate::request::body::{inline, set_names};

impl Engine {
    /// The contents of each argument that is a file.
    pub(super) async fn files(
        &self,
        operation: &Operation,
        arguments: &Map<String, Value>,
    ) -> Result<BTreeMap<String, FileContent>, CallError> {
        let mut files = BTreeMap::new();
        let places = operation.input.iter().filter(|(_, param)| param.place == ParamIn::File);
        for (name, param) in places {
            let Some(value) = param.fixed.as_ref().or_else(|| arguments.get(name)) else {
                continue;
            };
            let wrong = |message: String| {
                let field = FieldError { field: name.clone(), message: message.clone() };
                CallError::arguments(format!("`{name}`: {message}"), vec![field])
            };
            let content = match value.get("blob") {
                Some(reference) => {
                    let blobs = self.blobs.as_ref();
                    let blobs = blobs.ok_or_else(|| wrong("there is no store".to_owned()))?;
                    let got = blobs.get(reference, self.settings.most_file).await;
                    let mut content = got.map_err(wrong)?;
                    if let Some(members) = value.as_object() {
                        set_names(&mut content, members);
                    }
                    content
                }
                None => inline(value)
                    .ok_or_else(|| wrong("is neither text nor `{blob: …}`".to_owned()))?,
            };
            if content.bytes.len() > self.settings.most_file {
                let most = self.settings.most_file;
                return Err(wrong(format!("is larger than {most} bytes")));
            }
            files.insert(name.clone(), content);
        }
        Ok(files)
    }
}
