//! The server's own process.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use super::{Browser, Person, Site, soon};

/// A running `samvad serve --demo` over a data folder.
pub struct Process {
    child: Child,
    pub site: Site,
}

impl Process {
    /// Starts it and waits until it says where it is to be found.
    pub async fn start(data: &Path) -> Self {
        Self::start_in(Command::new(env!("CARGO_BIN_EXE_samvad")), data).await
    }

    /// The same with the files of messages on a disk of their own that has room for so many MiB, and that is gone
    /// with the process. Where the system lets nobody mount anything, no file can be longer than half of that.
    pub async fn start_on_small_disk(data: &Path, mebibytes: u32) -> Self {
        let disk = data.join("disk");
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
        command.args(["-c", &script, "sh"]).env("SMALL_DISK", &disk).arg(env!("CARGO_BIN_EXE_samvad"));
        Self::start_in(command, data).await
    }

    async fn start_in(mut command: Command, data: &Path) -> Self {
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let beside = ["MONGODB_URL", "REDIS_URL"].contains(&name.as_str());
            if beside || name.starts_with("SAMVAD_") || name.starts_with("LEPTOS_") {
                command.env_remove(name);
            }
        }
        command.args(["serve", "--addr", "127.0.0.1:0", "--demo", "--rate-limits", "off"]);
        command.arg("--data-dir").arg(data).arg("--site-root").arg(data.join("site"));
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let found = tokio::task::spawn_blocking(move || {
            let mut lines = lines.map_while(Result::ok);
            let origin =
                lines.find_map(|line| line.split_once("ready: ").map(|(_, url)| url.trim().to_owned()));
            // Kept open to the end: a process whose output goes nowhere would fail to write.
            (origin, lines)
        });
        let (origin, lines) = soon("the server's address", found).await.unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        let origin = origin.expect("the server says where it is");
        let addr = origin.strip_prefix("http://").unwrap().parse().unwrap();
        Self { child, site: Site { addr, origin } }
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
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits until it has ended by itself.
    pub async fn ended(mut self) -> ExitStatus {
        // It may drain for a while; longer than that is a server that hangs.
        let waited = tokio::time::timeout(std::time::Duration::from_secs(40), async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
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
