//! What this machine gives.

use std::{
    fs,
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;

use super::{Finding, Subject, blocking};
use crate::{http::bounds::Bounds, listen, open_files::raise_limit, state};

/// How long whoever listens at the address has for its answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// With fewer connections than this a busy server refuses people.
const FEW_CONNECTIONS: usize = 1_000;

/// Whether the server could listen, or does already.
pub(super) fn address(subject: Arc<Subject>) -> BoxFuture<'static, Vec<Finding>> {
    Box::pin(async move {
        let address = subject.config.addr;
        match listen(address) {
            Ok(_listener) => vec![Finding::fine(format!("{address} is free"))],
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                blocking(subject, move |_subject| vec![taken(address)]).await
            }
            Err(error) => vec![Finding::wrong(format!("{address} cannot be listened on: {error}"))],
        }
    })
}

/// By whom the address is in use.
fn taken(address: SocketAddr) -> Finding {
    if is_samvad(address).unwrap_or(false) {
        Finding::fine(format!("a Samvad server listens on {address} already"))
    } else {
        Finding::wrong(format!("{address} is in use by another program: end that, or choose another --addr"))
    }
}

/// Whether what listens there answers as this server does.
fn is_samvad(address: SocketAddr) -> io::Result<bool> {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let mut stream = TcpStream::connect_timeout(&SocketAddr::new(host, address.port()), ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(4_096).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nok"))
}

/// Whether something can be kept.
pub(super) fn data_folder(subject: Arc<Subject>) -> BoxFuture<'static, Vec<Finding>> {
    let folder = subject.config.data_dir.clone();
    self::folder(subject, folder)
}

/// Whether something can be kept in a folder, which is made at the start if it is not there.
pub(super) fn folder(subject: Arc<Subject>, folder: PathBuf) -> BoxFuture<'static, Vec<Finding>> {
    blocking(subject, move |_subject| {
        let folder = &folder;
        let place = folder.display();
        if !folder.exists() {
            // It is made at the start, in the first folder above that is there.
            let above = folder.ancestors().skip(1).map(here).find(|above| above.exists());
            return match above.map(|above| (above, try_writing(above))) {
                Some((_, Ok(()))) => vec![Finding::fine(format!("{place} will be made at the first start"))],
                Some((above, Err(error))) => vec![Finding::wrong(format!(
                    "{place} is not there and cannot be made in {}: {error}",
                    above.display()
                ))],
                None => vec![Finding::wrong(format!("{place} is not there and cannot be made"))],
            };
        }
        match try_writing(folder) {
            Ok(()) => vec![Finding::fine(format!("{place} can be written to"))],
            Err(error) => vec![Finding::wrong(format!("{place} cannot be written to: {error}"))],
        }
    })
}

/// The last folder above a relative path is the working folder.
fn here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// Writes a file and takes it away again.
fn try_writing(folder: &Path) -> io::Result<()> {
    // Each with a name of its own: folders are tried beside each other.
    let mut file = tempfile::Builder::new().prefix(".samvad-check-").tempfile_in(folder)?;
    file.write_all(b"samvad check")?;
    file.as_file().sync_all()?;
    file.close()
}

/// Whether the pages would find their scripts and styles.
pub(super) fn site(subject: Arc<Subject>) -> BoxFuture<'static, Vec<Finding>> {
    blocking(subject, |subject| {
        let package = subject.config.site_root.join("pkg");
        let place = subject.config.site_root.display();
        let names = match file_names() {
            Ok(names) => names,
            Err(error) => return vec![Finding::wrong(format!("the list of hashes cannot be read: {error}"))],
        };
        let missing: Vec<String> = names.into_iter().filter(|name| !package.join(name).exists()).collect();
        if missing.is_empty() {
            return vec![Finding::fine(format!("{place} has the scripts and styles of this build"))];
        }
        let missing = missing.join(", ");
        vec![Finding::wrong(format!(
            "{place}/pkg does not have {missing}: build the site, or name its folder with --site-root"
        ))]
    })
}

/// What the pages of this build ask for.
fn file_names() -> io::Result<Vec<String>> {
    let Some(list) = state::hashes() else {
        return Ok(vec!["samvad.js".to_owned(), "samvad.css".to_owned()]);
    };
    let hash =
        |line: &str| line.split_once(": ").map(|(kind, hash)| format!("samvad.{}.{kind}", hash.trim()));
    Ok(fs::read_to_string(list)?.lines().filter_map(hash).collect())
}

/// Whether there are as many open files as connections need.
pub(super) fn open_files(subject: Arc<Subject>) -> BoxFuture<'static, Vec<Finding>> {
    blocking(subject, |subject| {
        let wanted = subject.config.max_connections;
        let files = raise_limit();
        let room = Bounds::within(files, wanted).connections;
        let files = files.map_or_else(|| "no limit".to_owned(), |files| format!("{files} are allowed"));
        let wanted = wanted.map(|wanted| usize::try_from(wanted).unwrap_or(usize::MAX));
        vec![match wanted {
            Some(wanted) if wanted > room => Finding::wrong(format!(
                "{files}: room for {room} connections, not for the {wanted} of --max-connections. \
                 Raise the limit (ulimit -n, LimitNOFILE)"
            )),
            None if room < FEW_CONNECTIONS => Finding::note(format!(
                "{files}: room for {room} connections only. Raise the limit (ulimit -n, LimitNOFILE)"
            )),
            _ => Finding::fine(format!("{files}: room for {room} connections")),
        }]
    })
}
