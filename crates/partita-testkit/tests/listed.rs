//! The page of the kit names every rule, and no test that does not exist.

use partita_testkit::conformance::rules;
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../docs/conformance.md");

#[test]
fn the_page_names_every_rule_and_no_other() {
    let rows = PAGE.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| sentence"));
    let tests = rows.filter_map(|row| row.trim_end_matches(" |").rsplit_once(" | "));
    let named: BTreeSet<&str> = tests.flat_map(|(_, tests)| tests.split('`').skip(1).step_by(2)).collect();
    let rules: BTreeSet<&str> = rules().iter().map(|rule| rule.name).collect();
    assert_eq!(named, rules);
}

#[test]
fn no_two_rules_share_a_name() {
    let names: Vec<&str> = rules().iter().map(|rule| rule.name).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}
