//! The example shop, where it lives below a root.

use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::call::Call;
use crate::error::{Doing as _, Error, Result, claim};
use crate::http;
use crate::programs::repository;

/// The shop's program, below the root that it runs in.
pub const PROGRAM: &str = "opt/shop/shop.py";
/// The folder of uploaded files, below the root.
pub const UPLOADS: &str = "srv/shop/uploads";

/// A shop below a root. The folder may be gone; the value only knows where it would be.
#[derive(Debug, Clone)]
pub struct Shop {
    root: PathBuf,
    port: u16,
}

/// What the shop answers when it is asked whether it is up.
#[derive(Debug, PartialEq, Eq)]
pub struct Up {
    /// The site it was started at.
    pub site: String,
    /// The root it was started in.
    pub root: PathBuf,
    /// How many orders it holds.
    pub orders: u64,
}

impl Shop {
    /// The shop below `root`, which listens on `port` when it runs.
    pub fn at(root: impl Into<PathBuf>, port: u16) -> Shop {
        Shop {
            root: root.into(),
            port,
        }
    }

    /// Puts the shop's program below the root.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn install(&self) -> Result<()> {
        let to = self.root.join(PROGRAM);
        let folder = to.parent().unwrap_or(&self.root);
        std::fs::create_dir_all(folder).doing(|| format!("make `{}`", folder.display()))?;
        std::fs::copy(repository().join("examples/shop/shop.py"), &to)
            .doing(|| format!("copy the shop to `{}`", to.display()))?;
        Ok(())
    }

    /// Starts the shop as the site's service manager would, and returns when it listens.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&self, site: &str) -> Result<()> {
        let port = self.port.to_string();
        self.program()
            .args(["start", "--port", &port])
            .env("DRAM_SITE", site)
            .ok()
            .map(drop)
    }

    /// Where the shop lives.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Asks whoever listens on the shop's port.
    ///
    /// # Errors
    /// Nobody listens, or it is no shop.
    pub fn up(&self) -> Result<Up> {
        let found = self.json("/up")?;
        let text = |name: &str| found.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Up {
            site: text("site"),
            root: text("root").into(),
            orders: found.get("orders").and_then(Value::as_u64).unwrap_or_default(),
        })
    }

    /// Whether nobody listens on the shop's port.
    pub fn is_down(&self) -> bool {
        std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err()
    }

    /// All orders, as the shop lists them.
    ///
    /// # Errors
    /// Nobody listens, or it is no shop.
    pub fn orders(&self) -> Result<Vec<Value>> {
        Ok(self.json("/orders")?.as_array().cloned().unwrap_or_default())
    }

    /// Places an order.
    ///
    /// # Errors
    /// The shop does not take it.
    pub fn order(&self, product: &str, quantity: u32, customer: &str) -> Result<()> {
        let order = serde_json::json!({"product": product, "quantity": quantity, "customer": customer});
        self.post("/orders", "application/json", order.to_string().as_bytes())
    }

    /// Uploads a file.
    ///
    /// # Errors
    /// The shop does not take it.
    pub fn upload(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.post(&format!("/uploads/{name}"), "application/octet-stream", bytes)
    }

    /// The process that serves below this root, if there is one: the pid file's, and only if that process was started
    /// with this root.
    pub fn pid(&self) -> Option<Pid> {
        let text = std::fs::read_to_string(self.root.join("run/shop.pid")).ok()?;
        let pid: i32 = text.trim().parse().ok()?;
        let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
        let mine = format!("DRAM_ROOT={}", self.root.display());
        let is_mine = environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == mine.as_bytes());
        if is_mine { Pid::from_raw(pid) } else { None }
    }

    /// Kills the shop as a power cut would, and waits until it is gone. A shop that does not run is fine.
    ///
    /// # Errors
    /// It does not go away.
    pub fn kill(&self) -> Result<()> {
        let Some(pid) = self.pid() else { return Ok(()) };
        // It may have ended in between; what follows finds out.
        let _ = rustix::process::kill_process(pid, Signal::KILL);
        // A process that ends loses its name before its sockets.
        let gone = wait_until(std::time::Duration::from_secs(10), || {
            self.pid().is_none() && self.is_down()
        });
        claim(
            format!("the shop in `{}` dies when it is killed", self.root.display()),
            gone,
            || format!("process {} lives on", pid.as_raw_nonzero()),
        )
    }

    fn program(&self) -> Call {
        Call::new("python3")
            .arg(PROGRAM)
            .dir(&self.root)
            .env("DRAM_ROOT", &self.root)
    }

    fn json(&self, path: &str) -> Result<Value> {
        let answer = http::ask(self.port, path, None)?;
        serde_json::from_slice(&answer.body).map_err(|error| self.wrong(path, &format!("{error}")))
    }

    fn post(&self, path: &str, kind: &str, body: &[u8]) -> Result<()> {
        let answer = http::ask(self.port, path, Some((kind, body)))?;
        if answer.status == 201 {
            return Ok(());
        }
        Err(self.wrong(
            path,
            &format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body)),
        ))
    }

    fn wrong(&self, path: &str, answer: &str) -> Error {
        Error::Answer {
            url: format!("http://127.0.0.1:{}{path}", self.port),
            answer: answer.to_owned(),
        }
    }
}

/// Asks until the answer is yes, or the time is up. For what no event tells.
pub fn wait_until(patience: std::time::Duration, mut yes: impl FnMut() -> bool) -> bool {
    let deadline = std::time::Instant::now() + patience;
    while !yes() {
        if std::time::Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    true
}
