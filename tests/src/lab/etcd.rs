//! An etcd of Debian on this machine's loopback, with somebody who starts and stops it when told to.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::call::Call;
use crate::error::{Doing as _, Result};
use crate::http;
use crate::lab::daemon::{Daemon, Ground, User};
use crate::lab::system::{debian, debian_all, needed};
use crate::world::write;

const LAB: &str = "etcd";
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads orders, carries each out, and says so; the member ends with it. What runs is not started again.
const KEEPER: &str = r#"
exec 3<>"$1/orders" 4<>"$1/answers"
shift
while read -r order <&3; do
  case $order in
    start) kill -0 "$member" 2>&- || { setpriv --pdeathsig KILL -- "$@" 3>&- 4>&- & member=$!; } ;;
    stop) ! kill "$member" 2>&- || wait "$member"; member= ;;
  esac
  echo "$order" >&4
done
"#;

/// Installs what is missing.
///
/// # Errors
/// It cannot be installed here.
pub fn install() -> Result<()> {
    debian_all(LAB, &["etcd-server", "etcd-client"], &["etcd", "etcdctl"])
}

/// A member that runs when it is told to.
#[derive(Debug)]
pub struct Server {
    port: u16,
    peer: u16,
    data: PathBuf,
    script: PathBuf,
    _keeper: Daemon,
    // Removed when nothing runs in it any more.
    _ground: Ground,
}

impl Server {
    /// Installs what is missing, and starts an empty member `one` with its data in this folder.
    ///
    /// # Errors
    /// It cannot be installed here, or does not start.
    pub fn start(data: &Path) -> Result<Server> {
        install()?;
        let program = debian(LAB, "etcd-server", "etcd")?;
        let ground = Ground::new("etcd")?;
        let (port, peer) = (http::free_port()?, http::free_port()?);
        for pipe in ["orders", "answers"] {
            needed(LAB, Call::new("mkfifo").arg(ground.path().join(pipe)))?;
        }
        let script = ground.path().join("told");
        let pipes = ground.path().display().to_string();
        let told = format!("echo \"$1\" >{pipes}/orders && read -r answer <{pipes}/answers\n");
        write(&script, &told)?;
        let (client, peers) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer}"));
        let words = [
            "sh",
            "-c",
            KEEPER,
            "keeper",
            &pipes,
            &program.display().to_string(),
            "--name=one",
            &format!("--data-dir={}", data.display()),
            &format!("--listen-client-urls={client}"),
            &format!("--advertise-client-urls={client}"),
            &format!("--listen-peer-urls={peers}"),
            &format!("--initial-advertise-peer-urls={peers}"),
            &format!("--initial-cluster=one={peers}"),
        ];
        let mut keeper = Daemon::start(LAB, &words, User::Own, &ground.path().join("etcd.log"))?;
        needed(LAB, Call::new("sh").arg(&script).arg("start"))?;
        keeper.answers(PATIENCE, || {
            let asked = client_of(port).args(["endpoint", "health"]).run();
            asked.is_ok_and(|asked| asked.code() == Some(0))
        })?;
        Ok(Server {
            port,
            peer,
            data: data.to_owned(),
            script,
            _keeper: keeper,
            _ground: ground,
        })
    }

    /// The port for clients on this machine's loopback.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Where other members would reach it.
    pub fn peer(&self) -> String {
        format!("http://127.0.0.1:{}", self.peer)
    }

    /// A text for the shell that tells its keeper to `start` or `stop` it, and ends when that is done.
    pub fn told(&self, what: &str) -> String {
        format!("sh {} {what}", self.script.display())
    }

    /// Tells its keeper to `start` or `stop` it.
    ///
    /// # Errors
    /// The keeper is gone.
    pub fn tell(&self, what: &str) -> Result<()> {
        Call::new("sh").arg(&self.script).arg(what).ok().map(drop)
    }

    /// Loses the data of one that is stopped.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn lose(&self) -> Result<()> {
        std::fs::remove_dir_all(&self.data).doing(|| format!("remove `{}`", self.data.display()))
    }

    /// What stands in its folder, by name.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn entries(&self) -> Result<Vec<String>> {
        let listing = std::fs::read_dir(&self.data).doing(|| format!("list `{}`", self.data.display()))?;
        let names = listing.flatten().map(|entry| entry.file_name());
        let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    /// A call of its client.
    pub fn client(&self) -> Call {
        client_of(self.port)
    }
}

fn client_of(port: u16) -> Call {
    let call = Call::new("etcdctl").env("ETCDCTL_API", "3");
    call.arg(format!("--endpoints=http://127.0.0.1:{port}"))
}
