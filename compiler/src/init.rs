//! `dramc init`: a first model from a few answers, with comments that teach.

use crate::format::format;
use crate::model::{
    AbsolutePath, Bucket, CloudName, Container, Duration, LogicalPath, Name, Parameter, ParameterType, Prefix,
};
use crate::profile::built_in;
use std::fmt;
use std::str::FromStr;

/// The file that tells editors the language, beside the model. Hidden, because a directory's other JSON files are
/// models.
pub const SCHEMA_FILE: &str = ".dram.schema.json";

/// What a first model is made of.
#[derive(Debug, Clone)]
pub struct Answers {
    /// The application.
    pub application: Name,
    /// Where it runs.
    pub site: Name,
    /// Where it comes back.
    pub target: Option<Name>,
    /// Where its points lie.
    pub vault: Place,
    /// The built-in profile of its database.
    pub database: Option<Database>,
    /// Where its files lie.
    pub files: LogicalPath,
    /// The most time whose changes may be lost.
    pub rpo: Duration,
    /// The most time until it runs again.
    pub rto: Duration,
}

/// Where points lie.
#[derive(Debug, Clone)]
pub enum Place {
    /// A directory.
    Directory(AbsolutePath),
    /// A bucket, and a folder in it.
    S3(Bucket, Option<Prefix>),
    /// A cloud, and a container in it.
    Swift(CloudName, Container),
}

/// The name of a built-in profile that is not the one for plain files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database(String);

impl Database {
    /// All of them.
    pub fn names() -> impl Iterator<Item = &'static str> {
        built_in()
            .iter()
            .map(|profile| profile.name)
            .filter(|name| *name != "files")
    }
}

impl FromStr for Database {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if Self::names().any(|name| name == text) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("none of {}", Self::names().collect::<Vec<_>>().join(", ")))
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(bucket) = text.strip_prefix("s3://") {
            let (bucket, prefix) = bucket
                .split_once('/')
                .map_or((bucket, None), |(bucket, prefix)| (bucket, Some(prefix)));
            let prefix = prefix.filter(|prefix| !prefix.is_empty()).map(str::parse).transpose()?;
            return Ok(Self::S3(bucket.parse()?, prefix));
        }
        if let Some(container) = text.strip_prefix("swift://") {
            let (cloud, container) = container
                .split_once('/')
                .ok_or("a cloud and a container: `swift://cloud/container`")?;
            return Ok(Self::Swift(cloud.parse()?, container.parse()?));
        }
        let path = text
            .parse()
            .map_err(|why| format!("{why}; or `s3://bucket/folder`, or `swift://cloud/container`"))?;
        Ok(Self::Directory(path))
    }
}

impl Place {
    /// The vault's name, and what fails together with it: none of the sites' names.
    fn name(&self, taken: &[&Name]) -> String {
        let name = match self {
            Self::Directory(_) => "nas",
            Self::S3(..) => "bucket",
            Self::Swift(..) => "container",
        };
        free(name, taken)
    }

    fn text(&self) -> String {
        match self {
            Self::Directory(path) => format!(
                "  # A directory of the machine where the engine runs, such as a mounted network share.\n  directory: {{ path: {} }}\n",
                quoted(path)
            ),
            Self::S3(bucket, prefix) => {
                let prefix = prefix.as_ref().map(|prefix| format!(", prefix: {}", quoted(prefix)));
                format!(
                    "  # The bucket exists already; who writes is found as AWS programs find it.\n  s3: {{ bucket: {}{} }}\n",
                    quoted(bucket),
                    prefix.unwrap_or_default()
                )
            }
            Self::Swift(cloud, container) => format!(
                "  # The cloud is one of the engine's `clouds.yaml`; the container is made when it is missing.\n  swift: {{ cloud: {}, container: {} }}\n",
                quoted(cloud),
                quoted(container)
            ),
        }
    }
}

/// A name that none of the others has.
fn free(name: &str, taken: &[&Name]) -> String {
    let mut free = name.to_owned();
    while taken.iter().any(|other| other.to_string() == free) {
        free.push_str("-vault");
    }
    free
}

/// Text that is text whatever it holds; `format` takes away quotes that are not needed.
fn quoted(text: &impl fmt::Display) -> String {
    serde_json::Value::from(text.to_string()).to_string()
}

/// The model. Its comments say what to look at; it is formatted.
#[must_use]
pub fn model(answers: &Answers) -> String {
    let mut parts = vec![catalog(answers)];
    parts.extend(sites(answers));
    parts.extend([vault(answers), policy(answers), application(answers)]);
    parts.extend(plan(answers));
    let text = parts.join("---\n");
    format(&text).unwrap_or(text)
}

/// A document, with the line by which editors find the schema: they look for it in each by itself.
fn document(kind: &str, name: &str, about: &str, spec: &str) -> String {
    let about: Vec<String> = about.lines().map(|line| format!("# {line}\n")).collect();
    format!(
        "# yaml-language-server: $schema={SCHEMA_FILE}\n{}apiVersion: dram.dev/v1\nkind: {kind}\nmetadata: {{ name: {} }}\nspec:\n{spec}",
        about.concat(),
        quoted(&name)
    )
}

fn catalog(answers: &Answers) -> String {
    let taken: Vec<&Name> = [&answers.site].into_iter().chain(&answers.target).collect();
    let spec = format!(
        "  url: file:///var/lib/dram/catalog\n  failureDomain: {}\n",
        free("desk", &taken)
    );
    let about = "Where DRAM keeps its records: what is declared, which points there are, what was done.\nBest a third place, apart from sites and vaults.";
    document("Catalog", "records", about, &spec)
}

fn sites(answers: &Answers) -> impl Iterator<Item = String> {
    let site = |name: &Name, about: &str, host: &str| {
        let spec = format!(
            "  host: {host}\n  # What fails together with it: a building, a region, a power feed.\n  failureDomain: {}\n  # How fast data leaves and reaches it. Measure it: the proof rests on it.\n  bandwidth: 50Mi/s\n",
            quoted(name)
        );
        document("RecoverySite", name, about, &spec)
    };
    let home = site(&answers.site, "Where the application runs.", "{}");
    let target = answers.target.as_ref().map(|target| {
        let root = format!("{{ root: {} }}", quoted(&format!("/srv/{target}")));
        site(
            target,
            "Where it comes back when the other site is lost. `root` is put before every path.",
            &root,
        )
    });
    std::iter::once(home).chain(target)
}

fn vault_name(answers: &Answers) -> String {
    let taken: Vec<&Name> = [&answers.site].into_iter().chain(&answers.target).collect();
    answers.vault.name(&taken)
}

fn vault(answers: &Answers) -> String {
    let name = vault_name(answers);
    let spec = format!(
        "{}  failureDomain: {name}\n  # The file holds the password of the repositories. Keep a copy where the sites cannot take it with them.\n  password: {{ file: /etc/dram/vault.key }}\n",
        answers.vault.text()
    );
    document(
        "Vault",
        &name,
        "Where the points lie: repositories that the stock `restic` reads as well.",
        &spec,
    )
}

fn policy(answers: &Answers) -> String {
    let rto = match answers.target {
        Some(_) => format!("    # The most time until it runs again.\n    rto: {}\n", answers.rto),
        None => String::new(),
    };
    let spec = format!(
        "  objectives:\n    # The most time whose changes may be lost. How often points are made follows from it.\n    rpo: {}\n{rto}  # Which points stay when `dram prune` runs.\n  retention: {{ last: 24, daily: 14, monthly: 6 }}\n  vaults: [{{ name: {} }}]\n",
        answers.rpo,
        vault_name(answers)
    );
    document(
        "ProtectionPolicy",
        "standard",
        "How well it must survive. `dramc prove` says whether it does.",
        &spec,
    )
}

fn application(answers: &Answers) -> String {
    let database = answers.database.as_ref().map(|database| {
        format!(
            "    # `dramc profiles {database}` says what the profile does, and what else it takes.\n    - name: db\n      profile: {{ use: {database}{} }}\n      # What is known of the data before anything was observed.\n      data: {{ size: 4Gi, changeRate: 500Mi/d }}\n",
            arguments(answers, database)
        )
    });
    let after = if database.is_some() { "      after: [db]\n" } else { "" };
    let spec = format!(
        "  site: {}\n  policy: standard\n  components:\n{}    - name: files\n{after}      host:\n        paths: [{}]\n        # What need not survive, in the patterns of `.gitignore`.\n        exclude: [\"*.tmp\"]\n        # How it is started and stopped, so that a recovery can: uncomment and fill in.\n        # service: {{ start: {{ run: [systemctl, start, {}] }} }}\n      data: {{ size: 4Gi, changeRate: 500Mi/d }}\n",
        quoted(&answers.site),
        database.unwrap_or_default(),
        quoted(&answers.files),
        answers.application
    );
    document(
        "Application",
        &answers.application,
        "What is protected: parts with their data, in the order in which they start.",
        &spec,
    )
}

/// What the profile must be given, as far as its types say what that may be.
fn arguments(answers: &Answers, database: &Database) -> String {
    let profile = built_in().iter().find(|profile| profile.name == database.0);
    let parameters = profile.map_or(&[][..], |profile| &profile.profile.parameters);
    let given = |parameter: &Parameter| {
        let value = match parameter.r#type {
            ParameterType::Path if &*parameter.name == "directory" => {
                quoted(&format!("/var/lib/{}/data", answers.application))
            }
            ParameterType::Path => quoted(&format!("/var/lib/{0}/{0}.db", answers.application)),
            ParameterType::Lines => quoted(&format!("/var/lib/{}", answers.application)),
            ParameterType::Int => "1".to_owned(),
            ParameterType::Bool => "true".to_owned(),
            ParameterType::Text => quoted(&answers.application),
        };
        format!("{}: {value}", parameter.name)
    };
    let given: Vec<String> = parameters
        .iter()
        .filter(|parameter| parameter.required)
        .map(given)
        .collect();
    match given.is_empty() {
        true => String::new(),
        false => format!(", with: {{ {} }}", given.join(", ")),
    }
}

fn plan(answers: &Answers) -> Option<String> {
    let target = answers.target.as_ref()?;
    let spec = format!(
        "  applications: {{ names: [{}] }}\n  targets: [{{ site: {} }}]\n",
        quoted(&answers.application),
        quoted(target)
    );
    Some(document(
        "RecoveryPlan",
        &answers.application,
        "How it comes back elsewhere.",
        &spec,
    ))
}
