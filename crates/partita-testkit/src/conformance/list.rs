//! The rules as a list, which tests and the table of rules are made of.

/// Makes one test of every rule: `partita_testkit::conformance!(fresh)`, where `fresh()` is a [`Backend`] with a fresh
/// medium.
///
/// [`Backend`]: crate::conformance::Backend
#[macro_export]
macro_rules! conformance {
    ($fresh:expr) => {
        $crate::each_conformance_rule! { [$crate::conformance_tests] ($fresh) }
    };
}

/// Calls a macro with all rules.
#[doc(hidden)]
#[macro_export]
macro_rules! each_conformance_rule {
    ([$($callback:tt)*] ($($argument:tt)*)) => {
        $($callback)*! { ($($argument)*)
            receipts Threads {
                a_read_begun_after_a_receipt_sees_the_commit
                readers_elsewhere_see_it_too
                what_has_a_receipt_is_there_after_a_restart
                what_has_a_receipt_is_there_for_another_opening
                a_receipt_names_the_first_position_and_the_last_version_of_each_append
                a_receipt_without_appends_has_no_positions
                transactions_are_numbered_in_order
                facts_count_what_was_applied_since_the_opening
                a_commit_of_every_kind_becomes_true_together
            }
            ordering Threads {
                commits_of_one_handle_apply_in_the_order_of_submission
                puts_of_one_handle_apply_in_the_order_of_submission
                a_broken_link_fails_those_behind_it_and_no_other
                one_commits_conflict_fails_that_commit_alone
                of_appends_at_the_same_version_one_succeeds
                dropping_a_ticket_withdraws_nothing
                a_ticket_given_up_after_a_while_withdraws_nothing
                tickets_answer_in_whatever_order_they_are_asked
                positions_are_dense_in_commit_order
            }
            conflicts Threads {
                an_append_that_conflicts_hands_back_the_newest_version
                an_append_that_conflicts_with_an_empty_stream_hands_back_none
                a_put_that_conflicts_hands_back_the_record
                a_put_that_conflicts_with_nothing_hands_back_none
                a_journal_append_that_conflicts_hands_back_the_length
                the_first_item_that_fails_is_named_in_the_order_journals_appends_puts
                of_items_of_one_kind_the_first_that_fails_is_named
                a_refused_commit_changes_nothing
                a_refused_commit_between_others_leaves_them_whole
                the_same_guarded_value_handed_in_twice_takes_effect_once
            }
            appends Threads {
                an_append_at_empty_begins_a_stream
                an_append_at_exactly_the_newest_version_goes_on
                an_append_at_any_takes_the_stream_as_it_is
                streams_are_numbered_by_themselves
                events_of_a_commit_keep_their_order
                an_envelope_reads_back_as_it_was_written
                a_large_event_reads_back_byte_by_byte
            }
            logs Threads {
                an_empty_log_ends_at_position_0
                the_head_has_the_logs_identity_and_newest_position
                each_log_has_an_identity_of_its_own
                a_stream_reads_oldest_first_from_a_version_on_within_the_limit
                an_unknown_stream_is_empty
                the_log_reads_oldest_first_behind_a_checkpoint_within_the_limit
                a_limit_of_0_reads_nothing
                a_checkpoint_of_another_log_is_a_mismatch
                a_checkpoint_ahead_of_the_log_is_a_mismatch
                a_reader_that_follows_skips_nothing_and_never_goes_back
                grown_answers_at_once_when_the_log_is_beyond_already
                grown_wakes_when_the_log_goes_beyond_the_position
                all_who_wait_for_growth_are_woken
                grown_waits_without_polling
            }
            records Threads {
                an_unknown_record_is_none
                a_record_reads_back_as_it_was_put
                a_put_at_any_writes_whatever_is_there
                a_put_at_absent_writes_only_what_is_not_there
                a_put_at_exactly_writes_only_at_that_revision
                a_revision_is_1_and_grows_by_one_with_each_write
                a_delete_at_exactly_removes_the_record
                a_delete_at_any_leaves_nothing
                a_record_deleted_and_made_anew_starts_at_revision_1
                a_write_replaces_due_time_and_fields
                records_page_by_key_behind_a_key_within_the_limit
                any_text_is_a_key
                a_large_value_reads_back_byte_by_byte
            }
            pages Threads {
                records_are_found_by_field_in_order
                records_are_found_descending
                records_are_found_by_an_integer_ordered_by_a_text
                pages_go_on_between_equal_values
                integers_are_ordered_with_their_sign
                a_page_that_was_not_declared_is_invalid
                due_records_come_by_due_time_then_key
                due_pages_go_on_behind_a_record
                a_record_falls_due_at_its_newest_time
                counters_move_by_what_is_added
                a_counter_never_moved_is_not_there
                a_refused_commit_moves_no_counter
            }
            journals Threads {
                an_unknown_journal_is_empty
                a_journal_takes_records_at_its_exact_length
                a_journal_reads_from_a_number_on_within_the_limit
                journal_records_read_back_byte_by_byte
                a_journal_may_have_any_number
                journals_leave_the_log_alone
                a_pruned_journal_is_gone
                a_prune_forgets_records_whose_time_has_come
                a_prune_forgets_at_most_so_many
                a_pruned_record_is_gone_from_every_page
                a_record_is_kept_by_its_newest_write
                a_refused_commit_prunes_nothing
            }
            lifetimes Threads {
                a_commit_under_the_current_fence_applies
                an_older_epoch_is_fenced_and_nothing_applied
                a_fenced_commit_fails_alone
                the_first_opening_has_the_incarnation_1
                each_opening_raises_the_incarnation_and_all_epochs
                an_earlier_opening_is_fenced_by_a_later_one
                what_was_committed_is_there_after_opening_again
                the_log_goes_on_after_opening_again
                expectations_hold_across_openings
                closing_applies_what_is_queued
                what_comes_after_the_close_is_closed_without_effect
                closing_twice_returns
                whoever_submits_during_the_close_is_answered
            }
            full_queue OneThread {
                a_full_queue_answers_busy_and_applies_nothing
                there_is_room_again_after_busy
                commit_waits_for_room
                closing_answers_those_who_wait_for_room
            }
            random Threads {
                random_commits_are_answered_as_by_a_naive_model
                concurrent_commits_are_as_if_one_came_after_the_other
            }
            refusals Threads {
                an_empty_commit_is_refused
                an_append_of_nothing_is_refused
                an_unknown_space_is_refused
                a_field_that_is_not_declared_with_this_type_is_refused
                a_due_time_in_a_space_without_due_times_is_refused
                naming_something_twice_is_refused
                an_append_at_any_without_a_guard_is_refused
                a_commit_without_a_guard_is_refused_with_its_name
                a_delete_of_what_is_absent_is_no_guard
                more_than_1000_items_are_refused
                an_item_over_1_mib_is_refused
                a_commit_over_4_mib_is_refused
                a_refused_commit_does_not_break_a_chain
            }
        }
    };
}

/// One test of each rule.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    (($fresh:expr) $($page:ident $runtime:ident { $($rule:ident)* })*) => {
        $(
            mod $page {
                #[allow(unused_imports, reason = "the expression may name what is around it")]
                use super::*;
                $(
                    #[test]
                    fn $rule() {
                        $crate::conformance::assert_rule(&$crate::conformance_rule!($page $runtime $rule), $fresh);
                    }
                )*
            }
        )*
    };
}

/// All rules in one vector.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_table {
    (() $($page:ident $runtime:ident { $($rule:ident)* })*) => {
        vec![$($($crate::conformance_rule!($page $runtime $rule)),*),*]
    };
}

/// One rule.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_rule {
    ($page:ident $runtime:ident $rule:ident) => {
        $crate::conformance::Rule {
            page: stringify!($page),
            name: stringify!($rule),
            runtime: $crate::conformance::Runtime::$runtime,
            run: |rig| Box::pin($crate::conformance::rules::$page::$rule(rig)),
        }
    };
}
