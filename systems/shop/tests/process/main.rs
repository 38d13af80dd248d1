//! The shop as a process: how it starts, what it says, how it ends.

#[path = "../common/mod.rs"]
mod common;
mod limits;
mod restarting;
mod starting;
mod stopping;

/// These wait most of their time, so they wait together.
#[test]
fn what_takes_its_time() {
    common::together(&[
        ("slow client", limits::a_client_has_10_s_for_head_and_body),
        ("killed", restarting::what_a_killed_shop_had_begun_is_finished_by_the_next_one),
        ("parked", restarting::a_parked_order_is_still_parked_after_a_restart),
        ("five kills", restarting::five_kills_in_the_middle_of_one_order_still_end_it_once),
    ]);
}
