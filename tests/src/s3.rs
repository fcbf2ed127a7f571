//! A small client of S3, signed by hand: what the programs left in a bucket is looked at, and attacked, without them.

mod sign;

use crate::error::{Error, Result, claim};
use crate::http::{self, Answer, Request};
use crate::lab::store::{Keys, Store};

/// A user at a gateway.
#[derive(Debug, Clone)]
pub struct Client {
    port: u16,
    keys: Keys,
}

/// What a bucket does with what is replaced and removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// It is gone.
    Nothing,
    /// It stays as a version.
    Versions,
    /// It stays as a version, and may be locked.
    Locks,
}

/// One version of an object, or the mark that it was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The object's key.
    pub key: String,
    /// The version's id; `null` in a bucket that keeps none.
    pub id: String,
    /// Whether it is what a plain read finds.
    pub is_latest: bool,
    /// Whether it only marks a deletion.
    pub is_marker: bool,
    /// Its size in bytes.
    pub bytes: u64,
}

/// By whose leave a version is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The plain one.
    Plain,
    /// That of somebody who asks to bypass governance.
    Bypass,
}

impl Client {
    /// The owner of all buckets at the shared gateway.
    pub fn owner(store: &Store) -> Client {
        Client::at(store.port, store.owner.clone())
    }

    /// The restricted user at the shared gateway.
    pub fn writer(store: &Store) -> Client {
        Client::at(store.port, store.writer.clone())
    }

    /// Anybody anywhere on this machine.
    pub fn at(port: u16, keys: Keys) -> Client {
        Client { port, keys }
    }

    /// Asks, and gives back whatever is answered. The query's values are encoded here.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn ask(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer> {
        let now = jiff::Timestamp::now();
        let signed = sign::signed(&self.keys, self.port, now, method, path, query, headers, body);
        let request = Request {
            method,
            target: signed.target,
            headers: signed.headers,
            body,
        };
        http::exchange(self.port, &request)
    }

    /// Asks, and expects an answer of success.
    ///
    /// # Errors
    /// Nobody answers, or refuses.
    pub fn ask_ok(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer> {
        let answer = self.ask(method, path, query, headers, body)?;
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        Err(Error::Answer {
            url: format!("{method} http://127.0.0.1:{}{path}", self.port),
            answer: format!("{} {}", answer.status, answer.text()),
        })
    }

    /// Makes a bucket.
    ///
    /// # Errors
    /// The server refuses.
    pub fn create_bucket(&self, bucket: &str, keeping: Keeping) -> Result<()> {
        let path = format!("/{bucket}");
        let lock = [("x-amz-bucket-object-lock-enabled", "true")];
        let headers = if keeping == Keeping::Locks { &lock[..] } else { &[] };
        self.ask_ok("PUT", &path, &[], headers, b"")?;
        if keeping == Keeping::Versions {
            let wish = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                        <Status>Enabled</Status></VersioningConfiguration>";
            self.ask_ok("PUT", &path, &[("versioning", "")], &[], wish.as_bytes())?;
        }
        Ok(())
    }

    /// Says in IAM's words who may do what in a bucket.
    ///
    /// # Errors
    /// The server refuses.
    pub fn set_policy(&self, bucket: &str, policy: &serde_json::Value) -> Result<()> {
        let text = policy.to_string();
        let answer = self.ask_ok("PUT", &format!("/{bucket}"), &[("policy", "")], &[], text.as_bytes());
        answer.map(drop)
    }

    /// Writes an object.
    ///
    /// # Errors
    /// The server refuses.
    pub fn put(&self, bucket: &str, key: &str, bytes: &[u8]) -> Result<()> {
        self.ask_ok("PUT", &format!("/{bucket}/{key}"), &[], &[], bytes)
            .map(drop)
    }

    /// Reads an object.
    ///
    /// # Errors
    /// The server refuses, or has none.
    pub fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>> {
        Ok(self.ask_ok("GET", &format!("/{bucket}/{key}"), &[], &[], b"")?.body)
    }

    /// The head of a version.
    ///
    /// # Errors
    /// The server refuses, or has none.
    pub fn head(&self, bucket: &str, version: &Version) -> Result<Answer> {
        let path = format!("/{bucket}/{}", version.key);
        self.ask_ok("HEAD", &path, &[("versionId", &version.id)], &[], b"")
    }

    /// Until when a version is kept from everybody, and in which mode, as the server says.
    ///
    /// # Errors
    /// The server refuses, or says what is no time.
    pub fn retention(&self, bucket: &str, version: &Version) -> Result<Option<(String, jiff::Timestamp)>> {
        let head = self.head(bucket, version)?;
        let mode = head.header("x-amz-object-lock-mode").unwrap_or_default().to_owned();
        let Some(until) = head.header("x-amz-object-lock-retain-until-date") else {
            return Ok(None);
        };
        match until.parse() {
            Ok(until) => Ok(Some((mode, until))),
            Err(error) => Err(Error::Answer {
                url: version.key.clone(),
                answer: format!("`{until}`: {error}"),
            }),
        }
    }

    /// Deletes what a plain read finds, and gives back the answer.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn delete(&self, bucket: &str, key: &str) -> Result<Answer> {
        self.ask("DELETE", &format!("/{bucket}/{key}"), &[], &[], b"")
    }

    /// Deletes one version for good, and gives back the answer.
    ///
    /// # Errors
    /// Nobody answers.
    pub fn delete_version(&self, bucket: &str, version: &Version, leave: Leave) -> Result<Answer> {
        let path = format!("/{bucket}/{}", version.key);
        let bypass = [("x-amz-bypass-governance-retention", "true")];
        let headers = if leave == Leave::Bypass { &bypass[..] } else { &[] };
        self.ask("DELETE", &path, &[("versionId", &version.id)], headers, b"")
    }

    /// Every version below a prefix, marks included.
    ///
    /// # Errors
    /// The server refuses, or answers what cannot be read.
    pub fn versions(&self, bucket: &str, prefix: &str) -> Result<Vec<Version>> {
        let (mut found, mut key, mut id) = (Vec::new(), String::new(), String::new());
        loop {
            let mut query = vec![("versions", ""), ("prefix", prefix)];
            if !key.is_empty() {
                query.extend([("key-marker", key.as_str()), ("version-id-marker", id.as_str())]);
            }
            let text = self.ask_ok("GET", &format!("/{bucket}"), &query, &[], b"")?.text();
            for (tag, is_marker) in [("Version", false), ("DeleteMarker", true)] {
                found.extend(elements(&text, tag).into_iter().map(|inner| Version {
                    key: element(inner, "Key"),
                    id: element(inner, "VersionId"),
                    is_latest: element(inner, "IsLatest") == "true",
                    is_marker,
                    bytes: element(inner, "Size").parse().unwrap_or_default(),
                }));
            }
            if element(&text, "IsTruncated") != "true" {
                return Ok(found);
            }
            (key, id) = (element(&text, "NextKeyMarker"), element(&text, "NextVersionIdMarker"));
            claim("a list that goes on says where", !key.is_empty(), || text.clone())?;
        }
    }

    /// The objects that a plain listing below a prefix finds.
    ///
    /// # Errors
    /// The server refuses, or answers what cannot be read.
    pub fn objects(&self, bucket: &str, prefix: &str) -> Result<Vec<Version>> {
        let all = self.versions(bucket, prefix)?;
        Ok(all
            .into_iter()
            .filter(|version| version.is_latest && !version.is_marker)
            .collect())
    }

    /// Removes everything from a bucket, versions included, whatever governance says.
    ///
    /// # Errors
    /// The server refuses.
    pub fn empty(&self, bucket: &str) -> Result<()> {
        for version in self.versions(bucket, "")? {
            let answer = self.delete_version(bucket, &version, Leave::Bypass)?;
            claim(
                format!("`{}` goes away", version.key),
                matches!(answer.status, 200..300 | 404),
                || format!("{} {}", answer.status, answer.text()),
            )?;
        }
        Ok(())
    }

    /// Removes a bucket with everything in it, whatever governance says.
    ///
    /// # Errors
    /// The server refuses.
    pub fn remove_bucket(&self, bucket: &str) -> Result<()> {
        self.empty(bucket)?;
        self.ask_ok("DELETE", &format!("/{bucket}"), &[], &[], b"").map(drop)
    }
}

/// The insides of all elements of this name.
fn elements<'a>(text: &'a str, tag: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let parts = text.split(open.as_str()).skip(1);
    parts
        .filter_map(|part| Some(part.split_once(close.as_str())?.0))
        .collect()
}

/// The text of the first element of this name, or nothing.
fn element(text: &str, tag: &str) -> String {
    let text = elements(text, tag).first().copied().unwrap_or_default();
    let text = text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
    text.replace("&apos;", "'").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_a_list_are_found() {
        let text = "<L><Version><Key>a&amp;b</Key><Size>3</Size></Version><Version><Key>c</Key></Version></L>";
        let found: Vec<_> = elements(text, "Version")
            .into_iter()
            .map(|inner| element(inner, "Key"))
            .collect();
        assert_eq!(found, ["a&b", "c"]);
        assert_eq!(element(text, "IsTruncated"), "");
    }
}
