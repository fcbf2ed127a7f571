//! A catalog: a store, the tenant who looks at it, and who writes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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
use crate::store::{FileStore, Listing, PostgresStore, S3Store, Store, StoreError, Verdict, WRITERS, probe_by};
use crate::url::CatalogUrl;

/// For how long, in its reader's own time, the catalog's header stands for itself when a store says "nothing there".
const CONFIRMED_FOR: Duration = Duration::from_secs(5);

/// A catalog as one tenant sees it. Cheap to clone; clones share the store and what is known of it.
///
/// Opening asks a distant store nothing. The header is read when something is to be changed, and whenever an answer is "nothing
/// there": an emptied bucket is a missing catalog and never an empty one. So reading a declaration costs a listing and a read.
#[derive(Debug, Clone)]
pub struct Catalog {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    known: Arc<Known>,
    tenant: Name,
    by: String,
}

/// What this process has found out about the catalog as a whole.
#[derive(Debug, Default)]
struct Known {
    /// The header, and when it was read last, in this process's own time.
    header: Mutex<Option<(Header, Duration)>>,
    /// The last number of the tenant's feed that was seen, and when; held while it is appended to, so that one process does
    /// not race against itself.
    feed: Mutex<Option<(u64, Duration)>>,
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

/// Records that are read in one call of [`Store::read_many`], so that their bytes are not all in memory before the first is
/// decoded.
const READ_AT_ONCE: usize = 512;

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
    /// Makes a catalog at `url`: probes the store, and writes the verdict down if it may have several writers. A catalog that is
    /// there already is left as it is; only the tables of one in a database are brought up to date.
    ///
    /// # Errors
    /// [`CatalogError::NotAtomic`] if the store would let writers overwrite each other: then there is no catalog.
    pub fn init(url: &CatalogUrl) -> Result<Initialised, CatalogError> {
        let store: Arc<dyn Store> = match url {
            CatalogUrl::File(root) => Arc::new(FileStore::prepare(root)?),
            CatalogUrl::S3(address) => Arc::new(S3Store::new(address)),
            CatalogUrl::Postgres(address) => Arc::new(PostgresStore::prepare(address)?),
        };
        Catalog::init_by(|| open_store(url), &store, &SystemClock, &SystemChance, &this_user())
    }

    /// Makes a catalog in `store`, with time and chance passed in. The writers of the probe share the store.
    pub fn init_in(
        store: &Arc<dyn Store>,
        clock: &dyn Clock,
        chance: &dyn Chance,
        by: &str,
    ) -> Result<Initialised, CatalogError> {
        Catalog::init_by(|| Ok(Arc::clone(store)), store, clock, chance, by)
    }

    /// Makes a catalog in `store`; `another` opens the same store for one more writer of the probe.
    pub(crate) fn init_by(
        another: impl Fn() -> Result<Arc<dyn Store>, StoreError>,
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
        let verdict = probe_by(&writers(another)?, chance)?;
        if let Verdict::NotAtomic { seen } = verdict {
            return Err(CatalogError::NotAtomic {
                location: store.location(),
                seen,
            });
        }
        let wire = HeaderWire {
            catalog: "dram".to_owned(),
            atomic: true,
            seen: None,
        };
        let mine = Record::new(chance, clock, by, None, record::body_of(&wire));
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

    /// Probes the store of the catalog at `url` again. Records are never overwritten, so what is found now is answered, not
    /// written down: a store that was fit once and is not any more has to be put right.
    ///
    /// # Errors
    /// There is no catalog, or its store fails.
    pub fn check(url: &CatalogUrl) -> Result<Verdict, CatalogError> {
        let store = open_store(url).map_err(|error| missing(error, url))?;
        if read_header(store.as_ref())?.is_none() {
            return Err(CatalogError::Missing {
                location: store.location(),
            });
        }
        Ok(probe_by(&writers(|| open_store(url))?, &SystemChance)?)
    }

    /// Opens the catalog at `url` as `tenant` sees it: nothing is probed, nothing is made. A directory is looked at; of a
    /// catalog elsewhere the first use says whether it is there.
    pub fn open(url: &CatalogUrl, tenant: &Name) -> Result<Self, CatalogError> {
        let store = open_store(url).map_err(|error| missing(error, url))?;
        let catalog = Catalog::open_in(
            store,
            Arc::new(SystemClock),
            Arc::new(SystemChance),
            tenant,
            &this_user(),
        );
        if matches!(url, CatalogUrl::File(_)) {
            catalog.header()?;
        }
        Ok(catalog)
    }

    /// The catalog in `store`, with time and chance passed in. Asks the store nothing.
    pub fn open_in(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        chance: Arc<dyn Chance>,
        tenant: &Name,
        by: &str,
    ) -> Self {
        Catalog {
            store,
            clock,
            chance,
            known: Arc::default(),
            tenant: tenant.clone(),
            by: by.to_owned(),
        }
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

    /// What the catalog's own record says. Read once.
    pub fn header(&self) -> Result<Header, CatalogError> {
        let mut known = lock(&self.known.header);
        if let Some((header, _)) = known.as_ref() {
            return Ok(header.clone());
        }
        self.read_header_into(&mut known)
    }

    /// Says whether "nothing there" may be believed: an error when the catalog as a whole is gone.
    pub(crate) fn still_here(&self) -> Result<(), CatalogError> {
        let mut known = lock(&self.known.header);
        if let Some((_, at)) = known.as_ref()
            && self.clock.monotonic().saturating_sub(*at) < CONFIRMED_FOR
        {
            return Ok(());
        }
        self.read_header_into(&mut known).map(|_| ())
    }

    fn read_header_into(&self, known: &mut Option<(Header, Duration)>) -> Result<Header, CatalogError> {
        let begun = self.clock.monotonic();
        let Some(header) = read_header(self.store())? else {
            return Err(CatalogError::Missing {
                location: self.location(),
            });
        };
        *known = Some((header.clone(), begun));
        Ok(header)
    }

    /// Says whether anything may be changed here: an error when the store is not atomic or a newer release owns the catalog.
    pub fn may_change(&self) -> Result<(), CatalogError> {
        let header = self.header()?;
        if header.min_reader > READER {
            return Err(CatalogError::TooNew {
                location: self.location(),
                key: Key::header(),
                min_reader: header.min_reader,
            });
        }
        match header.verdict {
            Verdict::Atomic => Ok(()),
            Verdict::NotAtomic { seen } => Err(CatalogError::NotAtomic {
                location: self.location(),
                seen,
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

    /// Reads a record; `None` when the catalog is there and the record is not.
    pub(crate) fn fetch(&self, key: &Key) -> Result<Option<Record>, CatalogError> {
        let found = record::fetch(self.store(), key)?;
        if found.is_none() {
            self.still_here()?;
        }
        Ok(found)
    }

    /// Reads several records, each for itself: one that cannot be understood does not hide the others.
    pub(crate) fn fetch_many(&self, keys: &[Key]) -> Result<Vec<Result<Option<Record>, CatalogError>>, CatalogError> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(READ_AT_ONCE) {
            found.extend(record::fetch_many(self.store(), keys)?);
        }
        if found.iter().any(|found| matches!(found, Ok(None))) {
            self.still_here()?;
        }
        Ok(found)
    }

    /// What a folder of the catalog holds.
    pub(crate) fn list(&self, folder: &Folder) -> Result<Listing, CatalogError> {
        let listing = record::patiently(self.store(), || self.store().list(folder))?;
        if listing == Listing::default() {
            self.still_here()?;
        }
        Ok(listing)
    }

    /// The names in a folder after `after`. An empty answer is not held against the header: whoever follows a folder does
    /// that in his own time.
    pub(crate) fn list_after(&self, folder: &Folder, after: &str, limit: usize) -> Result<Vec<String>, CatalogError> {
        Ok(record::patiently(self.store(), || {
            self.store().list_after(folder, after, limit)
        })?)
    }

    /// All records below a folder, as paths relative to it.
    pub(crate) fn walk(&self, folder: &Folder) -> Result<Vec<String>, CatalogError> {
        let found = record::patiently(self.store(), || self.store().walk(folder))?;
        if found.is_empty() {
            self.still_here()?;
        }
        Ok(found)
    }

    /// Removes a record that may be forgotten.
    pub(crate) fn remove(&self, key: &Key) -> Result<(), CatalogError> {
        self.may_change()?;
        Ok(record::patiently(self.store(), || self.store().remove(key))?)
    }

    /// The last number of the feed that this process has seen, and when in its own time.
    pub(crate) fn feed_seen(&self) -> MutexGuard<'_, Option<(u64, Duration)>> {
        lock(&self.known.feed)
    }

    pub(crate) fn corrupt(&self, key: &Key, why: impl Into<String>) -> CatalogError {
        CatalogError::Corrupt {
            location: self.location(),
            key: key.clone(),
            why: why.into(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The store at an address. Only directories are looked at; nothing connects.
fn open_store(url: &CatalogUrl) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match url {
        CatalogUrl::File(root) => Arc::new(FileStore::open(root)?),
        CatalogUrl::S3(address) => Arc::new(S3Store::new(address)),
        CatalogUrl::Postgres(address) => Arc::new(PostgresStore::new(address)),
    })
}

/// The writers of a probe.
fn writers(another: impl Fn() -> Result<Arc<dyn Store>, StoreError>) -> Result<Vec<Arc<dyn Store>>, StoreError> {
    (0..WRITERS).map(|_| another()).collect()
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

/// What the catalog's own record says; `None` when there is no catalog.
pub(crate) fn read_header(store: &dyn Store) -> Result<Option<Header>, CatalogError> {
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
