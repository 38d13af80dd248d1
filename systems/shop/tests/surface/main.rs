//! What the shop promises to people who script against it, sentence by sentence, over a socket.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "helpers of tests may, as tests may")]

mod cancelling;
#[path = "../common/mod.rs"]
mod common;
mod ends;
mod keys;
mod placing;
mod provider;
mod reading;
mod refusing;

/// These wait most of their time, so they wait together.
#[test]
fn what_takes_its_time() {
    common::together(&[
        ("cancel, kept", cancelling::a_cancel_before_the_pivot_is_kept_and_may_be_said_again),
        ("cancel, body and key", cancelling::a_cancel_needs_neither_body_nor_key_and_minds_neither),
        ("ends", ends::each_payment_method_has_its_end_within_30_s),
        ("overloaded", keys::a_full_shop_is_overloaded_for_new_orders_and_still_knows_the_old_ones),
        ("key across a kill", keys::the_same_key_across_a_kill_is_the_same_order),
        ("slow intent", provider::a_slow_intent_is_processing_for_5_s_and_its_key_in_use),
        ("reserved", reading::an_order_reserves_stock_and_holds_points_until_it_is_confirmed),
        ("prefer wait", reading::waiting_ends_with_the_order_or_with_its_time_and_nonsense_is_ignored),
    ]);
}
