//! The log of a run: in the catalog, or in a file where no catalog is alive.

use crate::error::Error;
use dram_catalog::Appended;
use dram_catalog::record::run::{Event as Entry, RunLog};
use dram_storage::crash;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// Where a run writes down what it did. Entries have keys; of several with one key the first stands.
pub trait Log: Send {
    /// The run's id, where it can be resumed by it.
    fn run(&self) -> Option<String>;

    /// What stands under a key.
    fn get(&self, key: &str) -> Option<Value>;

    /// Adds an entry; `ended` closes the log.
    ///
    /// # Errors
    /// The log cannot be written, or another writer continued it.
    fn append(&mut self, key: &str, body: Value, ended: bool) -> Result<(), Error>;

    /// The whole log, one JSON object a line.
    fn lines(&self) -> Vec<u8>;
}

/// A log in the catalog.
#[derive(Debug)]
pub struct CatalogLog {
    log: RunLog,
    clock: std::sync::Arc<dyn dram_catalog::Clock>,
}

impl CatalogLog {
    /// Continues a log.
    #[must_use]
    pub fn new(log: RunLog, clock: std::sync::Arc<dyn dram_catalog::Clock>) -> Self {
        Self { log, clock }
    }

    /// When the last entry was written, by its writer's clock.
    #[must_use]
    pub fn last_at(&self) -> Option<jiff::Timestamp> {
        self.log.events().last().map(|event| event.at)
    }

    /// Whether the run has ended.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.log.ended()
    }
}

impl Log for CatalogLog {
    fn run(&self) -> Option<String> {
        Some(self.log.id().to_string())
    }

    fn get(&self, key: &str) -> Option<Value> {
        self.log
            .events()
            .iter()
            .find(|event| event.key == key)
            .map(|event| event.body.clone())
    }

    fn append(&mut self, key: &str, body: Value, ended: bool) -> Result<(), Error> {
        let entry = Entry {
            key: key.to_owned(),
            at: self.clock.now(),
            body,
        };
        match self.log.append(vec![entry], ended)? {
            Appended::Won { .. } => Ok(()),
            Appended::Superseded { by, .. } => Err(Error::NotResumable {
                run: self.log.id().to_string(),
                why: format!("it was continued by {by} at the same time"),
            }),
        }
    }

    fn lines(&self) -> Vec<u8> {
        let lines = self.log.events().iter().map(|event| log_line(event) + "\n");
        lines.collect::<String>().into_bytes()
    }
}

/// A log in a file, one JSON object a line; a torn last line is as if it had not been written.
#[derive(Debug)]
pub struct FileLog {
    path: PathBuf,
    file: File,
    entries: BTreeMap<String, Value>,
    text: Vec<u8>,
    clock: std::sync::Arc<dyn dram_catalog::Clock>,
}

impl FileLog {
    /// Opens or makes the log.
    ///
    /// # Errors
    /// The file cannot be read or made.
    pub fn open(path: &Path, clock: std::sync::Arc<dyn dram_catalog::Clock>) -> Result<Self, Error> {
        let failed = |what: &'static str| {
            move |source| Error::File {
                what,
                path: path.display().to_string(),
                source,
            }
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed("make the folder of"))?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(path)
            .map_err(failed("open"))?;
        let (mut entries, mut text) = (BTreeMap::new(), Vec::new());
        for line in BufReader::new(&file).split(b'\n') {
            let line = line.map_err(failed("read"))?;
            let Ok(entry) = serde_json::from_slice::<Value>(&line) else {
                continue;
            };
            if let Some(key) = entry.get("key").and_then(Value::as_str) {
                entries
                    .entry(key.to_owned())
                    .or_insert_with(|| entry.get("body").cloned().unwrap_or_default());
                text.extend_from_slice(&line);
                text.push(b'\n');
            }
        }
        // After a torn line the next entry begins on a line of its own.
        file.write_all(b"\n").map_err(failed("write"))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            entries,
            text,
            clock,
        })
    }
}

impl Log for FileLog {
    fn run(&self) -> Option<String> {
        None
    }

    fn get(&self, key: &str) -> Option<Value> {
        self.entries.get(key).cloned()
    }

    fn append(&mut self, key: &str, body: Value, _ended: bool) -> Result<(), Error> {
        if self.entries.contains_key(key) {
            return Ok(());
        }
        let line = line(key, &self.clock.now().to_string(), &body);
        crash::point(crash::Kind::Write);
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        written.map_err(|source| Error::File {
            what: "write",
            path: self.path.display().to_string(),
            source,
        })?;
        crash::point(crash::Kind::Write);
        self.text.extend_from_slice(&line);
        self.entries.insert(key.to_owned(), body);
        Ok(())
    }

    fn lines(&self) -> Vec<u8> {
        self.text.clone()
    }
}

/// An entry of a log in the catalog: one JSON object.
pub(crate) fn log_line(event: &Entry) -> String {
    json!({"key": event.key, "at": event.at.to_string(), "body": event.body}).to_string()
}

fn line(key: &str, at: &str, body: &Value) -> Vec<u8> {
    let mut line = json!({"key": key, "at": at, "body": body}).to_string().into_bytes();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use dram_catalog::SystemClock;
    use std::sync::Arc;

    fn open(path: &Path) -> FileLog {
        FileLog::open(path, Arc::new(SystemClock)).unwrap()
    }

    #[test]
    fn the_first_entry_of_a_key_stands_and_survives() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs/one.jsonl");
        let mut log = open(&path);
        log.append("step-1", json!("first"), false).unwrap();
        log.append("step-1", json!("second"), false).unwrap();
        assert_eq!(log.get("step-1"), Some(json!("first")));
        assert_eq!(open(&path).get("step-1"), Some(json!("first")));
        assert_eq!(open(&path).lines(), log.lines());
    }

    #[test]
    fn a_torn_last_line_is_as_if_it_had_not_been_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("one.jsonl");
        let mut log = open(&path);
        log.append("step-1", json!(1), false).unwrap();
        log.append("step-2", json!(2), false).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut log = open(&path);
            log.append("step-3", json!(3), false).unwrap();
            let again = open(&path);
            assert_eq!(again.get("step-3"), Some(json!(3)), "cut at {cut}");
            assert!(again.get("step-2").is_none() || cut + 1 >= whole.len(), "cut at {cut}");
        }
    }
}
