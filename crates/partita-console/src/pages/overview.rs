//! All sagas: how many of each state, and a list.

use super::{chip, nothing, saga_href, time};
use crate::cursor::Cursor;
use crate::view::{Filter, Overview, PAGE};
use crate::{icon, words};
use maud::{Markup, html};
use partita_saga::{Class, SagaRow};
use partita_time::Timestamp;

pub(super) fn content(seen: &Overview, title: &str, hint: &str, now: Timestamp) -> Markup {
    html! {
        h1 { (title) }
        (banner(seen))
        (counts(seen))
        (list(seen, now))
        @if seen.total() == 0 { (empty(hint)) }
    }
}

/// Goes away by style alone, when the list before it is replaced by one with sagas.
fn empty(hint: &str) -> Markup {
    html! {
        section #hint .panel.lonely {
            h2 { "No saga yet" }
            p { "Start one:" }
            div.copy { pre #command tabindex="0" { (hint) } button type="button" data-copy="command" { "Copy" } }
        }
    }
}

/// Stays on the page without content, so that a screen reader announces what comes into it.
pub(super) fn banner(seen: &Overview) -> Markup {
    let parked = seen.count(Class::Parked);
    let text = if parked == 1 {
        "1 saga needs an operator".to_owned()
    } else {
        format!("{} sagas need an operator", words::count(parked))
    };
    html! {
        div #banner role="alert" {
            @if parked > 0 {
                p.banner { (icon::class(Class::Parked)) a href="/console?state=parked" { (text) } }
            }
        }
    }
}

pub(super) fn counts(seen: &Overview) -> Markup {
    let chosen = seen.filter.class;
    html! {
        nav #counts aria-label="Sagas by state" {
            ul {
                (tile(None, seen.total(), chosen))
                @for class in Class::ALL { (tile(Some(class), seen.count(class), chosen)) }
            }
        }
    }
}

fn tile(class: Option<Class>, count: u64, chosen: Option<Class>) -> Markup {
    let href = Filter { class, after: None }.href(None);
    let word = class.map_or("all", Class::word);
    let current = (class == chosen).then_some("page");
    let shade = if count == 0 { " none" } else { "" };
    html! {
        li {
            a class={ "tile is-" (word) (shade) } href=(href) aria-current=[current] {
                span.number { (words::count(count)) }
                " "
                span.word { @if let Some(class) = class { (icon::class(class)) } (word) }
            }
        }
    }
}

pub(super) fn list(seen: &Overview, now: Timestamp) -> Markup {
    let untouched = (seen.total() == 0).then_some("untouched");
    html! {
        section #list class=[untouched] aria-label="List of sagas" {
            @if seen.rows.is_empty() {
                p.panel.quiet { "No saga here." }
            } @else {
                table.stacks {
                    caption { "Newest first, " (PAGE) " a page" }
                    thead {
                        tr {
                            @for head in ["Id", "Saga", "State", "Started", "In state", "Why"] { th scope="col" { (head) } }
                        }
                    }
                    tbody { @for saga in &seen.rows { (row(saga, None, now)) } }
                }
            }
            (pager(seen))
        }
    }
}

/// A row's place is behind another row, `""` for the top; only a row that may be new to its client has one.
pub(super) fn row(saga: &SagaRow, place: Option<&str>, now: Timestamp) -> Markup {
    html! {
        tr id=(row_id(&saga.id)) class={ "is-" (saga.class.word()) } data-after=[place] {
            th scope="row" data-label="Id" { a.id href=(saga_href(&saga.id)) { (saga.id) } }
            td data-label="Saga" { (saga.name) " " span.muted { "v" (saga.version) } }
            td data-label="State" { (chip(saga.class)) }
            td data-label="Started" { (time::moment_and_distance(saga.started_at, now)) }
            td data-label="In state" { (time::since(saga.changed_at, now)) }
            td data-label="Why" { (why(saga, now)) }
        }
    }
}

pub(super) fn row_id(saga: &str) -> String {
    format!("row-{}", words::encode(saga))
}

/// Reason, the next attempt, and of an ended saga how long it took.
fn why(saga: &SagaRow, now: Timestamp) -> Markup {
    let due = saga.due.filter(|_| saga.class == Class::Waiting);
    let ended = saga.class.is_ended();
    if saga.reason.is_none() && due.is_none() && !ended {
        return nothing();
    }
    html! {
        @if let Some(reason) = &saga.reason { span.reason { (reason) } " " }
        @if let Some(due) = due { "next attempt " (time::distance(due, now)) " " }
        @if ended { span.muted.nowrap { "took " (words::took(saga.changed_at.since(saga.started_at))) } }
    }
}

pub(super) fn pager(seen: &Overview) -> Markup {
    let newest = seen.filter.after.is_some().then(|| seen.filter.href(None));
    let older = seen.older.as_ref().map(|cursor: &Cursor| seen.filter.href(Some(cursor)));
    html! {
        nav #pager aria-label="Pages" {
            @if let Some(href) = newest { a rel="first" href=(href) { "← newest" } }
            @if let Some(href) = older { a.older rel="next" href=(href) { "older →" } }
        }
    }
}
