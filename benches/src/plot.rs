//! A plot as SVG: a logarithmic axis to the right, a linear one upwards from zero, both with units.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 438.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 700.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 330.0;
const COLOURS: [&str; 6] = ["#0b5cad", "#6a6a6a", "#b5b5b5", "#b4471d", "#8a6d1a", "#d8c48a"];
/// Names of lines that stand beneath one another.
const NAMES: usize = 3;

/// One line of a plot.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    /// Where each point lies: to the right, upwards.
    pub(crate) points: Vec<(f64, f64)>,
}

/// A plot of some series.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    title: String,
    across: String,
    up: String,
    series: Vec<Series>,
}

/// From where to where the axes go.
struct Axes {
    from: f64,
    to: f64,
    top: f64,
    step: f64,
}

impl Plot {
    /// An empty plot; `across` and `up` name the axes with their units.
    pub(crate) fn new(title: &str, across: &str, up: &str) -> Self {
        Self { title: title.to_owned(), across: across.to_owned(), up: up.to_owned(), series: vec![] }
    }

    /// Adds a line.
    pub(crate) fn add(&mut self, series: Series) {
        self.series.push(series);
    }

    /// The picture.
    pub(crate) fn svg(&self) -> String {
        let axes = self.axes();
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             font-family=\"sans-serif\" font-size=\"12\">\n<title>{0}</title>\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
             <text x=\"{LEFT}\" y=\"24\" font-size=\"15\">{0}</text>\n",
            self.title
        );
        self.frame(&axes, &mut svg);
        for (number, (series, colour)) in self.series.iter().zip(COLOURS.iter().cycle()).enumerate() {
            line(series, colour, number, &axes, &mut svg);
        }
        svg + "</svg>\n"
    }

    fn axes(&self) -> Axes {
        let points = || self.series.iter().flat_map(|series| &series.points);
        let from = points().map(|(x, _)| x.log10().floor()).fold(f64::INFINITY, f64::min).min(9.0);
        let to = points().map(|(x, _)| (x * 0.95).log10().ceil()).fold(from + 1.0, f64::max);
        let highest = points().map(|(_, y)| *y).fold(1e-9, f64::max);
        let magnitude = 10_f64.powf((highest / 5.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|of| of * magnitude).into_iter().find(|step| highest / step <= 6.0);
        let step = step.unwrap_or(highest);
        Axes { from, to, top: (highest / step).ceil() * step, step }
    }

    fn frame(&self, axes: &Axes, svg: &mut String) {
        let mut level = 0.0;
        while level <= axes.top + axes.step / 2.0 {
            let y = axes.y(level);
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"#ddd\"/><text x=\"{:.1}\" y=\"{:.1}\" \
                 text-anchor=\"end\">{level}</text>",
                LEFT - 8.0,
                y + 4.0
            );
            level += axes.step;
        }
        let mut power = axes.from;
        while power <= axes.to {
            let x = axes.x(10_f64.powf(power));
            let _ = writeln!(
                svg,
                "<path d=\"M{x:.1} {TOP}V{BOTTOM}\" stroke=\"#ddd\"/><text x=\"{x:.1}\" y=\"{:.1}\" \
                 text-anchor=\"middle\">10<tspan dy=\"-5\" font-size=\"9\">{power}</tspan></text>",
                BOTTOM + 18.0
            );
            power += 1.0;
        }
        let (middle, half) = ((LEFT + RIGHT) / 2.0, (TOP + BOTTOM) / 2.0);
        let _ =
            writeln!(svg, "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>", BOTTOM + 36.0, self.across);
        let _ = writeln!(
            svg,
            "<text transform=\"translate(18 {half}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            self.up
        );
    }
}

impl Axes {
    fn x(&self, value: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * (value.log10() - self.from) / (self.to - self.from)
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * value / self.top
    }
}

fn line(series: &Series, colour: &str, number: usize, axes: &Axes, svg: &mut String) {
    let points: Vec<String> =
        series.points.iter().map(|(x, y)| format!("{:.1},{:.1}", axes.x(*x), axes.y(*y))).collect();
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
        points.join(" ")
    );
    for point in &points {
        let (x, y) = point.split_once(',').unwrap_or_default();
        let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{colour}\"/>");
    }
    let (x, y) = (8.0 + 350.0 * (number / NAMES) as f64, BOTTOM + 60.0 + 18.0 * (number % NAMES) as f64);
    let _ = writeln!(
        svg,
        "<path d=\"M{x} {y}h18\" stroke=\"{colour}\" stroke-width=\"2\"/><text x=\"{}\" y=\"{}\" font-size=\"11\">{}</text>",
        x + 24.0,
        y + 4.0,
        series.name
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_its_axes_units_and_every_point_within_them() {
        let mut plot = Plot::new("Cost", "events", "us");
        plot.add(Series { name: "flat".to_owned(), points: vec![(10_000.0, 8.0), (1_000_000.0, 9.0)] });
        let axes = plot.axes();
        assert_eq!((axes.from, axes.to, axes.top), (4.0, 6.0, 10.0));
        assert_eq!((axes.x(10_000.0), axes.x(1_000_000.0), axes.y(0.0), axes.y(10.0)), (LEFT, RIGHT, BOTTOM, TOP));
        let svg = plot.svg();
        for part in ["<svg ", ">events<", ">us<", ">flat<", "points=\"64.0,101.2 700.0,72.6\"", "</svg>"] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert_eq!(svg.matches("<circle").count(), 2);
    }
}
