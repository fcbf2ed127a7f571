//! A catalog: a store, the tenant who looks at it, and who writes.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::chance::{Chance, SystemChance};
use crate::clock::{Clock, SystemClock};
use crate::error::CatalogError;
use crate::layout::{Folder, Key};
use crate::name::Name;
use crate::record::series::Series;
use crate::record::{self, Placed, READER, Record};
use crate::store::{FileStore, Store, StoreError, Verdict, probe};
use crate::url::CatalogUrl;

/// A catalog as one tenant sees it. Cheap to clone; clones share the store.
#[derive(Debug, Clone)]
pub struct Catalog {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    header: Arc<Header>,
    tenant: Name,
    by: String,
}

/// What the catalog's own record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// What the probe found when the catalog was initialised.
    pub verdict: Verdict,
    /// The oldest reader that may change this catalog.
    pub min_reader: u32,
    /// When it was initialised.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

/// How initialising ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Initialised {
    /// There was none, now there is.
    Created(Header),
    /// It was there before and was left as it was.
    Already(Header),
}

/// The header's body as it is written.
#[derive(Serialize, Deserialize)]
struct HeaderWire {
    catalog: String,
    atomic: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<String>,
}

/// Names that a catalog's folder may hold before it is initialised: what an interrupted attempt, an older catalog whose header
/// was lost, or a file system leaves there.
const KNOWN: [&str; 10] = [
    "access",
    "approvals",
    "audit",
    "changes",
    "engines",
    "leases",
    "lost+found",
    "probe",
    "t",
    "dram.json",
];

impl Catalog {
    /// Makes a catalog at `url`: probes the store and writes the verdict down. A catalog that is there already is left as it is.
    pub fn init(url: &CatalogUrl) -> Result<Initialised, CatalogError> {
        let store: Arc<dyn Store> = match url {
            CatalogUrl::File(root) => Arc::new(FileStore::prepare(root)?),
        };
        Catalog::init_in(&store, &SystemClock, &SystemChance, &this_user())
    }

    /// Makes a catalog in `store`, with time and chance passed in.
    pub fn init_in(
        store: &Arc<dyn Store>,
        clock: &dyn Clock,
        chance: &dyn Chance,
        by: &str,
    ) -> Result<Initialised, CatalogError> {
        if let Some(header) = read_header(store.as_ref())? {
            return Ok(Initialised::Already(header));
        }
        let found = store.list(&Folder::root())?;
        if let Some(foreign) = found
            .folders
            .iter()
            .chain(&found.records)
            .find(|name| !KNOWN.contains(&name.as_str()))
        {
            return Err(CatalogError::Foreign {
                location: store.location(),
                found: foreign.clone(),
            });
        }
        let verdict = probe(store, chance)?;
        let wire = match &verdict {
            Verdict::Atomic => HeaderWire {
                catalog: "dram".to_owned(),
                atomic: true,
                seen: None,
            },
            Verdict::NotAtomic { seen } => HeaderWire {
                catalog: "dram".to_owned(),
                atomic: false,
                seen: Some(seen.clone()),
            },
        };
        let body = record::body_of(&wire);
        let mine = Record::new(chance, clock, by, None, body);
        match record::place(store.as_ref(), &Key::header(), &mine)? {
            Placed::Won => Ok(Initialised::Created(Header {
                verdict,
                min_reader: READER,
                at: mine.at,
                by: mine.by,
            })),
            Placed::Lost(_) => match read_header(store.as_ref())? {
                Some(header) => Ok(Initialised::Already(header)),
                None => Err(CatalogError::Missing {
                    location: store.location(),
                }),
            },
        }
    }

    /// Opens the catalog at `url` as `tenant` sees it. Only the verdict is read: nothing is probed and nothing is made.
    pub fn open(url: &CatalogUrl, tenant: &Name) -> Result<Self, CatalogError> {
        let store: Arc<dyn Store> = match url {
            CatalogUrl::File(root) => Arc::new(FileStore::open(root).map_err(|error| missing(error, url))?),
        };
        Catalog::open_in(
            store,
            Arc::new(SystemClock),
            Arc::new(SystemChance),
            tenant,
            &this_user(),
        )
    }

    /// Opens the catalog in `store`, with time and chance passed in.
    pub fn open_in(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
        tenant: &Name,
        by: &str,
    ) -> Result<Self, CatalogError> {
        let Some(header) = read_header(store.as_ref())? else {
            return Err(CatalogError::Missing {
                location: store.location(),
            });
        };
        Ok(Catalog {
            store,
            clock,
            chance,
            header: Arc::new(header),
            tenant: tenant.clone(),
            by: by.to_owned(),
        })
    }

    /// The same catalog, with `by` written into records as the one who wrote them.
    #[must_use]
    pub fn written_by(mut self, by: &str) -> Self {
        by.clone_into(&mut self.by);
        self
    }

    /// The tenant who looks.
    pub fn tenant(&self) -> &Name {
        &self.tenant
    }

    /// The address, for people.
    pub fn location(&self) -> String {
        self.store.location()
    }

    /// What the catalog's own record says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Says whether anything may be changed here: an error when the store is not atomic or a newer release owns the catalog.
    pub fn may_change(&self) -> Result<(), CatalogError> {
        if self.header.min_reader > READER {
            return Err(CatalogError::TooNew {
                location: self.location(),
                key: Key::header(),
                min_reader: self.header.min_reader,
            });
        }
        match &self.header.verdict {
            Verdict::Atomic => Ok(()),
            Verdict::NotAtomic { seen } => Err(CatalogError::NotAtomic {
                location: self.location(),
                seen: seen.clone(),
            }),
        }
    }

    /// A fresh id that sorts by time.
    pub fn fresh_id(&self) -> Ulid {
        let millis = u64::try_from(self.clock.now().as_millisecond()).unwrap_or_default();
        Ulid::from_parts(millis, self.chance.bits())
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(crate) fn chance(&self) -> &dyn Chance {
        self.chance.as_ref()
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    pub(crate) fn series(&self, folder: Folder) -> Series<'_> {
        Series::new(self, folder)
    }

    /// A record of ours, ready to be placed.
    pub(crate) fn fresh(&self, base: Option<u64>, body: serde_json::Value) -> Record {
        Record::new(self.chance.as_ref(), self.clock.as_ref(), &self.by, base, body)
    }

    /// Creates a record; the one that stands there when another was first.
    pub(crate) fn place(&self, key: &Key, mine: &Record) -> Result<Placed, CatalogError> {
        self.may_change()?;
        record::place(self.store(), key, mine)
    }

    /// Reads a record.
    pub(crate) fn fetch(&self, key: &Key) -> Result<Option<Record>, CatalogError> {
        record::fetch(self.store(), key)
    }

    pub(crate) fn corrupt(&self, key: &Key, why: impl Into<String>) -> CatalogError {
        CatalogError::Corrupt {
            location: self.location(),
            key: key.clone(),
            why: why.into(),
        }
    }
}

fn missing(error: StoreError, url: &CatalogUrl) -> CatalogError {
    if error.source.kind() == std::io::ErrorKind::NotFound {
        CatalogError::Missing {
            location: url.to_string(),
        }
    } else {
        CatalogError::Store(error)
    }
}

fn read_header(store: &dyn Store) -> Result<Option<Header>, CatalogError> {
    let key = Key::header();
    let record = match record::fetch(store, &key) {
        Ok(Some(record)) => record,
        Ok(None) => return Ok(None),
        // The catalog of a newer release can be opened, but `may_change` will say no.
        Err(CatalogError::TooNew { min_reader, .. }) => {
            let (at, by) = (Timestamp::UNIX_EPOCH, String::new());
            return Ok(Some(Header {
                verdict: Verdict::Atomic,
                min_reader,
                at,
                by,
            }));
        }
        Err(error) => return Err(error),
    };
    let wire: HeaderWire = record::read_body(store, &key, &record)?;
    if wire.catalog != "dram" {
        let why = format!("it belongs to `{}`", wire.catalog.escape_debug());
        return Err(CatalogError::Corrupt {
            location: store.location(),
            key,
            why,
        });
    }
    let verdict = if wire.atomic {
        Verdict::Atomic
    } else {
        Verdict::NotAtomic {
            seen: wire.seen.unwrap_or_else(|| "its probe failed".to_owned()),
        }
    };
    Ok(Some(Header {
        verdict,
        min_reader: record.min_reader,
        at: record.at,
        by: record.by,
    }))
}

/// `user@machine`, for people who read records.
fn this_user() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let user = user.unwrap_or_else(|_| format!("uid {}", rustix::process::getuid().as_raw()));
    let system = rustix::system::uname();
    format!("{user}@{}", system.nodename().to_string_lossy())
}
