//! Invariant 12: what a tenant sees is unchanged by any change of other tenants' records.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;
use ulid::Ulid;

use crate::record::declaration::{Manager, ManagerKind, Stated, Subject};
use crate::record::feed::{Followed, Follower};
use crate::record::lease::{self, Holder, Lease};
use crate::record::observation::Observation;
use crate::record::run::Request;
use crate::testing::{self, Manners, ManualClock, MemoryStore};
use crate::{Catalog, Clock, LeaseName, Name, Store, SystemChance};

/// Tenants whose names are prefixes of one another, as are the names of their objects.
const TENANTS: [&str; 4] = ["a", "a-b", "ab", "a-b-c"];
const NAMES: [&str; 4] = ["a", "a-b", "b", "b-c"];

/// What a tenant can do to its records.
#[derive(Debug, Clone)]
enum Act {
    Declare(usize, u8),
    Withdraw(usize),
    Observe(usize, u8),
    TakeOver(usize),
    Index(usize, u8),
    Drop(usize, u8),
    Ask(usize),
    End,
    Hold(usize),
    Compact,
    Forget,
    Pass,
}

fn act() -> impl Strategy<Value = Act> {
    let name = 0..NAMES.len();
    prop_oneof![
        (name.clone(), any::<u8>()).prop_map(|(name, body)| Act::Declare(name, body)),
        name.clone().prop_map(Act::Withdraw),
        (name.clone(), any::<u8>()).prop_map(|(name, body)| Act::Observe(name, body)),
        name.clone().prop_map(Act::TakeOver),
        (name.clone(), 0..4_u8).prop_map(|(name, point)| Act::Index(name, point)),
        (name.clone(), 0..4_u8).prop_map(|(name, point)| Act::Drop(name, point)),
        name.clone().prop_map(Act::Ask),
        Just(Act::End),
        name.prop_map(Act::Hold),
        Just(Act::Compact),
        Just(Act::Forget),
        Just(Act::Pass),
    ]
}

struct Tenant {
    catalog: Catalog,
    follower: Follower,
}

fn cli() -> Manager {
    Manager {
        kind: ManagerKind::Cli,
        id: "ann".to_owned(),
    }
}

fn perform(tenant: &Tenant, clock: &ManualClock, act: &Act) {
    let catalog = &tenant.catalog;
    let vault = |name: usize| Subject::new("Vault", NAMES[name]).unwrap();
    let application = |name: usize| Name::application(NAMES[name]).unwrap();
    match act {
        Act::Declare(name, body) => {
            let stated = Stated {
                subject: vault(*name),
                body: json!(body),
                references: vec![],
            };
            catalog.declare_stated(&stated, &cli(), None, true).unwrap();
        }
        // Refused while a run works on it.
        Act::Withdraw(name) => drop(catalog.withdraw_subject(&vault(*name), &cli(), None)),
        Act::Observe(name, body) => {
            let Subject { kind, name } = vault(*name);
            let seen = Observation {
                ready: true,
                reason: body.to_string(),
                declaration: None,
            };
            catalog.observe_subject(&kind, &name, &seen).unwrap();
        }
        Act::TakeOver(name) => {
            let application = application(*name);
            let next = catalog.epoch(&application).unwrap().map_or(0, |epoch| epoch.number) + 1;
            catalog.take_over(&application, next, "site", "why", "who").unwrap();
        }
        Act::Index(name, point) => {
            let id = Ulid::from_parts(u64::from(*point), 1);
            catalog.index_point(&application(*name), id, json!(point)).unwrap();
        }
        Act::Drop(name, point) => {
            let id = Ulid::from_parts(u64::from(*point), 1);
            catalog.drop_point(&application(*name), id).unwrap();
        }
        Act::Ask(name) => {
            let request = Request {
                verb: "protect".to_owned(),
                subjects: vec![vault(*name), Subject::new("Application", NAMES[*name]).unwrap()],
                lease: None,
                detail: json!({}),
            };
            catalog.request(&request).unwrap();
        }
        Act::End => {
            if let Some(open) = catalog.open_runs().unwrap().first() {
                catalog.run_log(open.id).unwrap().append(vec![], true).unwrap();
            }
        }
        Act::Hold(name) => {
            let lease = LeaseName::application(catalog.tenant(), &application(*name));
            let holder = Holder::this_process(&SystemChance);
            Lease::acquire(catalog, &lease, &holder, Duration::from_secs(60), Duration::ZERO).unwrap();
        }
        Act::Compact => drop(catalog.compact().unwrap()),
        Act::Forget => {
            let keep = |_: &_| Ok::<_, crate::CatalogError>(false);
            catalog.forget_runs(Duration::from_secs(1), keep).unwrap();
        }
        Act::Pass => clock.advance(Duration::from_secs(40)),
    }
}

/// Everything that a tenant can be shown, as text.
fn view(tenant: &mut Tenant, kinds_of: &Catalog) -> String {
    let catalog = &tenant.catalog;
    let mut seen = Vec::new();
    for destroyed in [false, true] {
        seen.push(format!("{:?}", catalog.survey(destroyed).unwrap()));
    }
    for name in NAMES {
        let application = Name::application(name).unwrap();
        let subject = Subject::new("Vault", name).unwrap();
        seen.push(format!("{:?}", catalog.head(&subject).unwrap()));
        seen.push(format!(
            "{:?}",
            catalog.observed_of(&subject.kind, &subject.name).unwrap()
        ));
        seen.push(format!("{:?}", catalog.epoch(&application).unwrap()));
        let ids = catalog.point_ids(&application).unwrap();
        seen.push(format!("{:?}", catalog.points(&application, &ids).unwrap()));
        seen.push(format!("{:?}", catalog.newest_runs_of(&application, 3).unwrap()));
        seen.push(format!("{:?}", catalog.working_on(&subject).unwrap()));
        let lease = LeaseName::application(kinds_of.tenant(), &application);
        seen.push(format!("{:?}", lease::may_be_held(catalog, &lease).unwrap()));
    }
    for id in catalog.runs().unwrap() {
        seen.push(format!("{:?}", catalog.requested(id).unwrap()));
        seen.push(format!("{:?}", catalog.run_log(id).unwrap().events()));
    }
    seen.push(format!("{:?}", catalog.newest_runs(2).unwrap()));
    seen.push(format!("{:?}", catalog.open_runs().unwrap()));
    match tenant.follower.look().unwrap() {
        // Time passes for all, and makes a survey due where nothing changed; what is told is what counts.
        Followed::Survey(_) => {}
        Followed::Changes(changes) if changes.is_empty() => {}
        Followed::Changes(changes) => seen.push(format!("{changes:?}")),
    }
    seen.join("\n")
}

fn tenants(store: &Arc<dyn Store>, clock: &Arc<ManualClock>) -> Vec<Tenant> {
    let open = |(seed, tenant): (usize, &&str)| {
        let clock: Arc<dyn Clock> = clock.clone();
        let catalog = testing::catalog_in(Arc::clone(store), clock, tenant, seed as u64 + 1);
        let follower = catalog.follow();
        Tenant { catalog, follower }
    };
    TENANTS.iter().enumerate().map(open).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tenant_sees_nothing_of_the_others(acts in prop::collection::vec((0..TENANTS.len(), act()), 1..40)) {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Manners::Atomic));
        let clock = Arc::new(ManualClock::default());
        let mut tenants = tenants(&store, &clock);
        for (who, act) in &acts {
            for tenant in &mut tenants {
                // So that the feed tells nothing old.
                view(tenant, &tenant.catalog.clone());
            }
            let before: Vec<String> = tenants.iter_mut().map(|tenant| view(tenant, &tenant.catalog.clone())).collect();
            perform(&tenants[*who], &clock, act);
            for (place, tenant) in tenants.iter_mut().enumerate() {
                if place != *who {
                    let after = view(tenant, &tenant.catalog.clone());
                    prop_assert_eq!(&before[place], &after, "{:?} by {} showed to {}", act, TENANTS[*who], TENANTS[place]);
                }
            }
        }
    }
}

/// The check is one that can fail: what a tenant does himself does show.
#[test]
fn what_a_tenant_does_shows_to_himself() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Manners::Atomic));
    let clock = Arc::new(ManualClock::default());
    let mut tenants = tenants(&store, &clock);
    let tenant = &mut tenants[0];
    let acts = [
        Act::Declare(0, 1),
        Act::Observe(0, 1),
        Act::TakeOver(0),
        Act::Index(0, 1),
        Act::Drop(0, 1),
        Act::Ask(0),
        Act::End,
        Act::Withdraw(0),
    ];
    for act in acts {
        for _ in 0..2 {
            view(tenant, &tenant.catalog.clone());
        }
        let before = view(tenant, &tenant.catalog.clone());
        perform(tenant, &clock, &act);
        assert_ne!(before, view(tenant, &tenant.catalog.clone()), "{act:?}");
    }
}
