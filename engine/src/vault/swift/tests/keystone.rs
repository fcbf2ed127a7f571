//! A real Keystone, whose catalog says where the containers are: every way in, who is turned away, and tokens that end early.

use bytes::Bytes;
use ureq::http::Method;

use super::super::cloud::Surroundings;
use super::super::fault::Fault;
use super::super::http::{Ask, Http};
use super::*;

/// What the environment says of the lab's Keystone, by the ends of its names.
fn lab_says(end: &str) -> Option<String> {
    variable(&format!("DRAM_LAB_KEYSTONE{end}"))
}

/// A cloud as the variables `OS_*` describe it: that of the lab, in its region, with these fields.
fn described(fields: &[(&str, String)]) -> Option<Cloud> {
    let (auth_url, region) = (lab_says("")?, lab_says("_REGION")?);
    let shared = [("AUTH_URL", auth_url), ("REGION_NAME", region)];
    let variable = |name: &str| {
        let name = name.strip_prefix("OS_")?;
        let found = fields.iter().chain(&shared).find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone())
    };
    let around = Surroundings { variable: &variable };
    Some(Cloud::read("envvars", &around).unwrap())
}

fn by_names() -> Option<Vec<(&'static str, String)>> {
    let domain = lab_says("_DOMAIN")?;
    Some(vec![
        ("USERNAME", lab_says("_USER")?),
        ("USER_DOMAIN_NAME", domain.clone()),
        ("PROJECT_NAME", lab_says("_PROJECT")?),
        ("PROJECT_DOMAIN_NAME", domain),
        ("PASSWORD", lab_says("_PASSWORD")?),
    ])
}

fn by_ids() -> Option<Vec<(&'static str, String)>> {
    Some(vec![
        ("USER_ID", lab_says("_USER_ID")?),
        ("PROJECT_ID", lab_says("_PROJECT_ID")?),
        ("PASSWORD", lab_says("_PASSWORD")?),
    ])
}

fn by_application() -> Option<Vec<(&'static str, String)>> {
    Some(vec![
        ("APPLICATION_CREDENTIAL_ID", lab_says("_APPLICATION")?),
        ("APPLICATION_CREDENTIAL_SECRET", lab_says("_APPLICATION_SECRET")?),
    ])
}

/// The lab's containers by way of Keystone, if there is a lab.
pub(super) fn keystone() -> Option<Cloud> {
    described(&by_application()?)
}

/// The same fields, one of them with another value.
fn with(mut fields: Vec<(&'static str, String)>, field: &'static str, value: &str) -> Vec<(&'static str, String)> {
    fields.retain(|(name, _)| *name != field);
    fields.push((field, value.to_owned()));
    fields
}

fn container(cloud: Cloud, name: &str) -> Container {
    Container::new(Arc::new(Account::of(cloud).unwrap()), name, Cancel::new())
}

#[test]
fn every_way_in_leads_to_the_same_containers() {
    let Some(cloud) = keystone() else { return };
    let fresh = Fresh::new(cloud);
    fresh.put("x", &[Bytes::from_static(b"content")]).unwrap();
    for fields in [by_names(), by_ids(), by_application()].map(Option::unwrap) {
        for interface in ["public", "internal"] {
            let cloud = described(&with(fields.clone(), "INTERFACE", interface)).unwrap();
            let same = container(cloud, fresh.name());
            assert_eq!(same.get("x").unwrap(), "content");
            let told = same.account.limits(&same.cancel).unwrap();
            assert!(told.segments > 0, "the gateway tells what it takes: {told:?}");
        }
    }
}

#[test]
fn whoever_is_not_known_is_told_so_and_no_secret_with_it() {
    let (Some(names), Some(ids), Some(application)) = (by_names(), by_ids(), by_application()) else {
        return;
    };
    let strangers = [
        with(names.clone(), "PASSWORD", "hunter2"),
        with(names.clone(), "USERNAME", "hunter2"),
        with(names.clone(), "PROJECT_NAME", "hunter2"),
        with(names, "PROJECT_DOMAIN_NAME", "Default"),
        with(ids, "PROJECT_ID", "hunter2"),
        with(application, "APPLICATION_CREDENTIAL_SECRET", "hunter2"),
    ];
    for fields in strangers {
        let fault = container(described(&fields).unwrap(), "f-any").get("x").unwrap_err();
        assert!(matches!(fault, Fault::Unauthenticated { .. }), "{fault}");
        let told = fault.told("read", "swift://c/v/x");
        assert_eq!(told.fault, dram_storage::Fault::Credentials);
        assert!(!format!("{fault:?} {told}").contains("hunter2"), "{fault:?} {told}");
    }
}

#[test]
fn a_region_is_needed_where_there_are_several_and_must_be_one_of_them() {
    let Some(fields) = by_application() else { return };
    let why = |region: &str, interface: &str| {
        let fields = with(with(fields.clone(), "REGION_NAME", region), "INTERFACE", interface);
        container(described(&fields).unwrap(), "f-any").get("x").unwrap_err()
    };
    let several = why("", "public").to_string();
    assert!(several.contains("several regions: `north`, `south`"), "{several}");
    for (region, interface) in [("east", "public"), ("south", "internal"), ("north", "admin")] {
        let fault = why(region, interface);
        assert!(matches!(fault, Fault::Catalog { .. }), "{fault}");
        let expected = format!("no `object-store` with the interface `{interface}` in the region `{region}`");
        assert!(fault.to_string().contains(&expected), "{fault}");
    }
}

#[test]
fn a_token_that_keystone_takes_back_is_replaced() {
    let Some(cloud) = keystone() else { return };
    let fresh = Fresh::new(cloud.clone());
    fresh.put("x", &[Bytes::from_static(b"content")]).unwrap();
    let http = Http::new(&Trust::Machine).unwrap();
    for body in [false, true] {
        // It logs in and shows its token to nobody: the gateway believes for a while what it has seen once.
        let container = container(cloud.clone(), fresh.name());
        container.account.limits(&container.cancel).unwrap();
        let token = container.account.token().unwrap();
        let ask = |method: Method, url: String, header: &'static str| {
            let mut ask = Ask::new(method, url);
            ask.headers = vec![("x-auth-token", token.clone()), (header, token.clone())];
            http.ask(&ask, &Cancel::new()).unwrap().status
        };
        let tokens = format!("{}/auth/tokens", lab_says("").unwrap());
        assert_eq!(ask(Method::DELETE, tokens, "x-subject-token"), 204);
        let endpoint = container.account.address().unwrap();
        assert_eq!(ask(Method::GET, endpoint, "x-other"), 401);
        match body {
            true => container.put("y", &[Bytes::from(vec![7; 3 << 20])]).unwrap(),
            false => assert_eq!(container.get("x").unwrap(), "content"),
        }
        let renewed = container.account.token().unwrap();
        assert_ne!(renewed, token);
    }
}

#[test]
fn a_token_that_nobody_gave_is_replaced() {
    let Some(cloud) = keystone() else { return };
    let container = Fresh::new(cloud);
    container.put("x", &[Bytes::from_static(b"content")]).unwrap();
    container.account.spoil_token();
    assert_eq!(container.get("x").unwrap(), "content");
}
