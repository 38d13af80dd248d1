//! The picture: a panel a policy, goodput over time.

use crate::world::{Outcome, RATE, SECONDS, SLOW};
use std::fmt::Write;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 120.0;
const LEFT: f64 = 58.0;
const TOP: f64 = 84.0;
const COLUMNS: usize = 3;
const STEP: (f64, f64) = (WIDTH + 70.0, HEIGHT + 92.0);

/// One panel.
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) outcome: Outcome,
}

impl Panel {
    /// Requests answered in time, out of all, in per cent.
    pub(crate) fn good(&self) -> f64 {
        100.0 * f64::from(self.outcome.answered.iter().sum::<u32>()) / self.requests()
    }

    /// Calls that reached the dependency, a request.
    pub(crate) fn amplification(&self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "some ten thousand calls")]
        let calls = self.outcome.calls as f64;
        calls / self.requests()
    }

    /// The 99th percentile of answers' waits, in milliseconds.
    pub(crate) fn p99(&self) -> u64 {
        let waits = &self.outcome.waits;
        waits.get((waits.len() * 99 / 100).min(waits.len().saturating_sub(1))).copied().unwrap_or(0)
    }

    /// Seconds after the dependency was quick again until nine of ten requests are answered for good.
    pub(crate) fn recovery(&self) -> Option<usize> {
        let from = usize::try_from(SLOW.end).unwrap_or(0);
        let bad = |second: &usize| {
            let (asked, answered) = (self.outcome.asked[*second], self.outcome.answered[*second]);
            answered * 10 < asked * 9
        };
        let last = (from..SECONDS - 1).rev().find(bad);
        match last {
            Some(last) if last + 2 >= SECONDS => None,
            Some(last) => Some(last + 1 - from),
            None => Some(0),
        }
    }

    /// Requests answered in time a second, on average over `seconds`.
    fn goodput(&self, seconds: std::ops::Range<u64>) -> f64 {
        let at = |second: u64| usize::try_from(second).unwrap_or(0);
        let answered = &self.outcome.answered[at(seconds.start)..at(seconds.end)];
        f64::from(answered.iter().sum::<u32>()) / f64::from(u32::try_from(answered.len().max(1)).unwrap_or(1))
    }

    fn recovered(&self) -> String {
        self.recovery().map_or_else(|| "never".to_owned(), |seconds| format!("{seconds} s"))
    }

    fn requests(&self) -> f64 {
        f64::from(self.outcome.asked.iter().sum::<u32>()).max(1.0)
    }
}

/// The figures of all panels, a line each.
pub(crate) fn table(panels: &[Panel]) -> String {
    let mut out = format!(
        "{:<52} {:>9} {:>10} {:>9} {:>9} {:>8} {:>9}\n{:<52} {:>9} {:>10} {:>9} {:>9} {:>8} {:>9}\n",
        "",
        "answered",
        "answers/s",
        "answers/s",
        "p99",
        "calls a",
        "recovered",
        "",
        "in 1 s",
        "while slow",
        "next 10 s",
        "ms",
        "request",
        "after",
    );
    for panel in panels {
        let _ = writeln!(
            out,
            "{:<52} {:>7.1} % {:>10.0} {:>9.0} {:>9} {:>8.2} {:>9}",
            panel.title,
            panel.good(),
            panel.goodput(SLOW),
            panel.goodput(SLOW.end..SLOW.end + 10),
            panel.p99(),
            panel.amplification(),
            panel.recovered()
        );
    }
    out
}

/// The whole picture as SVG.
pub(crate) fn svg(panels: &[Panel], seed: u64) -> String {
    let rows = panels.len().div_ceil(COLUMNS);
    #[allow(clippy::cast_precision_loss, reason = "a handful of panels")]
    let (width, height) = (LEFT + STEP.0 * COLUMNS as f64, TOP + STEP.1 * rows as f64);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\" role=\"img\">\n<title>Goodput of a slow dependency under each policy</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    let _ = writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"24\" font-size=\"15\" font-weight=\"bold\">{RATE} requests a second to a dependency \
         that takes 6 times as long from second {} to {}</text>",
        SLOW.start, SLOW.end
    );
    let _ = writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"44\">Look at what follows the grey band: without a limit the queue of work that nobody \
         waits for any more outlives the cause.</text><text x=\"{LEFT}\" y=\"60\">Line: requests answered within 1 s, by \
         the second in which they were asked for. Seed {seed}.</text>"
    );
    for (index, panel) in panels.iter().enumerate() {
        #[allow(clippy::cast_precision_loss, reason = "a handful of panels")]
        let (x, y) = (LEFT + STEP.0 * (index % COLUMNS) as f64, TOP + STEP.1 * (index / COLUMNS) as f64);
        draw(&mut out, panel, x, y);
    }
    out.push_str("</svg>\n");
    out
}

/// Where a second stands.
fn across(second: f64) -> f64 {
    WIDTH * second / 60.0
}

fn draw(out: &mut String, panel: &Panel, x: f64, y: f64) {
    let top = f64::from(u32::try_from(RATE).unwrap_or(1)) * 1.3;
    let _ = writeln!(out, "<g transform=\"translate({x} {y})\">");
    let _ = writeln!(out, "<text y=\"12\" font-weight=\"bold\">{}</text>", panel.title);
    let recovery = panel.recovered();
    let _ = writeln!(
        out,
        "<text y=\"28\" fill=\"#444\">{:.0} % answered, p99 {} ms, {:.2} calls a request, recovered: {recovery}</text>",
        panel.good(),
        panel.p99(),
        panel.amplification()
    );
    let (a, b) = (
        across(f64::from(u32::try_from(SLOW.start).unwrap_or(0))),
        across(f64::from(u32::try_from(SLOW.end).unwrap_or(0))),
    );
    let _ = writeln!(
        out,
        "<g transform=\"translate(0 36)\"><rect x=\"{a}\" width=\"{}\" height=\"{HEIGHT}\" fill=\"#e4e4e4\"/>",
        b - a
    );
    axes(out, top);
    let mut points = String::new();
    for (second, answered) in (0_u32..).zip(&panel.outcome.answered) {
        let _ = write!(
            points,
            "{:.1},{:.1} ",
            across(f64::from(second) + 0.5),
            HEIGHT - HEIGHT * f64::from(*answered) / top
        );
    }
    let _ =
        writeln!(out, "<polyline points=\"{points}\" fill=\"none\" stroke=\"#0b5cad\" stroke-width=\"1.8\"/></g></g>");
}

/// Both axes, with their units.
fn axes(out: &mut String, top: f64) {
    for tick in [0_u32, 100, 200, 300] {
        let line = HEIGHT - HEIGHT * f64::from(tick) / top;
        let _ = writeln!(
            out,
            "<line x2=\"{WIDTH}\" y1=\"{line:.1}\" y2=\"{line:.1}\" stroke=\"#ddd\"/><text x=\"-6\" y=\"{:.1}\" \
             text-anchor=\"end\" fill=\"#444\">{tick}</text>",
            line + 4.0
        );
    }
    for tick in [0_u32, 20, 40, 60] {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#444\">{tick}</text>",
            across(f64::from(tick)),
            HEIGHT + 14.0
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#444\">time, s</text><text transform=\"translate(-36 \
         {:.1}) rotate(-90)\" text-anchor=\"middle\" fill=\"#444\">answers a second</text>",
        WIDTH / 2.0,
        HEIGHT + 28.0,
        HEIGHT / 2.0
    );
}
