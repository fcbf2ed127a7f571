//! The objects of one container.

use std::sync::Arc;

use bytes::Bytes;
use dram_storage::{Patience, retry};
use md5::{Digest as _, Md5};
use serde::Deserialize;
use ureq::http::{HeaderValue, Method};

use super::super::progress::Cancel;
use super::account::{Account, Shape};
use super::fault::Fault;
use super::http::Answer;

/// No file of a repository is larger, in bytes.
const LARGEST: u64 = u32::MAX as u64;
/// So many names are asked for at once; what a server gives is its own matter.
const PAGE: u32 = 10_000;

/// A container and the flag that ends what is asked of it. Clones share the account.
#[derive(Clone)]
pub(super) struct Container {
    pub(super) account: Arc<Account>,
    pub(super) cancel: Cancel,
    pub(super) patience: Patience,
    /// So many names are asked for at once.
    pub(super) page: u32,
    name: String,
}

/// An object of a listing, or a folder of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Listed {
    /// An object.
    Object {
        name: String,
        /// In bytes.
        bytes: u64,
        /// When the server wrote it, by its own clock.
        modified: Option<jiff::civil::DateTime>,
    },
    /// What begins with this and goes on after the delimiter.
    Folder(String),
}

/// What a server tells of an object without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// In bytes.
    pub(super) bytes: u64,
    /// Whether it consists of segments.
    pub(super) large: bool,
    /// When it was written, by the server's clock.
    pub(super) modified: Option<jiff::civil::DateTime>,
}

/// What a server tells of the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Used {
    /// In bytes.
    pub(super) bytes: Option<u64>,
    /// How many objects lie there.
    pub(super) objects: Option<u64>,
    /// The most that may lie there, in bytes.
    pub(super) quota: Option<u64>,
    /// The server's time.
    pub(super) now: Option<jiff::civil::DateTime>,
    /// Whether old versions are kept.
    pub(super) versions: bool,
}

impl Container {
    pub(super) fn new(account: Arc<Account>, name: impl Into<String>, cancel: Cancel) -> Self {
        Self {
            account,
            cancel,
            patience: Patience::LONG,
            page: PAGE,
            name: name.into(),
        }
    }

    /// The container's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The same container; its requests end when `cancel` is raised.
    pub(super) fn with_cancel(&self, cancel: &Cancel) -> Self {
        Self {
            cancel: cancel.clone(),
            ..self.clone()
        }
    }

    /// Asks until there is an answer that will stay the same, or patience ends.
    fn ask(&self, method: &Method, path: &str, shape: &Shape<'_>) -> Result<Answer, Fault> {
        let attempt = || {
            let answer = self.account.ask(&self.cancel, method, path, shape)?;
            match answer.is_success() {
                true => Ok(answer),
                false => Err(answer.fault()),
            }
        };
        retry::persevere_blocking(&self.patience, &self.cancel, attempt)
    }

    /// The path of an object, and a query that begins with `?`.
    pub(super) fn path(&self, object: &str, query: &str) -> String {
        format!("/{}/{}{query}", encoded(&self.name, false), encoded(object, true))
    }

    /// Makes the container; one that is there stays as it is.
    pub(super) fn create(&self) -> Result<(), Fault> {
        let path = format!("/{}", encoded(&self.name, false));
        self.ask(&Method::PUT, &path, &Shape::default()).map(|_| ())
    }

    /// Removes the container, which must be empty.
    #[cfg(test)]
    pub(super) fn remove(&self) -> Result<(), Fault> {
        let path = format!("/{}", encoded(&self.name, false));
        self.ask(&Method::DELETE, &path, &Shape::default()).map(|_| ())
    }

    /// What is told of the container; [`Fault::Missing`] where there is none.
    pub(super) fn used(&self) -> Result<Used, Fault> {
        let path = format!("/{}", encoded(&self.name, false));
        let answer = self.ask(&Method::HEAD, &path, &Shape::default())?;
        let versions = ["x-versions-location", "x-history-location"];
        let enabled = answer.header("x-versions-enabled");
        Ok(Used {
            bytes: answer.number("x-container-bytes-used"),
            objects: answer.number("x-container-object-count"),
            quota: answer.number("x-container-meta-quota-bytes"),
            now: answer.header("date").and_then(date),
            versions: versions.iter().any(|name| answer.header(name).is_some())
                || enabled.is_some_and(|said| said.eq_ignore_ascii_case("true")),
        })
    }

    /// Writes an object whole. The server compares what arrived with its checksum.
    pub(super) fn put(&self, object: &str, content: &[Bytes]) -> Result<(), Fault> {
        let checksum = checksum(content);
        self.put_with(object, "", content, Some(&checksum))
    }

    pub(super) fn put_with(
        &self,
        object: &str,
        query: &str,
        content: &[Bytes],
        checksum: Option<&str>,
    ) -> Result<(), Fault> {
        let mut headers = vec![("content-type", HeaderValue::from_static("application/octet-stream"))];
        if let Some(Ok(checksum)) = checksum.map(HeaderValue::from_str) {
            headers.push(("etag", checksum));
        }
        let shape = Shape {
            headers: &headers,
            body: Some(content),
            limit: None,
        };
        let answer = self.ask(&Method::PUT, &self.path(object, query), &shape)?;
        match (checksum, answer.header("etag")) {
            (Some(ours), Some(theirs)) if !theirs.trim_matches('"').eq_ignore_ascii_case(ours) => Err(Fault::Altered {
                why: "the server stored another checksum".into(),
            }),
            _ => Ok(()),
        }
    }

    /// A whole object.
    pub(super) fn get(&self, object: &str) -> Result<Bytes, Fault> {
        let shape = Shape {
            limit: Some(LARGEST),
            ..Shape::default()
        };
        self.ask(&Method::GET, &self.path(object, ""), &shape)
            .map(|answer| answer.body)
    }

    /// `length` bytes of an object from `offset`; fewer where it ends before. `length` is not 0.
    pub(super) fn get_range(&self, object: &str, offset: u64, length: u64) -> Result<Bytes, Fault> {
        let last = offset.saturating_add(length).saturating_sub(1);
        let range = HeaderValue::from_str(&format!("bytes={offset}-{last}"));
        let headers: Vec<_> = range.into_iter().map(|range| ("range", range)).collect();
        let shape = Shape {
            headers: &headers,
            body: None,
            limit: Some(LARGEST),
        };
        let answer = self.ask(&Method::GET, &self.path(object, ""), &shape)?;
        if answer.status == 206 {
            return Ok(answer.body);
        }
        // A server may answer with all of it.
        let end = answer.body.len() as u64;
        let within = |at: u64| usize::try_from(at.min(end)).unwrap_or(usize::MAX);
        let (from, to) = (within(offset), within(offset.saturating_add(length)));
        Ok(answer.body.slice(from..to))
    }

    /// What is told of an object; `None` where there is none.
    pub(super) fn head(&self, object: &str) -> Result<Option<Head>, Fault> {
        match self.ask(&Method::HEAD, &self.path(object, ""), &Shape::default()) {
            Ok(answer) => Ok(Some(Head {
                bytes: answer.number("content-length").unwrap_or_default(),
                large: answer
                    .header("x-static-large-object")
                    .is_some_and(|said| said.eq_ignore_ascii_case("true")),
                modified: answer.header("last-modified").and_then(date),
            })),
            Err(Fault::Missing) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Removes an object; of a large one this is the manifest alone.
    pub(super) fn delete(&self, object: &str) -> Result<(), Fault> {
        self.ask(&Method::DELETE, &self.path(object, ""), &Shape::default())
            .map(|_| ())
    }

    /// Removes an object; one that is gone already is no error.
    pub(super) fn discard(&self, object: &str) -> Result<(), Fault> {
        match self.delete(object) {
            Err(Fault::Missing) => Ok(()),
            other => other,
        }
    }

    /// Calls `each` for everything that begins with `prefix`, in the order of names; with a delimiter, folders for what goes
    /// on after it. Reads page by page.
    pub(super) fn list(
        &self,
        prefix: &str,
        delimiter: Option<char>,
        each: &mut dyn FnMut(Listed) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let delimiter = delimiter.map_or_else(String::new, |delimiter| {
            format!("&delimiter={}", encoded(&delimiter.to_string(), false))
        });
        let mut marker = String::new();
        loop {
            let path = format!(
                "/{}?format=json&limit={}&prefix={}&marker={}{delimiter}",
                encoded(&self.name, false),
                self.page,
                encoded(prefix, false),
                encoded(&marker, false),
            );
            let answer = self.ask(&Method::GET, &path, &Shape::default())?;
            // Only an empty page is the end: a server may give fewer than were asked for.
            let page = page(&answer)?;
            let Some(last) = page.last() else { return Ok(()) };
            marker = match last {
                Listed::Object { name, .. } => name.clone(),
                Listed::Folder(name) => name.clone(),
            };
            page.into_iter().try_for_each(&mut *each)?;
        }
    }
}

impl std::fmt::Debug for Container {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Container")
            .field("account", &self.account)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// The checksum that Swift calls ETag: MD5, in hexadecimal. It guards the way there and nothing else.
pub(super) fn checksum(content: &[Bytes]) -> String {
    let mut digest = Md5::new();
    content.iter().for_each(|part| digest.update(part));
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Folder {
        subdir: String,
    },
    Object {
        name: String,
        bytes: u64,
        #[serde(default)]
        last_modified: Option<String>,
    },
}

fn page(answer: &Answer) -> Result<Vec<Listed>, Fault> {
    if answer.body.is_empty() {
        return Ok(Vec::new());
    }
    let lines: Vec<Line> = serde_json::from_slice(&answer.body).map_err(|_| Fault::Unexpected {
        status: answer.status,
        said: "a listing that is none".into(),
    })?;
    let listed = |line| match line {
        Line::Folder { subdir } => Listed::Folder(subdir),
        Line::Object {
            name,
            bytes,
            last_modified,
        } => Listed::Object {
            name,
            bytes,
            modified: last_modified.and_then(|text| text.trim_end_matches('Z').parse().ok()),
        },
    };
    Ok(lines.into_iter().map(listed).collect())
}

/// The date of a header, as HTTP writes it.
pub(super) fn date(text: &str) -> Option<jiff::civil::DateTime> {
    jiff::fmt::rfc2822::parse(text).ok().map(|time| time.datetime())
}

/// Percent-encoded; slashes stay where they divide a path.
pub(super) fn encoded(text: &str, is_path: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            b'/' if is_path => encoded.push('/'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
