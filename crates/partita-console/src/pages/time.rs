//! Times in HTML. What grows with time has `data-at`, by which the script counts on.

use crate::words;
use maud::{Markup, html};
use partita_time::Timestamp;

/// A moment, RFC 3339.
pub(super) fn moment(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (at) } }
}

/// A moment, and how far it is away.
pub(super) fn moment_and_distance(at: Timestamp, now: Timestamp) -> Markup {
    html! { (moment(at)) " " (distance(at, now)) }
}

/// `3 min ago`, `in 12 s`.
pub(super) fn distance(at: Timestamp, now: Timestamp) -> Markup {
    let ahead = at.since(now);
    let text = match ahead.as_secs() {
        0 => format!("{} ago", words::age(now.since(at))),
        _ => format!("in {}", words::age(ahead)),
    };
    html! { span.muted.nowrap data-at=(at.as_millis()) data-say="distance" { (text) } }
}

/// `3 min`.
pub(super) fn since(at: Timestamp, now: Timestamp) -> Markup {
    html! { span.nowrap data-at=(at.as_millis()) data-say="age" { (words::age(now.since(at))) } }
}
