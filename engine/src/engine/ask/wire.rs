//! What was asked, as it stands in the record of the request.

use super::Ask;
use crate::engine::{ProtectRequest, RestoreRequest, Where};
use crate::error::Error;
use crate::vault::{Class, Owners};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

#[derive(Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
enum Wire {
    Protect(ProtectWire),
    Restore(Box<RestoreWire>),
    Copy { application: String },
}

#[derive(Serialize, Deserialize)]
struct ProtectWire {
    application: String,
    components: Vec<String>,
    class: Class,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RestoreWire {
    application: String,
    /// `latest`, the id of a point, or a time.
    point: String,
    from: Option<String>,
    as_of: Option<Timestamp>,
    to: To,
    components: Vec<String>,
    items: Vec<String>,
    paths: Vec<String>,
    owners: Owners,
    overwrite: bool,
    attested: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum To {
    Active,
    Site(String),
    Directory(PathBuf),
}

/// The record of what is asked.
///
/// # Errors
/// A directory whose name is no text.
pub(super) fn write(ask: &Ask) -> Result<Value, Error> {
    let wire = match ask.clone() {
        Ask::Copy { application } => Wire::Copy { application },
        Ask::Protect(request) => Wire::Protect(ProtectWire {
            application: request.application,
            components: request.components,
            class: request.class,
        }),
        Ask::Restore(request) => Wire::Restore(Box::new(RestoreWire {
            application: request.application,
            point: request.point.to_string(),
            from: request.from,
            as_of: request.as_of,
            to: match request.to {
                Where::Active => To::Active,
                Where::Site(site) => To::Site(site),
                Where::Directory(directory) => To::Directory(directory),
            },
            components: request.components,
            items: request.items,
            paths: request.paths,
            owners: request.owners,
            overwrite: request.overwrite,
            attested: request.attested,
        })),
    };
    serde_json::to_value(wire).map_err(|why| Error::Usage {
        why: format!("what is asked cannot be written down: {why}"),
        help: "choose a directory whose name is text".to_owned(),
    })
}

/// What a record asks; nothing where this release does not understand it.
pub(super) fn read(record: &Value) -> Option<Ask> {
    Some(match Wire::deserialize(record).ok()? {
        Wire::Copy { application } => Ask::Copy { application },
        Wire::Protect(wire) => Ask::Protect(ProtectRequest {
            application: wire.application,
            components: wire.components,
            class: wire.class,
            dry_run: false,
            firing: None,
        }),
        Wire::Restore(wire) => Ask::Restore(Box::new(RestoreRequest {
            application: wire.application,
            point: wire.point.parse().ok()?,
            from: wire.from,
            as_of: wire.as_of,
            to: match wire.to {
                To::Active => Where::Active,
                To::Site(site) => Where::Site(site),
                To::Directory(directory) => Where::Directory(directory),
            },
            components: wire.components,
            items: wire.items,
            paths: wire.paths,
            owners: wire.owners,
            overwrite: wire.overwrite,
            attested: wire.attested,
        })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Pick;
    use crate::vault::OwnerRule;
    use proptest::collection::vec;
    use proptest::option::of;
    use proptest::prelude::*;

    fn word() -> impl Strategy<Value = String> {
        "[a-z/!* ä]{1,8}"
    }

    fn moment() -> impl Strategy<Value = Timestamp> {
        (0_i64..4_000_000_000).prop_map(|second| Timestamp::from_second(second).unwrap())
    }

    fn point() -> impl Strategy<Value = Pick> {
        prop_oneof![
            Just(Pick::Latest),
            any::<u128>().prop_map(|bits| Pick::Id(ulid::Ulid(bits).to_string())),
            moment().prop_map(Pick::At),
        ]
    }

    fn place() -> impl Strategy<Value = Where> {
        prop_oneof![
            Just(Where::Active),
            word().prop_map(Where::Site),
            word().prop_map(|path| Where::Directory(path.into())),
        ]
    }

    fn owners() -> impl Strategy<Value = Owners> {
        let rules = || {
            vec(
                (word(), any::<u32>()).prop_map(|(from, to)| OwnerRule { from, to }),
                0..2,
            )
        };
        (any::<bool>(), rules(), rules()).prop_map(|(by_name, users, groups)| Owners { by_name, users, groups })
    }

    fn ask() -> impl Strategy<Value = Ask> {
        let protect = (word(), vec(word(), 0..3), any::<bool>()).prop_map(|(application, components, is_manual)| {
            Ask::Protect(ProtectRequest {
                application,
                components,
                class: if is_manual { Class::Manual } else { Class::Scheduled },
                dry_run: false,
                firing: None,
            })
        });
        let lists = (vec(word(), 0..3), vec(word(), 0..3), vec(word(), 0..3));
        let from = (point(), of(word()), of(moment()));
        let how = (place(), owners(), any::<bool>(), of(word()));
        let restore = (word(), from, lists, how).prop_map(|(application, from, lists, how)| {
            Ask::Restore(Box::new(RestoreRequest {
                application,
                point: from.0,
                from: from.1,
                as_of: from.2,
                to: how.0,
                components: lists.0,
                items: lists.1,
                paths: lists.2,
                owners: how.1,
                overwrite: how.2,
                attested: how.3,
            }))
        });
        prop_oneof![
            protect,
            restore,
            word().prop_map(|application| Ask::Copy { application })
        ]
    }

    proptest! {
        #[test]
        fn what_is_asked_is_what_is_read(ask in ask()) {
            let record: Value = serde_json::from_str(&write(&ask).unwrap().to_string()).unwrap();
            prop_assert_eq!(format!("{:?}", read(&record)), format!("{:?}", Some(ask)));
        }
    }

    #[test]
    fn what_a_newer_release_asks_is_not_understood() {
        for record in [
            "null",
            r#"{"verb": "replicate", "application": "shop"}"#,
            r#"{"verb": "copy"}"#,
        ] {
            assert!(read(&serde_json::from_str(record).unwrap()).is_none(), "{record}");
        }
    }
}
