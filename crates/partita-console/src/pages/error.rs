//! A page that says what went wrong.

use super::{Frame, framed};
use crate::console::Console;
use axum::http::StatusCode;
use maud::{Markup, html};

/// Says what went wrong and where to go on.
pub(crate) fn error(console: &Console, status: StatusCode, text: &str) -> Markup {
    let title = status.canonical_reason().unwrap_or("Error");
    let content = html! {
        section.panel.lonely {
            p.muted { (status.as_u16()) }
            h1 { (title) }
            p { (text) }
            p { a href="/console" { "All sagas" } }
        }
    };
    framed(console, &Frame { title, live: None }, &content)
}
