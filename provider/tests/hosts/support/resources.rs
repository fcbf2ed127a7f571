//! The shop as values: every resource, with everything that it can say.

use serde_json::{Value as Json, json};

/// Where its parts stand among its resources.
pub(crate) const SITE: usize = 0;
/// See [`SITE`].
pub(crate) const NAS: usize = 2;
/// See [`SITE`].
pub(crate) const DEEP: usize = 3;
/// See [`SITE`].
pub(crate) const POLICY: usize = 5;
/// See [`SITE`].
pub(crate) const APPLICATION: usize = 6;
/// See [`SITE`].
pub(crate) const PLAN: usize = 7;

/// The shop, in the order in which its resources refer to each other; with everything that each resource can say.
pub(crate) fn shop() -> Vec<(&'static str, Json)> {
    let command = |text: &str| json!({"shell": text, "dir": "/srv", "timeout": "10m"});
    vec![
        (
            "dram_recovery_site",
            json!({"name": "office", "failure_domain": "office", "bandwidth": "12Mi/s", "host": {"root": "/srv/office"}}),
        ),
        (
            "dram_recovery_site",
            json!({"name": "branch", "failure_domain": "branch", "bandwidth": "12Mi/s", "host": {}}),
        ),
        (
            "dram_vault",
            json!({
                "name": "nas", "failure_domain": "nas", "directory": {"path": "/mnt/nas"},
                "password": {"env": "PASSWORD"}, "deletion_protection": false,
            }),
        ),
        (
            "dram_vault",
            json!({
                "name": "deep", "failure_domain": "deep", "password": {"file": "/etc/dram/key"}, "deletion_protection": false,
                "s3": {
                    "bucket": "dram-deep", "prefix": "shops/2026", "region": "eu-central-1", "endpoint": "https://s3.example/",
                    "path_style": true, "credentials": {"shared_profile": "writer"},
                    "prune_credentials": {"keys": {"access_key": {"env": "ACCESS"}, "secret_key": {"file": "/etc/dram/s3"}}},
                },
                "lock": {"mode": "compliance", "period": "168h"}, "capacity": "2048Gi", "warn_at": "80%", "adopt": "shop",
            }),
        ),
        (
            "dram_vault",
            json!({
                "name": "attic", "failure_domain": "attic", "password": {"env": "PASSWORD"}, "deletion_protection": false,
                "swift": {"cloud": "attic", "container": "dram", "prefix": "shops"},
            }),
        ),
        (
            "dram_protection_policy",
            json!({
                "name": "hourly", "objectives": {"rpo": "75m", "rto": "30m"}, "schedule": [{"every": "60m"}],
                "retention": {"last": 3, "daily": 14, "keep_verified": 2},
                "vault": [
                    {"name": "nas"}, {"name": "deep", "delay": "24h", "retention": {"daily": 30, "keep_verified": 1}},
                    {"name": "attic"},
                ],
                "transfer": {"parallel": 8, "bandwidth": "8192Ki/s"},
            }),
        ),
        (
            "dram_application",
            json!({
                "name": "shop", "site": "office", "policy": "hourly", "deletion_protection": false,
                "component": [
                    {
                        "name": "db",
                        "host": {"dump": {"command": command("cat db"), "restore": command("cat > db")}},
                        "data": {"size": "4Gi", "change_rate": "500Mi/d"},
                    },
                    {
                        "name": "web", "after": ["db"],
                        "host": {
                            "paths": ["/srv/shop"], "exclude": ["*.log"],
                            "service": {"start": {"run": ["start", "it"]}, "stop": {"run": ["stop"]}},
                        },
                        "data": {"size": "1024Mi", "change_rate": "100Mi/d"},
                        "health": [
                            {"http": {"url": "http://127.0.0.1/up", "status": 204, "body": "ok"}, "timeout": "2s"},
                            {"exec": {"shell": "true"}, "start_period": "1m"},
                        ],
                    },
                ],
            }),
        ),
        (
            "dram_recovery_plan",
            json!({
                "name": "shop", "applications": {"names": ["shop"]}, "target": [{"site": "branch"}],
                "mappings": {"path": {"values": {"/srv/shop": "/srv/else"}, "on_missing": "keep"}},
            }),
        ),
    ]
}
