//! Which outside crates only some of ours may name, as a table: network, databases, brokers and telemetry each have
//! their place. Dev-dependencies are exempt.

use super::{Finding, tree::Tree};
use crate::workspace::{Metadata, Package};

/// Outside crates by the beginning of their names, and the folders whose crates may name them.
struct Row {
    begins: &'static [&'static str],
    folders: &'static [&'static str],
    instead: &'static str,
}

const TABLE: [Row; 9] = [
    Row {
        begins: &["opentelemetry", "tracing-opentelemetry", "prometheus", "metrics-exporter-prometheus"],
        folders: &["crates/partita-telemetry"],
        instead: "emit a `tracing` event or span; partita-telemetry exports it",
    },
    Row {
        begins: &["axum", "hyper", "reqwest"],
        folders: &[
            "crates/partita-http",
            "crates/partita-gateway",
            "crates/partita-auth",
            "crates/partita-console",
            "systems/",
        ],
        instead: "HTTP belongs to partita-http and the crates above it",
    },
    Row {
        begins: &["rusqlite", "libsqlite3-sys"],
        folders: &["backends/partita-sqlite"],
        instead: "write against the traits of partita-core",
    },
    Row {
        begins: &["tokio-postgres", "deadpool-postgres", "sqlx"],
        folders: &["backends/partita-postgres"],
        instead: "write against the traits of partita-core",
    },
    Row {
        begins: &["rdkafka"],
        folders: &["backends/partita-kafka"],
        instead: "write against the traits of partita-core",
    },
    Row {
        begins: &["lapin"],
        folders: &["backends/partita-rabbitmq"],
        instead: "write against the traits of partita-core",
    },
    Row {
        begins: &["async-nats"],
        folders: &["backends/partita-nats"],
        instead: "write against the traits of partita-core",
    },
    Row {
        begins: &["redis", "fred"],
        folders: &["backends/partita-redis"],
        instead: "write against the traits of partita-core",
    },
    Row { begins: &["openssl", "native-tls"], folders: &[], instead: "use rustls: one TLS provider for all" },
];

/// The tools; the benches measure the bare drivers beside ours.
const EXEMPT: [&str; 2] = ["xtask", "benches"];

pub(super) fn check(metadata: &Metadata, tree: &Tree) -> Vec<Finding> {
    metadata.packages.iter().flat_map(|package| of_package(package, &metadata.folder(package), tree)).collect()
}

fn of_package(package: &Package, folder: &str, tree: &Tree) -> Vec<Finding> {
    if EXEMPT.contains(&folder) {
        return Vec::new();
    }
    let manifest = format!("{folder}/Cargo.toml");
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind.as_deref() != Some("dev"))
        .filter_map(|dependency| {
            let row = TABLE.iter().find(|row| row.holds(&dependency.name))?;
            let allowed = row.folders.iter().any(|place| folder.starts_with(place));
            (!allowed).then(|| {
                let line = tree.line_where(&manifest, |line| line.starts_with(&dependency.name));
                let what = format!("{} names {}", package.name, dependency.name);
                Finding::new(&manifest, line, what, row.instead)
            })
        })
        .collect()
}

impl Row {
    fn holds(&self, name: &str) -> bool {
        self.begins.iter().any(|begin| {
            let rest = name.strip_prefix(begin);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{direction::tests::metadata, tree::sample},
        *,
    };

    fn found(folder: &str, dependency: &str, kind: &str) -> usize {
        let metadata = metadata(&[(folder, "p", &[(dependency, kind, false)])]);
        check(&metadata, &sample(&[])).len()
    }

    #[test]
    fn a_driver_outside_its_place_is_found() {
        for (folder, dependency) in [
            ("crates/partita-core", "rusqlite"),
            ("crates/partita-core", "hyper-util"),
            ("crates/partita-saga", "axum"),
            ("backends/partita-sqlite", "tokio-postgres"),
            ("crates/partita-http", "opentelemetry_sdk"),
            ("crates/partita-http", "opentelemetry-otlp"),
            ("systems/shop", "openssl"),
        ] {
            assert_eq!(found(folder, dependency, ""), 1, "{folder} {dependency}");
        }
    }

    #[test]
    fn a_driver_in_its_place_a_dev_dependency_and_a_tool_pass() {
        assert_eq!(found("backends/partita-sqlite", "rusqlite", ""), 0);
        assert_eq!(found("systems/shop", "axum", ""), 0);
        assert_eq!(found("crates/partita-saga", "rusqlite", "dev"), 0);
        assert_eq!(found("benches", "rusqlite", ""), 0);
        assert_eq!(found("crates/partita-core", "redistribute", ""), 0);
    }
}
