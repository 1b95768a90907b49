//! A MongoDB replica set of a test's own, to be broken.

use std::{
    ffi::OsString,
    future::Future,
    io::Write,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use mongodb::{Client, bson::doc};

use super::signal::signal;

/// How long the set may take to do what it has to: an election waits for ten seconds of silence.
const WITHIN: Duration = Duration::from_secs(60);

/// Three members, of which any may be lost. A Redis of its own runs beside them. All of it is gone with this.
pub struct ReplicaSet {
    folder: PathBuf,
    members: Vec<Member>,
    /// The connection string, database included.
    pub url: String,
    /// Where the Redis beside it is.
    pub redis_url: String,
}

/// One of the three.
struct Member {
    port: u16,
    process: u32,
    program: PathBuf,
    arguments: Vec<OsString>,
    /// Since it was restarted.
    child: Option<Child>,
}

impl ReplicaSet {
    /// Starts one, with a primary and everybody in step.
    pub async fn start() -> Self {
        tokio::task::spawn_blocking(Self::start_now).await.unwrap()
    }

    fn start_now() -> Self {
        // Whose it is tells scripts/services.sh what was left behind.
        let name = format!("servers-{}-{}", std::process::id(), uuid::Uuid::new_v4());
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        // From here on they end with this, whatever becomes of the rest.
        let mut this = Self { folder, members: Vec::new(), url: String::new(), redis_url: String::new() };
        script(&this.folder, "start").unwrap();
        let environment = script(&this.folder, "env").unwrap();
        let value = |name: &str| {
            let mut lines = environment.lines().filter_map(|line| line.strip_prefix("export "));
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap();
            value.trim_matches('\'').to_owned()
        };
        (this.url, this.redis_url) = (value("MONGODB_URL"), value("REDIS_URL"));
        let hosts = this.url.trim_start_matches("mongodb://").split('/').next().unwrap();
        let ports = hosts.split(',').map(|host| host.rsplit_once(':').unwrap().1.parse().unwrap());
        this.members = ports.map(|port| Member::running(&this.folder, port)).collect();
        this
    }

    /// Which member is the primary. Waits until one is.
    pub async fn primary(&self) -> usize {
        self.until("a primary", async || {
            let client = self.client().await?;
            let hello = client.database("admin").run_command(doc! { "hello": 1 }).await?;
            let me = hello.get_str("me").unwrap_or_default();
            let port = me.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
            Ok(self.members.iter().position(|member| Some(member.port) == port))
        })
        .await
    }

    /// The others, in turn after this one.
    pub fn beside(&self, member: usize) -> [usize; 2] {
        [(member + 1) % 3, (member + 2) % 3]
    }

    /// Kills a member, as the power would.
    pub fn kill(&mut self, member: usize) {
        self.members[member].kill();
    }

    /// Has a member hang, with its connections open.
    pub fn freeze(&self, member: usize) {
        signal("-STOP", self.members[member].process);
    }

    /// Has it go on, as if nothing had been.
    pub fn thaw(&self, member: usize) {
        signal("-CONT", self.members[member].process);
    }

    /// Has a member take over nothing of what the primary writes, or go on with it. It stays a member meanwhile.
    pub async fn lag(&self, member: usize, on: bool) {
        const FAULT: &str = "stopReplProducer";
        let url = format!("mongodb://127.0.0.1:{}/?directConnection=true", self.members[member].port);
        let admin = Client::with_uri_str(url).await.unwrap().database("admin");
        let mode = if on { "alwaysOn" } else { "off" };
        let set = doc! { "configureFailPoint": FAULT, "mode": mode };
        let before = admin.run_command(set).await.unwrap();
        if on {
            // What it has asked for already would come yet.
            let entered =
                before.get("count").and_then(|count| count.as_i64().or(count.as_i32().map(i64::from)));
            let limit = i64::try_from(WITHIN.as_millis()).unwrap();
            let wait = doc! {
                "waitForFailPoint": FAULT, "timesEntered": entered.unwrap_or_default() + 1, "maxTimeMS": limit,
            };
            admin.run_command(wait).await.unwrap();
        }
    }

    /// Starts a member that was killed, as it was started before, and does not wait for it.
    pub fn restart(&mut self, member: usize) {
        self.members[member].restart();
    }

    /// Waits until there is a primary and everybody is in step.
    pub async fn whole(&self) {
        self.until("everybody in step", async || {
            let client = self.client().await?;
            let status = client.database("admin").run_command(doc! { "replSetGetStatus": 1 }).await?;
            let members = status.get_array("members").map(Vec::as_slice).unwrap_or_default();
            let states = members.iter().filter_map(|member| member.as_document()?.get_i32("state").ok());
            // Primary or secondary.
            let in_step = states.filter(|state| [1, 2].contains(state)).count();
            Ok((in_step == self.members.len()).then_some(()))
        })
        .await;
    }

    /// Has the primary step down, and be none for a minute.
    pub async fn step_down(&self) {
        self.until("the primary to step down", async || {
            let command = doc! { "replSetStepDown": 60, "secondaryCatchUpPeriodSecs": 10 };
            self.client().await?.database("admin").run_command(command).await.map(Some)
        })
        .await;
    }

    async fn client(&self) -> mongodb::error::Result<Client> {
        Client::with_uri_str(format!("{}&serverSelectionTimeoutMS=2000", self.url)).await
    }

    async fn until<T, F: Future<Output = mongodb::error::Result<Option<T>>>>(
        &self,
        what: &str,
        look: impl Fn() -> F,
    ) -> T {
        let mut seen = None;
        let looking = async {
            loop {
                match look().await {
                    Ok(Some(found)) => return found,
                    Ok(None) => {}
                    Err(error) => seen = Some(error),
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let found = tokio::time::timeout(WITHIN, looking).await;
        found.unwrap_or_else(|_elapsed| panic!("{what}: not within {WITHIN:?}, {seen:?}"))
    }
}

impl Drop for ReplicaSet {
    fn drop(&mut self) {
        for child in self.members.iter_mut().filter_map(|member| member.child.as_mut()) {
            // It may have ended before.
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Err(reason) = script(&self.folder, "stop") {
            // A panic here would hide why the test failed.
            let _ = writeln!(std::io::stderr(), "{} stays behind: {reason}", self.folder.display());
        }
    }
}

impl Member {
    /// The member that the script started.
    fn running(folder: &Path, port: u16) -> Self {
        let lock = folder.join(port.to_string()).join("mongod.lock");
        let process: u32 = std::fs::read_to_string(lock).unwrap().trim().parse().unwrap();
        let command = std::fs::read(format!("/proc/{process}/cmdline")).unwrap();
        let words = command.split(|byte| *byte == 0).filter(|word| !word.is_empty());
        let arguments = words.skip(1).map(|word| OsString::from_vec(word.to_vec())).collect();
        let program = std::fs::read_link(format!("/proc/{process}/exe")).unwrap();
        Self { port, process, program, arguments, child: None }
    }

    fn kill(&mut self) {
        match &mut self.child {
            // It may have been killed before.
            Some(child) => {
                child.kill().unwrap();
                child.wait().unwrap();
            }
            // The system's first process waits for it.
            None => signal("-KILL", self.process),
        }
    }

    fn restart(&mut self) {
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process = child.id();
        self.child = Some(child);
    }
}

/// What the script says; `Err` is what it complains of.
fn script(folder: &Path, action: &str) -> Result<String, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/services.sh");
    let output = Command::new(script).arg(action).arg(folder).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}
