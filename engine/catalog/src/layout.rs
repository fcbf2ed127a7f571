//! Where each record lies. This is the only place that spells a key.
//!
//! ```text
//! dram.json                                   format, minimal reader, verdict of the store's probe
//! t/<tenant>/declared/<kind>/<name>/<n>       declarations and tombstones
//! t/<tenant>/observed/<kind>/<name>/<n>       what an engine observed of them
//! t/<tenant>/apps/<app>/epoch/<n>             one for each takeover
//! t/<tenant>/apps/<app>/points/<ulid>         index of a sealed point
//! t/<tenant>/apps/<app>/runs/<ulid>           index of the runs that work on an application
//! t/<tenant>/requests/<ulid>                  what was asked
//! t/<tenant>/keys/<key>                       the run that was asked for with a key of the asker's
//! t/<tenant>/runs/<ulid>/<n>                  what was done: batches of events
//! t/<tenant>/wishes/<ulid>/<n>                what is wished of a run that another works at
//! t/<tenant>/open/<ulid>                      marks of the runs that have not ended
//! t/<tenant>/changes/<n>                      the feed: hints about what changed, for whoever follows it
//! leases/<name>/<n>                           leases and their heartbeats
//! engines/<name>/<n>                          heartbeats of engines
//! probe/<nonce>-<round>                       only while a store is probed
//! …/floor-<n>                                 beside the numbers of a compacted series: those up to n are gone for good
//! ```

use std::fmt;

use ulid::Ulid;

use crate::name::{KindTag, LeaseName, Name};

/// Digits of a number in a key, so that names sort as numbers do.
const NUMBER_DIGITS: usize = 20;

/// What the name of a floor begins with. Readers of numbers pass over it.
const FLOOR: &str = "floor-";

/// The key of one record, relative to the catalog; segments are separated by `/`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key of the catalog's own header.
    pub fn header() -> Self {
        Key("dram.json".to_owned())
    }
}

/// A folder of records, relative to the catalog; the empty text is the catalog itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Folder(String);

impl Folder {
    /// The catalog itself.
    pub fn root() -> Self {
        Folder(String::new())
    }

    /// Kinds that a tenant has declared.
    pub fn declared(tenant: &Name) -> Self {
        Folder(format!("t/{tenant}/declared"))
    }

    /// Names that a tenant has declared of one kind.
    pub fn declared_kind(tenant: &Name, kind: &KindTag) -> Self {
        Folder(format!("t/{tenant}/declared/{kind}"))
    }

    /// Declarations of one object.
    pub fn declaration(tenant: &Name, kind: &KindTag, name: &Name) -> Self {
        Folder(format!("t/{tenant}/declared/{kind}/{name}"))
    }

    /// Observations of one object.
    pub fn observed(tenant: &Name, kind: &KindTag, name: &Name) -> Self {
        Folder(format!("t/{tenant}/observed/{kind}/{name}"))
    }

    /// Takeovers of one application.
    pub fn epochs(tenant: &Name, application: &Name) -> Self {
        Folder(format!("t/{tenant}/apps/{application}/epoch"))
    }

    /// Index of one application's points.
    pub fn points(tenant: &Name, application: &Name) -> Self {
        Folder(format!("t/{tenant}/apps/{application}/points"))
    }

    /// Requests of one tenant.
    pub fn requests(tenant: &Name) -> Self {
        Folder(format!("t/{tenant}/requests"))
    }

    /// The keys under which runs of one tenant were asked for.
    pub fn keys(tenant: &Name) -> Self {
        Folder(format!("t/{tenant}/keys"))
    }

    /// The log of one run.
    pub fn run(tenant: &Name, run: Ulid) -> Self {
        Folder(format!("t/{tenant}/runs/{run}"))
    }

    /// What is wished of one run.
    pub fn wishes(tenant: &Name, run: Ulid) -> Self {
        Folder(format!("t/{tenant}/wishes/{run}"))
    }

    /// The numbers of one lease.
    pub fn lease(name: &LeaseName) -> Self {
        Folder(format!("leases/{name}"))
    }

    /// Index of the runs that work on one application.
    pub fn runs_of(tenant: &Name, application: &Name) -> Self {
        Folder(format!("t/{tenant}/apps/{application}/runs"))
    }

    /// The logs of all runs of one tenant.
    pub fn run_logs(tenant: &Name) -> Self {
        Folder(format!("t/{tenant}/runs"))
    }

    /// Marks of the runs that have not ended.
    pub fn open_runs(tenant: &Name) -> Self {
        Folder(format!("t/{tenant}/open"))
    }

    /// What engines observed of a tenant's objects.
    pub fn all_observed(tenant: &Name) -> Self {
        Folder(format!("t/{tenant}/observed"))
    }

    /// The feed of one tenant.
    pub fn changes(tenant: &Name) -> Self {
        Folder(format!("t/{tenant}/changes"))
    }

    /// All engines.
    pub fn engines() -> Self {
        Folder("engines".to_owned())
    }

    /// The heartbeats of one engine.
    pub fn engine(name: &Name) -> Self {
        Folder(format!("engines/{name}"))
    }

    /// Where the probe writes.
    pub(crate) fn probe() -> Self {
        Folder("probe".to_owned())
    }

    /// Any folder, for tests of stores.
    #[cfg(test)]
    pub(crate) fn below_root(path: &str) -> Self {
        Folder(path.to_owned())
    }

    /// The key of number `number` in this folder.
    pub fn number(&self, number: u64) -> Key {
        self.join(&name_of(number))
    }

    /// The key that says: the numbers up to `number` of this series are gone for good.
    pub(crate) fn floor(&self, number: u64) -> Key {
        self.join(&format!("{FLOOR}{}", name_of(number)))
    }

    /// The key of the record called `id` in this folder.
    pub fn ulid(&self, id: Ulid) -> Key {
        self.join(&id.to_string())
    }

    /// The key of the record called `name` in this folder.
    pub fn name(&self, name: &Name) -> Key {
        self.join(name.as_str())
    }

    /// The key of one round of the probe.
    pub(crate) fn round(&self, nonce: u128, round: usize) -> Key {
        self.join(&format!("{nonce:032x}-{round:02}"))
    }

    /// What every key in this folder begins with, as a key that none has.
    #[cfg(test)]
    pub(crate) fn start(&self) -> Key {
        self.join("")
    }

    /// The folder `segment` in this one, as a listing names it.
    pub(crate) fn child(&self, segment: &str) -> Folder {
        Folder(self.join(segment).0)
    }

    fn join(&self, segment: &str) -> Key {
        if self.0.is_empty() {
            Key(segment.to_owned())
        } else {
            Key(format!("{}/{segment}", self.0))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a number, as it stands in a key.
pub(crate) fn name_of(number: u64) -> String {
    format!("{number:0width$}", width = NUMBER_DIGITS)
}

/// The number up to which the record name `name` says that all are gone; `None` when it says nothing of the kind.
pub(crate) fn floor_of(name: &str) -> Option<u64> {
    name.strip_prefix(FLOOR).and_then(number_of)
}

/// The number that the record name `name` stands for; `None` when it is no number's name.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let fits = name.len() == NUMBER_DIGITS && name.bytes().all(|byte| byte.is_ascii_digit());
    if fits { name.parse().ok() } else { None }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_as_their_names_do() {
        let folder = Folder::lease(&LeaseName::new("prune").unwrap());
        assert_eq!(folder.number(1).as_str(), "leases/prune/00000000000000000001");
        assert!(folder.number(9) < folder.number(10));
        assert!(folder.number(u64::MAX - 1) < folder.number(u64::MAX));
        assert_eq!(number_of("18446744073709551615"), Some(u64::MAX));
        for none in [
            "",
            "1",
            "0000000000000000001",
            "99999999999999999999",
            "0000000000000000000a",
            "+0000000000000000001",
        ] {
            assert_eq!(number_of(none), None, "{none}");
        }
    }
}
