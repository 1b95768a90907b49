//! What was said, by itself.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use futures::future::BoxFuture;

use super::{Finding, Subject, at_once, blocking};
use crate::config::{Secret, Switch, secret_file};

/// A secret with fewer different characters was hardly made by chance.
const DIFFERENT_CHARACTERS: usize = 8;

/// Who says what, and whether it can be together.
pub(super) fn configuration(subject: Arc<Subject>) -> BoxFuture<'static, Vec<Finding>> {
    blocking(subject, |subject| {
        let Subject { config, sources } = subject;
        let mut findings = Vec::new();
        let mut said = Vec::new();
        if let Some(file) = &sources.file {
            said.push(format!("{} ({})", file.path().display(), list(&sources.by_file)));
            if config.secret.is_some() && sources.by_file.iter().any(|key| key == "secret") {
                findings.extend(readable_by_others(file.path()));
            }
        }
        for (place, names) in [("the environment", &sources.by_environment), ("flags", &sources.by_flag)] {
            if !names.is_empty() {
                said.push(format!("{place} ({})", list(names)));
            }
        }
        let text = if said.is_empty() {
            "nothing was said: everything is as it is by default".to_owned()
        } else {
            format!("what differs from the defaults stands in {}", said.join(", "))
        };
        findings.insert(0, Finding::fine(text));
        if let Err(error) = config.validate() {
            findings.push(Finding::wrong(error.to_string()));
        }
        if config.demo {
            findings
                .push(Finding::note("the demo accounts are loaded, with a password that everybody knows"));
        }
        if config.rate_limits == Switch::Off {
            findings.push(Finding::note("--rate-limits off: nobody is slowed down"));
        }
        findings
    })
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

#[cfg(unix)]
fn readable_by_others(path: &Path) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).ok()?.permissions().mode();
    let place = path.display();
    (mode & 0o044 != 0)
        .then(|| Finding::note(format!("{place} holds a secret and others can read it: chmod 600 {place}")))
}

#[cfg(not(unix))]
fn readable_by_others(_path: &Path) -> Option<Finding> {
    None
}

/// Whether tokens are signed with something that nobody can guess.
pub(super) fn secret(subject: Arc<Subject>) -> BoxFuture<'static, Vec<Finding>> {
    blocking(subject, |subject| {
        let config = &subject.config;
        let path = secret_file(&config.data_dir);
        let place = path.display();
        if let Some(secret) = &config.secret {
            return vec![strength(secret, "the secret that was given")];
        }
        if config.redis_url.is_some() || config.mongodb_url.is_some() {
            return vec![Finding::wrong(
                "none was given, so each node would make its own and refuse the tokens of the others: give all of \
                 them the same SAMVAD_SECRET (openssl rand -hex 32 makes one)",
            )];
        }
        match fs::read_to_string(&path) {
            Ok(text) => match text.parse::<Secret>() {
                Ok(secret) => {
                    let mut findings = vec![strength(&secret, &format!("the secret in {place}"))];
                    findings.extend(readable_by_others(&path));
                    findings
                }
                Err(reason) => {
                    vec![Finding::wrong(format!("the secret in {place} cannot be used: {reason}"))]
                }
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                vec![Finding::fine(format!("one will be made at the first start and kept in {place}"))]
            }
            Err(error) => vec![Finding::wrong(format!("{place} cannot be read: {error}"))],
        }
    })
}

fn strength(secret: &Secret, which: &str) -> Finding {
    let different: BTreeSet<&u8> = secret.expose().iter().collect();
    if different.len() < DIFFERENT_CHARACTERS {
        return Finding::wrong(format!(
            "{which} can be guessed: it is long enough, but has {} different characters. \
             openssl rand -hex 32 makes a better one",
            different.len()
        ));
    }
    Finding::fine(format!("{which} is long enough"))
}

/// Whether the way by which people come fits what listens here.
pub(super) fn public_url(subject: Arc<Subject>) -> BoxFuture<'static, Vec<Finding>> {
    let config = &subject.config;
    let proxies = &config.trusted_proxies;
    let mut findings = Vec::new();
    match &config.public_url {
        // Without one and beyond loopback the configuration is refused.
        None if !config.addr.ip().is_loopback() => {}
        None => findings.push(Finding::fine("none: this machine alone is served")),
        Some(url) if url.is_loopback() => findings.push(Finding::fine(format!("{url}, on this machine"))),
        Some(url) if url.is_secure() && proxies.is_empty() => findings.push(Finding::note(format!(
            "{url} needs a proxy with TLS, and no --trusted-proxies are named: all people seem to come from the \
             proxy's address, and share the limits of one"
        ))),
        Some(url) if url.is_secure() => findings.push(Finding::fine(url.to_string())),
        Some(url) => findings.push(Finding::note(format!(
            "{url} is not encrypted: whoever is on the way can read passwords and messages"
        ))),
    }
    for proxy in proxies {
        if proxy.is_unspecified() || proxy.is_multicast() {
            findings.push(Finding::wrong(format!("{proxy} is no address that a proxy can have")));
        } else if config.addr.ip().is_loopback() && !proxy.is_loopback() {
            findings.push(Finding::note(format!(
                "the proxy {proxy} cannot reach {}: it is on another machine, or is trusted for being further out",
                config.addr
            )));
        }
    }
    at_once(findings)
}
