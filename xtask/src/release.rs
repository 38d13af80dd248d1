//! Commands that build and run something else and pass on its output and exit code.

use clap::ValueEnum;
use std::{process::Command, time::Duration};

use crate::{
    cli::{Bench, BenchName, Drill, Explore, Hostile, Simulate},
    failure::{Failure, Result},
    policies,
    process::Job,
    workspace::Workspace,
};

const HOUR: Duration = Duration::from_secs(3_600);

/// Runs the crash explorer.
pub(crate) fn explore(workspace: &Workspace, args: &Explore) -> Result<u8> {
    // Every second crash is minutes of work: then the better build pays.
    let command = if args.double && args.sample.is_none() {
        let mut command = example(workspace, "explore");
        add_options(&mut command, args);
        command
    } else {
        explorer(workspace, args)?
    };
    Ok(Job::new("explore", command, HOUR).run()?.code())
}

/// Runs the simulator.
pub(crate) fn simulate(workspace: &Workspace, args: &Simulate) -> Result<u8> {
    let mut command = example(workspace, "simulate");
    let Simulate { seeds, seed, orders, json, seeded_bugs } = args;
    for (option, value) in [("--seeds", *seeds), ("--seed", *seed), ("--orders", u64::from(*orders))] {
        command.args([option, &value.to_string()]);
    }
    for (given, option) in [(*json, "--json"), (*seeded_bugs, "--seeded-bugs")] {
        if given {
            command.arg(option);
        }
    }
    Ok(Job::new("simulate", command, HOUR).run()?.code())
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
    if let Some(points) = args.sample {
        command.args(["--sample", &points.to_string()]);
    }
}

/// Runs a bench.
pub(crate) fn bench(workspace: &Workspace, args: &Bench) -> Result<u8> {
    match args.name {
        BenchName::Policies => return policies::measure(workspace, args),
        BenchName::Pitfalls => return compare(workspace, &["run", "--quiet", "--release"]),
        _ => {}
    }
    let shop = workspace.release_binary(&["shop", "partita-bench"], "shop")?;
    let name = args.name.to_possible_value().ok_or_else(|| Failure::new("a bench without a name"))?;
    let mut command = workspace.cargo(["run", "--quiet", "--release", "-p", "partita-bench", "--"]);
    command.arg(name.get_name()).env("PARTITA_SHOP_BIN", shop);
    if args.json {
        command.arg("--json");
    }
    Ok(Job::new("bench", command, HOUR).run()?.code())
}

/// Runs the workspace of the peers, which nothing else builds.
fn compare(workspace: &Workspace, task: &[&str]) -> Result<u8> {
    let manifest = ["--manifest-path", "benches/comparison/Cargo.toml"];
    let command = workspace.cargo(task.iter().copied().chain(manifest));
    Ok(Job::new("comparison", command, HOUR).run()?.code())
}

/// Runs the drill.
pub(crate) fn drill(workspace: &Workspace, args: &Drill) -> Result<u8> {
    let shop = workspace.release_binary(&["shop"], "shop")?;
    let mut command = example(workspace, "drill");
    let numbers = [
        ("--orders", args.orders),
        ("--concurrency", args.concurrency),
        ("--kills", args.kills),
        ("--early", args.early),
        ("--recovering", args.recovering),
        ("--terms", args.terms),
        ("--stop", args.stop),
    ];
    for (option, value) in numbers {
        command.args([option, &value.to_string()]);
    }
    if let Some(seed) = args.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    command.env("PARTITA_SHOP_BIN", shop);
    Ok(Job::new("drill", command, HOUR).run()?.code())
}

/// Runs the hostile clients.
pub(crate) fn hostile(workspace: &Workspace, args: &Hostile) -> Result<u8> {
    let shop = workspace.release_binary(&["shop"], "shop")?;
    let mut command = example(workspace, "hostile");
    let Hostile { seconds, connections, duplicates, others } = args;
    for (option, value) in [
        ("--seconds", seconds.to_string()),
        ("--connections", connections.to_string()),
        ("--duplicates", duplicates.to_string()),
        ("--others", others.to_string()),
    ] {
        command.args([option, &value]);
    }
    command.env("PARTITA_SHOP_BIN", shop);
    Ok(Job::new("hostile", command, HOUR).run()?.code())
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
        let scenario = Some("lost-reply".to_owned());
        let args = Explore { scenario, json: true, seeded_bugs: true, double: true, sample: Some(7) };
        let mut command = Command::new("explore");
        add_options(&mut command, &args);
        let words: Vec<_> = command.get_args().filter_map(|word| word.to_str()).collect();
        assert_eq!(words, ["--scenario", "lost-reply", "--json", "--seeded-bugs", "--double", "--sample", "7"]);
    }
}
