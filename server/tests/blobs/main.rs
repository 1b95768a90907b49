//! Contents of files and what is found in them: the contract of `app::ports::Blobs` and `Staging` as scenarios,
//! run against every adapter, what only one of them promises, and what `app::ports::Media` finds.
//!
//! A scenario gets a [`support::Fixture`] of its own, empty, and knows nothing of what is behind it. The bucket is
//! one of a real S3 server (`s3s-fs`) that each test starts in its own process.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

/// Runs every scenario against the adapters of a fixture.
macro_rules! contract {
    ($fixture:ty: $($scenario:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $scenario() {
                crate::contract::$scenario(&<$fixture as crate::support::Fixture>::open().await).await;
            }
        )*
    };
    ($fixture:ty) => {
        contract!($fixture:
            a_content_is_read_as_it_was_put
            a_content_of_nothing_is_a_content
            a_stretch_is_read_and_cut_to_what_there_is
            what_was_never_put_is_not_there
            the_same_content_can_be_put_again
            all_contents_of_an_attachment_are_deleted_and_no_others
            a_content_that_is_put_is_there_whole_or_not_at_all
            a_put_that_is_dropped_leaves_all_or_nothing
            what_is_dropped_and_then_deleted_does_not_come_back
            many_are_put_at_once
            a_reader_who_waits_does_not_lose_its_place
            a_check_leaves_nothing_behind
        );

        #[test]
        #[cfg(target_os = "linux")]
        fn a_long_content_takes_little_memory() {
            let name = concat!(module_path!(), "::a_long_content_takes_little_memory");
            crate::support::in_a_process_of_its_own(name, &[], || {
                crate::contract::a_long_content_takes_little_memory::<$fixture>();
            });
        }
    };
}

mod contract;
mod directory;
mod kinds;
mod pictures;
mod s3;
mod s3_server;
mod squares;
mod staging;
mod support;
