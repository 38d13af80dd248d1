//! The stages that are one or a few cargo commands.

use std::{process::Command, time::Duration};

use super::{Run, stage::Outcome};
use crate::{failure::Result, process::Job, say};

const MINUTE: Duration = Duration::from_secs(60);

/// The facade, which must also stand without its features.
const FACADE: &str = "partita";

impl Run<'_> {
    pub(super) fn fmt(&self) -> Result<Outcome> {
        let command = self.workspace.cargo(["fmt", "--all", "--check"]);
        one("cargo fmt", command, 2 * MINUTE)
    }

    pub(super) fn clippy(&self) -> Result<Outcome> {
        let what = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        one("cargo clippy", self.workspace.cargo(what), 15 * MINUTE)
    }

    pub(super) fn doc(&self) -> Result<Outcome> {
        let mut command = self.workspace.cargo(["doc", "--workspace", "--no-deps"]);
        command.env("RUSTDOCFLAGS", "-D warnings");
        one("cargo doc", command, 15 * MINUTE)
    }

    /// Checks each crate alone, so that none compiles only because another one switched a feature on.
    pub(super) fn each_crate_alone(&self) -> Result<Outcome> {
        let members = self.metadata.packages.iter().map(|package| package.name.as_str());
        let mut plans: Vec<Vec<&str>> = members.map(|name| vec!["-p", name]).collect();
        if plans.contains(&vec!["-p", FACADE]) {
            plans.push(vec!["-p", FACADE, "--no-default-features"]);
        }
        let mut broken = Vec::new();
        for plan in plans {
            let name = format!("cargo check {}", plan.join(" "));
            let command = self.workspace.cargo(["check", "--quiet"].into_iter().chain(plan));
            let ending = Job::new(name.as_str(), command, 10 * MINUTE).run()?;
            if !ending.good() {
                say::out(format_args!("{name}: {}", ending.words()));
                broken.push(format!("{name}: {}", ending.words()));
            }
        }
        Ok(Outcome::of(broken.is_empty(), || broken.join("; ")))
    }
}

fn one(name: &str, command: Command, bound: Duration) -> Result<Outcome> {
    let ending = Job::new(name, command, bound).run()?;
    Ok(Outcome::of(ending.good(), || format!("{name}: {}", ending.words())))
}
