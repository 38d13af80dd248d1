//! What each resilience policy costs, several times: the median that criterion gives each run, and their least and most.

use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    cli::Bench,
    failure::{Failure, Result},
    process::Job,
    say,
    workspace::Workspace,
};

/// A run is about half a minute, and its build a few.
const RUN: Duration = Duration::from_secs(1_800);

#[derive(Deserialize)]
struct Id {
    group_id: String,
    function_id: String,
    value_str: String,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// Nanoseconds of each run, by row and threads, rows in their order by name.
type Rows = BTreeMap<(String, String), BTreeMap<String, Vec<f64>>>;

/// Runs the bench as often as asked for, and prints a table.
pub(crate) fn measure(workspace: &Workspace, args: &Bench) -> Result<u8> {
    let home = workspace.metadata()?.target_directory.join("policies");
    let mut rows = Rows::new();
    for run in 1..=args.runs {
        say::err(format_args!("run {run} of {}", args.runs));
        if home.exists() {
            fs::remove_dir_all(&home).map_err(Failure::of("the figures of the run before"))?;
        }
        let filter = args.only.as_deref();
        let arguments = ["bench", "--quiet", "--manifest-path", "benches/comparison/Cargo.toml", "--bench", "policies"];
        let mut command = workspace.cargo(arguments.into_iter().chain(["--", "--quiet"]).chain(filter));
        command.env("CRITERION_HOME", &home);
        let ending = Job::new("policies", command, RUN).run_lines(&mut |_, _| {})?;
        if !ending.good() {
            return Err(Failure::new(format!(
                "policies: {}; `cargo bench` in benches/comparison says why",
                ending.words()
            )));
        }
        gather(&home, &mut rows)?;
    }
    if rows.is_empty() {
        return Err(Failure::new("no row of the bench has this in its name"));
    }
    print(&rows, args.json);
    Ok(0)
}

/// Adds what a run left.
fn gather(home: &Path, rows: &mut Rows) -> Result<()> {
    for new in folders_with_figures(home)? {
        let id: Id = read(&new.join("benchmark.json"))?;
        let found: Estimates = read(&new.join("estimates.json"))?;
        let row = rows.entry((id.group_id, id.function_id)).or_default();
        row.entry(id.value_str).or_default().push(found.median.point_estimate);
    }
    Ok(())
}

/// The folders `new` beneath one.
fn folders_with_figures(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Failure::of(folder.display()))? {
        let path = entry.map_err(Failure::of(folder.display()))?.path();
        match path.file_name() {
            Some(name) if name == "new" => found.push(path),
            _ if path.is_dir() => found.extend(folders_with_figures(&path)?),
            _ => {}
        }
    }
    Ok(found)
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).map_err(Failure::of(path.display()))?;
    serde_json::from_str(&text).map_err(Failure::of(path.display()))
}

/// Least, median and most.
fn spread(runs: &[f64]) -> [f64; 3] {
    let mut runs = runs.to_vec();
    runs.sort_by(f64::total_cmp);
    let at = |place: usize| runs.get(place).copied().unwrap_or(f64::NAN);
    [at(0), at(runs.len() / 2), at(runs.len().saturating_sub(1))]
}

fn print(rows: &Rows, json: bool) {
    if !json {
        say::out(format_args!("nanoseconds a call: least, median and most of the runs\n"));
        say::out(format_args!("| | one thread | two threads |\n|---|---|---|"));
    }
    for ((group, name), threads) in rows {
        let cell = |threads: Option<&Vec<f64>>| {
            let [least, median, most] = spread(threads.map_or(&[], Vec::as_slice));
            format!("{least:.1} / {median:.1} / {most:.1}")
        };
        if json {
            let row = serde_json::json!({ "group": group, "row": name, "nanos": threads });
            say::out(format_args!("{row}"));
        } else {
            let (one, two) = (cell(threads.get("1")), cell(threads.get("2")));
            say::out(format_args!("| {group}: {name} | {one} | {two} |"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_least_the_median_and_the_most() {
        assert_eq!(spread(&[3.0, 1.0, 9.0, 2.0, 4.0]), [1.0, 3.0, 9.0]);
        assert!(spread(&[]).iter().all(|nanos| nanos.is_nan()));
    }

    #[test]
    fn the_figures_of_a_run_are_found_wherever_criterion_puts_them() {
        let home = std::env::temp_dir().join(format!("partita-policies-{}", std::process::id()));
        let new = home.join("limit/atomic add/1/new");
        fs::create_dir_all(&new).unwrap();
        let id = r#"{"group_id":"limit","function_id":"atomic add","value_str":"1","throughput":null}"#;
        fs::write(new.join("benchmark.json"), id).unwrap();
        fs::write(new.join("estimates.json"), r#"{"median":{"point_estimate":7.5}}"#).unwrap();
        let mut rows = Rows::new();
        gather(&home, &mut rows).unwrap();
        gather(&home, &mut rows).unwrap();
        fs::remove_dir_all(&home).unwrap();
        assert_eq!(rows[&("limit".to_owned(), "atomic add".to_owned())]["1"], [7.5, 7.5]);
    }
}
