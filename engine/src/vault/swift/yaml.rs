//! Just enough YAML for the files in which OpenStack's clients keep their clouds: maps, lists and text, with anchors and
//! merge keys. A scalar stays as it was written, so that a password of digits keeps its zeros. The files hold secrets:
//! an error tells a line, never what stands there.

use std::collections::{BTreeMap, HashMap};

use granit_parser::{Event, Options, Parser, ScalarStyle};

/// Nodes that aliases may add: far above any such file, far below what hurts.
const ALIAS_BUDGET: usize = 10_000;

/// A value of such a file.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing was written, or `null`.
    Nothing,
    /// A scalar, as it was written.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A map; of equal keys the last one counts.
    Map(BTreeMap<String, Value>),
}

impl Value {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Self::Map(entries) => entries.get(key),
            _ => None,
        }
    }

    /// Lays `other` over this: maps are merged to the ground, anything else is replaced.
    pub(super) fn overlay(&mut self, other: Value) {
        match (self, other) {
            (Self::Map(ours), Self::Map(theirs)) => {
                for (key, value) in theirs {
                    match ours.get_mut(&key) {
                        Some(known) => known.overlay(value),
                        None => {
                            ours.insert(key, value);
                        }
                    }
                }
            }
            (_, Self::Nothing) => {}
            (known, other) => *known = other,
        }
    }

    fn size(&self) -> usize {
        let inner: usize = match self {
            Self::Nothing | Self::Text(_) => 0,
            Self::List(values) => values.iter().map(Self::size).sum(),
            Self::Map(entries) => entries.values().map(Self::size).sum(),
        };
        inner.saturating_add(1)
    }
}

/// Reads the first document of a text.
///
/// # Errors
/// Where it is not YAML, in words without any of the text.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder::default();
    loop {
        match parser.next_event() {
            None | Some(Ok((Event::StreamEnd | Event::DocumentEnd, _))) => break,
            Some(Ok((event, span))) => builder
                .event(event)
                .map_err(|why| format!("line {}: {why}", span.start.line()))?,
            Some(Err(error)) => return Err(format!("line {}: it is not YAML", error.marker().line())),
        }
    }
    Ok(builder.root.unwrap_or(Value::Nothing))
}

/// A list or map that is still open.
struct Open {
    value: Value,
    anchor: usize,
    key: Option<String>,
    /// What `<<` brings; what is written beside it wins.
    merged: BTreeMap<String, Value>,
}

#[derive(Default)]
struct Builder {
    stack: Vec<Open>,
    root: Option<Value>,
    anchors: HashMap<usize, Value>,
    aliased: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>) -> Result<(), &'static str> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let nothing = style == ScalarStyle::Plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let value = if nothing {
                    Value::Nothing
                } else {
                    Value::Text(text.into_owned())
                };
                self.add(value, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open(Value::List(Vec::new()), anchor);
                Ok(())
            }
            Event::MappingStart(_, anchor, _) => {
                self.open(Value::Map(BTreeMap::new()), anchor);
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(id) => {
                let value = self.anchors.get(&id).cloned().ok_or("an alias of what encloses it")?;
                self.aliased = self.aliased.saturating_add(value.size());
                if self.aliased > ALIAS_BUDGET {
                    return Err("aliases make this file too large");
                }
                self.add(value, 0)
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, value: Value, anchor: usize) {
        self.stack.push(Open {
            value,
            anchor,
            key: None,
            merged: BTreeMap::new(),
        });
    }

    fn close(&mut self) -> Result<(), &'static str> {
        let Some(mut open) = self.stack.pop() else {
            return Ok(());
        };
        if let Value::Map(entries) = &mut open.value {
            for (key, value) in open.merged {
                entries.entry(key).or_insert(value);
            }
        }
        self.add(open.value, open.anchor)
    }

    fn add(&mut self, value: Value, anchor: usize) -> Result<(), &'static str> {
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(value);
            return Ok(());
        };
        match &mut open.value {
            Value::List(values) => values.push(value),
            Value::Map(entries) => match (open.key.take(), value) {
                (None, Value::Text(key)) => open.key = Some(key),
                (None, _) => return Err("a key that is not text"),
                (Some(key), value) if key == "<<" => merge(&mut open.merged, value)?,
                (Some(key), value) => {
                    entries.insert(key, value);
                }
            },
            Value::Nothing | Value::Text(_) => {}
        }
        Ok(())
    }
}

/// Of several maps the first one that has a key gives its value.
fn merge(into: &mut BTreeMap<String, Value>, value: Value) -> Result<(), &'static str> {
    match value {
        Value::Map(entries) => {
            for (key, value) in entries {
                into.entry(key).or_insert(value);
            }
            Ok(())
        }
        Value::List(values) => values.into_iter().try_for_each(|value| merge(into, value)),
        Value::Nothing | Value::Text(_) => Err("`<<` merges a map"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'v>(value: &'v Value, path: &[&str]) -> Option<&'v str> {
        path.iter()
            .try_fold(value, |value, key| value.get(key))
            .and_then(Value::text)
    }

    #[test]
    fn scalars_stay_as_written_and_merge_keys_are_laid_under() {
        let value = read(
            "base: &base {auth_url: http://a, region: one}\nclouds:\n  x:\n    <<: *base\n    region: two\n    password: 0123\n    none: ~\n    said: 'null'\n",
        )
        .unwrap();
        assert_eq!(text(&value, &["clouds", "x", "auth_url"]), Some("http://a"));
        assert_eq!(text(&value, &["clouds", "x", "region"]), Some("two"));
        assert_eq!(text(&value, &["clouds", "x", "password"]), Some("0123"));
        assert_eq!(text(&value, &["clouds", "x", "said"]), Some("null"));
        assert!(value.get("clouds").unwrap().get("x").unwrap().get("none") == Some(&Value::Nothing));
        assert!(read("").unwrap() == Value::Nothing);
    }

    #[test]
    fn a_broken_file_names_the_line_and_none_of_its_words() {
        for broken in [
            "clouds:\n  x: {password: hunter2\n",
            "clouds:\n  x:\n    password: hunter2\n   y: [",
            "a: &a [*a, hunter2]",
            "? [hunter2]\n: x",
            "a: hunter2\n<<: hunter2\n",
        ] {
            let Err(error) = read(broken) else { panic!("{broken}") };
            assert!(error.starts_with("line ") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn aliases_cannot_blow_a_file_up() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let below = level - 1;
            text += &format!("a{level}: &a{level} [{}]\n", format!("*a{below}, ").repeat(10));
        }
        let Err(error) = read(&text) else { panic!() };
        assert!(error.contains("too large"), "{error}");
    }

    #[test]
    fn an_overlay_replaces_leaves_and_keeps_the_rest() {
        let mut value = read("clouds: {x: {auth: {username: u, password: old}, verify: false}}").unwrap();
        value.overlay(read("clouds: {x: {auth: {password: new}}, y: {}}").unwrap());
        assert_eq!(text(&value, &["clouds", "x", "auth", "password"]), Some("new"));
        assert_eq!(text(&value, &["clouds", "x", "auth", "username"]), Some("u"));
        assert!(value.get("clouds").unwrap().get("y").is_some());
    }
}
