//! The course of a saga as a picture: a row for each step, a bar for each attempt.
//!
//! The labels are HTML and the bars stretch, so that it can be read at any width. Each row says the same in words.

use super::lanes::{Bar, End, Lane, Lanes};
use crate::words;
use maud::{Markup, html};
use partita_saga::SagaDetail;
use partita_time::Timestamp;
use std::time::Duration;

/// Units from the left to the right end.
const WIDTH: u64 = 1_000;

/// No bar is narrower, so that the shortest attempt is seen.
const LEAST: u64 = 5;

/// Bars of one step that are drawn; the newest ones.
const MOST_BARS: usize = 100;

pub(super) fn picture(detail: &SagaDetail, now: Timestamp) -> Markup {
    let lanes = Lanes::of(detail, now);
    let span = lanes.to.since(lanes.from);
    html! {
        section aria-labelledby="course" {
            h2 #course { "Course" }
            figure.panel.course {
                @for lane in &lanes.lanes {
                    div.lane { span.step { (lane.step) } (bars(lane, &lanes)) }
                }
                div.axis aria-hidden="true" { span { "0" } span { (words::took(span / 2)) } span { (words::took(span)) } }
                figcaption { (legend(&lanes)) }
            }
        }
    }
}

fn bars(lane: &Lane, lanes: &Lanes) -> Markup {
    let hidden = lane.bars.len().saturating_sub(MOST_BARS);
    html! {
        svg role="img" aria-label=(in_words(lane, lanes.from)) viewBox={ "0 0 " (WIDTH) " 16" } preserveAspectRatio="none" {
            line.rail x1="0" y1="8" x2=(WIDTH) y2="8" {}
            @for bar in &lane.bars[hidden..] { (rect(bar, lanes)) }
            @for at in &lanes.recovered {
                @let x = place(at.since(lanes.from), lanes);
                line.restart x1=(x) y1="0" x2=(x) y2="16" {}
            }
        }
    }
}

fn rect(bar: &Bar, lanes: &Lanes) -> Markup {
    let (from, to) = (place(bar.from.since(lanes.from), lanes), place(bar.to.since(lanes.from), lanes));
    let width = to.saturating_sub(from).max(LEAST);
    let x = from.min(WIDTH - width);
    let (y, height) = if bar.end.is_undo() { (5, 6) } else { (2, 12) };
    html! {
        rect class=(class(bar.end)) x=(x) y=(y) width=(width) height=(height) { title { (bar_in_words(bar, lanes.from)) } }
    }
}

fn place(offset: Duration, lanes: &Lanes) -> u64 {
    let span = lanes.to.since(lanes.from).as_millis().max(1);
    let x = offset.as_millis() * u128::from(WIDTH) / span;
    u64::try_from(x).unwrap_or(WIDTH).min(WIDTH)
}

fn class(end: End) -> String {
    format!("bar bar-{}", end.word().replace(", ", "-").replace(' ', "-"))
}

fn in_words(lane: &Lane, start: Timestamp) -> String {
    if lane.bars.is_empty() {
        return format!("{}: not begun", lane.step);
    }
    let newest = &lane.bars[lane.bars.len().saturating_sub(MOST_BARS)..];
    let bars: Vec<String> = newest.iter().map(|bar| bar_in_words(bar, start)).collect();
    format!("{}: {}", lane.step, bars.join("; "))
}

fn bar_in_words(bar: &Bar, start: Timestamp) -> String {
    let what = if bar.end.is_undo() { "undo attempt" } else { "attempt" };
    let (from, took) = (words::offset(bar.from.since(start)), words::took(bar.to.since(bar.from)));
    format!("{what} {} at {from}: {} after {took}", bar.attempt, bar.end.word())
}

fn legend(lanes: &Lanes) -> Markup {
    let seen = |end: &End| lanes.lanes.iter().flat_map(|lane| &lane.bars).any(|bar| bar.end == *end);
    html! {
        @for end in End::ALL.into_iter().filter(seen) {
            @let (y, height) = if end.is_undo() { (2, 6) } else { (0, 10) };
            span.key {
                svg viewBox="0 0 14 10" width="14" height="10" aria-hidden="true" {
                    rect class=(class(end)) y=(y) width="14" height=(height) {}
                }
                (end.word())
            }
        }
        @if !lanes.recovered.is_empty() {
            span.key {
                svg viewBox="0 0 14 10" width="14" height="10" aria-hidden="true" {
                    line.restart x1="7" y1="0" x2="7" y2="10" {}
                }
                "recovered after a restart"
            }
        }
    }
}
