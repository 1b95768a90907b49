//! Where the files of messages are kept.

use std::sync::Arc;

use app::ports::Blobs;
use futures::future::BoxFuture;

use super::{Finding, Subject, machine, why};
use crate::blob::S3Blobs;

/// Whether files can be kept.
pub(super) fn attachments(subject: Arc<Subject>) -> BoxFuture<'static, Vec<Finding>> {
    let options = &subject.config.attachments;
    let Some(bucket) = options.s3() else {
        let folder = options.folder(&subject.config.data_dir);
        let alone = subject.config.mongodb_url.is_some() && options.attachments.is_none();
        return Box::pin(async move {
            // By itself it is made in the data folder, which is tried on its own.
            let mut findings = if subject.config.attachments.attachments.is_none() && !folder.exists() {
                vec![Finding::fine(format!("{} will be made at the first start", folder.display()))]
            } else {
                machine::folder(subject, folder).await
            };
            if alone {
                findings.push(Finding::note(
                    "other nodes do not see this machine's data folder: name a folder that they share, or a bucket, \
                     with --attachments",
                ));
            }
            findings
        });
    };
    let place = options.attachments.as_ref().map(ToString::to_string).unwrap_or_default();
    Box::pin(async move {
        let tried = match S3Blobs::open(&bucket) {
            Ok(blobs) => blobs.check().await,
            Err(error) => Err(error),
        };
        vec![match tried {
            Ok(()) => Finding::fine(format!("{place} can be read and written to")),
            Err(error) => Finding::wrong(format!("{place} cannot be used: {}", why(&error))),
        }]
    })
}
