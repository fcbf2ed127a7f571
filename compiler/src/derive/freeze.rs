//! What of an application is brought to rest while its data is read, and how far the data of a point belongs together then.

use super::methods;
use crate::model::{Application, Component, Consistency, Hook, Moment, Place};

/// What is frozen while data is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Freeze<'a> {
    /// The components whose data is read meanwhile, in the order in which they are written.
    pub components: Vec<&'a Component>,
    /// Those of them whose file systems are frozen, because no hook brings them to rest.
    pub filesystems: Vec<&'a Component>,
    /// The hooks before, by their positions.
    pub before: Vec<usize>,
    /// The hooks after, by their positions.
    pub after: Vec<usize>,
}

/// What is frozen for a point of these components; nothing when every one is read as it runs. `takes_part` says which components
/// the point is of.
#[must_use]
pub fn freeze<'a>(
    application: &'a Application,
    asked: Option<Consistency>,
    takes_part: &dyn Fn(&Component) -> bool,
) -> Option<Freeze<'a>> {
    let is_in = |component: &&Component| match asked {
        _ if methods(component).is_empty() || !takes_part(component) => false,
        _ if application.brings_to_rest(component) || is_grouped(application, component) => true,
        None => false,
        Some(Consistency::Crash) => component.may_change_while_read(),
        Some(Consistency::Group | Consistency::Filesystem | Consistency::Application) => true,
    };
    let components: Vec<&Component> = application.components.iter().filter(is_in).collect();
    if components.is_empty() {
        return None;
    }
    let at = |moment| {
        let hooks = application.hooks.iter().enumerate();
        let ours = hooks.filter(|(_, hook)| {
            let one = |component: &Component| hook.component.as_ref() == Some(&component.name);
            hook.at == moment
                && (hook.component.is_none() || application.components.iter().any(|c| one(c) && takes_part(c)))
        });
        ours.map(|(position, _)| position).collect()
    };
    Some(Freeze {
        filesystems: components
            .iter()
            .copied()
            .filter(|component| component.may_change_while_read() && !application.brings_to_rest(component))
            .collect(),
        components,
        before: at(Moment::BeforeFreeze),
        after: at(Moment::AfterThaw),
    })
}

/// How far the data of a point belongs together that was made with this freeze; nothing where it was read while it changed.
#[must_use]
pub fn reached(
    application: &Application,
    freeze: Option<&Freeze<'_>>,
    takes_part: &dyn Fn(&Component) -> bool,
) -> Option<Consistency> {
    let frozen = |component: &Component| {
        freeze.is_some_and(|freeze| freeze.components.iter().any(|frozen| frozen.name == component.name))
    };
    let mut data = application
        .components
        .iter()
        .filter(|component| !methods(component).is_empty() && takes_part(component));
    let all: Vec<&Component> = data.by_ref().collect();
    let at_rest = |component: &&Component| match component.may_change_while_read() {
        true => application.brings_to_rest(component),
        // A dump is a transaction of its own.
        false => true,
    };
    match all.as_slice() {
        [] => None,
        // One dump is its own moment.
        [only] if !only.may_change_while_read() => Some(Consistency::Application),
        all if all.iter().all(|component| frozen(component)) => Some(match all.iter().all(at_rest) {
            true => Consistency::Application,
            false => Consistency::Filesystem,
        }),
        all if all
            .iter()
            .all(|component| frozen(component) || !component.may_change_while_read()) =>
        {
            Some(Consistency::Crash)
        }
        _ => None,
    }
}

fn is_grouped(application: &Application, component: &Component) -> bool {
    application
        .consistency_groups
        .iter()
        .any(|group| group.members.contains(&component.name))
}

/// Where a hook is carried out.
#[must_use]
pub fn place_of(hook: &Hook) -> Place {
    hook.on.unwrap_or(match hook.component {
        Some(_) => Place::Component,
        None => Place::Site,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Declaration, Spec};
    use serde_json::{Value, json};

    fn application(components: &[Value], hooks: &Value, groups: &Value) -> Application {
        let declaration = Declaration::from_json(&json!({
            "apiVersion": "dram.dev/v1", "kind": "Application", "metadata": {"name": "shop"},
            "spec": {"site": "office", "policy": "hourly", "components": components, "hooks": hooks,
                     "consistencyGroups": groups},
        }));
        match declaration.unwrap().spec {
            Spec::Application(application) => application,
            other => panic!("{other:?}"),
        }
    }

    fn files(name: &str) -> Value {
        json!({"name": name, "host": {"paths": [format!("/{name}")]}})
    }

    fn dump(name: &str) -> Value {
        json!({"name": name, "host": {"dump": {"command": {"run": ["dump"]}, "restore": {"run": ["load"]}}}})
    }

    fn device(name: &str) -> Value {
        json!({"name": name, "host": {"device": format!("/dev/{name}")}})
    }

    /// What is frozen, whose file systems are, and what is reached.
    #[test]
    fn what_is_frozen_and_what_that_reaches() {
        use Consistency as C;
        let rest = |of: &str| match of {
            "all" => json!([{"at": "before-freeze", "run": ["rest"]}, {"at": "after-thaw", "run": ["go"]}]),
            "" => json!([]),
            of => json!([{"at": "before-freeze", "component": of, "run": ["rest"]}]),
        };
        let both = json!([{"name": "both", "members": ["web", "db"]}]);
        let none = json!([]);
        type Case<'a> = (Vec<Value>, &'a str, &'a Value, Option<C>, (&'a str, &'a str, Option<C>));
        let cases: Vec<Case<'_>> = vec![
            (vec![files("web")], "", &none, None, ("", "", None)),
            (
                vec![files("web")],
                "web",
                &none,
                None,
                ("web", "", Some(C::Application)),
            ),
            (
                vec![files("web")],
                "",
                &none,
                Some(C::Crash),
                ("web", "web", Some(C::Filesystem)),
            ),
            (vec![dump("db")], "", &none, None, ("", "", Some(C::Application))),
            // A device is read while it changes, as files are.
            (vec![device("db")], "", &none, None, ("", "", None)),
            (
                vec![device("db"), dump("web")],
                "",
                &none,
                Some(C::Crash),
                ("db", "db", Some(C::Crash)),
            ),
            (
                vec![device("db"), files("web")],
                "db",
                &none,
                Some(C::Group),
                ("db web", "web", Some(C::Filesystem)),
            ),
            (vec![device("db")], "db", &none, None, ("db", "", Some(C::Application))),
            // Each has its own moment.
            (
                vec![dump("db"), dump("queue")],
                "",
                &none,
                None,
                ("", "", Some(C::Crash)),
            ),
            (
                vec![dump("db"), dump("queue")],
                "",
                &none,
                Some(C::Group),
                ("db queue", "", Some(C::Application)),
            ),
            (vec![dump("db"), files("web")], "", &none, None, ("", "", None)),
            (
                vec![dump("db"), files("web")],
                "web",
                &none,
                None,
                ("web", "", Some(C::Crash)),
            ),
            (
                vec![dump("db"), files("web")],
                "all",
                &none,
                None,
                ("db web", "", Some(C::Application)),
            ),
            (
                vec![dump("db"), files("web")],
                "web",
                &both,
                None,
                ("db web", "", Some(C::Application)),
            ),
            (
                vec![dump("db"), files("web")],
                "",
                &both,
                None,
                ("db web", "web", Some(C::Filesystem)),
            ),
            (vec![files("db"), files("web")], "db", &none, None, ("db", "", None)),
            (
                vec![files("db"), files("web")],
                "db",
                &none,
                Some(C::Filesystem),
                ("db web", "web", Some(C::Filesystem)),
            ),
            (
                vec![json!({"name": "idle", "host": {"service": {"start": {"run": ["go"]}}}})],
                "all",
                &none,
                Some(C::Group),
                ("", "", None),
            ),
        ];
        for (components, hooks, groups, asked, expected) in cases {
            let application = application(&components, &rest(hooks), groups);
            let frozen = freeze(&application, asked, &|_| true);
            let names = |of: &[&Component]| {
                of.iter()
                    .map(|component| &*component.name)
                    .collect::<Vec<&str>>()
                    .join(" ")
            };
            let found = (
                frozen
                    .as_ref()
                    .map(|freeze| names(&freeze.components))
                    .unwrap_or_default(),
                frozen
                    .as_ref()
                    .map(|freeze| names(&freeze.filesystems))
                    .unwrap_or_default(),
                reached(&application, frozen.as_ref(), &|_| true),
            );
            let told = (found.0.as_str(), found.1.as_str(), found.2);
            assert_eq!(
                told, expected,
                "{components:?}, hooks {hooks}, groups {groups}, asked {asked:?}"
            );
        }
    }

    #[test]
    fn hooks_of_components_that_take_no_part_are_left_out() {
        let hooks = json!([
            {"at": "before-freeze", "component": "db", "run": ["a"]},
            {"at": "before-freeze", "component": "web", "run": ["b"]},
            {"at": "after-thaw", "run": ["c"]},
        ]);
        let application = application(&[files("web"), files("db")], &hooks, &json!([]));
        let only_db = |component: &Component| &*component.name == "db";
        let frozen = freeze(&application, None, &only_db).unwrap();
        assert_eq!((frozen.before, frozen.after), (vec![0], vec![2]));
    }
}
