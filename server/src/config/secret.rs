//! The secret that tokens are signed with.

use std::{
    fmt, fs, io,
    io::Write,
    path::{Path, PathBuf},
    str::FromStr,
};

use super::ConfigError;

/// At least 32 bytes that nobody else knows. Never printed.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The bytes.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().len() < 32 {
            return Err("a secret has at least 32 characters");
        }
        Ok(Self(text.trim().as_bytes().to_vec()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// The secret that was given, or the one kept in the folder, made there at the first start and readable by
/// its owner alone.
pub fn load_secret(given: Option<Secret>, folder: &Path, fresh: [u8; 32]) -> Result<Secret, ConfigError> {
    if let Some(secret) = given {
        return Ok(secret);
    }
    let path = secret_file(folder);
    let fail = |path: PathBuf, reason: String| ConfigError::Secret { path, reason };
    match create(&path, fresh) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(fail(path, error.to_string())),
    }
    let text = fs::read_to_string(&path).map_err(|error| fail(path.clone(), error.to_string()))?;
    text.parse().map_err(|reason: &str| fail(path, reason.to_owned()))
}

/// Where a secret is kept that was not given.
pub fn secret_file(folder: &Path) -> PathBuf {
    folder.join("secret")
}

fn create(path: &Path, fresh: [u8; 32]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let text: String = fresh.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(file, "{text}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let first = load_secret(None, folder.path(), [1; 32]).unwrap();
        let second = load_secret(None, folder.path(), [2; 32]).unwrap();
        assert_eq!(first.expose(), second.expose());
        assert!("short".parse::<Secret>().is_err());
    }
}
