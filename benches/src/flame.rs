//! Flame graphs: where the CPU time of the engine and of the shop goes, by `perf`, drawn as SVG.

use crate::Result;
use crate::shop_process::{Server, drive, program};
use inferno::collapse::Collapse;
use inferno::collapse::perf::{Folder, Options as Folding};
use inferno::flamegraph::{Options as Drawing, from_lines};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const HERTZ: &str = "997";
/// Bytes of stack that are kept with each sample: enough for every call chain that matters here.
const STACK: &str = "dwarf,16384";
/// Orders of the profiled drive, and how many to warm up with.
const ORDERS: u64 = 6_000;
const WARM_UP: u64 = 500;
const IN_FLIGHT: u32 = 64;
/// Narrower frames are left out, in percent of the width.
const NARROWEST: f64 = 0.3;
/// Characters of a frame's name at most.
const LONGEST_NAME: usize = 90;

/// Draws `flame-engine.svg` and `flame-shop.svg` into a folder.
pub(crate) fn draw(into: &Path, data: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(into)?;
    let engine = into.join("flame-engine.svg");
    let shop = into.join("flame-shop.svg");
    svg(&profile_engine(data)?, "Engine: 256 sagas of four steps in flight", &engine)?;
    svg(&profile_shop(data)?, "Shop: 64 orders in flight, the server's process", &shop)?;
    Ok(vec![engine, shop])
}

fn profile_engine(data: &Path) -> Result<Vec<String>> {
    let (samples, folder) = (data.join("engine.perf"), data.join("engine"));
    fs::create_dir_all(&folder)?;
    let mut perf = record(&samples);
    perf.arg("--").arg(std::env::current_exe()?).args(["--row", "engine/256", "--data"]).arg(&folder);
    run(perf)?;
    let mut stacks = folded(&samples)?;
    // The limit takes turns with the product in the same process, and is not what is looked at.
    stacks.retain(|stack| !stack.contains("partita_bench::engine::bare"));
    Ok(stacks)
}

fn profile_shop(data: &Path) -> Result<Vec<String>> {
    let (samples, program) = (data.join("shop.perf"), program()?);
    let server = Server::start(&program, &data.join("shop"))?;
    drive(&program, &server.url, WARM_UP, IN_FLIGHT)?;
    let mut perf = record(&samples);
    perf.args(["-p", &server.pid(), "--"]).arg(&program).args(["drive", "--mix", "ok=100", "--json", "--url"]);
    perf.args([&server.url, "--orders", &ORDERS.to_string(), "--concurrency", &IN_FLIGHT.to_string()]);
    run(perf)?;
    drop(server);
    folded(&samples)
}

/// The clock is asked for, because a virtual machine rarely has counters.
fn record(samples: &Path) -> Command {
    let mut perf = Command::new("perf");
    perf.args(["record", "-q", "-e", "cpu-clock", "-F", HERTZ, "--call-graph", STACK, "-o"]).arg(samples);
    perf
}

fn run(mut command: Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let missing = |error| format!("{name} cannot be run ({error}); a profile needs Linux's perf");
    let status = command.status().map_err(missing)?;
    if status.success() { Ok(()) } else { Err(format!("{name} ended with {status}; its reason stands above").into()) }
}

/// One line for each call chain with its number of samples.
fn folded(samples: &Path) -> Result<Vec<String>> {
    let mut script = Command::new("perf");
    script.args(["script", "--no-inline", "-i"]).arg(samples).stdin(Stdio::null()).stderr(Stdio::null());
    let mut script = script.stdout(Stdio::piped()).spawn()?;
    let out = script.stdout.take().ok_or("perf has no output")?;
    let mut lines = vec![];
    Folder::from(Folding::default()).collapse(std::io::BufReader::new(out), &mut lines)?;
    script.wait()?;
    fs::remove_file(samples)?;
    Ok(merged(&String::from_utf8_lossy(&lines)))
}

/// Shortens the names of frames and adds up the chains that are one then.
fn merged(folded: &str) -> Vec<String> {
    let mut chains: BTreeMap<String, u64> = BTreeMap::new();
    for line in folded.lines() {
        let Some((chain, samples)) = line.rsplit_once(' ') else { continue };
        let short: Vec<String> = chain.split(';').map(shortened).collect();
        *chains.entry(short.join(";")).or_default() += samples.parse::<u64>().unwrap_or(0);
    }
    chains.into_iter().map(|(chain, samples)| format!("{chain} {samples}")).collect()
}

/// A name without its type arguments.
fn shortened(name: &str) -> String {
    let (mut short, mut depth) = (String::new(), 0_u32);
    let mut before = ' ';
    for c in name.chars() {
        match c {
            '<' if !short.is_empty() => depth += 1,
            '>' if before != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 && c != '<' => short.push(c),
            _ => {}
        }
        before = c;
    }
    short.chars().take(LONGEST_NAME).collect()
}

fn svg(stacks: &[String], title: &str, path: &Path) -> Result<()> {
    let mut drawing = Drawing::default();
    title.clone_into(&mut drawing.title);
    drawing.min_width = NARROWEST;
    drawing.deterministic = true;
    from_lines(&mut drawing, stacks.iter().map(String::as_str), BufWriter::new(File::create(path)?))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_type_arguments_and_equal_chains_become_one() {
        assert_eq!(shortened("core::ptr::drop_in_place<alloc::vec::Vec<u8>>"), "core::ptr::drop_in_place");
        assert_eq!(shortened("<partita_saga::Engine as Sagas>::counts"), "partita_saga::Engine as Sagas::counts");
        assert_eq!(merged("a<X>;b 2\na<Y>;b 3\n"), ["a;b 5"]);
    }
}
