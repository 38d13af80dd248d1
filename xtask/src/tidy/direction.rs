//! Which of our crates may name which, as a table.
//!
//! `systems -> partita -> {gateway, auth, console, http} -> engines -> core -> time`, and `backends -> core`. Engines do
//! not use each other, and none of them names a backend. A new backend or system has its row by its folder; any other
//! new crate is found until it has a row here. Dev-dependencies are exempt.

use super::{Finding, tree::Tree};
use crate::workspace::{Dependency, Metadata, Package};

/// Stands in the table for every crate under `backends/`.
const BACKENDS: &str = "backends/*";

/// Stands in the table for every crate under `systems/`.
const SYSTEMS: &str = "systems/*";

/// What a crate may name of ours.
struct Row {
    name: &'static str,
    may_use: &'static [&'static str],
    /// Only as an optional dependency, behind a feature.
    behind_features: &'static [&'static str],
}

/// The tools, which nothing depends on: this one may name backends, and the benches measure any layer by itself.
const EXEMPT: [&str; 2] = ["xtask", "partita-bench"];

const fn row(name: &'static str, may_use: &'static [&'static str]) -> Row {
    Row { name, may_use, behind_features: &[] }
}

const ENGINES: &[&str] = &["partita-events", "partita-jobs", "partita-messaging", "partita-saga"];
const CORE: &[&str] = &["partita-core", "partita-time"];
const HTTP_AND_CORE: &[&str] = &["partita-core", "partita-http", "partita-time"];
const ENGINES_AND_RESILIENCE: &[&str] = &[
    "partita-core",
    "partita-events",
    "partita-jobs",
    "partita-messaging",
    "partita-resilience",
    "partita-saga",
    "partita-time",
];
const ENGINES_AND_HTTP: &[&str] = &[
    "partita-core",
    "partita-events",
    "partita-http",
    "partita-jobs",
    "partita-messaging",
    "partita-saga",
    "partita-time",
];
const ALL_LIBRARIES: &[&str] = &[
    "partita-auth",
    "partita-console",
    "partita-core",
    "partita-events",
    "partita-gateway",
    "partita-http",
    "partita-jobs",
    "partita-messaging",
    "partita-resilience",
    "partita-saga",
    "partita-telemetry",
    "partita-time",
];

const TABLE: [Row; 17] = [
    row("partita-time", &[]),
    row("partita-core", &["partita-time"]),
    row("partita-resilience", &["partita-time"]),
    row("partita-events", CORE),
    row("partita-jobs", CORE),
    row("partita-messaging", CORE),
    row("partita-saga", CORE),
    row("partita-telemetry", CORE),
    row(BACKENDS, CORE),
    row("partita-http", ENGINES_AND_RESILIENCE),
    row("partita-gateway", ENGINES_AND_RESILIENCE),
    row("partita-auth", ENGINES_AND_HTTP),
    row("partita-console", ENGINES_AND_HTTP),
    row("partita-cli", HTTP_AND_CORE),
    Row { name: "partita-testkit", may_use: CORE, behind_features: ENGINES },
    Row { name: "partita", may_use: ALL_LIBRARIES, behind_features: &[BACKENDS] },
    row(SYSTEMS, &["partita", BACKENDS]),
];

pub(super) fn check(metadata: &Metadata, tree: &Tree) -> Vec<Finding> {
    metadata
        .packages
        .iter()
        .filter(|package| !EXEMPT.contains(&package.name.as_str()))
        .flat_map(|package| of_package(package, metadata, tree))
        .collect()
}

fn of_package(package: &Package, metadata: &Metadata, tree: &Tree) -> Vec<Finding> {
    let manifest = format!("{}/Cargo.toml", metadata.folder(package));
    let class = class(&package.name, metadata);
    let Some(row) = TABLE.iter().find(|row| row.name == class) else {
        let what = format!("{} has no row in the table of directions", package.name);
        let instead = "add one in xtask/src/tidy/direction.rs, or make it a module of a crate that has one";
        return vec![Finding::new(&manifest, 1, what, instead)];
    };
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind.as_deref() != Some("dev"))
        .filter(|dependency| is_ours(&dependency.name, metadata))
        .filter_map(|dependency| {
            let what = wrong(row, dependency, metadata)?;
            let line = tree.line_where(&manifest, |line| line.starts_with(&dependency.name));
            let what = format!("{} {what}", package.name);
            Some(Finding::new(&manifest, line, what, instead(row)))
        })
        .collect()
}

/// The name under which the table knows a crate: its own, or its folder's.
fn class<'a>(name: &'a str, metadata: &Metadata) -> &'a str {
    let package = metadata.packages.iter().find(|package| package.name == name);
    let folder = package.map(|package| metadata.folder(package)).unwrap_or_default();
    match folder.split('/').next() {
        Some("backends") => BACKENDS,
        Some("systems") => SYSTEMS,
        _ => name,
    }
}

fn is_ours(name: &str, metadata: &Metadata) -> bool {
    metadata.packages.iter().any(|package| package.name == name)
}

/// What is wrong with this dependency, if anything.
fn wrong(row: &Row, dependency: &Dependency, metadata: &Metadata) -> Option<String> {
    let class = class(&dependency.name, metadata);
    if row.may_use.contains(&class) {
        return None;
    }
    if !row.behind_features.contains(&class) {
        return Some(format!("names {}", dependency.name));
    }
    let name = &dependency.name;
    (!dependency.optional).then(|| format!("names {name} without a feature, so nobody can leave it out"))
}

fn instead(row: &Row) -> String {
    let mut allowed: Vec<_> = row.may_use.iter().map(|name| (*name).to_owned()).collect();
    let optional = row.behind_features.iter();
    allowed.extend(optional.map(|name| format!("{name} with `optional = true`")));
    if allowed.is_empty() {
        return "it may name nothing of ours: turn the dependency round".to_owned();
    }
    format!("it may name only {}: go through a trait of a lower crate", allowed.join(", "))
}

#[cfg(test)]
pub(super) mod tests {
    use super::{super::tree::sample, *};

    /// Folder, name, and dependencies as (name, kind, optional).
    type Sample<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str, bool)]);

    pub(in super::super) fn metadata(packages: &[Sample<'_>]) -> Metadata {
        let packages: Vec<_> = packages
            .iter()
            .map(|(folder, name, dependencies)| {
                let dependencies: Vec<_> = dependencies
                    .iter()
                    .map(|(name, kind, optional)| {
                        let kind = (!kind.is_empty()).then_some(*kind);
                        serde_json::json!({"name": name, "kind": kind, "optional": optional})
                    })
                    .collect();
                serde_json::json!({
                    "name": name,
                    "manifest_path": format!("/w/{folder}/Cargo.toml"),
                    "dependencies": dependencies,
                    "targets": [{"name": name, "kind": ["lib"]}],
                })
            })
            .collect();
        let whole = serde_json::json!({"packages": packages, "target_directory": "/t", "workspace_root": "/w"});
        serde_json::from_value(whole).unwrap()
    }

    fn found(name: &str, folder: &str, dependency: &str, kind: &str, optional: bool) -> Vec<Finding> {
        let mut packages: Vec<Sample<'_>> = vec![
            ("crates/partita-core", "partita-core", &[]),
            ("crates/partita-saga", "partita-saga", &[]),
            ("crates/partita-events", "partita-events", &[]),
            ("crates/partita", "partita", &[]),
            ("backends/partita-sqlite", "partita-sqlite", &[]),
            ("systems/shop", "shop", &[]),
        ];
        packages.retain(|package| package.1 != name);
        let dependencies = [(dependency, kind, optional)];
        packages.push((folder, name, &dependencies));
        let manifest = format!("{folder}/Cargo.toml");
        let text = format!("[dependencies]\n{dependency}.workspace = true\n");
        check(&metadata(&packages), &sample(&[(&manifest, &text)]))
    }

    #[test]
    fn an_engine_that_names_a_backend_is_found_with_its_line() {
        let found = found("partita-saga", "crates/partita-saga", "partita-sqlite", "", true);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].path.as_str(), found[0].line), ("crates/partita-saga/Cargo.toml", 2));
        assert!(found[0].what.contains("names partita-sqlite"));
    }

    #[test]
    fn each_wrong_direction_is_found() {
        for (name, folder, dependency) in [
            ("partita-saga", "crates/partita-saga", "partita-events"),
            ("partita-core", "crates/partita-core", "partita-saga"),
            ("partita-sqlite", "backends/partita-sqlite", "partita-saga"),
            ("partita-other", "backends/partita-other", "partita-sqlite"),
            ("partita-http", "crates/partita-http", "partita-sqlite"),
            ("partita-console", "crates/partita-console", "partita"),
            ("partita", "crates/partita", "shop"),
            ("shop", "systems/shop", "partita-core"),
            ("tickets", "systems/tickets", "shop"),
        ] {
            assert_eq!(found(name, folder, dependency, "", false).len(), 1, "{name} -> {dependency}");
            assert_eq!(found(name, folder, dependency, "build", false).len(), 1, "{name} -> {dependency}");
        }
    }

    #[test]
    fn the_right_directions_and_dev_dependencies_pass() {
        for (name, folder, dependency, kind) in [
            ("partita-saga", "crates/partita-saga", "partita-core", ""),
            ("partita-sqlite", "backends/partita-sqlite", "partita-core", ""),
            ("shop", "systems/shop", "partita-sqlite", ""),
            ("shop", "systems/shop", "partita", ""),
            ("partita-saga", "crates/partita-saga", "partita-sqlite", "dev"),
            ("xtask", "xtask", "partita-sqlite", ""),
            ("partita-bench", "benches", "partita-saga", ""),
        ] {
            assert!(found(name, folder, dependency, kind, false).is_empty(), "{name} -> {dependency}");
        }
    }

    #[test]
    fn what_belongs_behind_a_feature_is_found_without_one() {
        for (name, dependency) in [("partita", "partita-sqlite"), ("partita-testkit", "partita-saga")] {
            let folder = format!("crates/{name}");
            assert_eq!(found(name, &folder, dependency, "", false).len(), 1, "{name}");
            assert!(found(name, &folder, dependency, "", true).is_empty(), "{name}");
        }
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        let found = found("partita-novel", "crates/partita-novel", "partita-core", "", false);
        assert_eq!(found.len(), 1);
        assert!(found[0].what.contains("no row"));
    }
}
