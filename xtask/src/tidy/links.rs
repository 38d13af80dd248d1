//! Pages: decisions are short, and a relative link leads to a file that a clone has.

use super::{
    Finding,
    tree::{File, Tree},
};

/// Where decisions are, and how long one may be.
const DECISIONS: &str = "docs/adr/";
const DECISION_LINES: usize = 40;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let pages = || tree.files().iter().filter(|file| file.path.ends_with(".md"));
    let long = pages().filter_map(too_long);
    let broken = pages().flat_map(|file| of_page(file, tree));
    long.chain(broken).collect()
}

fn too_long(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    (file.path.starts_with(DECISIONS) && lines > DECISION_LINES).then(|| {
        let what = format!("{lines} lines, more than {DECISION_LINES}");
        let instead = "keep context, options and outcome; the rest belongs in a guide";
        Finding::new(&file.path, DECISION_LINES + 1, what, instead)
    })
}

fn of_page(file: &File, tree: &Tree) -> Vec<Finding> {
    prose(&file.text)
        .flat_map(|(line, text)| targets(&text).into_iter().map(move |target| (line, target)))
        .filter(|(_, target)| is_relative(target))
        .filter(|(_, target)| !leads_somewhere(&file.path, target, tree))
        .map(|(line, target)| {
            let what = format!("the link `{target}` leads nowhere");
            Finding::new(&file.path, line, what, "correct the path, or take the link out")
        })
        .collect()
}

/// The lines outside fenced code, with their numbers, and with inline code blanked.
fn prose(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        fenced ^= fence;
        (!fence && !fenced).then(|| (index + 1, without_code(line)))
    })
}

fn without_code(line: &str) -> String {
    let outside = line.split('`').step_by(2);
    outside.collect::<Vec<_>>().join("code")
}

/// The targets of `[text](target "title")` and of `[name]: target`.
fn targets(line: &str) -> Vec<String> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let reference = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target);
    inline
        .chain(reference)
        .filter_map(|target| target.split_whitespace().next())
        .map(|target| target.trim_matches(['<', '>']).to_owned())
        .collect()
}

/// Not an address, not a place on the same page, not an item of rustdoc.
fn is_relative(target: &str) -> bool {
    !target.contains(':') && !target.starts_with('#')
}

fn leads_somewhere(page: &str, target: &str, tree: &Tree) -> bool {
    let path = target.split(['#', '?']).next().unwrap_or(target).replace("%20", " ");
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let from = if path.starts_with('/') { "" } else { folder };
    let Some(full) = resolve(from, &path) else {
        return false;
    };
    let inside = format!("{full}/");
    full.is_empty() || tree.paths().contains(&full) || tree.paths().iter().any(|other| other.starts_with(&inside))
}

/// The path from the root; nothing when it leaves the repository.
fn resolve(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{super::tree::sample, *};

    fn found(text: &str) -> usize {
        let page = ("docs/guide/page.md", text);
        let others = [("docs/adr/0001.md", ""), ("README.md", ""), ("crates/a/src/lib.rs", "")];
        check(&sample(&[&[page][..], &others].concat())).len()
    }

    #[test]
    fn a_broken_link_is_found() {
        for text in [
            "see [x](missing.md)",
            "see [x](../adr/0002.md#why) and [y](../../README.md)",
            "[x]: ../nowhere.md",
            "![x](picture.png \"title\")",
            "out of the house: [x](../../../README.md)",
            "see [x](/docs/missing.md)",
        ] {
            assert_eq!(found(text), 1, "{text}");
        }
    }

    #[test]
    fn good_links_addresses_and_code_pass() {
        for text in [
            "[x](../adr/0001.md) [y](../adr/0001.md#outcome) [z](../../crates/a) [w](/README.md)",
            "[x](https://example.org/a.md) [y](#here) [z](mailto:a@example.org) [w](crate::Commit)",
            "`[x](missing.md)` and\n```rust\nlet a = b[0](missing.md);\n```\n",
            "[x]: ../../README.md",
        ] {
            assert_eq!(found(text), 0, "{text}");
        }
    }

    #[test]
    fn a_decision_over_forty_lines_is_found() {
        assert_eq!(check(&sample(&[("docs/adr/0001.md", &"x\n".repeat(41))])).len(), 1);
        assert!(check(&sample(&[("docs/adr/0001.md", &"x\n".repeat(40))])).is_empty());
    }
}
