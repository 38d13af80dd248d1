//! Small pictures beside words; never instead of them.

use maud::{Markup, html};
use partita_saga::Class;

fn icon(path: &str) -> Markup {
    html! {
        svg.icon viewBox="0 0 12 12" width="12" height="12" aria-hidden="true" focusable="false" {
            path d=(path) fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" {}
        }
    }
}

/// Of a state.
pub(crate) fn class(class: Class) -> Markup {
    icon(match class {
        Class::Running => "M3.5 2.2v7.6L10 6z",
        Class::Waiting => "M6 1.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6M6 3.6V6l1.7 1.4",
        Class::Unwinding => "M4.2 1.8 1.4 4.6l2.8 2.8M1.8 4.6h5.4a2.8 2.8 0 0 1 0 5.6H4.4",
        Class::Parked => "M6 1.6 11 10.4H1zM6 5v2.2M6 8.9v.1",
        Class::Completed => "M1.8 6.6 4.6 9.4l5.6-6.6",
        Class::Compensated => "M6 1.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6M3.8 6h4.4",
    })
}

/// A saga that was taken up again by a new process.
pub(crate) fn recovered() -> Markup {
    icon("M10.4 6A4.4 4.4 0 1 1 9 2.8M9.2.8v2.4H6.8")
}
