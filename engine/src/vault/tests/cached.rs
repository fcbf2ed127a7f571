//! Copies of small files make commands quick, and hide no damage from who looks for it.

use super::tree::noise;
use super::*;
use crate::vault::store::{Cached, Kind};

/// The repository as a command opens it that has a cache.
fn with_cache(fixture: &Fixture) -> Repository {
    let opened = fixture.reopen();
    let store = Arc::clone(&opened.stores().writer);
    opened.with_writer(Arc::new(Cached::new(store, &fixture.target("cache"))))
}

fn verdict(repository: &Repository) -> Verdict {
    repository.verify(POINT, &Silent::shared(), &Cancel::new()).unwrap()
}

#[test]
fn what_a_copy_hides_from_a_listing_a_verification_finds() {
    let fixture = Fixture::new();
    fixture.file("/srv/large", noise(3 << 20, 1));
    let repository = with_cache(&fixture);
    let captured = capture(&repository, &fixture.site(), POINT, &["/srv"], &[]).unwrap();
    let items = vec![Item::of_files("data", "web", &captured)];
    repository.seal(&manifest(POINT, 1, items), &origin()).unwrap();
    assert_eq!(verdict(&with_cache(&fixture)).damages, []);

    let known = with_cache(&fixture);
    let packs = known.stores().writer.list(Kind::Pack).unwrap().into_iter();
    let small = packs.filter(|(_, size)| *size <= 64 * 1024).map(|(id, _)| id);
    let mut hidden = 0;
    for pack in small {
        let hex = pack.to_hex().to_string();
        let path = fixture
            .location()
            .path()
            .join("data")
            .join(hex.split_at(2).0)
            .join(&hex);
        let whole = std::fs::read(&path).unwrap();
        let mut damaged = whole.clone();
        damaged[whole.len() / 3] ^= 1;
        std::fs::write(&path, &damaged).unwrap();
        let is_offered = |repository: &Repository| {
            let points = repository.points().unwrap();
            assert_eq!(points.len(), 1);
            points[0].is_restorable()
        };
        assert!(is_offered(&with_cache(&fixture)), "{hex}");
        if !is_offered(&fixture.reopen()) {
            hidden += 1;
        }
        let named: Vec<Option<String>> = match with_cache(&fixture).verify(POINT, &Silent::shared(), &Cancel::new()) {
            Ok(verdict) => verdict.damages.into_iter().map(|damage| damage.pack).collect(),
            // The manifest itself cannot be read.
            Err(VaultError::Record { reason, .. }) => vec![reason.contains(&hex).then(|| hex.clone())],
            Err(other) => panic!("{hex}: {other}"),
        };
        assert!(named.contains(&Some(hex.clone())), "{hex}: {named:?}");
        std::fs::write(&path, &whole).unwrap();
    }
    assert!(hidden >= 2, "the packs of the manifest are small: {hidden}");
}
