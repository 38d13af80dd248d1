//! Flame graphs: where the CPU time of the engine and of the shop goes, by `perf`, drawn as SVG.

mod chains;
mod picture;

use crate::Result;
use crate::shop_process::{Server, drive, program};
use chains::Frame;
use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const HERTZ: &str = "997";
/// Bytes of stack that are kept with each sample: enough for every call chain that matters here.
const STACK: &str = "dwarf,16384";
/// Orders of the profiled drive, and how many to warm up with.
const ORDERS: u64 = 6_000;
const WARM_UP: u64 = 500;
const IN_FLIGHT: u32 = 64;

/// Draws `flame-engine.svg` and `flame-shop.svg` into a folder.
pub(crate) fn draw(into: &Path, data: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(into)?;
    let engine = into.join("flame-engine.svg");
    let shop = into.join("flame-shop.svg");
    fs::write(&engine, picture::svg(&profile_engine(data)?, "Engine: 256 sagas of four steps in flight"))?;
    fs::write(&shop, picture::svg(&profile_shop(data)?, "Shop: 64 orders in flight, the server's process"))?;
    Ok(vec![engine, shop])
}

fn profile_engine(data: &Path) -> Result<Frame> {
    let (samples, folder) = (data.join("engine.perf"), data.join("engine"));
    fs::create_dir_all(&folder)?;
    let mut perf = record(&samples);
    perf.arg("--").arg(std::env::current_exe()?).args(["--row", "engine/256", "--data"]).arg(&folder);
    run(perf)?;
    // The limit takes turns with the product in the same process, and is not what is looked at.
    chains(&samples, |frame| frame.contains("partita_bench::engine::bare"))
}

fn profile_shop(data: &Path) -> Result<Frame> {
    let (samples, program) = (data.join("shop.perf"), program()?);
    let server = Server::start(&program, &data.join("shop"))?;
    drive(&program, &server.url, WARM_UP, IN_FLIGHT)?;
    let mut perf = record(&samples);
    perf.args(["-p", &server.pid(), "--"]).arg(&program).args(["drive", "--mix", "ok=100", "--json", "--url"]);
    perf.args([&server.url, "--orders", &ORDERS.to_string(), "--concurrency", &IN_FLIGHT.to_string()]);
    run(perf)?;
    drop(server);
    chains(&samples, |_| false)
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

/// The call chains of a profile, which is deleted.
fn chains(samples: &Path, left_out: impl Fn(&str) -> bool) -> Result<Frame> {
    let mut script = Command::new("perf");
    script.args(["script", "--no-inline", "-F", "comm,ip,sym", "-i"]).arg(samples);
    let mut script = script.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let out = script.stdout.take().ok_or("perf has no output")?;
    let root = Frame::read(BufReader::new(out), left_out)?;
    script.wait()?;
    fs::remove_file(samples)?;
    Ok(root)
}
