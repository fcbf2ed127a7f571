//! The provider block: where the catalog is, in whose name we act, and which program acts for us.

use std::path::{Path as FilePath, PathBuf};
use std::sync::OnceLock;

use dram_catalog::{BadUrl, Catalog, CatalogError, CatalogUrl};
use dram_compiler::model;
use dram_fields::{Block as _, Fields, Name};

use super::table;
use crate::notice::Notice;
use crate::value::{Path, Value};

/// Declares the recovery sites, vaults, protection policies, applications and recovery plans of DRAM, disaster recovery
/// as code, beside the rest of the infrastructure.
#[derive(Fields, Debug)]
pub(super) struct ProviderBlock {
    /// Address of the catalog, where the records live: a directory `file:///var/lib/dram/catalog`, a bucket
    /// `s3://bucket/prefix?endpoint=&region=&profile=&pathStyle=`, or a PostgreSQL database
    /// `postgres://user@host:5432/database?schema=&sslmode=`. A password never stands in it. Without it `DRAM_CATALOG`
    /// in the environment says it; where both do, they must agree.
    pub catalog: Option<String>,
    /// The tenant in whose name declarations are made. Without it `DRAM_TENANT` in the environment says it, and without
    /// either it is `default`.
    pub tenant: Option<Name>,
    /// The engine that acts on declarations while they are applied. Without it nothing is made until `dram reconcile` is run by hand.
    pub engine: Option<EngineBlock>,
}

/// An engine that is started for each resource that is applied.
#[derive(Fields, Debug)]
pub(super) struct EngineBlock {
    /// The program, by name or by path: `dram`. It is run as `dram reconcile` with the environment of Terraform, in which
    /// it finds the secrets that a model refers to.
    pub exec: String,
}

/// What the provider block and the environment say, checked.
#[derive(Debug)]
pub(super) struct Settings {
    address: Address,
    tenant: String,
    engine: Option<String>,
    opened: OnceLock<Catalog>,
}

#[derive(Debug)]
enum Address {
    /// It depends on what is not applied yet.
    Unknown,
    At {
        url: CatalogUrl,
        text: String,
    },
}

/// Why the catalog cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// Nobody has configured the provider.
    #[error("the provider is not configured")]
    Unconfigured,
    /// The address depends on what is not applied yet.
    #[error("the address of the catalog is not known yet")]
    Unknown,
    /// It cannot be opened.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Unusable {
    /// The way out.
    #[must_use]
    pub(super) fn help(&self) -> String {
        match self {
            Unusable::Unconfigured => "write a `provider \"dram\"` block with a `catalog`".to_owned(),
            Unusable::Unknown => "apply what the address depends on first".to_owned(),
            Unusable::Catalog(error) => error.help(),
        }
    }
}

/// Checks a provider block, without looking at anything else.
#[must_use]
pub(super) fn check(config: &Value) -> Vec<Notice> {
    let decoded = dram_fields::decode::<ProviderBlock>(table::node_of(ProviderBlock::kind(), config));
    let mut notices: Vec<Notice> = decoded.diagnostics.iter().map(table::notice_of).collect();
    if let Value::Text(text) = config.attribute("catalog")
        && let Err(error) = text.parse::<CatalogUrl>()
    {
        notices.push(bad_address(text, &error));
    }
    notices
}

impl Settings {
    /// Reads a provider block, completed from the environment by `variable`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn read(config: &Value, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Notice>> {
        let mut notices = check(config);
        let address = address(
            config.attribute("catalog"),
            variable("DRAM_CATALOG").filter(|text| !text.is_empty()),
        );
        let tenant = match config.attribute("tenant") {
            Value::Text(tenant) => Ok(tenant.clone()),
            Value::Unknown(_) => Ok(String::new()),
            _ => match variable("DRAM_TENANT").filter(|text| !text.is_empty()) {
                None => Ok("default".to_owned()),
                Some(tenant) => match tenant.parse::<Name>() {
                    Ok(_) => Ok(tenant),
                    Err(why) => Err(Notice::error(
                        format!("`DRAM_TENANT` is not a name: {why}"),
                        "Correct it.",
                    )),
                },
            },
        };
        let engine = config
            .attribute("engine")
            .attribute("exec")
            .as_text()
            .map(str::to_owned);
        match (address, tenant) {
            (Ok(address), Ok(tenant)) if notices.is_empty() => {
                let address = if tenant.is_empty() { Address::Unknown } else { address };
                Ok(Settings {
                    address,
                    tenant,
                    engine,
                    opened: OnceLock::new(),
                })
            }
            (address, tenant) => {
                // What the check has said of the address already is not said again.
                notices.extend(address.err().filter(|_| notices.is_empty()));
                notices.extend(tenant.err());
                Err(notices)
            }
        }
    }

    /// The catalog, opened when it is asked for first.
    ///
    /// # Errors
    /// If it cannot be used.
    pub(super) fn catalog(&self) -> Result<&Catalog, Unusable> {
        if let Some(catalog) = self.opened.get() {
            return Ok(catalog);
        }
        let Address::At { url, .. } = &self.address else {
            return Err(Unusable::Unknown);
        };
        let tenant = dram_catalog::Name::tenant(&self.tenant).map_err(CatalogError::from)?;
        let catalog = Catalog::open(url, &tenant)?;
        Ok(self.opened.get_or_init(|| catalog))
    }

    /// The engine to be started for what is applied.
    #[must_use]
    pub(super) fn engine(&self) -> Option<Engine<'_>> {
        let Address::At { text, .. } = &self.address else {
            return None;
        };
        self.engine.as_deref().map(|program| Engine {
            program,
            catalog: text,
            tenant: &self.tenant,
        })
    }

    /// The engine's program, if one is configured and it cannot be found.
    #[must_use]
    pub(super) fn missing_engine(&self) -> Option<Notice> {
        let program = self.engine.as_deref()?;
        find(program, std::env::var_os("PATH")).is_none().then(|| {
            Notice::error(
                format!("the engine `{program}` cannot be found"),
                "`exec` in the provider's `engine` block names a program that is neither on the PATH nor a path to an \
                 executable file. Install it, correct the name, or remove the block and run `dram reconcile` by hand.",
            )
        })
    }
}

/// An engine to be started, and what it is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Engine<'s> {
    /// The program.
    pub program: &'s str,
    /// The address of the catalog.
    pub catalog: &'s str,
    /// The tenant.
    pub tenant: &'s str,
}

fn address(config: &Value, environment: Option<String>) -> Result<Address, Notice> {
    let at = Path::attribute("catalog");
    let text = match (config, environment) {
        (Value::Unknown(_), _) => return Ok(Address::Unknown),
        (Value::Text(text), Some(other)) if *text != other => {
            // What is no address of a catalog may carry a password.
            let shown = |text: &str| match text.parse::<CatalogUrl>() {
                Ok(_) => format!("`{text}`"),
                Err(_) => "an address that names no catalog".to_owned(),
            };
            let sound = text.parse::<CatalogUrl>().is_ok();
            let (text, other) = (shown(text), shown(&other));
            let detail = format!(
                "This says {text}, `DRAM_CATALOG` in the environment says {other}. Records in the wrong catalog would \
                 be found by nobody on the worst day: make them agree, or remove one."
            );
            let notice = Notice::error("two catalogs are given", detail);
            return Err(if sound { notice.at(at) } else { notice });
        }
        (Value::Text(text), _) => text.clone(),
        (_, Some(text)) => text,
        (_, None) => {
            let detail = "Give its address here, or as `DRAM_CATALOG` in the environment. There is no default: it would be \
                          forgotten on the machine that is lost.";
            return Err(Notice::error("no catalog is given", detail).at(at));
        }
    };
    match text.parse::<CatalogUrl>() {
        Ok(url) => Ok(Address::At { url, text }),
        Err(error) => Err(bad_address(&text, &error)),
    }
}

/// An address that names no catalog. The host prints the line that a notice points at: not one with a password.
fn bad_address(text: &str, error: &BadUrl) -> Notice {
    let notice = Notice::error(error.to_string(), error.help());
    if !model::CatalogUrl::may_hold_a_secret(text) {
        notice.at(Path::attribute("catalog"))
    } else {
        notice
    }
}

/// The file that a program's name stands for.
fn find(program: &str, search: Option<std::ffi::OsString>) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let executable = |file: &FilePath| {
        file.metadata()
            .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|file| executable(file));
    }
    std::env::split_paths(&search?)
        .map(|folder| folder.join(program))
        .find(|file| executable(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn config(catalog: Value) -> Value {
        Value::Map(BTreeMap::from([("catalog".to_owned(), catalog)]))
    }

    #[test]
    fn the_catalog_comes_from_one_place() {
        let env = |text: &'static str| move |name: &str| (name == "DRAM_CATALOG").then(|| text.to_owned());
        let none = |_: &str| None;
        let settings = Settings::read(&config("file:///c".into()), none).unwrap();
        assert_eq!(settings.tenant, "default");
        assert!(Settings::read(&config(Value::Null), env("file:///c")).is_ok());
        assert!(Settings::read(&config("file:///c".into()), env("file:///c")).is_ok());
        let notices = Settings::read(&config("file:///c".into()), env("file:///d")).unwrap_err();
        assert_eq!(notices[0].summary, "two catalogs are given");
        let notices = Settings::read(&config(Value::Null), none).unwrap_err();
        assert_eq!(notices[0].summary, "no catalog is given");
        assert_eq!(notices[0].path, Some(Path::attribute("catalog")));
    }

    #[test]
    fn an_unknown_catalog_is_no_error_until_it_is_needed() {
        let settings = Settings::read(&config(Value::unknown()), |_| None).unwrap();
        assert!(matches!(settings.catalog(), Err(Unusable::Unknown)));
        assert!(settings.engine().is_none());
    }

    #[test]
    fn a_wrong_address_is_said_once() {
        let notices = Settings::read(&config("ftp://x".into()), |_| None).unwrap_err();
        assert_eq!(notices.len(), 1);
        assert!(
            notices[0].summary.contains("does not begin with a known scheme"),
            "{}",
            notices[0].summary
        );
    }

    #[test]
    fn an_address_with_a_secret_is_not_pointed_at() {
        for text in [
            "postgres://dram:hunter2@db/dram",
            "s3://bucket/x?secretKey=hunter2",
            "mysql://dram:hunter2@db/dram",
            "postgres://dram:hunter2/dram",
        ] {
            let notices = Settings::read(&config(text.into()), |_| None).unwrap_err();
            assert_eq!(notices.len(), 1, "{notices:?}");
            assert_eq!(notices[0].path, None);
            assert!(!format!("{notices:?}").contains("hunter2"), "{notices:?}");
        }
        let notices = Settings::read(&config("ftp://x".into()), |_| None).unwrap_err();
        assert_eq!(notices[0].path, Some(Path::attribute("catalog")));
    }

    #[test]
    fn programs_are_found_as_a_shell_finds_them() {
        assert!(find("sh", Some("/nowhere:/bin:/usr/bin".into())).is_some());
        assert!(find("sh", Some("/nowhere".into())).is_none());
        assert!(find("/bin/sh", None).is_some());
        assert!(find("/etc/passwd", None).is_none());
    }
}
