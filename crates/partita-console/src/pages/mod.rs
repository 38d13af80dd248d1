//! The pages, as HTML.

mod error;
pub(crate) mod fragments;
mod gantt;
mod lanes;
mod overview;
mod saga;
mod time;

use crate::assets::{FAVICON, SCRIPT, STYLE};
use crate::console::Console;
use crate::view::{Snapshot, View};
use crate::{icon, words};
use maud::{DOCTYPE, Markup, html};
use partita_saga::Class;

pub(crate) use error::error;

/// What the frame around a page needs.
struct Frame<'a> {
    title: &'a str,
    /// Of a page that is kept live; an error page is not.
    live: Option<Source>,
}

/// How a page is kept live.
struct Source {
    /// The page's own address, for "Refresh".
    href: String,
    /// Where its changes come from.
    events: String,
    /// What it shows.
    last: String,
}

/// A whole page.
pub(crate) fn whole(console: &Console, view: &View, seen: &Snapshot) -> Markup {
    let now = console.now();
    let source = |href| Some(Source { href, events: view.events_href(), last: console.event_id(seen) });
    match seen {
        Snapshot::Overview(seen) => {
            let title = seen.filter.class.map_or("Sagas".to_owned(), |class| format!("Sagas: {}", class.word()));
            let live = source(seen.filter.href(seen.filter.after.as_ref()));
            let content = overview::content(seen, &title, &console.about.empty_hint, now);
            framed(console, &Frame { title: &title, live }, &content)
        }
        Snapshot::Saga(detail) => {
            let (id, name) = (&detail.row.id, &detail.row.name);
            let (title, live) = (format!("{name} {id}"), source(saga_href(id)));
            framed(console, &Frame { title: &title, live }, &saga::content(detail, now))
        }
    }
}

fn framed(console: &Console, frame: &Frame<'_>, content: &Markup) -> Markup {
    let system = &console.about.system;
    let (events, last) = frame.live.as_ref().map(|source| (&source.events, &source.last)).unzip();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (frame.title) " · " (system) }
                link rel="icon" type="image/svg+xml" href=(FAVICON.url());
                link rel="stylesheet" href=(STYLE.url());
                script type="module" src=(SCRIPT.url()) {}
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header.top {
                    a.brand href="/console" { img src=(FAVICON.url()) alt="" width="20" height="20"; (system) }
                    span.section { "sagas" }
                    @if let Some(source) = &frame.live { div.now { (status(console, source)) } }
                }
                main #main tabindex="-1" data-live=[events] data-last=[last] data-now=(console.now().as_millis()) {
                    (content)
                }
            }
        }
    }
}

fn status(console: &Console, source: &Source) -> Markup {
    html! {
        span #live role="status" aria-live="polite" {}
        noscript { span.muted { "Not live without JavaScript: refresh to see changes." } }
        span.muted.read { "read " (time::moment(console.now())) }
        a href=(source.href) { "Refresh" }
    }
}

/// Address of a saga's page.
fn saga_href(id: &str) -> String {
    format!("/console/sagas/{}", words::encode(id))
}

/// A state: picture, colour and word.
fn chip(class: Class) -> Markup {
    html! { span class={ "chip is-" (class.word()) } { (icon::class(class)) (class.word()) } }
}

/// Stands where there is nothing to say.
fn nothing() -> Markup {
    html! { span.muted.nothing { "–" } }
}
