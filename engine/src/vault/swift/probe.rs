//! What can be told about a container before it is needed.

use bytes::Bytes;
use dram_storage::Versioning;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::diagnose::{Diagnosis, Right, Rights, Used};
use super::super::growth::Tally;
use super::container::Listed;
use super::fault::Fault;
use super::ground::SwiftGround;
use super::store::{joined, within};

/// Where the probe lies: no tenant can have this name. It stays the same, so that what cannot be removed is overwritten next
/// time.
const PROBE: &str = ".dram-probe/writer";

impl SwiftGround {
    /// Tries out what may be done. Swift gives the right to write and the right to remove together, so that there is no
    /// pruner apart from the writer, and it knows no locks. What is used and what is left is the container's, whose quota
    /// it is, whatever the vault's prefix.
    pub(super) fn probe(&self) -> Diagnosis {
        let mut found = Diagnosis::reached();
        found.writer = self.rights();
        let used = match self.container.used() {
            Ok(used) => used,
            Err(fault) => return Diagnosis::unreached(self.failed("open", &fault)),
        };
        let theirs = used.now.and_then(|now| now.to_zoned(TimeZone::UTC).ok());
        found.skew = theirs.map(|theirs| theirs.timestamp().duration_since(Timestamp::now()));
        found.versioning = used.versions.then_some(Versioning::Enabled);
        found.free_bytes = used
            .quota
            .zip(used.bytes)
            .map(|(quota, bytes)| quota.saturating_sub(bytes));
        found.growth = self.tally().ok().and_then(|tally| tally.growth(Timestamp::now()));
        found.used = used.objects.zip(used.bytes).map(|(files, bytes)| Used { files, bytes });
        found
    }

    fn tally(&self) -> Result<Tally, Fault> {
        let prefix = within(&self.place.prefix);
        let mut tally = Tally::default();
        self.container.list(&prefix, None, &mut |listed| {
            if let Listed::Object { name, bytes, modified } = listed {
                let name = name.strip_prefix(&prefix).unwrap_or(&name);
                let written = modified.and_then(|time| time.to_zoned(TimeZone::UTC).ok());
                tally.add(name, bytes, written.map(|time| time.timestamp()));
            }
            Ok(())
        })?;
        Ok(tally)
    }

    fn rights(&self) -> Rights {
        let container = &self.container;
        let object = joined(&self.place.prefix, PROBE);
        let mut rights = Rights {
            list: right(container.list(&object, None, &mut |_| Ok(()))),
            write: right(container.put(&object, &[Bytes::from_static(b"probe")])),
            ..Rights::default()
        };
        if rights.write == Right::Yes {
            rights.read = right(or_gone(container.get(&object).map(drop)));
            rights.remove = right(container.discard(&object));
        }
        rights
    }
}

/// Somebody who looks at the same moment removes the same probe.
fn or_gone(answer: Result<(), Fault>) -> Result<(), Fault> {
    match answer {
        Err(Fault::Missing) => Ok(()),
        other => other,
    }
}

fn right<T>(answer: Result<T, Fault>) -> Right {
    match answer {
        Ok(_) => Right::Yes,
        Err(Fault::Forbidden { .. }) => Right::No,
        Err(fault) => Right::Unknown(fault.to_string()),
    }
}
