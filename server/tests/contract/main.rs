//! The contract suite: what every adapter of `app::ports::Store` has to do, as scenarios.
//!
//! A scenario gets a store of its own, empty, as `Arc<dyn Store>`, and knows nothing of what is behind it.
//! An adapter's module implements [`support::Fixture`] and calls `contract!` once; what only that adapter
//! promises is tested beside that call.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

/// Runs every scenario against the stores of a fixture.
macro_rules! contract {
    ($fixture:ty) => {
        contract!(@module accounts $fixture:
            an_account_is_found_by_its_id_and_its_email
            an_email_is_unique_and_folded
            racing_registrations_make_one_account
            users_gives_those_that_exist
            people_are_found_by_the_beginnings_of_words
            people_are_found_by_their_exact_email
            wildcards_find_nobody
            a_new_name_is_found_and_the_old_one_is_not
            a_password_is_replaced_only_if_it_is_the_expected_one
            sessions_are_listed_and_ended
            a_session_expires
            sessions_gives_those_that_live
            beyond_the_most_the_least_recently_used_sessions_end
            a_session_needs_an_account
            a_refresh_token_is_exchanged_for_its_successor
            the_absolute_lifetime_is_never_extended
            two_that_refresh_at_once_both_stay_signed_in
            a_stolen_refresh_token_ends_the_session
            what_is_no_valid_token_is_unknown
            expired_sessions_are_purged
        );
        contract!(@module chats $fixture:
            racing_requests_open_one_direct_chat
            a_direct_chat_needs_two_accounts
            a_group_with_an_unknown_member_leaves_nothing_behind
            members_are_listed_in_the_order_of_joining
            outsiders_find_nothing
            chats_are_listed_by_last_activity
            a_long_list_says_of_each_chat_what_the_chat_itself_says
            heads_contacts_and_small_chats
            who_made_as_many_chats_as_they_may_makes_no_more
            nobody_uses_up_the_chats_of_somebody_else
        );
        contract!(@module changes $fixture:
            every_change_is_logged_and_applied
            a_group_says_what_it_is_about
            a_refusal_writes_nothing
            a_change_that_fails_half_way_writes_nothing
            no_decision_means_no_change
            an_unknown_chat_cannot_be_changed
            concurrent_changes_keep_the_log_dense
            the_last_admin_hands_over_and_the_last_member_ends_the_group
            a_deleted_chat_is_gone_for_everybody
        );
        contract!(@module groups $fixture:
            members_are_found_by_the_beginnings_of_words
            members_are_read_in_parts
            people_join_by_an_invitation
            an_invitation_that_is_not_good_lets_nobody_in
            of_many_who_race_for_the_last_uses_as_many_get_in
            a_group_has_a_bounded_number_of_invitations
        );
        contract!(@module messages $fixture:
            a_message_is_stored_as_it_was_sent
            a_batch_has_one_outcome_per_message_in_order
            a_hundred_sends_of_one_message_store_it_once
            a_repeated_send_finds_its_original_even_after_leaving
            a_client_id_belongs_to_one_chat
            only_members_append
            the_longest_body_is_kept_as_it_is
            racing_writers_get_dense_numbers_and_one_order
            history_is_paged_from_either_end
            history_around_an_event_fills_the_page
            events_that_are_no_messages_do_not_break_paging
            what_happened_to_a_chat_is_in_one_of_the_pages_beside_each_other
            what_happened_to_a_chat_names_who_is_gone
            what_a_page_tells_of_its_chat_is_bounded
            a_message_is_found_by_its_time
            messages_show_the_current_name_of_their_sender
            the_log_of_a_deleted_chat_is_purged
        );
        contract!(@module attachments $fixture:
            files_come_with_their_message_and_are_shown_everywhere
            nobody_knows_of_what_is_not_there
            a_message_whose_files_are_gone_is_refused_and_no_other
            a_file_is_collected_or_attached_and_never_both
            the_room_that_somebody_has_is_counted_in_the_write
            racing_sends_stay_within_the_room_of_their_sender
            a_repeated_send_leaves_the_files_that_came_again_alone
            refusals_have_an_order
            files_are_collected_oldest_first_until_they_are_forgotten
            what_is_given_up_is_collected_from_then_on
        );
        contract!(@module avatars $fixture:
            a_person_has_one_avatar_and_the_one_before_is_released
            an_avatar_is_an_arriving_file_of_ones_own
            a_group_has_one_avatar_by_its_log
            the_avatar_of_a_deleted_chat_is_released
            an_avatar_is_no_messages_file
            who_wrote_and_who_is_found_comes_with_their_avatar
            of_many_who_race_one_stays_and_the_others_are_released
        );
        contract!(@module conversation $fixture:
            an_edit_is_shown_everywhere_and_its_texts_are_kept
            a_change_is_decided_on_what_there_is
            who_is_outside_changes_nothing
            an_answer_shows_what_it_answers_as_it_is_now
            an_answer_is_to_something_of_its_chat
            many_people_react_and_each_knows_what_is_theirs
            pinned_messages_are_listed_last_pinned_first
            what_is_shown_is_what_the_log_says
            racing_changes_of_one_message_keep_the_log_dense
            reactions_of_a_deleted_chat_are_purged
        );
        contract!(@module reading $fixture:
            what_was_sent_is_unread_until_it_is_marked
            a_chat_counts_as_unread_from_a_mark_until_that_is_reached
            whoever_sends_has_read_what_was_there
            what_a_chat_is_to_somebody_is_theirs_alone
            nobody_marks_what_they_are_not_in
            who_joins_again_begins_anew_with_later_revisions
            others_see_how_far_one_has_read_unless_that_is_off
            in_a_large_chat_nobody_is_told_how_far_others_have_read
            marks_and_sends_of_one_person_do_not_undo_each_other
            the_unread_count_is_what_a_recount_of_the_log_comes_to
        );
        contract!(@module search $fixture:
            what_is_found_is_what_a_scan_finds
            only_who_is_in_a_chat_finds_what_is_said_in_it
            a_message_is_found_by_what_it_says_now
            what_is_found_can_be_narrowed
            pages_lose_and_repeat_nothing
            what_somebody_does_not_see_takes_no_room_from_what_they_do
        );
        contract!(@module mentions $fixture:
            members_are_found_by_their_names
            a_mention_is_unread_for_whom_it_means_until_they_have_read_it
            an_edit_adds_mentions_and_takes_them_away
            a_deletion_takes_mentions_away_and_their_names_out_of_the_log
            who_joins_again_has_no_unread_mentions
            of_many_unread_mentions_the_newest_are_told
            the_mentions_of_a_deleted_chat_are_purged
        );
        contract!(@module people $fixture:
            when_people_were_last_there_is_noted_and_never_goes_back
            others_are_told_when_one_was_last_there_unless_that_is_off
            what_two_people_share_is_found_by_name
            blocking_is_one_way_and_can_be_taken_back
            nobody_begins_a_direct_chat_past_a_block
            nobody_writes_to_a_direct_chat_past_a_block
            a_change_of_a_message_knows_who_has_blocked_whom
            who_is_blocked_is_not_told_how_far_one_has_read
            whom_one_has_blocked_mentions_and_notifies_one_no_longer
            one_blocks_a_bounded_number_of_people
            a_block_and_a_new_direct_chat_cannot_miss_each_other
            a_block_that_is_repeated_and_its_end_cannot_miss_each_other
            nothing_is_stored_after_a_block
        );
        contract!(@module push $fixture:
            a_subscription_lives_with_its_session
            an_endpoint_belongs_to_who_subscribed_last
            told_is_who_is_in_the_chat_and_wants_to_hear_of_it
            who_wants_to_hear_of_mentions_alone_is_told_of_these
        );
        contract!(@module drafts $fixture:
            the_last_save_is_kept_and_says_what_it_was_made_of
            only_a_draft_that_is_known_is_taken_away
            a_draft_goes_in_the_write_that_stores_its_message
            a_draft_that_answers_shows_what_it_answers_as_it_is_now
            a_draft_goes_with_the_membership
            the_drafts_that_were_saved_last_are_listed
            a_save_beside_its_send_leaves_no_draft
            of_racing_saves_one_is_kept
        );
        contract!(@module deletions $fixture:
            a_deleted_message_leaves_its_place_and_nothing_else
            a_message_is_deleted_once
            a_message_of_another_chat_is_not_deleted
            released_files_are_collected_after_a_grace
            the_files_of_a_deleted_chat_are_released_by_its_purge
        );

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn everything_is_there_after_reopening() {
            crate::messages::everything_is_there_after_reopening::<$fixture>().await;
        }
    };
    (@module $module:ident $fixture:ty: $($scenario:ident)*) => {
        mod $module {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    let fixture = <$fixture as crate::support::Fixture>::open().await;
                    crate::$module::$scenario(crate::support::Fixture::store(&fixture)).await;
                }
            )*
        }
    };
}

mod accounts;
mod attachments;
mod avatars;
mod changes;
mod chats;
mod conversation;
mod deletions;
mod drafts;
mod embedded;
mod groups;
mod mentions;
mod messages;
mod mongo;
mod people;
mod push;
#[path = "../support/random.rs"]
#[allow(dead_code)]
mod random;
mod reading;
#[path = "../support/replica_set.rs"]
#[allow(dead_code)]
mod replica_set;
mod search;
#[path = "../support/signal.rs"]
mod signal;
mod support;
