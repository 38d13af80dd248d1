//! The drill itself: a server that is killed and started again, a driver that is not, and an audit at the end.

mod driver;
mod kills;
mod report;
mod server;
mod watch;

use driver::{Driver, audit};
use kills::{Blow, Kill, Moments, Term};
use partita::time::Host;
use server::Server;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use report::Report;

/// Orders of every kind that ends by itself.
const MIX: &str =
    "ok=60,declined=8,capture_declined=4,lost_reply=4,lost_request=4,flaky=5,slow=4,out_of_stock=5,cancel=6";

/// Between two looks at how far the driver is.
const LOOK: Duration = Duration::from_millis(5);

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Drill {
    /// The shop's binary.
    pub(crate) binary: PathBuf,
    /// How many orders.
    pub(crate) orders: u64,
    /// How many of them at once.
    pub(crate) concurrency: u32,
    /// How many kills that hit unfinished orders.
    pub(crate) kills: u32,
    /// How many kills of a start that has just begun; they follow upon kills.
    pub(crate) early: u32,
    /// How many kills of a shop that recovers; they follow upon kills.
    pub(crate) recovering: u32,
    /// How many stops by SIGTERM.
    pub(crate) terms: u32,
    /// How long to let it stand still, once; zero: not at all.
    pub(crate) stop: Duration,
    /// Fixes orders and moments.
    pub(crate) seed: u64,
}

/// What was done to the shop.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) kills: Vec<Kill>,
    pub(crate) terms: Vec<Term>,
    pub(crate) stood: Duration,
}

impl Drill {
    /// Does it. `say` gets a line for people now and then.
    ///
    /// # Errors
    /// The drill could not be held: a process did not start, or one ended that should not have.
    pub(crate) async fn run(&self, host: &Host, say: &dyn Fn(&str)) -> Result<Report, String> {
        if self.kills == 0 && self.early + self.recovering > 0 {
            return Err("early kills and kills while recovering follow upon kills; ask for some".to_owned());
        }
        let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        let outcome = self.within(folder.path().to_owned(), host, say).await;
        if !matches!(&outcome, Ok(report) if report.is_good()) {
            say(&format!("data, logs and the list of accepted orders are kept in {}", folder.keep().display()));
        }
        outcome
    }

    async fn within(&self, folder: PathBuf, host: &Host, say: &dyn Fn(&str)) -> Result<Report, String> {
        let mut server = Server::start(&self.binary, &folder, host).await?;
        let mut driver = Driver::start(self, server.url(), &folder)?;
        let mut moments = Moments::new(self);
        let mut done = Done::default();
        while let Some((moment, blow)) = moments.next() {
            if !self.reached(&mut driver, moment, host).await? {
                break;
            }
            let accepted = driver.accepted();
            match blow {
                Blow::Kill(follow) => {
                    let kill = Kill::hit(&mut server, &driver, (&moments, follow), host).await?;
                    say(&format!("kill {:>3} after {accepted:>6} orders: {kill}", done.kills.len() + 1));
                    if kill.unfinished == 0 && follow == kills::Follow::default() {
                        moments.once_more(accepted);
                    } else {
                        done.kills.push(kill);
                    }
                }
                Blow::Term => {
                    let term = Term::hit(&mut server, host).await?;
                    say(&format!("SIGTERM after {accepted:>6} orders: {term}"));
                    done.terms.push(term);
                }
                Blow::Stand => {
                    say(&format!("SIGSTOP after {accepted:>6} orders, for {} s", self.stop.as_secs_f64()));
                    server.stand_still(self.stop, host).await?;
                    done.stood += self.stop;
                }
            }
        }
        let driven = driver.finish(host).await?;
        let audited = audit(&self.binary, server.url(), &folder).await?;
        server.stop(host).await?;
        Ok(Report::new(self, &done, &driven, &audited))
    }

    /// Waits until so many orders were accepted; false when the driver ended before.
    async fn reached(&self, driver: &mut Driver, moment: u64, host: &Host) -> Result<bool, String> {
        while driver.accepted_now()? < moment {
            if driver.has_ended()? {
                return Ok(false);
            }
            host.clock.sleep(LOOK).await;
        }
        Ok(true)
    }
}
