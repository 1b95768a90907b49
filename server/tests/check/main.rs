//! `samvad check` on the real binary: what it says of configurations that are right and wrong.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod services;

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

const SECRET: &str = "0123456789abcdef-sesame-0123456789";

/// A folder to start the server in, with a built site.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("site/pkg");
        fs::create_dir_all(&package).unwrap();
        // A release build beside the tested one would have left its list of names.
        let hashes = Path::new(env!("CARGO_BIN_EXE_samvad")).with_file_name("hash.txt");
        let hashes = fs::read_to_string(hashes).unwrap_or_default();
        let hashed = hashes.lines().filter_map(|line| line.split_once(": "));
        let hashed = hashed.map(|(kind, hash)| format!("samvad.{hash}.{kind}"));
        for name in ["samvad.js".to_owned(), "samvad.css".to_owned()].into_iter().chain(hashed) {
            fs::write(package.join(name), "").unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The binary, started here in an environment that says nothing.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_samvad"));
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if ["SAMVAD_", "LEPTOS_"].iter().any(|ours| text.starts_with(ours)) || text.ends_with("_URL") {
                command.env_remove(&name);
            }
        }
        command.current_dir(self.0.path()).env("SAMVAD_SITE_ROOT", "site").args(arguments);
        command
    }

    /// Runs the binary in an environment that says this alone.
    fn run(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Said {
        Said(self.command(arguments).envs(environment.iter().copied()).output().unwrap())
    }

    fn check(&self, arguments: &[&str]) -> Said {
        let port = free_address().to_string();
        let address = if arguments.contains(&"--addr") { vec![] } else { vec!["--addr", &port] };
        self.run(&[], &[&["check"], &address[..], arguments].concat())
    }
}

/// What a run said and how it ended.
struct Said(Output);

impl Said {
    fn text(&self) -> String {
        format!("{}{}", String::from_utf8_lossy(&self.0.stdout), String::from_utf8_lossy(&self.0.stderr))
    }

    /// The only line about this, its verdict first.
    #[track_caller]
    fn line(&self, name: &str) -> String {
        let text = self.text();
        let about = |line: &&str| line.get(7..).is_some_and(|line| line.starts_with(&format!("{name}  ")));
        let lines: Vec<&str> = text.lines().filter(about).collect();
        let [line] = lines[..] else { panic!("not one line about {name}:\n{text}") };
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    fn nothing_is_wrong(&self) {
        let text = self.text();
        assert!(self.0.status.success() && text.ends_with("\nNothing is wrong.\n"), "{text}");
        assert!(!text.contains("WRONG"), "{text}");
    }

    #[track_caller]
    fn is_wrong(&self, count: &str) {
        let text = self.text();
        assert_eq!(self.0.status.code(), Some(1), "{text}");
        assert!(text.ends_with(&format!("\n{count} wrong.\n")), "{text}");
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn a_new_installation_is_fine_and_is_left_as_it_was() {
    let folder = Folder::new();
    let said = folder.check(&[]);
    said.nothing_is_wrong();
    assert_eq!(said.line("data folder"), "fine data folder data will be made at the first start");
    assert!(said.line("open files").contains("room for"), "{}", said.text());
    assert!(!folder.path("data").exists(), "it tries and does not make");
}

#[test]
fn defaults_yield_to_the_file_that_to_the_environment_and_that_to_flags() {
    let folder = Folder::new();
    let [one, two, three] = [(); 3].map(|()| free_address().to_string());
    folder.write("samvad.toml", &format!("addr = '{one}'\ndata_dir = 'kept'"));
    let by_file = folder.run(&[], &["check"]);
    by_file.nothing_is_wrong();
    assert_eq!(by_file.line("address"), format!("fine address {one} is free"));
    assert!(by_file.line("configuration").contains("samvad.toml (addr, data_dir)"), "{}", by_file.text());

    let by_environment = folder.run(&[("SAMVAD_ADDR", &two)], &["check"]);
    assert_eq!(by_environment.line("address"), format!("fine address {two} is free"));
    assert!(
        by_environment.line("configuration").contains("samvad.toml (data_dir), the environment (SAMVAD_ADDR")
    );

    let by_flag = folder.run(&[("SAMVAD_ADDR", &two)], &["check", "--addr", &three]);
    assert_eq!(by_flag.line("address"), format!("fine address {three} is free"));
    assert!(by_flag.line("configuration").contains("flags (--addr)"), "{}", by_flag.text());

    folder.write("other.toml", &format!("addr = '{three}'"));
    for named in [
        folder.run(&[("SAMVAD_CONFIG", "other.toml")], &["check"]),
        folder.run(&[("SAMVAD_CONFIG", "samvad.toml")], &["check", "--config", "other.toml"]),
        folder.run(&[("SAMVAD_CONFIG", "samvad.toml")], &["--config", "other.toml", "check"]),
    ] {
        assert_eq!(named.line("address"), format!("fine address {three} is free"));
        assert!(named.line("data folder").contains(" data "), "one file alone is read: {}", named.text());
    }
}

#[test]
fn a_wrong_file_is_refused_by_every_command_without_its_secret() {
    let folder = Folder::new();
    folder.write("samvad.toml", "secret = 'sesame'");
    for command in ["check", "serve", "seed"] {
        let said = folder.run(&[], &[command]);
        assert_eq!(said.0.status.code(), Some(1));
        assert_eq!(
            said.text(),
            "samvad: samvad.toml: secret cannot be used: a secret has at least 32 characters\n"
        );
    }
    fs::remove_file(folder.path("samvad.toml")).unwrap();
    let said = folder.run(&[("SAMVAD_SECRET", "sesame")], &["serve"]);
    assert!(said.text().contains("32 characters") && !said.text().contains("sesame"), "{}", said.text());
}

#[test]
fn each_thing_that_is_wrong_is_said() {
    let folder = Folder::new();
    folder.write("file", "");
    let other_program = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other_program.local_addr().unwrap().to_string();
    let said = folder.check(&[
        "--addr",
        &taken,
        "--data-dir",
        "file/data",
        "--site-root",
        "nowhere",
        "--secret",
        &"sesame".repeat(6),
        "--trusted-proxies",
        "0.0.0.0",
        "--max-connections",
        "4294967295",
        "--demo",
        "--public-url",
        "https://chat.example",
    ]);
    said.is_wrong("7 things are");
    for (name, what) in [
        ("address", "in use by another program"),
        ("data folder", "cannot be made in file"),
        ("site", "nowhere/pkg does not have samvad."),
        ("secret", "can be guessed"),
        ("public address", "0.0.0.0 is no address"),
        ("open files", "not for the 4294967295"),
    ] {
        assert!(
            said.text()
                .lines()
                .any(|line| line.starts_with(&format!("WRONG  {name} ")) && line.contains(what)),
            "{name}: {}",
            said.text()
        );
    }
    assert!(said.text().contains("--demo is for this machine alone"));
    assert!(!said.text().contains("sesame"));
}

#[test]
fn what_a_proxy_needs_is_said() {
    let folder = Folder::new();
    let public = ["--public-url", "https://chat.example"];
    let without = folder.check(&public);
    assert!(
        without.line("public address").starts_with("note") && without.text().contains("--trusted-proxies")
    );
    let with = folder.check(&[&public[..], &["--trusted-proxies", "127.0.0.1", "--secret", SECRET]].concat());
    with.nothing_is_wrong();
    assert_eq!(with.line("public address"), "fine public address https://chat.example");
    let open = folder.check(&["--public-url", "http://chat.example"]);
    assert!(open.line("public address").contains("not encrypted"));
}

#[test]
fn the_database_is_opened_as_the_server_does() {
    let folder = Folder::new();
    assert!(folder.run(&[], &["seed"]).0.status.success());
    let said = folder.check(&[]);
    said.nothing_is_wrong();
    assert!(said.line("store").contains("can be read and written to"), "{}", said.text());
    let open = folder.check(&["--public-url", "https://chat.example"]);
    open.is_wrong("One thing is");
    assert!(open.line("store").contains("demo accounts"), "{}", open.text());

    fs::create_dir(folder.path("other")).unwrap();
    folder.write(
        "other/samvad.db",
        "this is no database, but somebody's diary, and longer than a header of SQLite. ",
    );
    let foreign = folder.check(&["--data-dir", "other"]);
    foreign.is_wrong("One thing is");
    assert!(
        foreign.line("store").starts_with("WRONG store other/samvad.db cannot be used"),
        "{}",
        foreign.text()
    );
}

#[test]
fn a_server_that_runs_already_is_recognised() {
    let folder = Folder::new();
    let address = free_address().to_string();
    let mut server = folder
        .command(&["serve", "--addr", &address])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let patience = Instant::now() + Duration::from_secs(20);
    let said = loop {
        let said = folder.check(&["--addr", &address]);
        if !said.line("address").ends_with("is free") || Instant::now() > patience {
            break said;
        }
    };
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(said.line("address"), format!("fine address a Samvad server listens on {address} already"));
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_can_read_is_noted() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    folder.write("samvad.toml", &format!("secret = '{SECRET}'"));
    let allow =
        |mode| fs::set_permissions(folder.path("samvad.toml"), fs::Permissions::from_mode(mode)).unwrap();
    allow(0o644);
    let said = folder.check(&[]);
    said.nothing_is_wrong();
    assert!(said.text().contains("note   configuration   samvad.toml holds a secret"), "{}", said.text());
    allow(0o600);
    assert!(!folder.check(&[]).text().contains("holds a secret"));
}
