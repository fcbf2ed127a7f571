//! A Keystone of Debian on this machine's loopback, which says who may use the object store, and where it is.
//!
//! Its database and its keys are made once and copied at each start: making them takes longer than all the rest.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::Keys;
use crate::call::Call;
use crate::error::{Doing as _, Result, claim};
use crate::http::{self, Request};
use crate::lab::daemon::{Daemon, Ground, User};
use crate::lab::system::{debian_all, needed, unavailable};
use crate::lab::{Recipe, random_hex};
use crate::world::{read, write};

const LAB: &str = "Keystone";
/// The region of the lab's gateway.
const REGION: &str = "north";
/// A region whose object store nobody has.
const ELSEWHERE: &str = "south";
/// Nobody listens here.
const NOWHERE: &str = "http://127.0.0.1:9";
/// The domain of the project and of its user; the one that every Keystone has is another.
const DOMAIN: &str = "labs";
const PROJECT: &str = "vaults";
const USER: &str = "keeper";
const APPLICATION: &str = "vault";
/// The role that the gateway accepts.
const ROLE: &str = "member";
/// Who asks about tokens for a gateway.
const GATEWAY: &str = "gateway";
/// Below the folder that is copied: the password of the administrator.
const PASSWORD: &str = "password";
/// The names of the folders with keys, as the configuration has them.
const KEYS: [&str; 3] = ["fernet", "receipts", "credential"];
/// What makes a database with an administrator, and keys.
const STEPS: [&[&str]; 4] = [
    &["db_sync"],
    &["fernet_setup"],
    &["credential_setup"],
    &["bootstrap", "--bootstrap-region-id", REGION],
];
/// A request of Keystone reads by one connection and writes by another, which in a plain database of SQLite may wait for
/// each other.
const WRITE_AHEAD: &str = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA journal_mode = WAL')";
/// Python reads some thousand files first, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Installs what is missing. The package `keystone` would start a service and ask questions; the program is in another.
///
/// # Errors
/// It cannot be installed here.
pub fn install() -> Result<()> {
    let packages = ["python3-keystone", "uwsgi-core", "uwsgi-plugin-python3"];
    let programs = ["keystone-manage", "uwsgi_python3", "setpriv"];
    debian_all(LAB, &packages, &programs)
}

/// Where a Keystone is, and who may use the object store through it.
#[derive(Debug, Clone)]
pub struct Keystone {
    /// Where one logs in (v3).
    pub auth: String,
    /// The region in which the catalog has the lab's gateway. It has another one, where nobody answers.
    pub region: String,
    /// The domain of the user and the project, by its name.
    pub domain: String,
    /// The project, whose containers they are, by its name.
    pub project: Id,
    /// A user who may use the project's containers.
    pub user: Id,
    /// The user's password.
    pub password: String,
    /// An application credential of that user for the project: its id and secret.
    pub application: Keys,
    /// The project's account at the gateway as a user of S3, for looking at containers behind everybody's back.
    pub owner: Keys,
}

/// What Keystone has under a name and an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id {
    /// The name, which is unique in its domain.
    pub name: String,
    /// The id, which is unique.
    pub id: String,
}

/// How gateways get to a Keystone; known before either of them runs.
#[derive(Debug, Clone)]
pub struct Door {
    port: u16,
    /// Of the user who asks about tokens.
    password: String,
}

impl Door {
    /// One on a free port.
    ///
    /// # Errors
    /// There is no port, or no randomness.
    pub fn new() -> Result<Door> {
        Ok(Door {
            port: http::free_port()?,
            password: random_hex(16)?,
        })
    }

    /// What the configuration of a gateway says.
    pub(super) fn in_gateway(&self) -> String {
        let (port, password) = (self.port, &self.password);
        format!(
            "rgw keystone url = http://127.0.0.1:{port}
rgw keystone api version = 3
rgw keystone admin user = {GATEWAY}
rgw keystone admin password = {password}
rgw keystone admin project = admin
rgw keystone admin domain = Default
rgw keystone accepted roles = {ROLE}
rgw swift account in url = true
"
        )
    }
}

/// A Keystone that runs.
#[derive(Debug)]
pub struct Server {
    door: Door,
    /// Of the user `admin`.
    password: String,
    _daemon: Daemon,
    // Removed when nothing runs in it any more.
    _ground: Ground,
}

impl Server {
    /// Starts one in which there is nobody but the administrator.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(door: &Door) -> Result<Server> {
        let template = template()?;
        let ground = Ground::new("keystone")?;
        for name in KEYS {
            copy(&template.join(name), &ground.folder(name)?)?;
        }
        copy(&template, ground.path())?;
        let configuration = configure(ground.path())?;
        let mut daemon = Daemon::start(
            LAB,
            &words(door.port, &configuration).each_ref().map(String::as_str),
            User::Own,
            &ground.path().join("keystone.out"),
        )?;
        daemon.answers(PATIENCE, || {
            http::ask(door.port, "/v3", None).is_ok_and(|answer| answer.status == 200)
        })?;
        Ok(Server {
            door: door.clone(),
            password: read(&template.join(PASSWORD))?,
            _daemon: daemon,
            _ground: ground,
        })
    }

    /// Makes the users of a gateway, and writes its address into the catalog. `account` makes the project's account there,
    /// by the project's id, and returns its keys.
    ///
    /// # Errors
    /// Keystone refuses, or the gateway does.
    pub(super) fn introduce(&self, gateway: &str, account: impl FnOnce(&str) -> Result<Keys>) -> Result<Keystone> {
        let port = self.door.port;
        let default = json!({ "id": "default" });
        let admin = Session::of_password(port, ("admin", &self.password), ("admin", &default))?;
        let asker = json!({ "name": GATEWAY, "domain_id": "default", "password": self.door.password });
        let asker = admin.make("user", asker)?;
        admin.give(&admin.find("project", "admin")?, &asker, &admin.find("role", "admin")?)?;
        admin.describe(gateway)?;

        let domain = admin.make("domain", json!({ "name": DOMAIN }))?;
        let project = admin.make("project", json!({ "name": PROJECT, "domain_id": domain }))?;
        let password = random_hex(16)?;
        let user = json!({ "name": USER, "domain_id": domain, "password": password });
        let user = admin.make("user", user)?;
        admin.give(&project, &user, &admin.find("role", ROLE)?)?;
        let own = Session::of_password(port, (USER, &password), (PROJECT, &json!({ "id": domain })))?;
        Ok(Keystone {
            auth: format!("http://127.0.0.1:{port}/v3"),
            region: REGION.to_owned(),
            domain: DOMAIN.to_owned(),
            application: own.make_application(&user)?,
            owner: account(&project)?,
            project: Id {
                name: PROJECT.to_owned(),
                id: project,
            },
            user: Id {
                name: USER.to_owned(),
                id: user,
            },
            password,
        })
    }
}

/// One process: with several, each remembers for some time that a token is good which another has revoked.
fn words(port: u16, configuration: &Path) -> [String; 9] {
    [
        "uwsgi_python3".to_owned(),
        format!("--http-socket=127.0.0.1:{port}"),
        // A module, because the script of that name may lie anywhere.
        "--module=keystone.server.wsgi:initialize_public_application()".to_owned(),
        format!("--env=OS_KEYSTONE_CONFIG_FILES={}", configuration.display()),
        "--buffer-size=65535".to_owned(),
        "--die-on-term".to_owned(),
        "--disable-logging".to_owned(),
        "--need-app".to_owned(),
        // It does close them, and clients that are not told find out at their next request.
        "--add-header=Connection: close".to_owned(),
    ]
}

/// A database with an administrator and a catalog of its own, and the keys that belong to it.
fn template() -> Result<PathBuf> {
    let version = Call::new("dpkg-query").args(["--show", "--showformat=${Version}", "python3-keystone"]);
    // Who has it otherwise than from Debian says himself when the cache is old.
    let version = version.text().unwrap_or_default();
    let text = configuration(Path::new("/"));
    Recipe::new("keystone", format!("{version}\n{text}\n{STEPS:?}\n{WRITE_AHEAD}")).made(|folder| {
        for name in KEYS {
            std::fs::create_dir_all(folder.join(name)).doing(|| format!("make a folder for the keys of {LAB}"))?;
        }
        let (configuration, password) = (configure(folder)?, random_hex(16)?);
        write(&folder.join(PASSWORD), &password)?;
        let owner = |what: &str, word: &str| -> Result<String> {
            let name = needed(LAB, Call::new("id").arg(word))?.stdout_text();
            Ok(format!("--keystone-{what}={}", name.trim()))
        };
        let owners = [owner("user", "-un")?, owner("group", "-gn")?];
        for step in STEPS {
            let call = Call::new("keystone-manage").arg("--config-file").arg(&configuration);
            let call = call.args(step).env("OS_BOOTSTRAP_PASSWORD", &password);
            let makes_keys = step.iter().any(|word| word.ends_with("_setup"));
            needed(LAB, if makes_keys { call.args(&owners) } else { call })?;
        }
        let call = Call::new("/usr/bin/python3").args(["-c", WRITE_AHEAD]);
        needed(LAB, call.arg(folder.join("keystone.db"))).map(drop)
    })
}

/// Copies the files of a folder, and none of its folders.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let doing = || format!("copy `{}`", from.display());
    for entry in std::fs::read_dir(from).doing(doing)? {
        let path = entry.doing(doing)?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            std::fs::copy(&path, to.join(name)).doing(doing)?;
        }
    }
    Ok(())
}

fn configure(folder: &Path) -> Result<PathBuf> {
    let file = folder.join("keystone.conf");
    write(&file, &configuration(folder))?;
    Ok(file)
}

fn configuration(folder: &Path) -> String {
    let here = folder.display();
    let [fernet, receipts, credential] = KEYS;
    // Any other cache in memory hands out what a request changes afterwards.
    format!(
        "[DEFAULT]
log_file = {here}/keystone.log
use_stderr = false
[database]
connection = sqlite:///{here}/keystone.db
sqlite_synchronous = false
[fernet_tokens]
key_repository = {here}/{fernet}
[fernet_receipts]
key_repository = {here}/{receipts}
[credential]
key_repository = {here}/{credential}
[token]
provider = fernet
[cache]
enabled = true
backend = dogpile.cache.memory_pickle
[identity]
password_hash_algorithm = bcrypt
password_hash_rounds = 4
"
    )
}

/// Somebody who is logged in.
struct Session {
    port: u16,
    token: String,
}

impl Session {
    /// Logs in by names, user and project in the same domain.
    fn of_password(port: u16, (user, password): (&str, &str), (project, domain): (&str, &Value)) -> Result<Session> {
        let user = json!({ "name": user, "domain": domain, "password": password });
        let body = json!({ "auth": {
            "identity": { "methods": ["password"], "password": { "user": user } },
            "scope": { "project": { "name": project, "domain": domain } },
        } });
        let kind = "application/json";
        let answer = http::ask(port, "/v3/auth/tokens", Some((kind, body.to_string().as_bytes())))?;
        let token = answer.header("x-subject-token").map(str::to_owned);
        let token = token.ok_or_else(|| unavailable(LAB, format!("nobody can log in: {}", answer.text())))?;
        Ok(Session { port, token })
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = Request {
            method,
            target: format!("/v3{path}"),
            headers: vec![
                ("Content-Type".to_owned(), "application/json".to_owned()),
                ("X-Auth-Token".to_owned(), self.token.clone()),
            ],
            body: body.as_bytes(),
        };
        let answer = http::exchange(self.port, &request)?;
        let is_success = (200..300).contains(&answer.status);
        claim(format!("{LAB} answers {method} `{path}`"), is_success, || {
            format!("{}: {}", answer.status, answer.text())
        })?;
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    /// Makes a thing, and returns its id.
    fn make(&self, kind: &str, thing: Value) -> Result<String> {
        let wanted = Value::Object([(kind.to_owned(), thing)].into_iter().collect());
        let made = self.ask("POST", &format!("/{kind}s"), &wanted)?;
        text(&made, &format!("/{kind}/id"))
    }

    /// The id of a thing by its name.
    fn find(&self, kind: &str, name: &str) -> Result<String> {
        let found = self.ask("GET", &format!("/{kind}s?name={name}"), &Value::Null)?;
        text(&found, &format!("/{kind}s/0/id"))
    }

    /// Writes an object store into the catalog: that of the lab's region, and another region's.
    fn describe(&self, gateway: &str) -> Result<()> {
        self.make("region", json!({ "id": ELSEWHERE }))?;
        let service = self.make("service", json!({ "type": "object-store", "name": "swift" }))?;
        let endpoints = [
            ("public", REGION, gateway),
            ("internal", REGION, gateway),
            ("public", ELSEWHERE, NOWHERE),
        ];
        for (interface, region, at) in endpoints {
            let url = format!("{at}/swift/v1/AUTH_%(project_id)s");
            let endpoint = json!({ "service_id": service, "interface": interface, "region_id": region, "url": url });
            self.make("endpoint", endpoint)?;
        }
        Ok(())
    }

    /// Makes an application credential of one's own, and returns its id and secret.
    fn make_application(&self, user: &str) -> Result<Keys> {
        let wanted = json!({ "application_credential": { "name": APPLICATION } });
        let made = self.ask("POST", &format!("/users/{user}/application_credentials"), &wanted)?;
        let field = |name: &str| text(&made, &format!("/application_credential/{name}"));
        Ok(Keys {
            access: field("id")?,
            secret: field("secret")?,
        })
    }

    fn give(&self, project: &str, user: &str, role: &str) -> Result<()> {
        let path = format!("/projects/{project}/users/{user}/roles/{role}");
        self.ask("PUT", &path, &Value::Null).map(drop)
    }
}

fn text(value: &Value, pointer: &str) -> Result<String> {
    let text = value.pointer(pointer).and_then(Value::as_str);
    let text = text.ok_or_else(|| unavailable(LAB, format!("an answer has no `{pointer}`: {value}")))?;
    Ok(text.to_owned())
}
