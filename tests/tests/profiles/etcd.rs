//! etcd.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dram_tests::error::{Result, claim};
use dram_tests::http;
use dram_tests::lab::etcd::Server;
use dram_tests::lab::skip;
use dram_tests::world::{FILES, World};
use serde_json::{Value, json};

use crate::COMPONENT;
use crate::writer::{is_whole, protected_while};

struct Etcd {
    // Stopped before its world goes.
    server: Server,
    world: World,
}

impl Etcd {
    /// A server below the office, and a world whose application uses the profile; nothing if there is no server.
    fn at_hand(test: &str) -> Result<Option<Etcd>> {
        let world = World::temporary(FILES)?;
        let Some(server) = skip(test, Server::start(&world.dir().join("office/var/lib/etcd")))? else {
            return Ok(None);
        };
        let with = format!(
            "directory: /var/lib/etcd, endpoint: \"http://127.0.0.1:{}\", name: one, peer: \"{}\", \
             start: \"{}\", stop: \"{}\"",
            server.port(),
            server.peer(),
            server.told("start"),
            server.told("stop")
        );
        let profile = format!("      profile: {{ use: etcd, with: {{ {with} }} }}");
        world.change_model(&[(COMPONENT, &profile)])?;
        Ok(Some(Etcd { server, world }))
    }

    /// The keys of orders and of lines.
    fn keys(&self, of: &str) -> Result<Vec<String>> {
        let found = self
            .server
            .client()
            .args(["get", of, "--prefix", "--keys-only"])
            .text()?;
        let keys = found.lines().filter_map(|line| line.strip_prefix(of));
        Ok(keys.map(str::to_owned).collect())
    }

    fn is_whole(&self, noted: &(jiff::Timestamp, crate::writer::Noted)) -> Result<()> {
        let (orders, lines) = (self.keys("orders/")?, self.keys("lines/")?);
        let two = |order: &String| (1..=2).all(|line| lines.contains(&format!("{order}/{line}")));
        let halves = orders.iter().filter(|order| !two(order)).count() + lines.len().abs_diff(2 * orders.len());
        is_whole(&orders.join("\n"), &halves.to_string(), noted)
    }

    fn restored(&self) -> Result<()> {
        let dram = self.world.dram();
        dram.args(["restore", "files", "--overwrite"]).ok().map(drop)
    }
}

/// One transaction that makes an order and its two lines.
fn order(port: u16, number: u64) -> Result<String> {
    let put = |key: String| json!({"requestPut": {"key": STANDARD.encode(key), "value": STANDARD.encode("x")}});
    let keys = [
        format!("orders/{number}"),
        format!("lines/{number}/1"),
        format!("lines/{number}/2"),
    ];
    let puts: Vec<Value> = keys.into_iter().map(put).collect();
    let body = json!({"success": puts}).to_string();
    let answer = http::ask(port, "/v3/kv/txn", Some(("application/json", body.as_bytes())))?;
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let is_done = said.get("succeeded") == Some(&Value::Bool(true));
    Ok(if is_done { number.to_string() } else { answer.text() })
}

#[test]
fn an_etcd_that_is_written_to_comes_back_whole() -> Result<()> {
    let Some(etcd) = Etcd::at_hand("an_etcd_that_is_written_to_comes_back_whole")? else {
        return Ok(());
    };
    etcd.world.declare()?;
    let port = etcd.server.port();
    let protect = etcd.world.dram().args(["protect", "files"]);
    let noted = protected_while(&etcd.world, protect, move |number| order(port, number))?;

    // A member that went on; and a folder that is lost.
    etcd.server.client().args(["del", "orders/1"]).ok()?;
    etcd.server.client().args(["put", "later", "1"]).ok()?;
    etcd.restored()?;
    etcd.is_whole(&noted)?;
    let later = etcd.keys("later")?;
    claim("what came later is gone", later.is_empty(), || format!("{later:?}"))?;
    etcd.server.tell("stop")?;
    etcd.server.lose()?;
    etcd.restored()?;
    etcd.is_whole(&noted)?;
    let left = etcd.server.entries()?;
    claim("nothing is left beside its data", left == ["member"], || {
        format!("{left:?}")
    })
}

/// A stop that stops nothing is found out before anything is replaced.
#[test]
fn an_etcd_that_runs_on_is_not_replaced() -> Result<()> {
    let Some(etcd) = Etcd::at_hand("an_etcd_that_runs_on_is_not_replaced")? else {
        return Ok(());
    };
    let stop = etcd.server.told("stop");
    etcd.world.change_model(&[(&stop, "true")])?;
    etcd.world.declare()?;
    etcd.world.dram().args(["protect", "files"]).ok()?;
    etcd.server.client().args(["put", "later", "1"]).ok()?;
    let refused = etcd.world.dram().args(["restore", "files", "--overwrite"]).run()?;
    refused.expect_failure(&["an etcd still runs on", "did not stop it"])?;
    let later = etcd.keys("later")?;
    claim("it goes on as it was", later.len() == 1, || format!("{later:?}"))
}
