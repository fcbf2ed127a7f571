//! Where a world's catalog and vault lie, and how one gets there, with the programs and behind their back.

use std::path::{Path, PathBuf};

use super::raw::Raw;
use crate::call::Call;
use crate::error::{Doing as _, Result};
use crate::lab::random_hex;
use crate::lab::restic::Restic;
use crate::lab::store::{Database, OWNER, Store, WRITER};
use crate::s3::{Client, Keeping};

/// Names the access key with which the engine writes to a vault on S3, in the models of worlds.
const ACCESS: &str = "DRAM_TEST_VAULT_ACCESS";
const SECRET: &str = "DRAM_TEST_VAULT_SECRET";
const PRUNE_ACCESS: &str = "DRAM_TEST_PRUNE_ACCESS";
const PRUNE_SECRET: &str = "DRAM_TEST_PRUNE_SECRET";
/// What stands before every key, so that a forgotten prefix shows.
const PREFIX: &str = "team/dram";
/// The name of the lab's Swift in `clouds.yaml`.
const CLOUD: &str = "lab";

/// Where a world's catalog and vault lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Stores {
    /// In directories of this machine.
    #[default]
    Directories,
    /// In two buckets of S3.
    S3,
    /// The catalog in a schema of PostgreSQL, the vault in a container of Swift.
    PostgresAndSwift,
}

/// How one logs in to Swift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Login {
    /// With a user of the object store's own.
    #[default]
    Own,
    /// With an application credential of Keystone, whose catalog then says where the object store is.
    Application,
}

/// What a test wants of the stores.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Which ones.
    pub stores: Stores,
    /// How one gets into a vault on Swift.
    pub login: Login,
    /// The port of whatever stands before the shared gateway; the gateway itself if absent. Keystone's catalog knows none.
    pub front: Option<u16>,
    /// What locks a vault on S3, as the model says it: mode and period.
    pub lock: Option<(&'static str, &'static str)>,
    /// A database for the catalog that nobody else uses; the lab's own if absent.
    pub database: Option<Database>,
}

/// Where catalog and vault of one world are.
#[derive(Debug)]
pub(super) enum Placement {
    Directories {
        dir: PathBuf,
    },
    S3 {
        lab: Store,
        port: u16,
        records: String,
        bucket: String,
        lock: Option<(&'static str, &'static str)>,
    },
    PostgresAndSwift {
        lab: Store,
        schema: String,
        container: String,
        clouds: PathBuf,
        login: Login,
    },
}

impl From<Stores> for Wish {
    fn from(stores: Stores) -> Wish {
        Wish {
            stores,
            ..Wish::default()
        }
    }
}

impl Placement {
    /// Makes what a world with this folder needs.
    pub(super) fn make(wish: Wish, dir: &Path) -> Result<Placement> {
        if wish.stores == Stores::Directories {
            return Ok(Placement::Directories { dir: dir.to_owned() });
        }
        let mut lab = Store::at_hand()?;
        if let Some(database) = wish.database {
            lab.postgres = database;
        }
        let port = wish.front.unwrap_or(lab.port);
        let name = format!("world-{}", random_hex(6)?);
        let owner = Client::owner(&lab);
        let bucket = format!("{name}-vault");
        if wish.stores == Stores::PostgresAndSwift {
            let clouds = dir.join("clouds.yaml");
            super::write_secret(&clouds, &clouds_yaml(&lab, wish.login, port))?;
            return Ok(Placement::PostgresAndSwift {
                lab,
                schema: name.replace('-', "_"),
                container: bucket,
                clouds,
                login: wish.login,
            });
        }
        let records = format!("{name}-catalog");
        owner.create_bucket(&records, Keeping::Nothing)?;
        let keeping = if wish.lock.is_some() {
            Keeping::Locks
        } else {
            Keeping::Nothing
        };
        owner.create_bucket(&bucket, keeping)?;
        owner.set_policy(&bucket, &writer_policy(&bucket)?)?;
        Ok(Placement::S3 {
            lab,
            port,
            records,
            bucket,
            lock: wish.lock,
        })
    }

    /// A model of the repository, already with the world's folder in it, changed to keep everything here.
    pub(super) fn rewritten(&self, text: &str, dir: &Path) -> String {
        let here = dir.display();
        let vault = format!("directory: {{ path: {here}/vault }}");
        let text = text.replace(&vault, &self.vault_in_model());
        text.replace(
            &format!("url: file://{here}/catalog"),
            &format!("url: \"{}\"", self.catalog_url()),
        )
    }

    fn vault_in_model(&self) -> String {
        match self {
            Placement::Directories { dir } => format!("directory: {{ path: {}/vault }}", dir.display()),
            Placement::S3 { port, bucket, lock, .. } => {
                let keys = |access: &str, secret: &str| {
                    format!("{{ keys: {{ accessKey: {{ env: {access} }}, secretKey: {{ env: {secret} }} }} }}")
                };
                let lock = lock.map(|(mode, period)| format!("\n  lock: {{ mode: {mode}, period: {period} }}"));
                format!(
                    "s3:\n    bucket: {bucket}\n    prefix: {PREFIX}\n    region: us-east-1\n    \
                     endpoint: http://127.0.0.1:{port}\n    pathStyle: true\n    \
                     credentials: {}\n    pruneCredentials: {}{}",
                    keys(ACCESS, SECRET),
                    keys(PRUNE_ACCESS, PRUNE_SECRET),
                    lock.unwrap_or_default()
                )
            }
            Placement::PostgresAndSwift { container, .. } => {
                format!("swift: {{ cloud: {CLOUD}, container: {container}, prefix: {PREFIX} }}")
            }
        }
    }

    pub(super) fn catalog_url(&self) -> String {
        match self {
            Placement::Directories { dir } => format!("file://{}/catalog", dir.display()),
            Placement::S3 { port, records, .. } => s3_address(records, *port),
            Placement::PostgresAndSwift { lab, schema, .. } => format!("{}?schema={schema}", lab.postgres.url),
        }
    }

    /// The vault as it is named to a command that knows nothing else.
    pub(super) fn vault_address(&self) -> String {
        match self {
            Placement::Directories { dir } => dir.join("vault").display().to_string(),
            Placement::S3 { port, bucket, .. } => s3_address(bucket, *port),
            Placement::PostgresAndSwift { container, .. } => format!("swift://{CLOUD}/{container}/{PREFIX}"),
        }
    }

    /// What a program has in its environment to get to catalog and vault.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        match self {
            Placement::Directories { .. } => Vec::new(),
            Placement::S3 { lab, .. } => {
                let pairs = [
                    ("AWS_ACCESS_KEY_ID", &lab.owner.access),
                    ("AWS_SECRET_ACCESS_KEY", &lab.owner.secret),
                    (ACCESS, &lab.writer.access),
                    (SECRET, &lab.writer.secret),
                    (PRUNE_ACCESS, &lab.owner.access),
                    (PRUNE_SECRET, &lab.owner.secret),
                ];
                pairs.map(|(name, value)| (name, value.clone())).to_vec()
            }
            Placement::PostgresAndSwift { lab, clouds, .. } => vec![
                ("PGPASSWORD", lab.postgres.password.clone()),
                ("OS_CLIENT_CONFIG_FILE", clouds.display().to_string()),
            ],
        }
    }

    /// What must stand nowhere but where a program gets it from.
    pub(super) fn secrets(&self) -> Vec<String> {
        match self {
            Placement::Directories { .. } => Vec::new(),
            Placement::S3 { lab, .. } => vec![lab.owner.secret.clone(), lab.writer.secret.clone()],
            Placement::PostgresAndSwift { lab, login, .. } => {
                vec![lab.postgres.password.clone(), login.secret(lab).to_owned()]
            }
        }
    }

    /// A call of stock restic on a repository of the vault, by its path inside.
    pub(super) fn restic(&self, restic: &Restic, path: &str, key: &Path) -> Call {
        match self {
            Placement::Directories { dir } => restic.call(dir.join("vault").join(path), key),
            Placement::S3 { lab, port, bucket, .. } => {
                let repository = format!("s3:http://127.0.0.1:{port}/{bucket}/{PREFIX}/{path}");
                let call = restic.call(repository, key);
                let call = call.env("AWS_ACCESS_KEY_ID", &lab.owner.access);
                call.env("AWS_SECRET_ACCESS_KEY", &lab.owner.secret)
            }
            Placement::PostgresAndSwift {
                lab, container, login, ..
            } => {
                let call = restic.call(format!("swift:{container}:/{PREFIX}/{path}"), key);
                let variables = match login {
                    Login::Own => vec![
                        ("ST_AUTH", &lab.swift.auth),
                        ("ST_USER", &lab.swift.keys.access),
                        ("ST_KEY", &lab.swift.keys.secret),
                    ],
                    Login::Application => vec![
                        ("OS_AUTH_URL", &lab.keystone.auth),
                        ("OS_REGION_NAME", &lab.keystone.region),
                        ("OS_APPLICATION_CREDENTIAL_ID", &lab.keystone.application.access),
                        ("OS_APPLICATION_CREDENTIAL_SECRET", &lab.keystone.application.secret),
                    ],
                };
                let with = |call: Call, (name, value): (&str, &String)| call.env(name, value);
                variables.into_iter().fold(call, with)
            }
        }
    }

    /// The vault's objects, behind everybody's back.
    pub(super) fn raw_vault(&self) -> Raw {
        match self {
            Placement::Directories { dir } => Raw::Directory(dir.join("vault")),
            Placement::S3 { lab, bucket, .. } => Raw::of_bucket(Client::owner(lab), bucket, PREFIX),
            Placement::PostgresAndSwift {
                lab, container, login, ..
            } => Raw::of_bucket(login.owner(lab), container, PREFIX),
        }
    }

    /// The catalog's objects, behind everybody's back, unless they lie in a database.
    pub(super) fn raw_catalog(&self) -> Option<Raw> {
        match self {
            Placement::Directories { dir } => Some(Raw::Directory(dir.join("catalog"))),
            Placement::S3 { lab, records, .. } => Some(Raw::of_bucket(Client::owner(lab), records, PREFIX)),
            Placement::PostgresAndSwift { .. } => None,
        }
    }

    /// Everything that the catalog holds, as its store's keeper sees it.
    pub(super) fn catalog_bytes(&self) -> Result<Vec<u8>> {
        if let Some(raw) = self.raw_catalog() {
            return raw.all();
        }
        let Placement::PostgresAndSwift { lab, schema, .. } = self else {
            return Ok(Vec::new());
        };
        let dump = Call::new("pg_dump").args(["--schema", schema]).arg(&lab.postgres.url);
        let text = dump.env("PGPASSWORD", &lab.postgres.password).text()?;
        // Bytes stand in a dump as digits; both forms are handed out.
        let mut all = text.clone().into_bytes();
        all.extend(text.split("\\\\x").skip(1).flat_map(bytes_of_digits));
        Ok(all)
    }

    pub(super) fn vault_bucket(&self) -> Option<&str> {
        match self {
            Placement::Directories { .. } => None,
            Placement::S3 { bucket, .. } | Placement::PostgresAndSwift { container: bucket, .. } => Some(bucket),
        }
    }

    /// Loses the catalog for good, whatever it lies in.
    pub(super) fn lose_catalog(&self) -> Result<()> {
        match self {
            Placement::Directories { dir } => {
                let folder = dir.join("catalog");
                std::fs::remove_dir_all(&folder).doing(|| format!("remove `{}`", folder.display()))
            }
            Placement::S3 { lab, records, .. } => Client::owner(lab).remove_bucket(records),
            Placement::PostgresAndSwift { lab, schema, .. } => {
                let drop = format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE");
                let call = Call::new("psql").arg(&lab.postgres.url).args(["-q", "-c", &drop]);
                call.env("PGPASSWORD", &lab.postgres.password).ok().map(|_| ())
            }
        }
    }

    /// Makes again, empty, what a catalog needs around it.
    pub(super) fn prepare_catalog(&self) -> Result<()> {
        match self {
            Placement::Directories { .. } | Placement::PostgresAndSwift { .. } => Ok(()),
            Placement::S3 { lab, records, .. } => Client::owner(lab).create_bucket(records, Keeping::Nothing),
        }
    }
}

impl Drop for Placement {
    fn drop(&mut self) {
        // What is left over is in nobody's way, and a lock may well refuse.
        match self {
            Placement::Directories { .. } => {}
            Placement::S3 {
                lab, records, bucket, ..
            } => {
                let _ = Client::owner(lab).remove_bucket(records);
                let _ = Client::owner(lab).remove_bucket(bucket);
            }
            Placement::PostgresAndSwift {
                lab, container, login, ..
            } => {
                let _ = login.owner(lab).remove_bucket(container);
                let _ = self.lose_catalog();
            }
        }
    }
}

/// The bytes of the hexadecimal digits that a text begins with.
fn bytes_of_digits(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map_while(|c| Some(c.to_digit(16)? as u8)).collect();
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect()
}

fn s3_address(bucket: &str, port: u16) -> String {
    format!("s3://{bucket}/{PREFIX}?endpoint=http://127.0.0.1:{port}&region=us-east-1&pathStyle=true")
}

/// The JSON that follows these words in `docs/storage.md`, about this bucket.
fn printed(words: &str, bucket: &str) -> Result<serde_json::Value> {
    let text = include_str!("../../../docs/storage.md");
    let after = text.split_once(words).map(|(_, after)| after);
    let block = after.and_then(|after| after.split_once("```json")?.1.split_once("```"));
    let printed = block.map(|(printed, _)| printed).unwrap_or_default();
    let printed = printed.replace("shop-vault/dram", &format!("{bucket}/{PREFIX}"));
    let printed = printed.replace("shop-vault", bucket);
    serde_json::from_str(&printed).doing(|| format!("read the JSON after `{words}` in `docs/storage.md`"))
}

/// What whoever protects may do, into a repository that it adopts, too: exactly what the documentation prints for it.
fn writer_policy(bucket: &str) -> Result<serde_json::Value> {
    let mut policy = printed("**Writer**", bucket)?;
    let of_locks = printed("A lock has to be taken back.", bucket)?;
    let statements = policy.get_mut("Statement").and_then(|all| all.as_array_mut());
    let statements = statements
        .ok_or_else(|| std::io::Error::other("it has no statements"))
        .doing(|| "use the writer's policy in `docs/storage.md`".to_owned())?;
    statements.push(of_locks);
    // The policy of a user names nobody; that of a bucket says whom it is for.
    for statement in &mut *statements {
        statement["Principal"] = serde_json::json!({"AWS": [format!("arn:aws:iam:::user/{WRITER}")]});
    }
    // An object belongs to whoever wrote it: the owner of the bucket, who prunes, asks for its rights like others.
    statements.push(serde_json::json!({
        "Effect": "Allow",
        "Principal": {"AWS": [format!("arn:aws:iam:::user/{OWNER}")]},
        "Action": ["s3:*"],
        "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
    }));
    Ok(policy)
}

impl Login {
    /// Whom the containers belong to that are made after this login, as a user of S3.
    fn owner(self, lab: &Store) -> Client {
        match self {
            Login::Own => Client::owner(lab),
            Login::Application => Client::at(lab.port, lab.keystone.owner.clone()),
        }
    }

    /// What of it nobody may find anywhere else.
    fn secret(self, lab: &Store) -> &str {
        match self {
            Login::Own => &lab.swift.keys.secret,
            Login::Application => &lab.keystone.application.secret,
        }
    }
}

fn clouds_yaml(lab: &Store, login: Login, port: u16) -> String {
    let secret = login.secret(lab);
    let cloud = match login {
        Login::Own => format!(
            "    auth_type: v1password
    auth:
      auth_url: http://127.0.0.1:{port}/auth/v1.0
      username: {}
      password: {secret}
",
            lab.swift.keys.access
        ),
        Login::Application => format!(
            "    auth_type: v3applicationcredential
    auth:
      auth_url: {}
      application_credential_id: {}
      application_credential_secret: {secret}
    region_name: {}
",
            lab.keystone.auth, lab.keystone.application.access, lab.keystone.region
        ),
    };
    format!("clouds:\n  {CLOUD}:\n{cloud}")
}
