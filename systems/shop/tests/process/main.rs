//! The shop as a process: how it starts, what it says, how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "helpers of tests may, as tests may")]

mod backups;
mod broken;
mod clocks;
#[path = "../common/mod.rs"]
mod common;
mod full_disk;
mod limits;
mod restarting;
mod starting;
mod stopping;

/// These wait most of their time, so they wait together.
#[test]
fn what_takes_its_time() {
    common::together(&[
        ("full disk", full_disk::a_full_disk_loses_nothing_and_room_ends_it_without_a_restart),
        ("backups", backups::a_copy_made_under_load_audits_clean_and_ends_what_it_found_exactly_once),
        ("wall clock", clocks::a_wall_clock_set_an_hour_forth_and_back_moves_no_deadline_of_a_live_process),
        ("slow client", limits::a_client_has_10_s_for_head_and_body),
        ("killed", restarting::what_a_killed_shop_had_begun_is_finished_by_the_next_one),
        ("parked", restarting::a_parked_order_is_still_parked_after_a_restart),
        ("stopping", stopping::a_signal_stops_it_within_5_s_whatever_is_open),
        ("not ready", stopping::while_it_stops_it_is_not_ready_and_takes_nothing_new),
        ("stopping to the end", stopping::until_it_has_stopped_whoever_comes_is_told_so),
        ("no server", starting::without_a_server_drive_and_audit_say_how_to_start_one),
        ("connections", limits::over_2048_connections_the_longest_idle_one_is_closed_for_a_new_one),
        ("few files", limits::a_shop_that_may_open_few_files_takes_fewer_connections_and_stays_reachable),
        ("five kills", restarting::five_kills_in_the_middle_of_one_order_still_end_it_once),
    ]);
}
