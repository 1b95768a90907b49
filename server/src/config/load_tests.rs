#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, fs};

use clap::Command as Flags;

use super::{
    super::{
        Config, Switch,
        file::{Kind, kind},
    },
    *,
};

const EXAMPLE: &str = include_str!("../../../samvad.example.toml");
const SECRET: &str = "sesame-sesame-sesame-sesame-sesame";

/// `samvad serve` with this file and these arguments.
fn serve(text: &str, arguments: &[&str]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samvad.toml");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let all = ["samvad", "serve", "--config", path]
        .into_iter()
        .chain(arguments.iter().copied())
        .map(OsString::from);
    match load(all).map(|loaded| loaded.command) {
        Ok(Command::Serve(config)) => Ok(config),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string().replace(path, "FILE")),
    }
}

#[track_caller]
fn refused(text: &str) -> String {
    serve(text, &[]).unwrap_err()
}

fn flags() -> Flags {
    Cli::command().find_subcommand("serve").unwrap().clone()
}

#[test]
fn a_file_says_what_flags_would_and_flags_win() {
    let text = format!(
        "addr = '127.0.0.1:4000'\ndemo = true\nmax_connections = 12\nrate_limits = 'off'\n\
         trusted_proxies = ['10.0.0.1', '::1']\nsecret = '{SECRET}'"
    );
    let config = serve(&text, &[]).unwrap();
    assert_eq!(config.addr.to_string(), "127.0.0.1:4000");
    assert!(config.demo);
    assert_eq!(config.max_connections, Some(12));
    assert_eq!(config.rate_limits, Switch::Off);
    assert_eq!(config.trusted_proxies.len(), 2);
    assert_eq!(config.secret.unwrap().expose(), SECRET.as_bytes());
    assert_eq!(config.data_dir.to_str(), Some("data"), "what the file does not say is as ever");

    let config = serve(&text, &["--addr", "127.0.0.1:5000", "--demo=false", "--trusted-proxies", "::1"]);
    let config = config.unwrap();
    assert_eq!(config.addr.to_string(), "127.0.0.1:5000");
    assert!(!config.demo);
    assert_eq!(config.trusted_proxies.len(), 1, "a list is replaced, not added to");
    assert_eq!(config.max_connections, Some(12));
}

#[test]
fn each_command_takes_of_the_file_what_concerns_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("any-name");
    fs::write(&path, "data_dir = 'elsewhere'\nlog_format = 'json'").unwrap();
    let all = ["samvad".into(), "--config".into(), path.into_os_string(), "seed".into()];
    let Command::Seed(seed) = load(all).unwrap().command else { panic!("another command") };
    assert_eq!(seed.data_dir.to_str(), Some("elsewhere"));
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_key_and_what_is_allowed() {
    let unknown = refused("adr = '127.0.0.1:1'");
    assert!(
        unknown.starts_with("FILE: there is no setting \"adr\". There are: addr, data_dir,"),
        "{unknown}"
    );
    assert_eq!(
        refused("addr = 'nowhere'"),
        "FILE: addr cannot be \"nowhere\": invalid socket address syntax; by default it is 127.0.0.1:3000"
    );
    assert_eq!(refused("rate_limits = 'some'"), "FILE: rate_limits cannot be \"some\": it is one of on, off");
    assert_eq!(
        refused("max_connections = 0"),
        "FILE: max_connections cannot be \"0\": 0 is not in 1..=4294967295"
    );
    assert_eq!(refused("demo = 'yes'"), "FILE: demo must be true or false, not string");
    assert_eq!(
        refused("trusted_proxies = '::1'"),
        "FILE: trusted_proxies must be a list of texts in quotes, not string"
    );
    let proxy = refused("trusted_proxies = ['::1', 'proxy']");
    assert_eq!(proxy, "FILE: trusted_proxies cannot be \"::1, proxy\": invalid IP address syntax");
    assert_eq!(
        refused("data_dir = ''"),
        "FILE: data_dir cannot be \"\": it must not be empty; by default it is data"
    );
    assert!(refused("addr = '127.0.0.1:1'\n\nmax_connections =").starts_with("FILE, line 3: "));
    assert!(refused("[server]\naddr = '127.0.0.1:1'").contains("no setting \"server\""));

    let all = ["samvad", "serve", "--config", "/nowhere/samvad.toml"].map(OsString::from);
    let missing = load(all).err().unwrap().to_string();
    assert_eq!(missing, "the configuration file /nowhere/samvad.toml cannot be read");
}

#[test]
fn no_error_repeats_a_secret() {
    for text in [
        "secret = 'sesame'",
        "secret = ['sesame']",
        "secret = 'sesame",
        "secret = sesame",
        "secret = 'sesame' sesame",
        "secret = '''sesame\n''\\",
    ] {
        let said = refused(text);
        assert!(said.starts_with("FILE") && !said.contains("sesame"), "{said}");
    }
    for arguments in [&["--secret", "sesame"][..], &["--secret=sesame"]] {
        let said = serve("", arguments).unwrap_err();
        assert!(said.contains("--secret") && said.contains("32 characters"), "{said}");
        assert!(!said.contains("sesame"), "{said}");
    }
}

#[test]
fn help_does_not_show_the_secrets_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samvad.toml");
    fs::write(&path, format!("secret = '{SECRET}'")).unwrap();
    let file = File::read(&path, &flags()).unwrap();
    assert!(!file.give_defaults(flags()).render_long_help().to_string().contains(SECRET));
}

#[test]
fn without_a_word_it_serves() {
    assert!(matches!(load(["samvad".into()]).unwrap().command, Command::Serve(_)));
}

/// The settings of the example, which stand behind a `#` with no space after it.
fn example() -> String {
    let is_setting = |line: &&str| line.starts_with('#') && !line.starts_with("# ") && line.len() > 1;
    EXAMPLE.lines().filter(is_setting).map(|line| format!("{}\n", &line[1..])).collect()
}

#[test]
fn the_example_has_every_setting_and_no_other() {
    let table: toml::Table = example().parse().unwrap();
    let known: BTreeSet<String> = flags().get_arguments().map(|flag| flag.get_id().to_string()).collect();
    assert_eq!(table.keys().cloned().collect::<BTreeSet<_>>(), known);
    assert!(EXAMPLE.parse::<toml::Table>().unwrap().is_empty(), "a copy of it changes nothing");
    for text in EXAMPLE.lines() {
        assert!(text.is_empty() || text.starts_with('#'), "{text}");
    }
    serve(&example(), &[]).unwrap();
}

#[test]
fn the_example_shows_the_defaults() {
    let table: toml::Table = example().parse().unwrap();
    for flag in flags().get_arguments() {
        if let [usual] = flag.get_default_values() {
            let shown = &table[flag.get_id().as_str()];
            let shown = match shown {
                toml::Value::String(text) => text.clone(),
                toml::Value::Boolean(value) => value.to_string(),
                toml::Value::Integer(value) => value.to_string(),
                other => panic!("{other:?}"),
            };
            assert_eq!(shown, usual.to_str().unwrap(), "{} is {}", flag.get_id(), kind(flag));
        }
    }
}

#[test]
fn the_readme_lists_every_flag_with_its_variable_and_default() {
    let readme = include_str!("../../../README.md");
    for flag in flags().get_arguments() {
        let (long, variable) = (flag.get_long().unwrap(), flag.get_env().unwrap().to_str().unwrap());
        let row = format!("| `--{long}` | `{variable}` | ");
        let row = readme.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("no {row}"));
        if let ([usual], false) = (flag.get_default_values(), kind(flag) == Kind::Boolean) {
            assert!(row.contains(&format!("| `{}` |", usual.to_str().unwrap())), "{row}");
        }
        assert!(EXAMPLE.contains(&format!("# --{long}, {}", variable)), "{long} in the example");
    }
}
