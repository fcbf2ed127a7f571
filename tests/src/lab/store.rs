//! The store lab: object storage that speaks S3 and Swift, Keystone for the latter, and PostgreSQL, as whoever runs DRAM
//! has them.
//!
//! One lab serves a whole `cargo verify`, which starts it while things compile and tells the tests where it is by the
//! variables of [`Store::environment`]. A test that runs alone starts one of its own. Each test makes buckets and schemas
//! of names that nobody else has. Who wants to stop, pause or kill a gateway starts one of its own to the same objects
//! ([`ceph::Admin::gateway`]), so that nobody else is disturbed.

pub mod ceph;
pub mod keystone;
pub mod postgres;

use std::ffi::OsString;
use std::sync::OnceLock;
use std::time::Instant;

use super::system::unavailable;
use crate::error::Result;
use crate::http;

const S3: &str = "DRAM_LAB_S3";
const S3_ACCESS: &str = "DRAM_LAB_S3_ACCESS";
const S3_SECRET: &str = "DRAM_LAB_S3_SECRET";
const WRITER_ACCESS: &str = "DRAM_LAB_S3_WRITER_ACCESS";
const WRITER_SECRET: &str = "DRAM_LAB_S3_WRITER_SECRET";
const SWIFT_AUTH: &str = "DRAM_LAB_SWIFT_AUTH";
const SWIFT_USER: &str = "DRAM_LAB_SWIFT_USER";
const SWIFT_KEY: &str = "DRAM_LAB_SWIFT_KEY";
const KEYSTONE: &str = "DRAM_LAB_KEYSTONE";
const KEYSTONE_REGION: &str = "DRAM_LAB_KEYSTONE_REGION";
const KEYSTONE_DOMAIN: &str = "DRAM_LAB_KEYSTONE_DOMAIN";
const KEYSTONE_PROJECT: &str = "DRAM_LAB_KEYSTONE_PROJECT";
const KEYSTONE_PROJECT_ID: &str = "DRAM_LAB_KEYSTONE_PROJECT_ID";
const KEYSTONE_USER: &str = "DRAM_LAB_KEYSTONE_USER";
const KEYSTONE_USER_ID: &str = "DRAM_LAB_KEYSTONE_USER_ID";
const KEYSTONE_PASSWORD: &str = "DRAM_LAB_KEYSTONE_PASSWORD";
const KEYSTONE_APPLICATION: &str = "DRAM_LAB_KEYSTONE_APPLICATION";
const KEYSTONE_APPLICATION_SECRET: &str = "DRAM_LAB_KEYSTONE_APPLICATION_SECRET";
const KEYSTONE_ACCESS: &str = "DRAM_LAB_KEYSTONE_S3_ACCESS";
const KEYSTONE_SECRET: &str = "DRAM_LAB_KEYSTONE_S3_SECRET";
const POSTGRES: &str = "DRAM_LAB_POSTGRES";
const POSTGRES_PASSWORD: &str = "DRAM_LAB_POSTGRES_PASSWORD";
const CEPH: &str = "DRAM_LAB_CEPH";

/// The user of RADOS gateway who owns every bucket.
pub const OWNER: &str = "lab";
/// The user of RADOS gateway who may do only what a bucket's policy gives it.
pub const WRITER: &str = "writer";

/// What a user of the object store shows for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// The access key, or the name to log in with.
    pub access: String,
    /// The secret key.
    pub secret: String,
}

/// Where a Swift is, and who may use it.
#[derive(Debug, Clone)]
pub struct Swift {
    /// Where one logs in (v1).
    pub auth: String,
    /// With what.
    pub keys: Keys,
}

/// Where a database is, and its password.
#[derive(Debug, Clone)]
pub struct Database {
    /// The address, without the password.
    pub url: String,
    /// The password.
    pub password: String,
}

/// The servers that are there.
#[derive(Debug, Clone)]
pub struct Store {
    /// The port of the shared gateway.
    pub port: u16,
    /// The owner of every bucket.
    pub owner: Keys,
    /// A user who may do only what a bucket's policy gives it.
    pub writer: Keys,
    /// The same objects as containers, for users of the gateway's own.
    pub swift: Swift,
    /// Containers of a project of Keystone.
    pub keystone: keystone::Keystone,
    /// A database in which every test makes schemas.
    pub postgres: Database,
    /// What administers the object store.
    pub ceph: ceph::Admin,
}

/// The servers, while they run for this process. They end with the value.
#[derive(Debug)]
pub struct Running {
    /// Where they are.
    pub store: Store,
    /// How long it took to start them.
    pub took: std::time::Duration,
    // Ended in this order.
    _gateway: ceph::Gateway,
    _keystone: keystone::Server,
    _postgres: postgres::Server,
    _cluster: ceph::Cluster,
}

impl Running {
    /// Installs what is missing and starts all servers.
    ///
    /// # Errors
    /// Something cannot be installed or does not start.
    pub fn start() -> Result<Running> {
        ceph::install()?;
        postgres::install()?;
        keystone::install()?;
        let begun = Instant::now();
        let door = keystone::Door::new()?;
        let database = std::thread::spawn(postgres::Server::start);
        let keystone = std::thread::spawn({
            let door = door.clone();
            move || keystone::Server::start(&door)
        });
        let objects = objects(&door);
        let database = joined("PostgreSQL", database)?;
        let keystone = joined("Keystone", keystone)?;
        let (cluster, gateway, owner, writer, swift) = objects?;
        let known = keystone.introduce(&gateway.endpoint(), |project| cluster.admin().create_user(project))?;
        let store = Store {
            port: gateway.port(),
            owner,
            writer,
            swift: Swift {
                auth: format!("{}/auth/v1.0", gateway.endpoint()),
                keys: swift,
            },
            keystone: known,
            postgres: Database {
                url: database.url(),
                password: database.password().to_owned(),
            },
            ceph: cluster.admin().clone(),
        };
        Ok(Running {
            store,
            took: begun.elapsed(),
            _gateway: gateway,
            _keystone: keystone,
            _postgres: database,
            _cluster: cluster,
        })
    }
}

fn joined<T>(name: &str, starting: std::thread::JoinHandle<Result<T>>) -> Result<T> {
    let ended = starting.join();
    ended.unwrap_or_else(|_| Err(unavailable(name, "its thread died")))
}

fn objects(door: &keystone::Door) -> Result<(ceph::Cluster, ceph::Gateway, Keys, Keys, Keys)> {
    let cluster = ceph::Cluster::start(door)?;
    let admin = cluster.admin();
    let log = admin.configuration().with_file_name("gateway.log");
    let gateway = admin.gateway(&log)?;
    let owner = admin.create_user(OWNER)?;
    let writer = admin.create_user(WRITER)?;
    let swift = admin.create_swift_key(OWNER)?;
    Ok((cluster, gateway, owner, writer, swift))
}

impl Store {
    /// The lab that the environment names, else one that this process starts at the first call and shares.
    ///
    /// # Errors
    /// It cannot be had on this machine.
    pub fn at_hand() -> Result<Store> {
        static OWN: OnceLock<Result<Running>> = OnceLock::new();
        if let Some(store) = Store::of_environment(|name| std::env::var_os(name))? {
            return Ok(store);
        }
        match OWN.get_or_init(Running::start) {
            Ok(running) => Ok(running.store.clone()),
            Err(error) => Err(unavailable("the store lab", error.to_string())),
        }
    }

    /// The lab that an environment names: all of it, or none.
    fn of_environment(value: impl Fn(&str) -> Option<OsString>) -> Result<Option<Store>> {
        let Some(endpoint) = value(S3) else { return Ok(None) };
        let missing = |name: &str, why: &str| unavailable("the store lab", format!("{S3} is set, and {name} {why}"));
        let text = |name: &str| {
            let value = value(name).ok_or_else(|| missing(name, "is not"))?;
            value.into_string().map_err(|_| missing(name, "is no text"))
        };
        let keys = |access: &str, secret: &str| -> Result<Keys> {
            Ok(Keys {
                access: text(access)?,
                secret: text(secret)?,
            })
        };
        let id = |name: &str, id: &str| -> Result<keystone::Id> {
            Ok(keystone::Id {
                name: text(name)?,
                id: text(id)?,
            })
        };
        let endpoint = endpoint.to_string_lossy().into_owned();
        let port = endpoint
            .strip_prefix("http://127.0.0.1:")
            .and_then(|port| port.trim_end_matches('/').parse().ok())
            .ok_or_else(|| missing(S3, "is no `http://127.0.0.1:PORT`"))?;
        let configuration = value(CEPH).ok_or_else(|| missing(CEPH, "is not"))?;
        Ok(Some(Store {
            port,
            owner: keys(S3_ACCESS, S3_SECRET)?,
            writer: keys(WRITER_ACCESS, WRITER_SECRET)?,
            swift: Swift {
                auth: text(SWIFT_AUTH)?,
                keys: keys(SWIFT_USER, SWIFT_KEY)?,
            },
            keystone: keystone::Keystone {
                auth: text(KEYSTONE)?,
                region: text(KEYSTONE_REGION)?,
                domain: text(KEYSTONE_DOMAIN)?,
                project: id(KEYSTONE_PROJECT, KEYSTONE_PROJECT_ID)?,
                user: id(KEYSTONE_USER, KEYSTONE_USER_ID)?,
                password: text(KEYSTONE_PASSWORD)?,
                application: keys(KEYSTONE_APPLICATION, KEYSTONE_APPLICATION_SECRET)?,
                owner: keys(KEYSTONE_ACCESS, KEYSTONE_SECRET)?,
            },
            postgres: Database {
                url: text(POSTGRES)?,
                password: text(POSTGRES_PASSWORD)?,
            },
            ceph: ceph::admin_at(&configuration)?,
        }))
    }

    /// The variables that tell other processes where the lab is.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let ceph = self.ceph.configuration().display().to_string();
        vec![
            (S3, self.endpoint()),
            (S3_ACCESS, self.owner.access.clone()),
            (S3_SECRET, self.owner.secret.clone()),
            (WRITER_ACCESS, self.writer.access.clone()),
            (WRITER_SECRET, self.writer.secret.clone()),
            (SWIFT_AUTH, self.swift.auth.clone()),
            (SWIFT_USER, self.swift.keys.access.clone()),
            (SWIFT_KEY, self.swift.keys.secret.clone()),
            (KEYSTONE, self.keystone.auth.clone()),
            (KEYSTONE_REGION, self.keystone.region.clone()),
            (KEYSTONE_DOMAIN, self.keystone.domain.clone()),
            (KEYSTONE_PROJECT, self.keystone.project.name.clone()),
            (KEYSTONE_PROJECT_ID, self.keystone.project.id.clone()),
            (KEYSTONE_USER, self.keystone.user.name.clone()),
            (KEYSTONE_USER_ID, self.keystone.user.id.clone()),
            (KEYSTONE_PASSWORD, self.keystone.password.clone()),
            (KEYSTONE_APPLICATION, self.keystone.application.access.clone()),
            (KEYSTONE_APPLICATION_SECRET, self.keystone.application.secret.clone()),
            (KEYSTONE_ACCESS, self.keystone.owner.access.clone()),
            (KEYSTONE_SECRET, self.keystone.owner.secret.clone()),
            (POSTGRES, self.postgres.url.clone()),
            (POSTGRES_PASSWORD, self.postgres.password.clone()),
            (CEPH, ceph),
        ]
    }

    /// The shared gateway's address.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Whether the gateway answers.
    pub fn is_up(&self) -> bool {
        http::ask(self.port, "/", None).is_ok()
    }
}

/// Says what the lab is to whoever keeps it running for development.
pub fn lines(store: &Store) -> String {
    let line = |(name, value): (&str, String)| format!("export {name}='{value}'\n");
    store.environment().into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        let keys = |name: &str| Keys {
            access: format!("{name} a"),
            secret: format!("{name} s"),
        };
        let id = |name: &str| keystone::Id {
            name: format!("{name} n"),
            id: format!("{name} i"),
        };
        Store {
            port: 17,
            owner: keys("owner"),
            writer: keys("writer"),
            swift: Swift {
                auth: "http://127.0.0.1:17/auth/v1.0".to_owned(),
                keys: keys("swift"),
            },
            keystone: keystone::Keystone {
                auth: "http://127.0.0.1:18/v3".to_owned(),
                region: "r".to_owned(),
                domain: "d".to_owned(),
                project: id("project"),
                user: id("user"),
                password: "k".to_owned(),
                application: keys("application"),
                owner: keys("project"),
            },
            postgres: Database {
                url: "postgres://dram@127.0.0.1:5/dram".to_owned(),
                password: "p".to_owned(),
            },
            ceph: ceph::Admin::of("/proc/self/status"),
        }
    }

    fn read(environment: &[(&str, String)]) -> Result<Option<Store>> {
        Store::of_environment(|name| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.into())
        })
    }

    #[test]
    fn what_is_told_is_what_is_read() {
        let told = store().environment();
        let found = read(&told).unwrap().unwrap();
        assert_eq!(found.environment(), told);
        assert!(read(&[]).unwrap().is_none());
    }

    #[test]
    fn half_a_lab_is_an_error_that_names_what_is_missing() {
        let told = store().environment();
        for left_out in told.iter().map(|(name, _)| *name).filter(|name| *name != S3) {
            let some: Vec<_> = told.iter().filter(|(name, _)| *name != left_out).cloned().collect();
            let error = read(&some).unwrap_err();
            assert!(error.to_string().contains(left_out), "{error}");
        }
    }
}
