//! Ceph on this machine's loopback: one monitor, one OSD in memory, and RADOS gateways that speak S3 and Swift.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use super::Keys;
use super::keystone::Door;
use crate::call::Call;
use crate::error::{Doing as _, Error, Result};
use crate::http;
use crate::lab::daemon::{Daemon, Ground, User};
use crate::lab::random_hex;
use crate::lab::system::{debian_all, needed, unavailable};
use crate::world::{read, write};

const LAB: &str = "Ceph's object store";
/// A fresh OSD and the gateway's pools on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Installs what is missing.
///
/// # Errors
/// It cannot be installed here.
pub fn install() -> Result<()> {
    let packages = ["radosgw", "ceph-mon", "ceph-osd", "ceph-common"];
    let programs = [
        "radosgw",
        "radosgw-admin",
        "ceph-mon",
        "ceph-osd",
        "ceph",
        "monmaptool",
        "setpriv",
        "timeout",
    ];
    debian_all(LAB, &packages, &programs)
}

/// A cluster that runs: everything below one folder, everything in memory.
#[derive(Debug)]
pub struct Cluster {
    admin: Admin,
    // Stopped in this order.
    osd: Daemon,
    monitor: Daemon,
    _ground: Ground,
}

/// Whoever knows a cluster's configuration may administer it and add gateways.
#[derive(Debug, Clone)]
pub struct Admin {
    configuration: PathBuf,
}

/// One RADOS gateway of a cluster.
#[derive(Debug)]
pub struct Gateway {
    admin: Admin,
    port: u16,
    log: PathBuf,
    daemon: Daemon,
}

impl Cluster {
    /// Starts an empty cluster without a gateway. Its gateways will ask a Keystone behind `door` about tokens that they did
    /// not give themselves, and for nothing else.
    ///
    /// # Errors
    /// A server does not start.
    pub fn start(door: &Door) -> Result<Cluster> {
        let ground = Ground::new("ceph")?;
        for name in ["mon", "osd", "run", "log"] {
            ground.folder(name)?;
        }
        let admin = Admin {
            configuration: ground.path().join("ceph.conf"),
        };
        let (fsid, monitor) = (uuid()?, http::free_port()?);
        let addresses = format!("v2:127.0.0.1:{monitor},v1:127.0.0.1:{}", http::free_port()?);
        let text = configuration(ground.path(), &fsid, &addresses) + &door.in_gateway();
        write(&admin.configuration, &text)?;
        let monitor = start_monitor(&admin, ground.path(), &fsid, &addresses)?;
        let osd = start_osd(&admin, ground.path())?;
        Ok(Cluster {
            admin,
            osd,
            monitor,
            _ground: ground,
        })
    }

    /// What administers it.
    pub fn admin(&self) -> &Admin {
        &self.admin
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // An OSD that ends politely writes its memory to the disk first, which nobody wants.
        let _ = self.osd.kill();
        let _ = self.monitor.kill();
    }
}

fn start_monitor(admin: &Admin, folder: &Path, fsid: &str, addresses: &str) -> Result<Daemon> {
    let map = folder.join("monmap");
    let make = Call::new("monmaptool").args(["--create", "--clobber", "--fsid", fsid, "--addv", "a"]);
    needed(LAB, make.arg(format!("[{addresses}]")).arg(&map))?;
    let make = Call::new("ceph-mon").args(["--mkfs", "-i", "a", "--monmap"]).arg(&map);
    needed(LAB, make.arg("-c").arg(&admin.configuration))?;
    Daemon::start(
        "the monitor of Ceph",
        &["ceph-mon", "-f", "-i", "a", "-c", &admin.path()],
        User::Own,
        &folder.join("log/mon.out"),
    )
}

fn start_osd(admin: &Admin, folder: &Path) -> Result<Daemon> {
    let id = uuid()?;
    needed(LAB, admin.ceph(30, &["osd", "new", &id]))?;
    let make = Call::new("ceph-osd").args(["--mkfs", "-i", "0", "--osd-uuid", &id, "-c"]);
    needed(LAB, make.arg(&admin.configuration))?;
    let mut osd = Daemon::start(
        "the object store of Ceph",
        &["ceph-osd", "-f", "-i", "0", "-c", &admin.path()],
        User::Own,
        &folder.join("log/osd.out"),
    )?;
    osd.answers(PATIENCE, || {
        let said = admin.ceph(10, &["osd", "stat"]).run();
        said.is_ok_and(|said| said.stdout_text().contains("1 up"))
    })?;
    Ok(osd)
}

impl Admin {
    /// That of a cluster which runs already, by its configuration.
    pub fn of(configuration: impl Into<PathBuf>) -> Admin {
        Admin {
            configuration: configuration.into(),
        }
    }

    /// The cluster's configuration.
    pub fn configuration(&self) -> &Path {
        &self.configuration
    }

    /// A call of `radosgw-admin`.
    pub fn radosgw(&self, words: &[&str]) -> Call {
        let call = Call::new("radosgw-admin").arg("-c").arg(&self.configuration);
        // What a gateway asks for by default waits five minutes for a cluster without authentication.
        call.args(["--ms-mon-client-mode", "crc"]).args(words)
    }

    /// Makes a user with keys of its own.
    ///
    /// # Errors
    /// The cluster refuses.
    pub fn create_user(&self, name: &str) -> Result<Keys> {
        let keys = Keys {
            access: format!("{name}-{}", random_hex(8)?).to_uppercase(),
            secret: random_hex(20)?,
        };
        let words = ["user", "create", "--uid", name, "--display-name", name];
        let keyed = ["--access-key", keys.access.as_str(), "--secret", keys.secret.as_str()];
        needed(LAB, self.radosgw(&words).args(keyed))?;
        Ok(keys)
    }

    /// Gives a user a Swift key, and returns the name to log in with and the key.
    ///
    /// # Errors
    /// The cluster refuses.
    pub fn create_swift_key(&self, user: &str) -> Result<Keys> {
        let keys = Keys {
            access: format!("{user}:swift"),
            secret: random_hex(16)?,
        };
        let words = ["subuser", "create", "--uid", user, "--subuser", keys.access.as_str()];
        let kind = [
            "--access",
            "full",
            "--key-type",
            "swift",
            "--secret",
            keys.secret.as_str(),
        ];
        needed(LAB, self.radosgw(&words).args(kind))?;
        Ok(keys)
    }

    /// Gives back the space of deleted objects now, which the gateway would do hours later.
    ///
    /// # Errors
    /// The cluster refuses.
    pub fn collect_garbage(&self) -> Result<()> {
        self.radosgw(&["gc", "process", "--include-all"]).ok().map(drop)
    }

    /// Lets a bucket hold no more than this from the gateway's next look on.
    ///
    /// # Errors
    /// The cluster refuses.
    pub fn limit_bucket(&self, bucket: &str, bytes: u64) -> Result<()> {
        let bytes = bytes.to_string();
        let of = ["--quota-scope", "bucket", "--bucket", bucket];
        let limit = ["--max-size", bytes.as_str(), "--max-objects", "-1"];
        self.radosgw(&["quota", "set"]).args(of).args(limit).ok()?;
        self.radosgw(&["quota", "enable"]).args(of).ok().map(drop)
    }

    /// Takes a bucket's limit away.
    ///
    /// # Errors
    /// The cluster refuses.
    pub fn unlimit_bucket(&self, bucket: &str) -> Result<()> {
        let of = ["--quota-scope", "bucket", "--bucket", bucket];
        self.radosgw(&["quota", "disable"]).args(of).ok().map(drop)
    }

    /// Another gateway to the same objects, for a test that stops, pauses or kills it. It ends with the value.
    ///
    /// # Errors
    /// It does not start.
    pub fn gateway(&self, log: &Path) -> Result<Gateway> {
        let port = http::free_port()?;
        let daemon = self.start_gateway(port, log)?;
        Ok(Gateway {
            admin: self.clone(),
            port,
            log: log.to_owned(),
            daemon,
        })
    }

    fn start_gateway(&self, port: u16, log: &Path) -> Result<Daemon> {
        // Without it small answers wait for the client's delayed acknowledgement, 40 ms each.
        let front = format!("beast endpoint=127.0.0.1:{port} tcp_nodelay=1");
        let name = format!("client.rgw.{port}");
        let path = self.path();
        let words = ["radosgw", "-f", "-n", &name, "-c", &path, "--rgw-frontends", &front];
        let words = [&words[..], &["--ms-mon-client-mode", "crc"]].concat();
        let mut daemon = Daemon::start("the gateway of Ceph", &words, User::Own, log)?;
        daemon.answers(PATIENCE, || http::ask(port, "/", None).is_ok())?;
        Ok(daemon)
    }

    fn ceph(&self, seconds: u32, words: &[&str]) -> Call {
        let call = Call::new("timeout").arg(seconds.to_string()).args(["ceph", "-c"]);
        call.arg(&self.configuration).args(words)
    }

    fn path(&self) -> String {
        self.configuration.display().to_string()
    }
}

impl Gateway {
    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, as clients of S3 want it.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Freezes it: requests are accepted by the kernel and answered by nobody.
    ///
    /// # Errors
    /// It does not run.
    pub fn pause(&self) -> Result<()> {
        self.daemon.pause()
    }

    /// Lets a paused one go on.
    ///
    /// # Errors
    /// It does not run.
    pub fn resume(&self) -> Result<()> {
        self.daemon.resume()
    }

    /// Stops it; nobody listens on its port from now on.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn stop(&mut self) -> Result<()> {
        self.daemon.stop_by(Signal::TERM)
    }

    /// Ends it in the middle of whatever it does.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn kill(&mut self) -> Result<()> {
        self.daemon.kill()
    }

    /// Starts it again where it was; the objects are what they were.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&mut self) -> Result<()> {
        self.daemon = self.admin.start_gateway(self.port, &self.log)?;
        Ok(())
    }
}

fn uuid() -> Result<String> {
    let file = Path::new("/proc/sys/kernel/random/uuid");
    Ok(read(file)?.trim().to_owned())
}

fn configuration(folder: &Path, fsid: &str, monitor: &str) -> String {
    let here = folder.display();
    format!(
        "[global]
fsid = {fsid}
mon host = {monitor}
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data = {here}/mon
mon data avail crit = 1
osd data = {here}/osd
osd objectstore = memstore
memstore device bytes = 12884901888
osd memory target = 1073741824
run dir = {here}/run
admin socket = {here}/run/$cluster-$name.$pid.asok
log file = {here}/log/$name.log
pid file = {here}/run/$name.pid
rgw enable usage log = false
rgw swift url prefix = swift
rgw gc obj min wait = 10
rgw bucket quota ttl = 1
osd client watch timeout = 3
osd default notify timeout = 3
"
    )
}

/// The configuration is where a test of another process finds the cluster.
pub(super) fn admin_at(configuration: &std::ffi::OsStr) -> Result<Admin> {
    let admin = Admin::of(configuration);
    if admin.configuration.is_file() {
        return Ok(admin);
    }
    let error: Error = unavailable(LAB, format!("`{}` is not there", admin.configuration.display()));
    Err(error)
}

/// A file for the words of a gateway that a test starts.
///
/// # Errors
/// There is no temporary folder.
pub fn log_file() -> Result<PathBuf> {
    let made = tempfile::Builder::new()
        .prefix("dram-gateway-")
        .suffix(".log")
        .tempfile();
    let made = made.doing(|| "make a file for the gateway's words".to_owned())?;
    Ok(made.into_temp_path().to_path_buf())
}
