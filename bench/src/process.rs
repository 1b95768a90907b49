//! The server under measurement: started and stopped, or somebody else's; its processor time and memory.

use std::{
    fs,
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    path::{self, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::http1::Connection;

/// From the start of the process to its being ready.
const START_LIMIT: Duration = Duration::from_secs(60);
/// From the request to stop to the end of the process.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Linux tells processor time in hundredths of a second, whatever the kernel's own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Which server to start, and where.
#[derive(Clone)]
pub enum Launch {
    /// Samvad, on a directory of its own made for this process inside `work_dir`.
    Samvad {
        /// The program.
        program: PathBuf,
        /// The built site.
        site_root: PathBuf,
        /// Where the data goes: it should be on a disk like the one that a real server would use.
        work_dir: PathBuf,
        /// What it is told by its environment, beside what the driver always says: where the stores and the
        /// bus of many nodes are. Nothing for a server that is alone.
        environment: Vec<(&'static str, String)>,
    },
    /// This program's own fan-out without a store: the ceiling.
    Ceiling,
    /// A server that runs already.
    Running {
        /// Where it listens.
        addr: SocketAddr,
        /// Its process, if it is on this machine and is to be measured.
        pid: Option<u32>,
    },
}

/// A server that is up.
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    launch: Launch,
    data: Option<TempDir>,
    child: Option<Child>,
    pid: Option<u32>,
}

impl Server {
    /// Starts the server with nothing in it, and waits until it is ready.
    pub async fn start(launch: &Launch) -> Result<Self> {
        let (addr, data) = match launch {
            Launch::Running { addr, .. } => (*addr, None),
            Launch::Ceiling => (free_addr()?, None),
            Launch::Samvad { work_dir, .. } => {
                fs::create_dir_all(work_dir).with_context(|| format!("making {}", work_dir.display()))?;
                (free_addr()?, Some(tempfile::Builder::new().prefix("run-").tempdir_in(work_dir)?))
            }
        };
        let pid = if let Launch::Running { pid, .. } = launch { *pid } else { None };
        let mut server = Self { addr, launch: launch.clone(), data, child: None, pid };
        server.spawn().await?;
        Ok(server)
    }

    /// Starts the server anew on the same data, so that its memory holds nothing of what was prepared:
    /// the space that password hashes took would hide what sockets need. Only Samvad keeps its data.
    pub async fn restart(&mut self) -> Result<()> {
        if let Launch::Samvad { .. } = self.launch {
            self.end().await?;
            self.spawn().await?;
        }
        Ok(())
    }

    /// Stops the server, if it was started here, and removes its data.
    pub async fn stop(mut self) -> Result<()> {
        self.end().await?;
        if let Some(data) = self.data.take() {
            data.close().context("removing the server's data")?;
        }
        Ok(())
    }

    /// Ends the server without a word: SIGKILL. Its data stays until [`Self::stop`].
    pub async fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("the server was not started here")?;
        self.pid = None;
        Ok(child.kill().await?)
    }

    /// Starts the server again where it was, on its data, once it has been killed.
    pub async fn start_again(&mut self) -> Result<()> {
        ensure!(self.child.is_none(), "the server runs");
        self.spawn().await
    }

    /// Seconds of processor time so far.
    pub fn cpu_seconds(&self) -> Result<Option<f64>> {
        self.pid.map(|pid| cpu_seconds(&pid.to_string())).transpose()
    }

    /// Resident memory in KiB.
    pub fn rss_kib(&self) -> Result<Option<f64>> {
        self.status_kib("VmRSS:")
    }

    /// The most resident memory so far, or since [`Self::forget_peak`], in KiB.
    pub fn peak_rss_kib(&self) -> Result<Option<f64>> {
        self.status_kib("VmHWM:")
    }

    /// From now on the peak of the memory is measured anew. Only of a server that was started here.
    pub fn forget_peak(&self) -> Result<()> {
        let Some(pid) = self.child.as_ref().and_then(Child::id) else { return Ok(()) };
        fs::write(format!("/proc/{pid}/clear_refs"), "5").context("the peak of the memory cannot be reset")
    }

    fn status_kib(&self, field: &str) -> Result<Option<f64>> {
        let Some(pid) = self.pid else { return Ok(None) };
        let status = fs::read_to_string(format!("/proc/{pid}/status")).context("the server is gone")?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.split_whitespace().next()).context("no resident memory")?;
        Ok(Some(kib.parse()?))
    }

    async fn spawn(&mut self) -> Result<()> {
        let addr = self.addr.to_string();
        let mut command = match &self.launch {
            Launch::Running { .. } => return self.wait_until_ready().await,
            Launch::Ceiling => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["ceiling", "--addr", &addr]);
                command
            }
            Launch::Samvad { program, site_root, environment, .. } => {
                let data = self.data.as_ref().context("a server without a directory")?.path();
                let data = path::absolute(data)?;
                let log = fs::File::options().create(true).append(true).open(data.join("server.log"))?;
                let mut command = Command::new(path::absolute(program)?);
                tell_nothing(&mut command);
                // A samvad.toml where the driver was started is for another server.
                command.current_dir(&data);
                command.args(["serve", "--addr", &addr, "--data-dir"]).arg(data.join("data"));
                command.arg("--site-root").arg(path::absolute(site_root)?);
                command.env("SAMVAD_RATE_LIMITS", "off");
                command.envs(environment.iter().map(|(name, value)| (name, value)));
                command.stdout(log.try_clone()?).stderr(log);
                command
            }
        };
        let started = command.stdin(Stdio::null()).kill_on_drop(true).spawn();
        let child = started.with_context(|| format!("starting {:?}", command.as_std().get_program()))?;
        self.pid = child.id();
        self.child = Some(child);
        self.wait_until_ready().await
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let ready = async {
            loop {
                let answer = Connection::new(self.addr).get("/readyz").await;
                if answer.is_ok_and(|answer| answer.status == 200) {
                    return Ok(());
                }
                if let Some(status) = self.child.as_mut().map(Child::try_wait).transpose()?.flatten() {
                    bail!("the server ended: {status}");
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let ready = match tokio::time::timeout(START_LIMIT, ready).await {
            Ok(ready) => ready,
            Err(elapsed) => Err(elapsed).context("the server is not ready in time"),
        };
        ready.with_context(|| format!("the server's last words:\n{}", self.last_words()))
    }

    fn last_words(&self) -> String {
        let Some(data) = &self.data else { return String::new() };
        let log = fs::read_to_string(data.path().join("server.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    async fn end(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let pid = child.id().context("the server ended by itself")?;
        let asked = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await?;
        ensure!(asked.success(), "the server cannot be stopped");
        if tokio::time::timeout(STOP_LIMIT, child.wait()).await.is_err() {
            child.kill().await?;
            bail!("the server did not stop within {STOP_LIMIT:?}");
        }
        Ok(())
    }
}

/// Keeps from a server what the driver's environment says, which is meant for another one.
fn tell_nothing(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if is_setting(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
}

/// Whether Samvad takes this variable for a setting.
fn is_setting(name: &str) -> bool {
    ["MONGODB_URL", "REDIS_URL"].contains(&name)
        || ["SAMVAD_", "LEPTOS_"].iter().any(|beginning| name.starts_with(beginning))
}

/// Seconds of processor time of a process, or of this one: `self`.
pub fn cpu_seconds(process: &str) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).context("the server is gone")?;
    parse_cpu_seconds(&stat).context("no processor time")
}

fn parse_cpu_seconds(stat: &str) -> Option<f64> {
    // The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

/// An address of this machine at which nobody listens.
///
/// Below those that the system gives to connections, so that none takes it before the server does.
pub fn free_addr() -> Result<SocketAddr> {
    for _ in 0..1_000 {
        let port = 12_000 + u16::try_from(RandomState::new().hash_one(()) % 20_000)?;
        if let Ok(listener) = std::net::TcpListener::bind(("127.0.0.1", port)) {
            return Ok(listener.local_addr()?);
        }
    }
    bail!("no port between 12,000 and 32,000 is free")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_another_server_are_kept_away() {
        let kept = |name: &&str| !is_setting(name);
        let names =
            ["MONGODB_URL", "PATH", "SAMVAD_SECRET", "REDIS_URL", "RUST_LOG", "LEPTOS_SITE_ADDR", "HOME"];
        let names: Vec<&str> = names.into_iter().filter(kept).collect();
        assert_eq!(names, ["PATH", "RUST_LOG", "HOME"]);
    }

    #[test]
    fn processor_time_is_user_and_system_time() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 5 0 100";
        assert_eq!(parse_cpu_seconds(stat), Some(3.0));
        assert_eq!(parse_cpu_seconds("nothing"), None);
    }
}
