//! `openapi.yaml` as a tree in which every node knows its line.

use std::collections::HashMap;
use std::sync::LazyLock;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};
use serde_json::{Map, Value};

use super::{Place, Problem, naming};

/// The parsed specification: plain JSON data, plus the line of every place in it.
///
/// Key order is kept, because the order of properties is the order of fields in Rust.
#[derive(Clone, Debug)]
pub struct Document {
    root: Value,
    lines: HashMap<Place, usize>,
}

impl Document {
    /// Parses YAML; a duplicate key or a syntax error is a [`Problem`] with its line.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        unmerged(text)?;
        let nodes = MarkedYaml::load_from_str(text).map_err(|error| Problem {
            place: Place::root(),
            line: Some(error.marker().line().max(1)),
            message: format!("not valid YAML: {}", error.info()),
        })?;
        let [node] = nodes.as_slice() else {
            return Err(Problem {
                place: Place::root(),
                line: Some(1),
                message: format!("expected one YAML document, found {}", nodes.len()),
            });
        };
        let mut lines = HashMap::new();
        let root = convert(node, &Place::root(), &mut lines)?;
        Ok(Self { root, lines })
    }

    /// Returns the complete tree.
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// The node at a place.
    pub fn get(&self, place: &Place) -> Option<&Value> {
        place
            .keys()
            .try_fold(&self.root, |node, key| child(node, key))
    }

    /// The schema that `#/components/schemas/NAME` points to.
    pub fn schema(&self, name: &str) -> Option<&Value> {
        self.schemas().get(name)
    }

    /// All named schemas, in the order they are written.
    pub fn schemas(&self) -> &Map<String, Value> {
        static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        self.root
            .pointer("/components/schemas")
            .and_then(Value::as_object)
            .unwrap_or(&NONE)
    }

    /// The same with other names of schemas; the lines stay those of the text.
    pub fn renamed(&self, rename: impl Fn(&str, &Value) -> String) -> Self {
        let renamed = |place: &Place| match place
            .schema_name()
            .and_then(|name| Some((name, self.schema(name)?)))
        {
            Some((name, schema)) => place.of_schema(&rename(name, schema)),
            None => place.clone(),
        };
        Self {
            root: naming::rename_schemas(self, &rename),
            lines: self
                .lines
                .iter()
                .map(|(place, line)| (renamed(place), *line))
                .collect(),
        }
    }

    /// A problem at a place, with the line of the nearest enclosing node that has one.
    pub fn problem(&self, place: &Place, message: impl Into<String>) -> Problem {
        let line = std::iter::successors(Some(place.clone()), Place::parent)
            .find_map(|place| self.lines.get(&place).copied());
        Problem {
            place: place.clone(),
            line,
            message: message.into(),
        }
    }
}

/// A conflict that git left in the text is called by its name, whatever YAML makes of it.
fn unmerged(text: &str) -> Result<(), Problem> {
    let is_mark = |line: &str| {
        ["<<<<<<< ", "||||||| ", ">>>>>>> "]
            .iter()
            .any(|mark| line.starts_with(mark))
            || line == "======="
    };
    match text.lines().position(is_mark) {
        Some(line) => Err(Problem {
            place: Place::root(),
            line: Some(line + 1),
            message: "a conflict of a merge is left here: choose one of the versions".to_owned(),
        }),
        None => Ok(()),
    }
}

fn child<'a>(node: &'a Value, key: &str) -> Option<&'a Value> {
    match node {
        Value::Object(map) => map.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}

fn convert(
    node: &MarkedYaml<'_>,
    place: &Place,
    lines: &mut HashMap<Place, usize>,
) -> Result<Value, Problem> {
    let line = node.span.start.line();
    lines.entry(place.clone()).or_insert(line);
    let wrong = |message: &str| Problem {
        place: place.clone(),
        line: Some(line),
        message: message.to_owned(),
    };
    Ok(match &node.data {
        YamlData::Value(Scalar::Null) => Value::Null,
        YamlData::Value(Scalar::Boolean(b)) => (*b).into(),
        YamlData::Value(Scalar::Integer(i)) => (*i).into(),
        YamlData::Value(Scalar::FloatingPoint(f)) => f.into_inner().into(),
        YamlData::Value(Scalar::String(s)) => s.as_ref().into(),
        YamlData::Sequence(items) => items
            .iter()
            .enumerate()
            .map(|(i, item)| convert(item, &place.join(&i.to_string()), lines))
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        YamlData::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let YamlData::Value(Scalar::String(name)) = &key.data else {
                    return Err(wrong("a key must be text: put it in quotes"));
                };
                let inside = place.join(name);
                lines.insert(inside.clone(), key.span.start.line());
                map.insert(name.to_string(), convert(value, &inside, lines)?);
            }
            map.into()
        }
        _ => return Err(wrong("YAML tags and unreadable values are not used here")),
    })
}
