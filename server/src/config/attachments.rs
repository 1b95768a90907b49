//! Where files are kept, and how many and how large they may be.

use std::{
    convert::Infallible,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use app::domain::{UploadLimits, limits};
use clap::Args;

use super::ConfigError;
use crate::blob::S3Options;

/// The largest file that there can be, in MiB: what a bucket takes in parts is not much more.
const MOST_FILE_MIB: i64 = 64 * 1024;
/// Bytes of a mebibyte.
const MEBIBYTE: u64 = 1024 * 1024;

/// Where files are kept, and how many.
#[derive(Clone, Args)]
pub struct AttachmentOptions {
    /// Where the files of messages are kept: a folder, or a bucket as s3://bucket/prefix. By default the folder
    /// “attachments” in the data folder. Nodes of one chat need the same one.
    #[arg(long, env = "SAMVAD_ATTACHMENTS")]
    pub attachments: Option<Place>,

    /// The address of the S3 service, if it is not Amazon's: https://s3.example.org.
    #[arg(long, env = "SAMVAD_S3_ENDPOINT")]
    pub s3_endpoint: Option<String>,

    /// The region of the bucket.
    #[arg(long, env = "SAMVAD_S3_REGION", default_value = "us-east-1")]
    pub s3_region: String,

    /// Who asks the S3 service.
    #[arg(long, env = "AWS_ACCESS_KEY_ID", hide_env_values = true)]
    pub s3_access_key_id: Option<String>,

    /// What they show for it.
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide_env_values = true)]
    pub s3_secret_access_key: Option<String>,

    /// How many files a message can have; 0 takes none.
    #[arg(long, env = "SAMVAD_MAX_FILES", default_value = "10",
          value_parser = clap::value_parser!(u32).range(0..=limits::MOST_FILES_PER_MESSAGE as i64))]
    pub max_files: u32,

    /// How large one file can be, in MiB.
    #[arg(long, env = "SAMVAD_MAX_FILE_MIB", default_value = "25",
          value_parser = clap::value_parser!(u32).range(1..=MOST_FILE_MIB))]
    pub max_file_mib: u32,

    /// How much all files of one person can be together, in MiB.
    #[arg(long, env = "SAMVAD_MAX_USER_MIB", default_value = "10240", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_user_mib: u32,
}

/// Where files are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a folder.
    Folder(PathBuf),
    /// In a bucket of an S3 service.
    Bucket {
        /// The bucket.
        name: String,
        /// What all keys begin with; may be empty.
        prefix: String,
    },
}

impl FromStr for Place {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let Some(rest) = text.strip_prefix("s3://") else { return Ok(Self::Folder(text.into())) };
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        Ok(Self::Bucket { name: name.to_owned(), prefix: prefix.trim_matches('/').to_owned() })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(out, "{}", path.display()),
            Self::Bucket { name, prefix } => write!(out, "s3://{name}/{prefix}"),
        }
    }
}

impl AttachmentOptions {
    /// The folder in which files are kept, if they are not in a bucket: by default one in the data folder.
    pub fn folder(&self, data_dir: &Path) -> PathBuf {
        match &self.attachments {
            Some(Place::Folder(folder)) => folder.clone(),
            _ => data_dir.join("attachments"),
        }
    }

    /// How many and how large.
    pub fn limits(&self) -> UploadLimits {
        UploadLimits {
            files: usize::try_from(self.max_files).unwrap_or(limits::MOST_FILES_PER_MESSAGE),
            file_bytes: u64::from(self.max_file_mib) * MEBIBYTE,
            user_bytes: u64::from(self.max_user_mib) * MEBIBYTE,
        }
    }

    /// The bucket, if files are kept in one.
    pub fn s3(&self) -> Option<S3Options> {
        let Some(Place::Bucket { name, prefix }) = self.attachments.clone() else { return None };
        Some(S3Options {
            bucket: name,
            prefix,
            endpoint: self.s3_endpoint.clone(),
            region: self.s3_region.clone(),
            access_key_id: self.s3_access_key_id.clone().unwrap_or_default(),
            secret_access_key: self.s3_secret_access_key.clone().unwrap_or_default(),
            allow_http: self.s3_endpoint.as_deref().is_some_and(|url| url.starts_with("http://")),
        })
    }

    /// Refuses what cannot work.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let Some(Place::Bucket { name, .. }) = &self.attachments else { return Ok(()) };
        if name.is_empty() {
            return Err(ConfigError::Attachments("--attachments s3:// needs a bucket: s3://bucket/prefix"));
        }
        if self.s3_access_key_id.is_none() || self.s3_secret_access_key.is_none() {
            return Err(ConfigError::Attachments(
                "--attachments s3:// needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            ));
        }
        let endpoint = self.s3_endpoint.as_deref().unwrap_or("https://");
        if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
            return Err(ConfigError::Attachments("--s3-endpoint must begin with https:// or http://"));
        }
        Ok(())
    }
}

impl fmt::Debug for AttachmentOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AttachmentOptions")
            .field("attachments", &self.attachments)
            .field("s3_endpoint", &self.s3_endpoint)
            .field("s3_region", &self.s3_region)
            .field("limits", &self.limits())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_place_is_a_folder_or_a_bucket() {
        let place = |text: &str| text.parse::<Place>().unwrap();
        assert_eq!(place("/srv/files"), Place::Folder("/srv/files".into()));
        let bucket = |name: &str, prefix: &str| Place::Bucket { name: name.into(), prefix: prefix.into() };
        assert_eq!(place("s3://chat"), bucket("chat", ""));
        assert_eq!(place("s3://chat/a/b/"), bucket("chat", "a/b"));
        assert_eq!(place("s3://chat/a/b/").to_string(), "s3://chat/a/b");
    }
}
