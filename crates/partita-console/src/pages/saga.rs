//! One saga: where it stands, its steps, what happened, and its state.

use super::{chip, gantt, nothing, time};
use crate::json::{self, MAX_BYTES};
use crate::{icon, words};
use maud::{Markup, html};
use partita_saga::{Class, SagaDetail, StepView, TimelineEntry};
use partita_time::Timestamp;

/// Entries of the timeline that are shown; a saga that was tried for days has many more.
const MOST_ENTRIES: usize = 500;

pub(super) fn content(detail: &SagaDetail, now: Timestamp) -> Markup {
    html! {
        div #saga {
            p.crumb { a href="/console" { "All sagas" } }
            h1 { (detail.row.name) " " span.muted { "v" (detail.row.version) } " " (chip(detail.row.class)) }
            p.id { (detail.row.id) }
            (parked(detail))
            (facts(detail, now))
            (gantt::picture(detail, now))
            (steps(&detail.steps, now))
            (timeline(detail))
            (state(&detail.state))
        }
    }
}

fn parked(detail: &SagaDetail) -> Markup {
    html! {
        @if detail.row.class == Class::Parked {
            p.banner { (icon::class(Class::Parked)) strong { "This saga needs an operator" } }
        }
    }
}

fn facts(detail: &SagaDetail, now: Timestamp) -> Markup {
    let row = &detail.row;
    html! {
        dl.facts.panel {
            @if let Some(text) = &detail.waiting_for { div.wide { dt { "Why it waits" } dd { (text) } } }
            @if let Some(reason) = &row.reason { div { dt { "Reason" } dd { span.reason { (reason) } } } }
            div { dt { "Started" } dd { (time::moment_and_distance(row.started_at, now)) } }
            @if row.class.is_ended() {
                div { dt { "Ended" } dd { (time::moment_and_distance(row.changed_at, now)) } }
                div { dt { "Took" } dd { (words::took(row.changed_at.since(row.started_at))) } }
            } @else {
                div { dt { "In this state for" } dd { (time::since(row.changed_at, now)) } }
            }
            @if let Some(due) = row.due { div { dt { "Goes on" } dd { (time::moment_and_distance(due, now)) } } }
            div { dt { "Pivot must begin by" } dd { (deadline(detail, now)) } }
        }
    }
}

/// How far away it is matters only while the saga may still get there.
fn deadline(detail: &SagaDetail, now: Timestamp) -> Markup {
    match detail.deadline {
        Some(at) if matches!(detail.row.class, Class::Running | Class::Waiting) => time::moment_and_distance(at, now),
        Some(at) => time::moment(at),
        None => html! { "no deadline" },
    }
}

fn steps(steps: &[StepView], now: Timestamp) -> Markup {
    let heads = ["Step", "Kind", "State", "Attempts", "Undo attempts", "Started", "Duration", "Note"];
    html! {
        section aria-labelledby="steps" {
            h2 #steps { "Steps" }
            table.stacks {
                caption.aside { "Steps in the order of the definition" }
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody { @for one in steps { (step(one, now)) } }
            }
        }
    }
}

fn step(step: &StepView, now: Timestamp) -> Markup {
    html! {
        tr {
            th scope="row" data-label="Step" { (step.name) }
            td data-label="Kind" { (step.kind) }
            td data-label="State" { span class={ "word was-" (step.state.replace(' ', "-")) } { (step.state) } }
            td.number data-label="Attempts" { (attempts(step.attempts)) }
            td.number data-label="Undo attempts" { (attempts(step.undo_attempts)) }
            td data-label="Started" { @match step.started_at { Some(at) => (time::moment(at)), None => (nothing()) } }
            td data-label="Duration" { (duration(step, now)) }
            td data-label="Note" { @match &step.note { Some(note) => (note), None => (nothing()) } }
        }
    }
}

fn attempts(count: u32) -> Markup {
    if count == 0 {
        nothing()
    } else {
        html! { (count) }
    }
}

fn duration(step: &StepView, now: Timestamp) -> Markup {
    match (step.started_at, step.ended_at) {
        (Some(from), Some(to)) => html! { span.nowrap { (words::took(to.since(from))) } },
        (Some(from), None) => html! { (time::since(from, now)) " so far" },
        (None, _) => nothing(),
    }
}

fn timeline(detail: &SagaDetail) -> Markup {
    let hidden = detail.timeline.len().saturating_sub(MOST_ENTRIES);
    let heads = ["Time", "Since start", "Step", "Event", "Attempt", "Detail"];
    html! {
        section aria-labelledby="timeline" {
            h2 #timeline { "Timeline" }
            @if hidden > 0 { p.muted { (words::count(hidden as u64)) " older entries are not shown." } }
            table.stacks.tight {
                caption.aside { "What happened, oldest first" }
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody {
                    @for one in detail.timeline.iter().skip(hidden) { (entry(one, detail.row.started_at)) }
                }
            }
        }
    }
}

fn entry(entry: &TimelineEntry, start: Timestamp) -> Markup {
    let recovered = entry.event == "saga.recovered";
    html! {
        tr.recovered[recovered] {
            td data-label="Time" { (time::moment(entry.at)) }
            td.number data-label="Since start" { (words::offset(entry.at.since(start))) }
            td data-label="Step" { @match &entry.step { Some(step) => (step), None => (nothing()) } }
            td data-label="Event" {
                span class={ "event at-" (entry.event.replace('.', "-")) } { (entry.event) }
                @if recovered { " " span.chip.restart { (icon::recovered()) "recovered" } }
            }
            td.number data-label="Attempt" { @match entry.attempt { Some(n) => (n), None => (nothing()) } }
            td data-label="Detail" { @match &entry.detail { Some(text) => (text), None => (nothing()) } }
        }
    }
}

fn state(state: &str) -> Markup {
    let pretty = json::pretty(state);
    let shown = &pretty[..pretty.floor_char_boundary(MAX_BYTES)];
    html! {
        section aria-labelledby="state" {
            h2 #state { "State" }
            @if shown.len() < pretty.len() {
                p.muted { "The first 64 KiB of " (words::count(pretty.len() as u64)) " bytes." }
            }
            pre.panel { (shown) }
        }
    }
}
