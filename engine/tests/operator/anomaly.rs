//! Much more changes than usual.

use super::*;
use dram_engine::run::{Event, Observer};

/// What a run says that must not pass in silence.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn event(&self, event: &Event) {
        if let Event::Note { text } = event {
            self.0.lock().unwrap().push(text.clone());
        }
    }
}

fn noise(path: &Path, bytes: usize, seed: u64) {
    let mut state = seed;
    let content: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    })
    .take(bytes)
    .collect();
    fs::write(path, content).unwrap();
}

/// Makes a point; what was said.
fn noted(engine: &Engine) -> String {
    let request = ProtectRequest {
        application: "shop".to_owned(),
        components: Vec::new(),
        class: Class::Scheduled,
        dry_run: false,
        firing: None,
    };
    let notes = Notes::default();
    engine.protect(&request, &Watch::new(&notes, &Cancel::new())).unwrap();
    notes.0.into_inner().unwrap().join("\n")
}

fn states(engine: &Engine) -> Vec<String> {
    let rows = engine.points("shop", Some("near"), None).unwrap();
    rows.into_iter().map(|row| row.state).collect()
}

#[test]
fn the_last_point_that_may_be_good_is_held() {
    let folder = tempfile::tempdir().unwrap();
    // An hour, which is the least that counts, may bring 100 KiB.
    let engine = world(
        folder.path(),
        "vaults: [{ name: near }]\n  anomaly: { changeRate: 100Ki/h, action: hold }",
    );
    let file = folder.path().join("office/srv/large");
    noise(&file, 1 << 20, 1);
    assert_eq!(noted(&engine), "", "there is nothing to compare the first with");
    fs::write(folder.path().join("office/srv/a"), "two").unwrap();
    assert_eq!(noted(&engine), "");
    noise(&file, 1 << 20, 2);
    let said = noted(&engine);
    assert!(said.contains("changeRate") && said.contains("--release"), "{said}");
    let states = states(&engine);
    assert!(
        states[1].starts_with("held: much more than usual changed after it"),
        "{states:?}"
    );
    assert_eq!((states[0].as_str(), states[2].as_str()), ("sealed", "sealed"));
}

#[test]
fn a_warning_holds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let engine = world(
        folder.path(),
        "vaults: [{ name: near }]\n  anomaly: { changeRate: 100Ki/h }",
    );
    noted(&engine);
    noise(&folder.path().join("office/srv/large"), 1 << 20, 1);
    let said = noted(&engine);
    assert!(said.contains("changeRate"), "{said}");
    assert_eq!(states(&engine), ["sealed", "sealed"]);
}
