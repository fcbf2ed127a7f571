//! What a run is expected to take, by what the last ones took.

use super::*;
use std::sync::Mutex;

const FILES: &str = "
  components: [{ name: web, host: { paths: [/srv] } }]
  hooks: [{ at: before-freeze, run: ['true'] }]
";

/// The steps of a protect as they were told when they began: bytes and seconds expected, and the seconds left.
fn told(world: &World) -> Vec<(Option<u64>, Option<u64>, Option<u64>)> {
    let seen = Mutex::new(Vec::new());
    let watch = Tell(|event: &Event| {
        if let Event::Step {
            expected_bytes,
            expected_seconds,
            left_seconds,
            ..
        } = event
        {
            let step = (*expected_bytes, *expected_seconds, *left_seconds);
            seen.lock().unwrap().push(step);
        }
    });
    world.protect(&watch, &Cancel::new()).unwrap();
    seen.into_inner().unwrap()
}

#[test]
fn a_run_tells_what_its_steps_took_before_and_the_first_one_nothing() {
    let world = World::new("  objectives: { rpo: 75m }", FILES);
    noise(&world.path("office/srv/large"), 1 << 20);
    assert_eq!(told(&world), [(None, None, None); 3]);
    let second = told(&world);
    assert!(
        second
            .iter()
            .all(|(_, seconds, left)| seconds.is_some() && left.is_some()),
        "{second:?}"
    );
    let read = second[0].0.unwrap();
    assert!(read > 1 << 20, "the bytes of the step that reads: {second:?}");
    assert!(
        second.is_sorted_by_key(|(_, _, left)| std::cmp::Reverse(*left)),
        "{second:?}"
    );
}

#[test]
fn whoever_looks_at_a_run_at_work_sees_what_is_left_of_it() {
    let world = World::new("  objectives: { rpo: 75m }", FILES);
    let look = || {
        let seen = Mutex::new((None, None));
        let watch = Tell(|event: &Event| {
            if matches!(event, Event::Step { number: 1, .. }) {
                let work = world.engine.at_work(Some("shop")).unwrap().remove(0);
                let row = world.engine.runs(1).unwrap().remove(0);
                *seen.lock().unwrap() = (work.left_seconds, row.left_seconds);
            }
        });
        world.protect(&watch, &Cancel::new()).unwrap();
        seen.into_inner().unwrap()
    };
    assert_eq!(look(), (None, None));
    let (work, row) = look();
    assert!(work.is_some() && row.is_some(), "{work:?} {row:?}");
    // Nobody waits for one that has ended.
    assert_eq!(world.engine.runs(1).unwrap().remove(0).left_seconds, None);
}
