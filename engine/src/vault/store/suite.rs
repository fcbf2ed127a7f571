//! What every store of a vault does, whatever it lies on. Each implementation runs all of it.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustic_core::Id;

use super::super::address::Transfer;
use super::super::progress::Cancel;
use super::{Flow, Kind, Store, StoreError};

const KINDS: [Kind; 5] = [Kind::Key, Kind::Snapshot, Kind::Index, Kind::Pack, Kind::Notice];

fn id(number: u64) -> Id {
    format!("{number:016x}").repeat(4).parse().unwrap()
}

fn content(number: u64, length: usize) -> Vec<Bytes> {
    let bytes = super::super::tests::tree::noise(length, number);
    let middle = bytes.len() / 3;
    let whole = Bytes::from(bytes);
    vec![whole.slice(..middle), whole.slice(middle..)]
}

/// Runs everything against a store that holds nothing.
pub(in super::super) fn run(store: &Arc<dyn Store>) {
    what_is_not_there_is_missing(store);
    what_is_written_is_read(store);
    a_range_is_as_long_as_asked_or_an_error(store);
    the_configuration_is_never_overwritten(store);
    what_is_removed_is_gone(store);
    many_writers_write_what_they_say(store);
    a_raised_flag_ends_every_call(store);
}

/// A flow that counts what passes, and is so fast that nobody waits.
pub(in super::super) fn gauge() -> Arc<Flow> {
    Arc::new(Flow::new(Transfer {
        parallel: None,
        bytes_per_second: NonZeroU64::new(1_000_000_000),
    }))
}

/// That a store whose transfers go through a [`gauge`] passes each byte through it that it moves, also for one operation alone.
pub(in super::super) fn counts_what_moves(flow: &Flow, store: &Arc<dyn Store>) {
    let view = store.under(&Cancel::new());
    for (number, store) in (500..).zip([Some(store), view.as_ref()].into_iter().flatten()) {
        let counted = |what: &str, bytes: u64, run: &dyn Fn() -> Result<(), StoreError>| {
            let before = flow.passed();
            run().unwrap();
            // At a billion bytes a second a byte takes a nanosecond.
            let counted = flow.passed().duration_since(before);
            assert!(
                counted >= Duration::from_nanos(bytes),
                "{what}: {counted:?} for {bytes} bytes"
            );
        };
        let id = id(number);
        let write = || store.write(Kind::Pack, &id, &content(number, 70_000));
        counted("write", 70_000, &write);
        counted("read", 70_000, &|| store.read(Kind::Pack, &id).map(drop));
        counted("read a range", 4096, &|| {
            store.read_range(Kind::Pack, &id, 1234, 4096).map(drop)
        });
        store.remove(Kind::Pack, &id).unwrap();
    }
}

fn what_is_not_there_is_missing(store: &Arc<dyn Store>) {
    drop(store.claim().unwrap());
    store.create().unwrap();
    for kind in KINDS.into_iter().chain([Kind::Config]) {
        assert_eq!(store.list(kind).unwrap(), [], "{kind:?}");
        let read = store.read(kind, &id(1));
        assert!(matches!(read, Err(StoreError::Missing { .. })), "{kind:?}: {read:?}");
        let range = store.read_range(kind, &id(1), 0, 1);
        assert!(matches!(range, Err(StoreError::Missing { .. })), "{kind:?}: {range:?}");
    }
    store.remove(Kind::Pack, &id(1)).unwrap();
}

fn what_is_written_is_read(store: &Arc<dyn Store>) {
    for (number, kind) in (10..).zip(KINDS) {
        let pieces = content(number, 70_000);
        store.write(kind, &id(number), &pieces).unwrap();
        // A repetition, as after a lost answer, changes nothing.
        store.write(kind, &id(number), &pieces).unwrap();
        assert_eq!(store.read(kind, &id(number)).unwrap(), pieces.concat());
        assert_eq!(store.list(kind).unwrap(), [(id(number), 70_000)], "{kind:?}");
        store.write(kind, &id(number + 100), &[]).unwrap();
        assert_eq!(store.read(kind, &id(number + 100)).unwrap(), Bytes::new());
        store.remove(kind, &id(number + 100)).unwrap();
    }
}

fn a_range_is_as_long_as_asked_or_an_error(store: &Arc<dyn Store>) {
    let whole = content(13, 70_000).concat();
    for (offset, length) in [(0_u32, 1_u32), (0, 70_000), (69_999, 1), (1234, 4096)] {
        let range = store.read_range(Kind::Pack, &id(13), offset, length).unwrap();
        let (from, to) = (offset as usize, (offset + length) as usize);
        assert_eq!(range, &whole[from..to]);
    }
    for (offset, length) in [(0, 70_001), (69_999, 2), (70_000, 1), (1_000_000, 10)] {
        let range = store.read_range(Kind::Pack, &id(13), offset, length);
        assert!(
            matches!(range, Err(StoreError::Truncated { .. })),
            "{offset}: {range:?}"
        );
    }
}

fn the_configuration_is_never_overwritten(store: &Arc<dyn Store>) {
    let (first, second) = (content(1, 200), content(2, 200));
    store.write(Kind::Config, &Id::default(), &first).unwrap();
    let again = store.write(Kind::Config, &Id::default(), &second);
    assert!(matches!(again, Err(StoreError::Exists { .. })), "{again:?}");
    assert_eq!(store.read(Kind::Config, &Id::default()).unwrap(), first.concat());
    assert_eq!(store.list(Kind::Config).unwrap().len(), 1);
}

fn what_is_removed_is_gone(store: &Arc<dyn Store>) {
    for (number, kind) in (10..).zip(KINDS) {
        store.remove(kind, &id(number)).unwrap();
        assert_eq!(store.list(kind).unwrap(), []);
        let read = store.read(kind, &id(number));
        assert!(matches!(read, Err(StoreError::Missing { .. })), "{kind:?}: {read:?}");
    }
}

/// More than one page of a listing, by more writers than there are turns.
fn many_writers_write_what_they_say(store: &Arc<dyn Store>) {
    const WRITERS: u64 = 24;
    const EACH: u64 = 50;
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || {
                for number in 0..EACH {
                    let number = 1_000 + writer * EACH + number;
                    store.write(Kind::Pack, &id(number), &content(number, 100)).unwrap();
                }
            });
        }
    });
    let listed: BTreeSet<(Id, u32)> = store.list(Kind::Pack).unwrap().into_iter().collect();
    let expected: BTreeSet<(Id, u32)> = (0..WRITERS * EACH).map(|number| (id(1_000 + number), 100)).collect();
    assert!(listed == expected, "{} of {} are listed", listed.len(), expected.len());
    assert_eq!(
        store.read(Kind::Pack, &id(1_777)).unwrap(),
        content(1_777, 100).concat()
    );
}

fn a_raised_flag_ends_every_call(store: &Arc<dyn Store>) {
    let cancel = Cancel::new();
    let Some(view) = store.under(&cancel) else { return };
    assert!(view.read(Kind::Pack, &id(1_000)).is_ok());
    cancel.cancel();
    let began = Instant::now();
    for answer in [
        view.read(Kind::Pack, &id(1_000)).map(drop),
        view.write(Kind::Pack, &id(1_000), &content(1, 10)),
        view.list(Kind::Pack).map(drop),
        view.remove(Kind::Pack, &id(1_000)),
    ] {
        assert!(matches!(answer, Err(StoreError::Canceled)), "{answer:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(
        store.read(Kind::Pack, &id(1_000)).is_ok(),
        "the flag of one operation is not that of another"
    );
}
