//! A store in a schema of a PostgreSQL database: for whoever has no object store that creates atomically.
//!
//! A record is a row whose key is unique, so the server decides who won. Each statement is a transaction of its own, sent and
//! answered in one round trip. A pooler in front of the server has to pool whole sessions: what they are set to is part of what
//! we promise.

mod fault;
mod link;
mod login;
mod schema;
mod tls;

use std::io;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use self::link::{Environment, Link};
use self::schema::Prepared;
use super::{Action, Creation, Fault, Listing, RECORD_LIMIT, Store, StoreError};
use crate::error::CatalogError;
use crate::layout::{Folder, Key};
use crate::url::PostgresAddress;

/// A store in a schema. Nothing connects before its first call.
#[derive(Debug)]
pub struct PostgresStore {
    link: Link,
    statements: Statements,
}

/// What making the tables may take, waiting for another program that makes them included.
const PREPARING: Duration = Duration::from_secs(60);

/// What the server says of the connection and of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Its clock minus ours: positive when it is ahead.
    pub skew: SignedDuration,
    /// Whether the connection is encrypted.
    pub is_encrypted: bool,
    /// Whether it waits for its disk.
    pub is_durable: bool,
}

/// The question behind a [`Session`].
const SESSION: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint, \
     coalesce((SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()), false), \
     current_setting('fsync')::boolean AND current_setting('full_page_writes')::boolean";

/// The statements, about the schema of one store.
#[derive(Debug)]
struct Statements {
    read: String,
    create: String,
    list: String,
    list_after: String,
    walk: String,
    read_many: String,
    remove: String,
}

impl Statements {
    /// `schema` is a checked name.
    fn about(schema: &str) -> Self {
        let records = format!(r#""{schema}".records"#);
        Statements {
            // A huge row is not read into memory.
            read: format!(
                "SELECT CASE WHEN octet_length(bytes) <= $3 THEN bytes END FROM {records} WHERE folder = $1 AND name = $2"
            ),
            create: format!("INSERT INTO {records} (folder, name, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"),
            // Folders are found by jumping over each one's stretch of the index (`0` follows `/`), however much lies in it.
            list: format!(
                "WITH RECURSIVE child AS (\
                     (SELECT folder FROM {records} WHERE folder > $1 AND folder < $2 ORDER BY folder LIMIT 1) \
                     UNION ALL \
                     SELECT (SELECT further.folder FROM {records} AS further \
                             WHERE further.folder >= $1 || split_part(substr(child.folder, length($1) + 1), '/', 1) || '0' \
                               AND further.folder < $2 ORDER BY further.folder LIMIT 1) \
                     FROM child WHERE child.folder IS NOT NULL\
                 ) \
                 SELECT false, name FROM {records} WHERE folder = $1 \
                 UNION ALL \
                 SELECT true, split_part(substr(folder, length($1) + 1), '/', 1) FROM child WHERE folder IS NOT NULL"
            ),
            list_after: format!("SELECT name FROM {records} WHERE folder = $1 AND name > $2 ORDER BY name LIMIT $3"),
            walk: format!("SELECT folder || name FROM {records} WHERE folder >= $1 AND folder < $2"),
            read_many: format!(
                "SELECT wanted.at, CASE WHEN octet_length(bytes) <= $3 THEN bytes END \
                 FROM unnest($1, $2) WITH ORDINALITY AS wanted(folder, name, at) JOIN {records} USING (folder, name)"
            ),
            remove: format!("DELETE FROM {records} WHERE folder = $1 AND name = $2"),
        }
    }
}

impl PostgresStore {
    /// The store at an address.
    pub fn new(address: &PostgresAddress) -> Self {
        PostgresStore::with_environment(address, |name| std::env::var_os(name))
    }

    pub(super) fn with_environment(address: &PostgresAddress, environment: Environment) -> Self {
        PostgresStore {
            link: Link::new(address, environment),
            statements: Statements::about(&address.schema),
        }
    }

    /// Makes the schema and its tables if they are not there, or brings them up to date, and opens the store in it.
    ///
    /// # Errors
    /// The server does not answer or does not allow it; the schema is in use for something else.
    pub fn prepare(address: &PostgresAddress) -> Result<Self, CatalogError> {
        PostgresStore::new(address).prepared()
    }

    pub(super) fn prepared(self) -> Result<Self, CatalogError> {
        let store = self;
        let schema = &store.link.address().schema;
        let prepared = dram_storage::block_on(async {
            let mut session = store.link.connect_to_any(Action::Create, "").await?;
            let prepared = timeout(PREPARING, schema::prepare(&mut session.client, schema)).await;
            let prepared = prepared.map_err(|_| store.link.silent(Action::Create, "", PREPARING))?;
            prepared.map_err(|error| store.link.error(Action::Create, "", fault::of(&error)))
        });
        match prepared.map_err(StoreError::from)?? {
            Prepared::Ready(_) => Ok(store),
            Prepared::Foreign(found) => Err(CatalogError::Foreign {
                location: store.location(),
                found,
            }),
        }
    }

    /// What the server says of the connection and of itself; `None` if there are no tables of ours.
    ///
    /// # Errors
    /// The server does not answer, or says no.
    pub fn session(&self) -> Result<Option<Session>, StoreError> {
        self.link.call(Action::Open, "", async |client| {
            let before = Timestamp::now();
            let row = client.query_typed_one(SESSION, &[]).await?;
            let middle = before + Timestamp::now().duration_since(before) / 2;
            let skew = SignedDuration::from_millis(row.try_get(0)?) - middle.as_duration();
            Ok(Session {
                skew,
                is_encrypted: row.try_get(1)?,
                is_durable: row.try_get(2)?,
            })
        })
    }

    /// Runs statements over a connection of their own, whatever is in the schema.
    #[cfg(test)]
    pub(super) fn run(&self, statements: &str) {
        dram_storage::block_on(async {
            let session = self.link.connect_to_any(Action::Open, "").await.unwrap();
            session.client.batch_execute(statements).await.unwrap();
        })
        .unwrap();
    }

    /// The error of a call that finds no tables: a catalog that is gone is not an empty one.
    fn no_tables(&self, action: Action, key: &str) -> StoreError {
        let why = format!("there is no catalog in the schema `{}`", self.link.address().schema);
        self.link.error(action, key, (Fault::NoPlace, io::Error::other(why)))
    }

    fn too_large(&self, key: &Key) -> StoreError {
        let why = io::Error::other(format!("it is larger than {RECORD_LIMIT} bytes"));
        self.link.error(Action::Read, key.as_str(), (Fault::Corrupt, why))
    }
}

/// The columns of a key: its folder with its slash, and its name.
fn columns(key: &Key) -> (&str, &str) {
    let text = key.as_str();
    let name = text.rsplit('/').next().unwrap_or(text);
    (text.strip_suffix(name).unwrap_or_default(), name)
}

/// A parameter.
type Parameter<'p> = (&'p (dyn ToSql + Sync), Type);

fn text<T: ToSql + Sync>(text: &T) -> Parameter<'_> {
    (text, Type::TEXT)
}

/// Where the folders below a folder begin and end, in the order of bytes.
fn stretch(folder: &Folder) -> (String, String) {
    match folder.as_str() {
        "" => (String::new(), "\x7f".to_owned()),
        folder => (format!("{folder}/"), format!("{folder}0")),
    }
}

impl Store for PostgresStore {
    fn read(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let (folder, name) = columns(key);
        let limit = i32::try_from(RECORD_LIMIT).unwrap_or(i32::MAX);
        let found = self.link.call(Action::Read, key.as_str(), async |client| {
            let parameters = [text(&folder), text(&name), (&limit as _, Type::INT4)];
            let row = client.query_typed_opt(&self.statements.read, &parameters).await?;
            row.map(|row| row.try_get::<_, Option<Vec<u8>>>(0)).transpose()
        })?;
        match found {
            // That there is no catalog is an answer to whoever asks for its header, and an error to everybody else.
            None if *key == Key::header() => Ok(None),
            None => Err(self.no_tables(Action::Read, key.as_str())),
            Some(Some(None)) => Err(self.too_large(key)),
            Some(row) => Ok(row.flatten()),
        }
    }

    fn create(&self, key: &Key, bytes: &[u8]) -> Result<Creation, StoreError> {
        let (folder, name) = columns(key);
        let made = self.link.call(Action::Create, key.as_str(), async |client| {
            let row = [text(&folder), text(&name), (&bytes as _, Type::BYTEA)];
            client.execute_typed(&self.statements.create, &row).await
        })?;
        match made {
            None => Err(self.no_tables(Action::Create, key.as_str())),
            Some(0) => Ok(Creation::Exists),
            Some(_) => Ok(Creation::Won),
        }
    }

    fn list(&self, folder: &Folder) -> Result<Listing, StoreError> {
        let (from, to) = stretch(folder);
        let listing = self.link.call(Action::List, folder.as_str(), async |client| {
            let rows = client
                .query_typed(&self.statements.list, &[text(&from), text(&to)])
                .await?;
            let mut listing = Listing::default();
            for row in rows {
                let name = row.try_get(1)?;
                if row.try_get(0)? {
                    listing.folders.push(name);
                } else {
                    listing.records.push(name);
                }
            }
            Ok(listing)
        })?;
        let Some(mut listing) = listing else {
            return Err(self.no_tables(Action::List, folder.as_str()));
        };
        listing.folders.sort();
        listing.records.sort();
        Ok(listing)
    }

    fn list_after(&self, folder: &Folder, after: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        let (from, _) = stretch(folder);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let names = self.link.call(Action::List, folder.as_str(), async |client| {
            let parameters = [text(&from), text(&after), (&limit as _, Type::INT8)];
            let rows = client.query_typed(&self.statements.list_after, &parameters).await?;
            rows.iter()
                .map(|row| row.try_get(0))
                .collect::<Result<Vec<String>, _>>()
        })?;
        names.ok_or_else(|| self.no_tables(Action::List, folder.as_str()))
    }

    fn walk(&self, folder: &Folder) -> Result<Vec<String>, StoreError> {
        let (from, to) = stretch(folder);
        let paths = self.link.call(Action::List, folder.as_str(), async |client| {
            let rows = client
                .query_typed(&self.statements.walk, &[text(&from), text(&to)])
                .await?;
            rows.iter()
                .map(|row| row.try_get(0))
                .collect::<Result<Vec<String>, _>>()
        })?;
        let paths = paths.ok_or_else(|| self.no_tables(Action::List, folder.as_str()))?;
        let mut paths: Vec<String> = paths
            .iter()
            .filter_map(|path| Some(path.strip_prefix(&from)?.to_owned()))
            .collect();
        paths.sort_unstable();
        Ok(paths)
    }

    fn read_many(&self, keys: &[Key]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let Some(first) = keys.first() else {
            return Ok(Vec::new());
        };
        let (folders, names): (Vec<&str>, Vec<&str>) = keys.iter().map(columns).unzip();
        let limit = i32::try_from(RECORD_LIMIT).unwrap_or(i32::MAX);
        let rows = self.link.call(Action::Read, first.as_str(), async |client| {
            let parameters = [
                (&folders as _, Type::TEXT_ARRAY),
                (&names as _, Type::TEXT_ARRAY),
                (&limit as _, Type::INT4),
            ];
            let rows = client.query_typed(&self.statements.read_many, &parameters).await?;
            let row_of = |row: &Row| Ok((row.try_get::<_, i64>(0)?, row.try_get::<_, Option<Vec<u8>>>(1)?));
            rows.iter()
                .map(row_of)
                .collect::<Result<Vec<_>, tokio_postgres::Error>>()
        })?;
        let mut found = vec![None; keys.len()];
        for (at, bytes) in rows.ok_or_else(|| self.no_tables(Action::Read, first.as_str()))? {
            let index = usize::try_from(at).unwrap_or_default().wrapping_sub(1);
            let (Some(place), Some(key)) = (found.get_mut(index), keys.get(index)) else {
                continue;
            };
            *place = Some(bytes.ok_or_else(|| self.too_large(key))?);
        }
        Ok(found)
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        let (folder, name) = columns(key);
        let removed = self.link.call(Action::Remove, key.as_str(), async |client| {
            let key = [text(&folder), text(&name)];
            client.execute_typed(&self.statements.remove, &key).await
        })?;
        match removed {
            None => Err(self.no_tables(Action::Remove, key.as_str())),
            Some(_) => Ok(()),
        }
    }

    fn location(&self) -> String {
        self.link.address().to_string()
    }

    fn perseveres(&self) -> bool {
        true
    }
}

#[cfg(test)]
pub(super) mod tests;
