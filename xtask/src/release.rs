//! Commands that build and run something else and pass on its output and exit code.

use clap::ValueEnum;
use std::{process::Command, time::Duration};

use crate::{
    cli::{Bench, BenchName, Drill, Explore},
    failure::{Failure, Result},
    process::Job,
    workspace::Workspace,
};

const HOUR: Duration = Duration::from_secs(3_600);

/// Runs the crash explorer.
pub(crate) fn explore(workspace: &Workspace, args: &Explore) -> Result<u8> {
    Ok(Job::new("explore", explorer(workspace, args)?, HOUR).run()?.code())
}

/// The explorer's command line for these options. It is the build that the tests share: virtual time costs little, a second
/// build of everything would cost minutes.
pub(crate) fn explorer(workspace: &Workspace, args: &Explore) -> Result<Command> {
    let binary = workspace.test_example("explore")?;
    let mut command = workspace.command(&binary.to_string_lossy());
    add_options(&mut command, args);
    Ok(command)
}

fn add_options(command: &mut Command, args: &Explore) {
    if let Some(scenario) = &args.scenario {
        command.args(["--scenario", scenario]);
    }
    for (given, option) in [(args.json, "--json"), (args.seeded_bugs, "--seeded-bugs"), (args.double, "--double")] {
        if given {
            command.arg(option);
        }
    }
}

/// Runs a bench.
pub(crate) fn bench(workspace: &Workspace, args: &Bench) -> Result<u8> {
    let shop = workspace.release_binary(&["shop", "partita-bench"], "shop")?;
    let name = args.name.to_possible_value().ok_or_else(|| Failure::new("a bench without a name"))?;
    let mut command = workspace.cargo(["run", "--quiet", "--release", "-p", "partita-bench", "--"]);
    command.arg(name.get_name()).env("PARTITA_SHOP_BIN", shop);
    if args.json {
        command.arg("--json");
    }
    if matches!(args.name, BenchName::Growth) {
        command.args(["--svg", "docs/guide/append-growth.svg"]);
    }
    Ok(Job::new("bench", command, HOUR).run()?.code())
}

/// Runs the drill.
pub(crate) fn drill(workspace: &Workspace, args: &Drill) -> Result<u8> {
    let shop = workspace.release_binary(&["shop"], "shop")?;
    let mut command = example(workspace, "drill");
    for (option, value) in [("--orders", args.orders), ("--concurrency", args.concurrency), ("--kills", args.kills)] {
        command.args([option, &value.to_string()]);
    }
    if let Some(seed) = args.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    command.env("PARTITA_SHOP_BIN", shop);
    Ok(Job::new("drill", command, HOUR).run()?.code())
}

fn example(workspace: &Workspace, name: &str) -> Command {
    let shop = ["run", "--quiet", "--release", "-p", "shop"];
    workspace.cargo(shop.into_iter().chain(["--example", name, "--"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_explore_reaches_the_explorer() {
        let args = Explore { scenario: Some("lost reply".to_owned()), json: true, seeded_bugs: true, double: true };
        let mut command = Command::new("explore");
        add_options(&mut command, &args);
        let words: Vec<_> = command.get_args().filter_map(|word| word.to_str()).collect();
        assert_eq!(words, ["--scenario", "lost reply", "--json", "--seeded-bugs", "--double"]);
    }
}
