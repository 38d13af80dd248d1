//! The picture: a row for each way of calling, with goodput, latency and amplification over time.

use crate::panel::Panel;
use crate::world::{RATE, SECONDS, SLOW};
use std::fmt::Write;

/// Of one plot.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 64.0;
/// From one plot to the next, to the right and down.
const STEP: (f64, f64) = (WIDTH + 52.0, HEIGHT + 26.0);
/// Where the first plot stands; left of it the words.
const LEFT: f64 = 318.0;
const TOP: f64 = 132.0;
const MARGIN: f64 = 20.0;

/// Colours for light and dark pages.
const STYLE: &str = "\
.page{fill:#ffffff}.ink{fill:#1f2328}.soft{fill:#59636e}.band{fill:#d8dee4}.grid{stroke:#e4e8ec}.edge{stroke:#9aa4ae}\n\
.line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}.thin{stroke-width:1.3}\n\
.goodput{stroke:#0969da}.late{stroke:#bc4c00}.usual{stroke:#d08b28}.calls{stroke:#8250df}\n\
@media (prefers-color-scheme:dark){.page{fill:#0d1117}.ink{fill:#e6edf3}.soft{fill:#9198a1}.band{fill:#262c36}\n\
.grid{stroke:#21262d}.edge{stroke:#656c76}.goodput{stroke:#58a6ff}.late{stroke:#f0883e}.usual{stroke:#a9743f}.calls{stroke:#bc8cff}}";

/// What a column shows.
struct Column {
    /// With the unit of its axis.
    title: &'static str,
    ticks: [u32; 4],
    /// How high a value stands, 0 to 1.
    height: fn(f64) -> f64,
    lines: &'static [Line],
}

/// A line's class, its words in the heading, and its values by second.
type Line = (&'static str, &'static str, fn(&Panel) -> Vec<Option<f64>>);

const COLUMNS: [Column; 3] = [
    Column {
        title: "Goodput: answers a second",
        ticks: [0, 100, 200, 300],
        height: |value| value / 320.0,
        lines: &[("goodput", "within 1 s", |panel| panel.answers().collect())],
    },
    Column {
        title: "Latency of answers, ms, logarithmic",
        ticks: [1, 10, 100, 1_000],
        height: |value| value.max(1.0).log10() / 3.1,
        lines: &[
            ("usual thin", "median", |panel| panel.waits(50).collect()),
            ("late", "p99", |panel| panel.waits(99).collect()),
        ],
    },
    Column {
        title: "Amplification: calls a request",
        ticks: [0, 1, 2, 3],
        height: |value| value / 3.4,
        lines: &[("calls", "at the dependency", |panel| panel.amplifications().collect())],
    },
];

/// The whole picture as SVG.
pub(crate) fn svg(panels: &[Panel], seed: u64) -> String {
    let (width, height) = (LEFT + STEP.0 * places(COLUMNS.len()), TOP + STEP.1 * places(panels.len()) + 16.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\" role=\"img\">\n<title>Goodput, latency and amplification of a slow dependency under each \
         policy</title>\n<style>\n{STYLE}\n</style>\n<rect width=\"100%\" height=\"100%\" class=\"page\"/>\n"
    );
    let caption = [
        "Look at what follows the grey band: without a limit, the queue of work for which nobody waits any more outlives the \
         cause."
            .to_owned(),
        format!(
            "Goodput and latency by the second in which requests were asked for; a gap in the latency: nobody was answered. \
             Seed {seed}."
        ),
    ];
    let _ = writeln!(
        out,
        "<text x=\"{MARGIN}\" y=\"30\" font-size=\"16\" font-weight=\"bold\" class=\"ink\">{RATE} requests a second to a \
         dependency that takes 6 times as long from second {} to {}</text>",
        SLOW.start, SLOW.end
    );
    for (line, text) in caption.iter().enumerate() {
        let y = 50.0 + 16.0 * places(line);
        let _ = writeln!(out, "<text x=\"{MARGIN}\" y=\"{y}\" font-size=\"12\" class=\"soft\">{text}</text>");
    }
    for (place, column) in COLUMNS.iter().enumerate() {
        let x = LEFT + STEP.0 * places(place);
        heading(&mut out, column, x, TOP - 24.0);
        let _ = writeln!(out, "<defs><g id=\"axes{place}\">");
        axes(&mut out, column);
        out.push_str("</g></defs>\n");
        let (x, y) = (x + WIDTH / 2.0, height - 9.0);
        let _ = writeln!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" class=\"soft\">time, s</text>");
    }
    for (place, panel) in panels.iter().enumerate() {
        row(&mut out, panel, TOP + STEP.1 * places(place));
    }
    out.push_str("</svg>\n");
    out
}

/// A count of rows or columns.
fn places(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Where a second stands.
fn across(second: f64) -> f64 {
    WIDTH * second / places(SECONDS)
}

/// A column's title, and a sample of each of its lines.
fn heading(out: &mut String, column: &Column, x: f64, y: f64) {
    let _ = writeln!(out, "<text x=\"{x}\" y=\"{y}\" font-weight=\"bold\" class=\"ink\">{}</text>", column.title);
    let (mut x, y) = (x, y + 14.0);
    for (class, name, _) in column.lines {
        let _ = writeln!(
            out,
            "<path d=\"M{x} {}h16\" class=\"line {class}\"/><text x=\"{}\" y=\"{y}\" font-size=\"10\" \
             class=\"soft\">{name}</text>",
            y - 3.5,
            x + 21.0
        );
        x += 36.0 + 6.0 * places(name.len());
    }
}

/// What a row shows, and its figures.
fn words(out: &mut String, panel: &Panel, y: f64) {
    let (title, rest) = panel.title.split_once([',', ':']).unwrap_or((panel.title, ""));
    let (good, p99, calls) = (panel.good(), panel.p99(), panel.amplification());
    let recovered = match panel.recovered().as_str() {
        "never" => "never recovered".to_owned(),
        after => format!("recovered after {after}"),
    };
    let lines = [
        ("font-size=\"12\" font-weight=\"bold\" class=\"ink\"", title.to_owned()),
        ("class=\"ink\"", rest.trim_start().to_owned()),
        ("class=\"soft\"", format!("{good:.0} % answered, {recovered}")),
        ("class=\"soft\"", format!("p99 {p99} ms, {calls:.2} calls a request")),
    ];
    let shown = lines.iter().filter(|(_, text)| !text.is_empty());
    for ((style, text), line) in shown.zip(0..) {
        let y = y + 14.0 + 15.0 * places(line);
        let _ = writeln!(out, "<text x=\"{MARGIN}\" y=\"{y}\" {style}>{text}</text>");
    }
}

/// The axes of a column's plots, with the time in which the dependency is slow.
fn axes(out: &mut String, column: &Column) {
    let [from, to] = [SLOW.start, SLOW.end].map(|second| across(places(usize::try_from(second).unwrap_or(0))));
    let _ = writeln!(out, "<rect x=\"{from}\" width=\"{}\" height=\"{HEIGHT}\" class=\"band\"/>", to - from);
    for tick in column.ticks {
        let y = down(column, f64::from(tick));
        let _ = writeln!(
            out,
            "<path d=\"M0 {y:.1}H{WIDTH}\" class=\"grid\"/><text x=\"-6\" y=\"{:.1}\" font-size=\"9\" \
             text-anchor=\"end\" class=\"soft\">{tick}</text>",
            y + 3.0
        );
    }
    let _ = writeln!(out, "<path d=\"M0 0V{HEIGHT}H{WIDTH}\" fill=\"none\" class=\"edge\"/>");
    for second in (0..=SECONDS).step_by(10) {
        let x = across(places(second));
        let _ = writeln!(
            out,
            "<path d=\"M{x} {HEIGHT}v3\" class=\"edge\"/><text x=\"{x}\" y=\"{}\" font-size=\"9\" \
             text-anchor=\"middle\" class=\"soft\">{second}</text>",
            HEIGHT + 13.0
        );
    }
}

/// Where a value stands.
fn down(column: &Column, value: f64) -> f64 {
    HEIGHT - HEIGHT * (column.height)(value)
}

/// A row: a panel's words, and a plot of it in each column.
fn row(out: &mut String, panel: &Panel, y: f64) {
    words(out, panel, y);
    for (place, column) in COLUMNS.iter().enumerate() {
        let x = LEFT + STEP.0 * places(place);
        let _ = writeln!(out, "<g transform=\"translate({x} {y})\"><use href=\"#axes{place}\"/>");
        for (class, _, values) in column.lines {
            let _ = writeln!(out, "<path d=\"{}\" class=\"line {class}\"/>", path(&values(panel), column));
        }
        out.push_str("</g>\n");
    }
}

/// A line through the values, broken where there is none.
fn path(values: &[Option<f64>], column: &Column) -> String {
    let mut path = String::new();
    let mut drawing = false;
    for (second, value) in values.iter().enumerate() {
        if let Some(value) = value {
            let (x, y) = (across(places(second) + 0.5), down(column, *value));
            // Where a line begins, `h0` makes a point of it, in case it stands alone.
            let _ = if drawing { write!(path, "L{x:.0} {y:.1}") } else { write!(path, "M{x:.0} {y:.1}h0") };
        }
        drawing = value.is_some();
    }
    path
}
