//! Components with their profiles put in: what a person writes beside what everything after the check sees.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use dram_compiler::check::{Checked, check};
use dram_compiler::diagnostic;
use dram_compiler::model::{Declaration, Model};
use dram_compiler::source::Sources;
use serde_json::{Value, json};

const AROUND: &str = r#"
apiVersion: dram.dev/v1
kind: RecoverySite
metadata: { name: office }
spec: { host: {}, failureDomain: office, bandwidth: 50Mi/s }
---
apiVersion: dram.dev/v1
kind: Vault
metadata: { name: nas }
spec: { directory: { path: /mnt/nas }, failureDomain: nas, password: { file: /etc/dram/key } }
---
apiVersion: dram.dev/v1
kind: ProtectionPolicy
metadata: { name: hourly }
spec: { objectives: { rpo: 2h }, schedule: [{ every: 1h }], vaults: [{ name: nas }] }
---
apiVersion: dram.dev/v1
kind: Profile
metadata: { name: mailbox }
spec:
  parameters:
    - { name: home, type: path, required: true }
    - { name: lists, type: lines }
    - { name: port, type: int, default: 25 }
    - { name: word }
    - { name: patience }
  component:
    host:
      paths: ["${home}", "${lists}", /etc/mail]
      exclude: ${lists}
      dump:
        command: { run: [mailctl, "${word}", "--home=${home}"], dir: "${home}", timeout: "${patience}" }
        restore: { shell: "mailctl ${word} --port=${port} --home=${home} $${HOME} '$${'" }
    data: { size: 2Gi }
    health:
      - http: { url: "http://127.0.0.1:8025/", status: "${port}", body: "$${DRAM_SITE}" }
"#;

fn model(component: &Value) -> Model {
    let application = json!({
        "apiVersion": "dram.dev/v1", "kind": "Application", "metadata": {"name": "shop"},
        "spec": {"site": "office", "policy": "hourly", "components": [component]},
    });
    let mut sources = Sources::one("around.yaml", AROUND);
    sources.add("shop.json", application.to_string());
    let Checked { model, diagnostics } = check(&sources);
    let said = diagnostic::render(&sources, &diagnostics, false);
    model.unwrap_or_else(|| unreachable!("{said}"))
}

fn expanded(component: &Value) -> Value {
    let model = model(component);
    let (name, application) = model.applications().first_key_value().unwrap();
    let declaration = Declaration::new(name.clone(), application.clone());
    declaration.to_json()["spec"]["components"][0].clone()
}

fn used(with: Value, beside: Value) -> Value {
    let mut component = json!({"name": "mail", "profile": {"use": "mailbox", "with": with}});
    for (key, value) in beside.as_object().unwrap() {
        component[key] = value.clone();
    }
    component
}

/// A part of an expanded component, by pointer, and what stands there; null where nothing does.
#[track_caller]
fn holds(component: Value, expected: &[(&str, Value)]) {
    let found = expanded(&component);
    assert_eq!(found.get("profile"), None);
    for (pointer, value) in expected {
        let there = found.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(there, value, "{pointer} of {found:#}");
    }
}

#[test]
fn values_stand_where_their_parameters_stood() {
    holds(
        used(
            json!({"home": "/srv//mail/", "lists": "/a\n\n/b c\n", "port": 2525, "word": "w", "patience": "90s"}),
            json!({}),
        ),
        &[
            ("/host/paths", json!(["/srv/mail", "/a", "/b c", "/etc/mail"])),
            ("/host/exclude", json!(["/a", "/b c"])),
            ("/host/dump/command/run", json!(["mailctl", "w", "--home=/srv/mail"])),
            ("/host/dump/command/dir", json!("/srv/mail")),
            ("/host/dump/command/timeout", json!("90s")),
            ("/health/0/http/status", json!(2525)),
            ("/health/0/http/body", json!("${DRAM_SITE}")),
            ("/data/size", json!("2Gi")),
        ],
    );
}

/// A number may come as text, as Terraform gives it.
#[test]
fn a_number_may_be_text() {
    holds(
        used(json!({"home": "/m", "port": "2525"}), json!({})),
        &[("/health/0/http/status", json!(2525))],
    );
}

#[test]
fn what_has_no_value_is_left_out() {
    holds(
        used(json!({"home": "/m"}), json!({})),
        &[
            ("/host/paths", json!(["/m", "/etc/mail"])),
            ("/host/exclude", Value::Null),
            ("/host/dump/command/run", json!(["mailctl", "--home=/m"])),
            ("/host/dump/command/timeout", json!("1h")),
            (
                "/host/dump/restore/shell",
                json!("mailctl '' --port='25' --home='/m' ${HOME} '${'"),
            ),
        ],
    );
}

/// Nothing of a value is interpreted: not as a parameter, not by a shell.
#[test]
fn a_value_is_only_a_value() {
    for word in [
        "${home}",
        "$${x}",
        "it's",
        "$(rm -rf /)",
        "a'; rm -rf /; '",
        "`x`",
        "a\nb",
        "\\",
        "-v",
    ] {
        let quoted = word.replace('\'', "'\\''");
        holds(
            used(json!({"home": "/m", "word": word}), json!({})),
            &[
                ("/host/dump/command/run", json!(["mailctl", word, "--home=/m"])),
                (
                    "/host/dump/restore/shell",
                    json!(format!("mailctl '{quoted}' --port='25' --home='/m' ${{HOME}} '${{'")),
                ),
            ],
        );
    }
}

#[test]
fn what_stands_beside_refines() {
    holds(
        used(
            json!({"home": "/m", "word": "w"}),
            json!({
                "host": {
                    "paths": ["/only"],
                    "dump": {"command": {"shell": "dump it"}, "restore": {"timeout": "5m"}},
                    "service": {"start": {"run": ["go"]}},
                },
                "data": {"changeRate": "1Mi/d"},
                "health": [{"exec": {"run": ["up"]}}],
            }),
        ),
        &[
            ("/name", json!("mail")),
            ("/host/paths", json!(["/only"])),
            // Another way of a choice takes the place of the profile's; what is no part of the choice stays.
            ("/host/dump/command/run", Value::Null),
            ("/host/dump/command/shell", json!("dump it")),
            ("/host/dump/command/dir", json!("/m")),
            ("/host/dump/restore/timeout", json!("5m")),
            (
                "/host/dump/restore/shell",
                json!("mailctl 'w' --port='25' --home='/m' ${HOME} '${'"),
            ),
            ("/host/service/start/run", json!(["go"])),
            ("/data", json!({"size": "2Gi", "changeRate": "1Mi/d"})),
            ("/health/0/exec/run", json!(["up"])),
            ("/health/1", Value::Null),
        ],
    );
}

/// What built-in profiles become, in full: read the difference before you keep it.
#[test]
fn built_in_profiles_become_what_they_are_known_for() {
    holds(
        json!({"name": "db", "profile": {"use": "postgres", "with": {"database": "a b", "port": 5433}}}),
        &[
            (
                "/host/dump/command/run",
                json!([
                    "pg_dump",
                    "--format=custom",
                    "--compress=0",
                    "--no-password",
                    "--host=",
                    "--port=5433",
                    "--username=",
                    "--",
                    "a b"
                ]),
            ),
            (
                "/health/0/exec/run",
                json!(["pg_isready", "--host=", "--port=5433", "--username=", "--dbname=a b"]),
            ),
        ],
    );
    let files = json!({"name": "f", "profile": {"use": "files", "with": {"paths": "/a\n/b", "exclude": "*.log"}}});
    let expected = json!({"name": "f", "critical": true, "protect": "auto", "host": {"paths": ["/a", "/b"], "exclude": ["*.log"]}});
    assert_eq!(expanded(&files), expected);
    let sqlite = json!({"name": "s", "profile": {"use": "sqlite", "with": {"path": "/srv/it's.db"}}});
    let shell = expanded(&sqlite)["host"]["dump"]["command"]["shell"].clone();
    assert!(
        shell
            .as_str()
            .unwrap()
            .contains(r#"database="$DRAM_ROOT"'/srv/it'\''s.db'"#),
        "{shell}"
    );
}

/// Whatever comes after the check sees components as somebody could have written them.
#[test]
fn nobody_can_tell_that_there_was_a_profile() {
    let component = used(json!({"home": "/m", "word": "w"}), json!({}));
    let by_hand = expanded(&component);
    assert_eq!(model(&component).applications(), model(&by_hand).applications());
}

/// A record that still names a profile was not declared by a program of ours.
#[test]
fn a_record_with_a_profile_is_refused() {
    let application = json!({
        "apiVersion": "dram.dev/v1", "kind": "Application", "metadata": {"name": "shop"},
        "spec": {"site": "office", "policy": "hourly", "components": [{"name": "db", "profile": {"use": "files"}}]},
    });
    let mut declarations: Vec<Declaration> = model(&used(json!({"home": "/m"}), json!({}))).declarations().collect();
    declarations.retain(|declaration| &**declaration.name() != "shop");
    declarations.push(Declaration::from_json(&application).unwrap());
    let found = dram_compiler::check::assemble(declarations).unwrap_err();
    assert_eq!(
        found.iter().map(|finding| finding.code.id).collect::<Vec<_>>(),
        ["DRAM0067"]
    );
}
