//! The profiles that come with the compiler. They are read by the code that reads those of users.

use crate::model::{Declaration, Profile, Spec};
use crate::source::Sources;
use crate::syntax::{SecretWords, parse};
use std::sync::LazyLock;

/// A profile that comes with the compiler.
#[derive(Debug)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// The document that declares it.
    pub text: &'static str,
    /// What it says.
    pub profile: Profile,
}

const TEXTS: &[(&str, &str)] = &[
    ("etcd", include_str!("../../profiles/etcd.yaml")),
    ("files", include_str!("../../profiles/files.yaml")),
    ("mongodb", include_str!("../../profiles/mongodb.yaml")),
    ("mysql", include_str!("../../profiles/mysql.yaml")),
    ("postgres", include_str!("../../profiles/postgres.yaml")),
    ("redis", include_str!("../../profiles/redis.yaml")),
    ("sqlite", include_str!("../../profiles/sqlite.yaml")),
];

/// All of them, by name. A test reads each.
#[must_use]
pub fn built_in() -> &'static [BuiltIn] {
    static ALL: LazyLock<Vec<BuiltIn>> = LazyLock::new(|| {
        TEXTS
            .iter()
            .filter_map(|(name, text)| {
                let profile = read(text)?;
                Some(BuiltIn { name, text, profile })
            })
            .collect()
    });
    &ALL
}

fn read(text: &str) -> Option<Profile> {
    let mut found = Vec::new();
    let mut documents = parse(&SecretWords::of(&[]), &Sources::one("", text), &mut found);
    match Declaration::decode(documents.pop()?.root).value?.spec {
        Spec::Profile(profile) => Some(profile),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{TEXTS, built_in};
    use crate::model::Declaration;
    use crate::profile::faults;
    use crate::source::Sources;

    /// Each holds as one of a user would, but for its name.
    #[test]
    fn each_is_read_by_its_name() {
        let names: Vec<&str> = built_in().iter().map(|profile| profile.name).collect();
        assert_eq!(names, TEXTS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        for built_in in built_in() {
            let renamed = built_in.text.replacen(
                &format!("metadata: {{name: {}}}", built_in.name),
                "metadata: {name: mine}",
                1,
            );
            assert_ne!(renamed, built_in.text);
            let sources = Sources::one("p.yaml", &renamed);
            let checked = crate::check::check(&sources);
            assert!(
                checked.diagnostics.is_empty(),
                "{}",
                crate::diagnostic::render(&sources, &checked.diagnostics, false)
            );
            let spec = Declaration::new(built_in.name.parse().unwrap(), built_in.profile.clone());
            let found = faults(built_in.name, &built_in.profile, &spec.spec.encode());
            assert_eq!(
                found.iter().map(|finding| finding.code.id).collect::<Vec<_>>(),
                ["DRAM0072"]
            );
            assert!(built_in.profile.doc.is_some());
            assert!(
                built_in
                    .profile
                    .parameters
                    .iter()
                    .all(|parameter| parameter.doc.is_some())
            );
        }
    }
}
