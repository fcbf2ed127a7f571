//! What the files and variables say, and what they cannot say.

use std::path::Path;

use super::*;

fn read(name: &str, variables: &[(&str, &str)]) -> Result<Cloud, CloudError> {
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    Cloud::read(name, &Surroundings { variable: &variable })
}

fn with_file(text: &str, name: &str) -> Result<Cloud, CloudError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("named.yaml");
    std::fs::write(&file, text).unwrap();
    read(name, &[("OS_CLIENT_CONFIG_FILE", file.to_str().unwrap())])
}

const PASSWORD: &str = "
clouds:
  prod:
    auth: {auth_url: 'https://id.example:5000/', username: u, password: hunter2, project_name: p,
           user_domain_name: Default, project_domain_id: pd}
    region_name: north
    interface: internalURL
    cacert: /etc/ca.pem
";

#[test]
fn a_password_and_a_project() {
    let cloud = with_file(PASSWORD, "prod").unwrap();
    let expected = Cloud {
        name: "prod".into(),
        identity: Identity::Keystone {
            auth_url: "https://id.example:5000/v3".into(),
            method: Method::Password {
                user: Named::Name {
                    name: "u".into(),
                    domain: Domain::Name("Default".into()),
                },
                password: Secret::new("hunter2"),
                project: Some(Named::Name {
                    name: "p".into(),
                    domain: Domain::Id("pd".into()),
                }),
            },
        },
        region: Some("north".into()),
        interface: Interface::Internal,
        endpoint: None,
        trust: Trust::File("/etc/ca.pem".into()),
    };
    assert_eq!(cloud, expected);
    assert!(!format!("{cloud:?}").contains("hunter2"));
    assert_eq!(
        with_file(PASSWORD, "").unwrap(),
        expected,
        "the only cloud needs no name"
    );
}

#[test]
fn an_application_credential_with_or_without_its_type() {
    for kind in ["auth_type: v3applicationcredential,", ""] {
        let text = format!(
            "clouds: {{c: {{{kind} auth: {{auth_url: http://k/identity/v3, application_credential_id: i, \
             application_credential_secret: s}}, verify: no}}}}"
        );
        let cloud = with_file(&text, "c").unwrap();
        assert_eq!(
            cloud.identity,
            Identity::Keystone {
                auth_url: "http://k/identity/v3".into(),
                method: Method::Application {
                    credential: Credential::Id("i".into()),
                    secret: Secret::new("s"),
                },
            }
        );
        assert_eq!((cloud.trust, cloud.interface), (Trust::Anybody, Interface::Public));
    }
}

#[test]
fn the_object_stores_own_users() {
    let text = "clouds: {c: {auth_type: v1password, auth: {auth_url: 'http://h/auth/v1.0', username: 'lab:swift', password: 0123}}}";
    let cloud = with_file(text, "c").unwrap();
    let expected = Identity::V1 {
        auth_url: "http://h/auth/v1.0".into(),
        user: "lab:swift".into(),
        key: Secret::new("0123"),
    };
    assert_eq!(cloud.identity, expected);
}

#[test]
fn variables_are_a_cloud_of_their_own() {
    let variables = [
        ("OS_AUTH_URL", "http://k:5000/v2.0"),
        ("OS_USERNAME", "u"),
        ("OS_PASSWORD", "p"),
        ("OS_TENANT_NAME", "t"),
        ("OS_USER_DOMAIN_ID", "default"),
        ("OS_PROJECT_DOMAIN_ID", "default"),
        ("OS_REGION_NAME", "south"),
        ("OS_INSECURE", "true"),
    ];
    for name in ["", "envvars"] {
        let cloud = read(name, &variables).unwrap();
        assert_eq!(cloud.region.as_deref(), Some("south"));
        assert_eq!(cloud.trust, Trust::Anybody);
        let Identity::Keystone { auth_url, method } = cloud.identity else {
            panic!()
        };
        assert_eq!(auth_url, "http://k:5000/v3");
        let Method::Password { project, .. } = method else {
            panic!()
        };
        let domain = Domain::Id("default".into());
        assert_eq!(
            project,
            Some(Named::Name {
                name: "t".into(),
                domain
            })
        );
    }
    // A cloud that is named is not altered by them.
    let Err(CloudError::NoFile { searched }) = read("prod", &variables) else {
        panic!()
    };
    assert!(searched.contains("/etc/openstack/clouds.yaml"));
}

#[test]
fn secrets_may_lie_apart_and_win() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let clouds = write(
        "clouds.yaml",
        "clouds: {c: {auth_type: v1password, auth: {auth_url: http://h, username: u}}}",
    );
    let error = read("c", &[("OS_CLIENT_CONFIG_FILE", &clouds)]).unwrap_err();
    assert!(matches!(error, CloudError::Lacks { field: "password", .. }), "{error}");
    let secure = write("secure.yaml", "clouds: {c: {auth: {password: hunter2}}}");
    let key = |variables: &[(&str, &str)]| match read("c", variables).unwrap().identity {
        Identity::V1 { key, .. } => key,
        Identity::Keystone { .. } => panic!(),
    };
    assert_eq!(
        key(&[("OS_CLIENT_CONFIG_FILE", &clouds)]),
        Secret::new("hunter2"),
        "beside"
    );
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::rename(&secure, elsewhere.path().join("s")).unwrap();
    let secure = elsewhere.path().join("s").to_str().unwrap().to_owned();
    let named = [
        ("OS_CLIENT_CONFIG_FILE", clouds.as_str()),
        ("OS_CLIENT_SECURE_FILE", secure.as_str()),
    ];
    assert_eq!(key(&named), Secret::new("hunter2"), "by name");
}

#[test]
fn the_usual_places_are_searched() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/openstack");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("clouds.yaml"), PASSWORD).unwrap();
    let home = home.path().to_str().unwrap();
    assert_eq!(read("", &[("HOME", home)]).unwrap().name, "prod");
    assert_eq!(read("", &[("HOME", home), ("OS_CLOUD", "prod")]).unwrap().name, "prod");
    let error = read("", &[("HOME", home), ("OS_CLOUD", "other")]).unwrap_err();
    assert!(error.help().contains("`prod`"), "{error}");
    assert!(!Path::new("clouds.yaml").exists(), "the test would read it");
}

#[test]
fn what_cannot_be_done_is_refused_in_words_without_secrets() {
    let cloud = |fields: &str| format!("clouds: {{c: {{{fields}}}}}");
    let cases = [
        (cloud("auth: {username: u, password: hunter2}"), "`auth_url`"),
        (
            cloud("profile: rackspace, auth: {username: u, password: hunter2}"),
            "`auth_url`",
        ),
        (cloud("auth: {auth_url: 'ftp://x', password: hunter2}"), "`auth_url`"),
        (
            cloud("auth: {auth_url: 'http://u:hunter2@x', password: hunter2}"),
            "`auth_url`",
        ),
        (
            cloud("auth: {auth_url: http://x, username: u, password: hunter2}"),
            "`user_domain_name`",
        ),
        (
            cloud("auth_type: v3totp, auth: {auth_url: http://x, password: hunter2}"),
            "`auth_type: v3totp`",
        ),
        (
            cloud(
                "interface: outer, auth_type: v1password, auth: {auth_url: http://x, username: u, password: hunter2}",
            ),
            "`interface: outer`",
        ),
        (
            cloud("cert: /c.pem, auth_type: v1password, auth: {auth_url: http://x, username: u, password: hunter2}"),
            "`cert: /c.pem`",
        ),
        ("clouds: {a: {}, b: {}}".to_owned(), "no cloud `c`"),
        ("clouds: [hunter2]".to_owned(), "no cloud `c`"),
        ("clouds: {c: {password: hunter2".to_owned(), "line 1"),
    ];
    for (text, expected) in cases {
        let error = with_file(&text, "c").unwrap_err();
        let said = format!("{error} {error:?} {}", error.help());
        assert!(said.contains(expected), "{text}: {said}");
        assert!(!said.contains("hunter2"), "{text}: {said}");
    }
    assert!(
        with_file("clouds: {a: {}, b: {}}", "")
            .unwrap_err()
            .help()
            .contains("`a`, `b`")
    );
}
