//! The server's own process.

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use super::{Browser, Person, Site, signal::signal};

/// How long a node may take until it says where it is: with servers beside it, it first waits for them.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// What the nodes of tests sign with.
const SECRET: &str = "a secret for the tests, long enough";

/// How a node is started, and started again.
#[derive(Clone, Debug)]
pub struct Launch {
    program: PathBuf,
    data: PathBuf,
    addr: SocketAddr,
    demo: bool,
    variables: Vec<(&'static str, String)>,
    small_disk: Option<u32>,
    log: Option<PathBuf>,
}

impl Launch {
    /// Over this data folder, on a free port, without rate limits, with nothing beside it and nobody in it.
    pub fn over(data: &Path) -> Self {
        Self {
            program: env!("CARGO_BIN_EXE_samvad").into(),
            data: data.to_owned(),
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            demo: false,
            variables: Vec::new(),
            small_disk: None,
            log: None,
        }
    }

    /// With the demo accounts.
    pub fn demo(mut self) -> Self {
        self.demo = true;
        self
    }

    /// As one of many nodes, over these servers.
    pub fn beside(self, mongodb_url: &str, redis_url: &str) -> Self {
        let this = self.variable("MONGODB_URL", mongodb_url).variable("REDIS_URL", redis_url);
        this.variable("SAMVAD_SECRET", SECRET)
    }

    /// At this address.
    pub fn at(mut self, addr: SocketAddr) -> Self {
        self.addr = addr;
        self
    }

    /// Another program than the server itself, which understands the same arguments.
    pub fn program(mut self, program: &Path) -> Self {
        self.program = program.to_owned();
        self
    }

    /// With this in its environment, where nothing else is that a server would read.
    pub fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    /// What it logs is added to this file. By default nobody keeps it.
    pub fn log_to(mut self, file: &Path) -> Self {
        self.log = Some(file.to_owned());
        self
    }

    /// With the files of messages on a disk of their own that has room for so many MiB, and that is gone with the
    /// process. Where the system lets nobody mount anything, no file can be longer than half of that.
    pub fn on_small_disk(mut self, mebibytes: u32) -> Self {
        self.small_disk = Some(mebibytes);
        self
    }

    fn command(&self) -> Command {
        let Some(mebibytes) = self.small_disk else { return Command::new(&self.program) };
        let disk = self.data.join("disk");
        std::fs::create_dir_all(&disk).unwrap();
        // In a user namespace anybody may mount something for themselves.
        let namespace = ["--user", "--map-root-user", "--mount", "--kill-child=KILL"];
        let may_mount = Command::new("unshare").args(namespace).arg("true").stderr(Stdio::null()).status();
        let mut command;
        let prepare = if may_mount.is_ok_and(|status| status.success()) {
            command = Command::new("unshare");
            command.args(namespace).arg("sh");
            format!("mount -t tmpfs -o size={mebibytes}m samvad-test \"$SMALL_DISK\"")
        } else {
            command = Command::new("sh");
            // In units of 512 bytes; a write beyond it fails instead of ending the process.
            format!("trap '' XFSZ; ulimit -f {}", mebibytes * 1024)
        };
        let script = format!("{prepare} && exec \"$@\" --attachments \"$SMALL_DISK\"");
        command.args(["-c", &script, "sh"]).env("SMALL_DISK", &disk).arg(&self.program);
        command
    }

    /// Starts it and waits until it says where it is to be found.
    pub async fn start(&self) -> Process {
        let mut command = self.command();
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let beside = ["MONGODB_URL", "REDIS_URL"].contains(&name.as_str());
            if beside || name.starts_with("SAMVAD_") || name.starts_with("LEPTOS_") {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(["serve", "--rate-limits", "off", "--addr", &self.addr.to_string()]);
        command.args(self.demo.then_some("--demo"));
        command.arg("--data-dir").arg(&self.data).arg("--site-root").arg(self.data.join("site"));
        let log = self.log.as_ref().map_or_else(Stdio::null, |file| {
            OpenOptions::new().create(true).append(true).open(file).unwrap().into()
        });
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let site = Site { addr: self.addr, origin: String::new() };
        // From here on it ends with this, whatever becomes of the rest.
        let mut process = Process { child: command.spawn().unwrap(), site, launch: self.clone() };
        let lines = BufReader::new(process.child.stdout.take().unwrap()).lines();
        let found = tokio::task::spawn_blocking(move || {
            let mut lines = lines.map_while(Result::ok);
            let origin =
                lines.find_map(|line| line.split_once("ready: ").map(|(_, url)| url.trim().to_owned()));
            // Kept open to the end: a process whose output goes nowhere would fail to write.
            (origin, lines)
        });
        let found = tokio::time::timeout(STARTS_WITHIN, found).await;
        let (origin, lines) = found.expect("a node says in time where it is").unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        let origin = origin.unwrap_or_else(|| panic!("the node says where it is: {:?}", self.log));
        process.site = Site { addr: origin.strip_prefix("http://").unwrap().parse().unwrap(), origin };
        process.launch.addr = process.site.addr;
        process
    }
}

/// A running `samvad serve`.
pub struct Process {
    child: Child,
    pub site: Site,
    launch: Launch,
}

impl Process {
    /// Starts one over a data folder, with the demo accounts.
    pub async fn start(data: &Path) -> Self {
        Launch::over(data).demo().start().await
    }

    /// How to start it again where it is.
    pub fn launch(&self) -> Launch {
        self.launch.clone()
    }

    /// Has it hang, with its connections open.
    pub fn freeze(&self) {
        signal("-STOP", self.child.id());
    }

    /// Has it go on, as if nothing had been.
    pub fn thaw(&self) {
        signal("-CONT", self.child.id());
    }

    /// One of the demo accounts, signed in.
    pub async fn person(&self, index: usize) -> Person {
        let (_, email, _) = server::demo::ACCOUNTS[index];
        Person::sign_in(Browser::new(self.site.clone()), email, server::demo::PASSWORD).await
    }

    /// Bytes of memory that it holds at the moment.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most bytes of memory that it has held since [`Self::forget_peak`].
    pub fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// From here on the peak is counted anew.
    pub fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }

    fn status(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// A path as the process sees it, whatever it has mounted.
    pub fn path(&self, path: &Path) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.child.id())).join(path.strip_prefix("/").unwrap())
    }

    /// Ends it without a word: SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to stop: SIGTERM.
    pub fn terminate(&self) {
        signal("-TERM", self.child.id());
    }

    /// Waits until it has ended by itself.
    pub async fn ended(mut self) -> ExitStatus {
        // It may drain for a while; longer than that is a server that hangs.
        let waited = tokio::time::timeout(Duration::from_secs(40), async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        waited.await.expect("the server ends in time")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind; one that did not has seen the end already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
