//! The questions to Keystone as its reference has them, and what is read from its answers.

use super::super::cloud::{Interface, Trust};
use super::*;

fn by_name(name: &str) -> Named {
    Named::Name {
        name: name.into(),
        domain: Domain::Name("Default".into()),
    }
}

#[test]
fn a_question_says_who_and_for_which_project() {
    let password = Method::Password {
        user: by_name("u"),
        password: Secret::new("s"),
        project: Some(Named::Id("p".into())),
    };
    let application = Method::Application {
        credential: Credential::Id("i".into()),
        secret: Secret::new("s"),
    };
    let named = Method::Application {
        credential: Credential::Name {
            name: "a".into(),
            user: Named::Id("u".into()),
        },
        secret: Secret::new("s"),
    };
    let cases = [
        (
            password,
            json!({"auth": {
                "identity": {"methods": ["password"],
                    "password": {"user": {"name": "u", "domain": {"name": "Default"}, "password": "s"}}},
                "scope": {"project": {"id": "p"}}}}),
        ),
        (
            application,
            json!({"auth": {"identity": {"methods": ["application_credential"],
                "application_credential": {"id": "i", "secret": "s"}}}}),
        ),
        (
            named,
            json!({"auth": {"identity": {"methods": ["application_credential"],
                "application_credential": {"name": "a", "user": {"id": "u"}, "secret": "s"}}}}),
        ),
    ];
    for (method, expected) in cases {
        assert_eq!(question(&method), expected);
    }
}

fn issued() -> Token {
    let text = json!({"token": {
        "issued_at": "2026-01-01T00:00:00.000000Z", "expires_at": "2026-01-01T01:00:00.000000Z",
        "catalog": [
            {"type": "compute", "endpoints": [{"interface": "public", "region_id": "n", "url": "http://nova"}]},
            {"type": "object-store", "endpoints": [
                {"interface": "public", "region_id": "n", "region": "n", "url": "http://north/v1/AUTH_p/"},
                {"interface": "internal", "region_id": "n", "url": "http://inner/v1/AUTH_p"},
                {"interface": "public", "region_id": "s", "url": "http://south/v1/AUTH_p"}]}]}});
    serde_json::from_value::<Issued>(text).unwrap().token
}

#[test]
fn the_catalog_gives_the_address_for_region_and_interface() {
    let find = |region: Option<&str>, interface, endpoint: Option<&str>| {
        let cloud = Cloud {
            name: "c".into(),
            identity: Identity::V1 {
                auth_url: "http://k".into(),
                user: "u".into(),
                key: Secret::new("k"),
            },
            region: region.map(str::to_owned),
            interface,
            endpoint: endpoint.map(str::to_owned),
            trust: Trust::Machine,
        };
        account(&cloud, &issued().catalog).map_err(|fault| fault.to_string())
    };
    assert_eq!(
        find(Some("n"), Interface::Public, None).unwrap(),
        "http://north/v1/AUTH_p"
    );
    assert_eq!(
        find(Some("s"), Interface::Public, None).unwrap(),
        "http://south/v1/AUTH_p"
    );
    assert_eq!(find(None, Interface::Internal, None).unwrap(), "http://inner/v1/AUTH_p");
    assert_eq!(
        find(Some("x"), Interface::Admin, Some("http://o/")).unwrap(),
        "http://o"
    );
    let several = find(None, Interface::Public, None).unwrap_err();
    assert!(several.contains("`n`, `s`"), "{several}");
    let none = find(Some("n"), Interface::Admin, None).unwrap_err();
    assert!(none.contains("`admin` in the region `n`"), "{none}");
}

#[test]
fn a_token_is_renewed_before_its_end() {
    assert_eq!(issued().life(), Some(Duration::from_secs(3600)));
    let now = Instant::now();
    assert_eq!(renewal(now, Duration::from_secs(3600)) - now, Duration::from_secs(3480));
    assert_eq!(renewal(now, Duration::from_secs(10)) - now, Duration::from_secs(5));
}
