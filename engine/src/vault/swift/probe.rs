//! What can be told about a container before it is needed.

use bytes::Bytes;
use dram_storage::Versioning;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::diagnose::{Diagnosis, Right, Rights, Used};
use super::fault::Fault;
use super::ground::SwiftGround;
use super::store::joined;

/// Where the probes lie: no tenant can have this name.
const FOLDER: &str = ".dram-probe";

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
        found.used = used.objects.zip(used.bytes).map(|(files, bytes)| Used { files, bytes });
        found
    }

    fn rights(&self) -> Rights {
        let container = &self.container;
        let probe = format!("{FOLDER}/writer-{}", Timestamp::now().as_nanosecond());
        let object = joined(&self.place.prefix, &probe);
        let mut rights = Rights {
            list: right(container.list(&object, None, &mut |_| Ok(()))),
            write: right(container.put(&object, &[Bytes::from_static(b"probe")])),
            ..Rights::default()
        };
        if rights.write == Right::Yes {
            rights.read = right(container.get(&object));
            rights.remove = right(container.discard(&object));
        }
        rights
    }
}

fn right<T>(answer: Result<T, Fault>) -> Right {
    match answer {
        Ok(_) => Right::Yes,
        Err(Fault::Forbidden { .. }) => Right::No,
        Err(fault) => Right::Unknown(fault.to_string()),
    }
}
