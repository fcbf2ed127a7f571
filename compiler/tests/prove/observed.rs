//! Figures that were observed, in the place of hints.

use crate::{Case, seconds};
use dram_compiler::check::with_observed;
use dram_compiler::diagnostic::compiler_codes as codes;
use dram_compiler::prove::prove;
use dram_compiler::source::Sources;

#[test]
fn what_was_observed_counts() {
    let model = Case::default().model();
    let figures = "applications:\n  - name: shop\n    components: [{ name: web, changeRate: 500Mi/h }]\n\
                   sites: [{ name: office, bandwidth: 10Mi/s }]\n";
    let observed = with_observed(model, &Sources::one("figures.yaml", figures)).unwrap();
    let report = prove(&observed);
    // 500 MiB in an hour at 10 MiB/s are 50 s.
    assert_eq!(seconds(&report.applications[0].recovery_point), [3600, 50, 5]);
    // Its size is the hint still.
    assert_eq!(
        observed.applications()["shop"].components[0]
            .data
            .as_ref()
            .unwrap()
            .size
            .unwrap()
            .bytes,
        4 << 30
    );
}

#[test]
fn figures_of_something_else_are_refused() {
    for (figures, place) in [
        ("sites: [{ name: moon, bandwidth: 1Mi/s }]", "moon"),
        (
            "applications: [{ name: shop, components: [{ name: db, size: 1Gi }] }]",
            "db",
        ),
        (
            "applications: [{ name: books, components: [{ name: db, size: 1Gi }] }]",
            "books",
        ),
    ] {
        let found = with_observed(Case::default().model(), &Sources::one("figures.yaml", figures)).unwrap_err();
        assert_eq!((found.len(), found[0].code), (1, codes::UNRESOLVED), "{figures}");
        let span = found[0].span.start as usize..found[0].span.end as usize;
        assert_eq!(figures.get(span), Some(place));
    }
    let misspelled = "sites: [{ name: office, bandwith: 1Mi/s }]";
    let found = with_observed(Case::default().model(), &Sources::one("figures.yaml", misspelled)).unwrap_err();
    assert!(found[0].message.contains("bandwith"), "{}", found[0].message);
}
