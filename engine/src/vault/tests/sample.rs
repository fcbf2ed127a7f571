//! Samples: each reads a part, and one after the other they read everything.

use super::tree::noise;
use super::*;

const PARTS: u64 = 5;

fn read(fixture: &Fixture, turn: u64) -> Verdict {
    let sample = Some(Sample::of(20, turn));
    fixture
        .reopen()
        .verify_some(POINT, sample, &Silent::shared(), &Cancel::new())
        .unwrap()
}

#[test]
fn samples_read_everything_one_after_the_other_and_find_damage_in_their_turn() {
    let fixture = Fixture::new();
    for number in 0..12 {
        fixture.file(&format!("/srv/{number}"), noise(3 << 20, number));
    }
    let captured = fixture.capture(POINT, &["/srv"]).unwrap();
    let items = vec![Item::of_files("data", "web", &captured)];
    fixture.repository.seal(&manifest(POINT, 1, items), &origin()).unwrap();
    let whole = fixture
        .repository
        .verify(POINT, &Silent::shared(), &Cancel::new())
        .unwrap();
    let parts: Vec<Verdict> = (0..PARTS).map(|turn| read(&fixture, turn)).collect();
    let sum = |of: fn(&Verdict) -> u64| parts.iter().map(of).sum::<u64>();
    assert_eq!(sum(|part| part.checked.packs), whole.checked.packs);
    assert_eq!(sum(|part| part.checked.bytes), whole.checked.bytes);
    assert!(
        parts.iter().all(|part| part.checked.packs < whole.checked.packs),
        "{parts:?}"
    );
    assert_eq!(read(&fixture, PARTS), parts[0], "turns go round");

    let pack = packs(&fixture)
        .into_iter()
        .max_by_key(|pack| pack.metadata().unwrap().len())
        .unwrap();
    let mut bytes = std::fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&pack, bytes).unwrap();
    let found: Vec<usize> = (0..PARTS).map(|turn| read(&fixture, turn).damages.len()).collect();
    assert_eq!(found.iter().filter(|damages| **damages > 0).count(), 1, "{found:?}");
}

#[test]
fn parts_are_as_many_as_their_size_says() {
    for (percent, parts) in [(100, 1), (50, 2), (33, 4), (20, 5), (3, 34), (1, 100)] {
        assert_eq!(Sample::of(percent, 7).parts, parts, "{percent}%");
    }
}
