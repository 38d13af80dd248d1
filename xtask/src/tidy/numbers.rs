//! Every setting of a policy that has a default is argued on the guide's page.

use super::{Finding, tree::Tree};

const PAGE: &str = "docs/guide/resilience.md";
const POLICIES: &str = "crates/partita-resilience/src/";

/// Settings whose default is no number.
const OTHERS: [&str; 3] = ["timing", "classify", "judge"];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let page = tree.text(PAGE).unwrap_or_default();
    let mut found = Vec::new();
    for (file, _) in tree.rust() {
        let Some((policy, "config.rs" | "quota.rs")) =
            file.path.strip_prefix(POLICIES).and_then(|rest| rest.split_once('/'))
        else {
            continue;
        };
        for (line, setting) in settings(&file.text) {
            let (row, name) = (format!("| {policy}: "), format!("`{setting}`"));
            if !page.lines().any(|line| line.starts_with(&row) && line.contains(&name)) {
                let what = format!("the default of `{setting}` is not argued in {PAGE}");
                found.push(Finding::new(&file.path, line, what, format!("add a row that begins with `{row}{name}`")));
            }
        }
    }
    found
}

/// The builder methods whose documentation names a default, with their lines.
fn settings(text: &str) -> Vec<(usize, &str)> {
    let (mut found, mut has_default) = (Vec::new(), false);
    for (number, line) in (1..).zip(text.lines().map(str::trim_start)) {
        if let Some(doc) = line.strip_prefix("///") {
            has_default |= doc.to_lowercase().contains("default");
            continue;
        }
        if line.starts_with("#[") {
            continue;
        }
        let name = ["pub const fn ", "pub fn "].iter().find_map(|start| line.strip_prefix(start));
        let setting = name.and_then(|name| name.split_once("(mut self"));
        found.extend(setting.filter(|(name, _)| has_default && !OTHERS.contains(name)).map(|(name, _)| (number, name)));
        has_default = false;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{super::tree::sample, *};

    const CONFIG: &str = "//! Settings.

    /// How long. Default 5 s: users leave.
    #[must_use]
    pub const fn wait(mut self, wait: Duration) -> Self {

    /// Reads time here; default the system's.
    pub fn timing(mut self, timing: Timing) -> Self {

    /// Makes it.
    pub fn build(self) -> Policy {
";

    fn found(page: &str) -> Vec<Finding> {
        check(&sample(&[("crates/partita-resilience/src/retry/config.rs", CONFIG), (PAGE, page)]))
    }

    #[test]
    fn a_default_without_its_row_is_found() {
        assert_eq!(found("# Numbers\n| hedge: `wait` | 5 s |\n").len(), 1);
        assert_eq!(found("").first().map(|finding| finding.line), Some(5));
    }

    #[test]
    fn a_default_with_its_row_passes_and_time_needs_none() {
        assert!(found("| retry: `wait` | 5 s | users leave |\n").is_empty());
    }
}
