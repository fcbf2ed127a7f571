//! Ways through the values of a configuration.

use terraform_provider_dram::value::{Path, Step, Value};

/// The ways to all values within a configuration: leaves, and lists of blocks as a whole.
pub(crate) fn places(config: &Value) -> Vec<Path> {
    fn walk(value: &Value, path: &Path, out: &mut Vec<Path>) {
        match value {
            Value::Map(entries) => {
                // The one map that the shop has; every other is a block.
                let map = path.steps().last() == Some(&Step::Attribute("values".to_owned()));
                for (name, value) in entries {
                    let step = if map {
                        Step::Key(name.clone())
                    } else {
                        Step::Attribute(name.clone())
                    };
                    walk(value, &path.then(step), out);
                }
            }
            Value::List(elements) => {
                out.push(path.clone());
                for (index, value) in elements.iter().enumerate() {
                    walk(value, &path.then(Step::Index(index)), out);
                }
            }
            Value::Null => {}
            _ => out.push(path.clone()),
        }
    }
    let mut out = Vec::new();
    walk(config, &Path::root(), &mut out);
    out
}

/// The value at the end of a way.
pub(crate) fn at<'v>(value: &'v Value, steps: &[Step]) -> &'v Value {
    match (steps.split_first(), value) {
        (None, value) => value,
        (Some((Step::Attribute(name) | Step::Key(name), rest)), Value::Map(entries)) => at(&entries[name], rest),
        (Some((Step::Index(index), rest)), Value::List(elements)) => at(&elements[*index], rest),
        (Some(_), _) => panic!("no way"),
    }
}

/// A value with another one at the end of a way.
pub(crate) fn replaced(value: &Value, steps: &[Step], by: &Value) -> Value {
    let mut value = value.clone();
    match (steps.split_first(), &mut value) {
        (None, _) => return by.clone(),
        (Some((Step::Attribute(name) | Step::Key(name), rest)), Value::Map(entries)) => {
            let part = replaced(&entries[name], rest, by);
            entries.insert(name.clone(), part);
        }
        (Some((Step::Index(index), rest)), Value::List(elements)) => {
            elements[*index] = replaced(&elements[*index], rest, by)
        }
        (Some(_), _) => panic!("no way"),
    }
    value
}
