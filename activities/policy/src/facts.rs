//! A call as conditions see it: views of what is there already, without copies.
//!
//! Maps can be looked into and not iterated over: the order of their keys is nobody's promise.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Sizer};
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelNull, CelString, CelUInt, Kind, MAP_TYPE, Type,
};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use longhaul_contract::policy::{ConnectionFacts, RunFacts};
use longhaul_contract::tool::ToolSpec;
use serde_json::{Map, Number, Value};

/// The variables of a condition.
pub(crate) const VARIABLES: [&str; 4] = ["args", "run", "tool", "connection"];

/// What `run` has.
pub(crate) const RUN_FIELDS: [&str; 6] = ["id", "agent", "turn", "session", "starter", "tags"];

/// What `tool` has.
pub(crate) const TOOL_FIELDS: [&str; 3] = ["name", "effect", "idempotent"];

/// The variables of a condition, for one call.
#[derive(Debug)]
pub(crate) struct Facts<'v> {
    args: MapView<'v>,
    run: MapView<'v>,
    tool: MapView<'v>,
    connection: MapView<'v>,
}

impl<'v> Facts<'v> {
    /// The facts of a call. Arguments that are no object are an empty one.
    pub(crate) fn new(
        arguments: &'v Value,
        run: &'v RunFacts,
        tool: &'v ToolSpec,
        connection: Option<&'v ConnectionFacts>,
    ) -> Self {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        Self {
            args: MapView::Json(arguments.as_object().unwrap_or(&NONE)),
            run: MapView::Run(run),
            tool: MapView::Tool(tool),
            connection: connection.map_or(MapView::Empty, MapView::Connection),
        }
    }
}

impl<'v> Facts<'v> {
    /// Made-up facts, with a connection that has every attribute.
    pub(crate) fn sample(arguments: &'v Value, run: &'v RunFacts, tool: &'v ToolSpec) -> Self {
        let facts = Self::new(arguments, run, tool, None);
        Self { connection: MapView::Sample, ..facts }
    }
}

impl VariableResolver for Facts<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let view: &MapView<'_> = match variable {
            "args" => &self.args,
            "run" => &self.run,
            "tool" => &self.tool,
            "connection" => &self.connection,
            _ => return None,
        };
        Some(CowVal::Borrowed(view))
    }
}

/// A map with text keys, as CEL sees it.
#[derive(Clone, Copy, Debug)]
enum MapView<'v> {
    Empty,
    Sample,
    Json(&'v Map<String, Value>),
    Run(&'v RunFacts),
    Tool(&'v ToolSpec),
    Connection(&'v ConnectionFacts),
}

impl<'v> MapView<'v> {
    fn value(self, key: &str) -> Option<Box<dyn Val + 'v>> {
        match self {
            Self::Empty => None,
            Self::Sample => Some(text("sample")),
            Self::Json(map) => map.get(key).map(val),
            Self::Run(run) => match key {
                "id" => Some(text(&run.id)),
                "agent" => Some(text(&run.agent)),
                "turn" => Some(Box::new(CelInt::from(i64::from(run.turn)))),
                "session" => Some(Box::new(CelBool::from(run.session))),
                "starter" => run.starter.as_deref().map(text),
                "tags" => {
                    let tags: Vec<_> = run.tags.iter().map(|tag| text(tag)).collect();
                    Some(Box::new(CelList::from(tags)))
                }
                _ => None,
            },
            Self::Tool(tool) => match key {
                "name" => Some(text(&tool.name)),
                "effect" => Some(text(tool.effect.as_str())),
                "idempotent" => Some(Box::new(CelBool::from(tool.idempotent))),
                _ => None,
            },
            Self::Connection(facts) => match key {
                "name" => Some(text(&facts.name)),
                attribute => facts.attributes.get(attribute).map(|value| text(value)),
            },
        }
    }

    fn keys(self) -> Vec<&'v str> {
        let attributes = |map: &'v BTreeMap<String, String>| {
            map.keys().map(String::as_str).filter(|key| *key != "name").collect::<Vec<_>>()
        };
        match self {
            Self::Empty | Self::Sample => Vec::new(),
            Self::Json(map) => map.keys().map(String::as_str).collect(),
            Self::Run(run) => RUN_FIELDS
                .into_iter()
                .filter(|field| *field != "starter" || run.starter.is_some())
                .collect(),
            Self::Tool(_) => TOOL_FIELDS.to_vec(),
            Self::Connection(facts) => {
                let mut keys = attributes(&facts.attributes);
                keys.push("name");
                keys
            }
        }
    }
}

impl<'v> Val for MapView<'v> {
    fn get_type(&self) -> &Type {
        <Self as Val>::cel_type()
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'w>(&'b self) -> Option<&'b (dyn Indexer + 'w)>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        let keys = self.keys();
        let Some((sizer, indexer)) = other.as_sizer().zip(other.as_indexer()) else { return false };
        other.get_type().kind() == Kind::Map
            && usize::try_from(*sizer.size().inner()).is_ok_and(|size| size == keys.len())
            && keys.into_iter().all(|key| {
                let theirs = indexer.get(&CelString::from(key));
                let ours = self.value(key);
                matches!((ours, theirs), (Some(a), Ok(b)) if a.equals(b.as_ref()))
            })
    }

    fn clone_as_boxed<'w>(&self) -> Box<dyn Val + 'w>
    where
        Self: 'w,
    {
        Box::new(*self)
    }
}

impl Container for MapView<'_> {
    fn contains(&self, key: &dyn Val) -> Result<bool, ExecutionError> {
        match key.downcast_ref::<CelString<'_>>() {
            Some(key) => Ok(self.value(key.inner()).is_some()),
            None => Err(no_text(key)),
        }
    }
}

impl Indexer for MapView<'_> {
    fn get<'b, 'w>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        let Some(key) = key.downcast_ref::<CelString<'_>>() else { return Err(no_text(key)) };
        let value = self.value(key.inner());
        value.map(CowVal::Owned).ok_or_else(|| ExecutionError::no_such_key(key.inner()))
    }

    fn steal<'w>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'w>, ExecutionError>
    where
        Self: 'w,
    {
        let Some(key) = key.downcast_ref::<CelString<'_>>() else { return Err(no_text(key)) };
        self.value(key.inner())
            .map(|value| value as Box<dyn Val + 'w>)
            .ok_or_else(|| ExecutionError::no_such_key(key.inner()))
    }
}

impl Sizer for MapView<'_> {
    fn size(&self) -> CelInt {
        i64::try_from(self.keys().len()).unwrap_or(i64::MAX).into()
    }
}

fn no_text(key: &dyn Val) -> ExecutionError {
    ExecutionError::UnexpectedType {
        got: key.get_type().name().to_owned(),
        want: "string".to_owned(),
    }
}

fn text<'v>(text: &'v str) -> Box<dyn Val + 'v> {
    Box::new(CelString::from(text))
}

/// A JSON value as CEL sees it: whole numbers are `int` (or `uint` if they are too great), all
/// others `double`.
fn val<'v>(value: &'v Value) -> Box<dyn Val + 'v> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::Number(number) => self::number(number),
        Value::String(value) => text(value),
        Value::Array(items) => Box::new(CelList::from(items.iter().map(val).collect::<Vec<_>>())),
        Value::Object(map) => Box::new(MapView::Json(map)),
    }
}

fn number<'v>(number: &Number) -> Box<dyn Val + 'v> {
    if let Some(whole) = number.as_i64() {
        Box::new(CelInt::from(whole))
    } else if let Some(great) = number.as_u64() {
        Box::new(CelUInt::from(great))
    } else {
        Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN)))
    }
}
