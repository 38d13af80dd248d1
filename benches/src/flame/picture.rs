//! A flame graph as SVG: a frame as wide as its share of the samples, upon the frame that called it.

use super::chains::Frame;
use std::fmt::Write;

const WIDTH: f64 = 1200.0;
const MARGIN: f64 = 10.0;
const TOP: f64 = 40.0;
const ROW: f64 = 16.0;
/// Narrower frames are left out.
const NARROWEST: f64 = 3.5;
/// About the width of a letter; a frame without room for three shows no name.
const LETTER: f64 = 6.2;
/// A click on a frame shows only what it called, and its callers; one on the ground shows all again.
const LOOK_INTO: &str = include_str!("look_into.js");

/// What has been drawn, and to which scale.
struct Drawing {
    samples: u64,
    /// Width of a sample.
    scale: f64,
    frames: String,
    /// Rows that have a frame.
    rows: u32,
}

/// Draws the samples below `root` under a title.
pub(super) fn svg(root: &Frame, title: &str) -> String {
    let scale = (WIDTH - 2.0 * MARGIN) / root.samples.max(1) as f64;
    let mut drawing = Drawing { samples: root.samples, scale, frames: String::new(), rows: 0 };
    drawing.draw("all", root, 0, 0);
    let ground = TOP + ROW * f64::from(drawing.rows);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"monospace\" \
         font-size=\"10.5\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fffdf6\"/>\n\
         <text x=\"{middle}\" y=\"24\" font-size=\"16\" text-anchor=\"middle\">{heading}: {samples} samples</text>\n\
         <g transform=\"translate({MARGIN} {ground}) scale(1 -1)\">\n{frames}</g>\n\
         <script><![CDATA[\n{LOOK_INTO}]]></script>\n</svg>\n",
        height = ground + MARGIN,
        middle = WIDTH / 2.0,
        heading = escaped(title),
        samples = root.samples,
        frames = drawing.frames,
    )
}

impl Drawing {
    /// Draws a frame and what it called, from its first sample on.
    fn draw(&mut self, name: &str, frame: &Frame, first: u64, row: u32) {
        let width = frame.samples as f64 * self.scale;
        if width < NARROWEST {
            return;
        }
        self.rows = self.rows.max(row + 1);
        let (x, y) = (first as f64 * self.scale, f64::from(row) * ROW);
        let _ = writeln!(
            self.frames,
            "<g class=\"f\"><title>{name} ({samples}, {percent:.1} %)</title><rect x=\"{x:.1}\" y=\"{y}\" \
             width=\"{width:.1}\" height=\"{height}\" rx=\"2\" fill=\"{fill}\"/><text x=\"{left:.1}\" y=\"{base}\" \
             transform=\"scale(1 -1)\">{shown}</text></g>",
            name = escaped(name),
            samples = frame.samples,
            percent = 100.0 * frame.samples as f64 / self.samples as f64,
            height = ROW - 1.0,
            fill = colour(name),
            left = x + 3.0,
            base = -(y + 4.0),
            shown = escaped(&fitted(name, width - 6.0)),
        );
        let mut next = first;
        for (name, called) in &frame.calls {
            self.draw(name, called, next, row + 1);
            next += called.samples;
        }
    }
}

fn fitted(name: &str, room: f64) -> String {
    let fits = |letters: usize| letters as f64 * LETTER <= room;
    match name.chars().count() {
        letters if fits(letters) => name.to_owned(),
        _ if !fits(3) => String::new(),
        _ => name.chars().enumerate().take_while(|(at, _)| fits(at + 2)).map(|(_, c)| c).chain(['…']).collect(),
    }
}

/// The system is grey-blue, the store ochre, Partita green, all else warm; always the same for a name.
fn colour(name: &str) -> String {
    let shade = name.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 12;
    let hue = match name {
        _ if name.contains("partita") || name.contains("shop::") => 105,
        _ if name.starts_with("sqlite3") => 45,
        _ if name.starts_with("__x64") || name.starts_with("ext4") || name.ends_with("_syscall_64") => 215,
        _ => 20,
    };
    format!("hsl({hue} 65% {}%)", 68 + shade)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_as_wide_as_its_share_and_lies_upon_its_caller() {
        let script = "t\n\t1 leaf<>&\n\t2 caller\n\nt\n\t3 other\n\t2 caller\n\n";
        let root = Frame::read(script.as_bytes(), |_| false).unwrap();
        let svg = svg(&root, "a < b");
        assert!(svg.contains("a &lt; b: 2 samples"), "{svg}");
        assert!(svg.contains("<title>caller (2, 100.0 %)</title><rect x=\"0.0\" y=\"32\" width=\"1180.0\""), "{svg}");
        assert!(svg.contains("<title>leaf&amp; (1, 50.0 %)</title><rect x=\"0.0\" y=\"48\" width=\"590.0\""), "{svg}");
        assert!(svg.contains("<rect x=\"590.0\" y=\"48\" width=\"590.0\""), "{svg}");
    }

    #[test]
    fn frames_too_narrow_to_be_seen_are_left_out_and_names_are_cut_to_fit() {
        let mut root = Frame { samples: 1000, ..Frame::default() };
        root.calls.insert("rare".to_owned(), Frame { samples: 1, ..Frame::default() });
        assert!(!svg(&root, "t").contains("rare"));
        assert_eq!((fitted("abcdef", 40.0).as_str(), fitted("abcdef", 20.0).as_str()), ("abcdef", "ab…"));
        assert_eq!(fitted("abcdef", 12.0), "");
    }
}
