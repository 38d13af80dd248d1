//! The whole test run: stages one after the other, a table of their times, and one last line that sums it up.
//!
//! A stage that fails does not stop the later ones.

mod browser;
mod cargo;
mod cargo_test;
mod explore;
mod fuzzer;
mod report;
mod stage;
mod tool;
mod wall_clock;

use crate::{
    cli::Test,
    failure::Result,
    say,
    stopwatch::Stopwatch,
    tidy,
    workspace::{Metadata, Workspace},
};
use browser::Browser;
use fuzzer::Fuzzer;
use report::Report;
use stage::Outcome;
pub(crate) use stage::Stage;
use wall_clock::WallClock;

/// What the stages of one run share.
struct Run<'a> {
    workspace: &'a Workspace,
    metadata: Metadata,
    strict: bool,
    browser: Browser,
    fuzzer: Fuzzer,
    wall_clock: WallClock,
}

/// Runs the stages asked for and answers the exit code.
pub(crate) fn run(workspace: &Workspace, args: &Test) -> Result<u8> {
    if args.list {
        for stage in Stage::ALL {
            say::out(format_args!("{:<8} {}", stage.name(), stage.what()));
        }
        return Ok(0);
    }
    let mut run = Run {
        workspace,
        metadata: workspace.metadata()?,
        strict: args.strict,
        browser: browser::find(workspace),
        fuzzer: Fuzzer::NotReached("not looked for".to_owned()),
        wall_clock: WallClock::find(workspace),
    };
    run.fuzzer = run.installed_fuzzer()?;
    let mut report = Report::default();
    for stage in Stage::ALL {
        if args.only.is_empty() || args.only.contains(&stage) {
            say::out(format_args!("\n== {}: {}", stage.name(), stage.what()));
            let watch = Stopwatch::start();
            let outcome = run.stage(stage).unwrap_or_else(|failure| Outcome::failed(failure.to_string()));
            report.add(stage, watch.elapsed(), outcome);
        }
    }
    report.print(&run.browser);
    Ok(u8::from(report.total().failed > 0))
}

impl Run<'_> {
    fn stage(&mut self, stage: Stage) -> Result<Outcome> {
        match stage {
            Stage::Fmt => self.fmt(),
            Stage::Tidy => {
                let findings = tidy::run(self.workspace, false)?;
                Ok(Outcome::of(findings == 0, || format!("{findings} findings")))
            }
            Stage::Clippy => self.clippy(),
            Stage::Doc => self.doc(),
            Stage::Crates => self.each_crate_alone(),
            Stage::Browser => self.look_for_browser(),
            Stage::Fuzzer => self.look_for_fuzzer(),
            Stage::Clock => self.look_for_wall_clock(),
            Stage::Tests => self.tests(),
            Stage::Explore => self.explore(),
        }
    }
}
