//! A run: so many orders at once, until all have ended, and then all of them once more.

use super::link::{GaveUp, Link, described};
use super::log::AcceptLog;
use super::mix::Mix;
use super::order::{End, Outcome, live, look};
use super::plan::Plan;
use super::report::{Accepts, DriveReport, Tally};
use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use partita::time::{BoxFuture, timeout};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

/// A server that is not there at the start is looked for so long.
const START: Duration = Duration::from_secs(2);

/// Between two looks.
const START_PAUSE: Duration = Duration::from_millis(100);

/// Orders that are read again at once.
const REREAD: usize = 64;

/// Ends that wait to be counted.
const ENDS: usize = 1_024;

/// What to drive a shop with.
#[derive(Clone, Debug)]
pub struct DriveOptions {
    /// Where it is, for messages.
    pub url: String,
    /// How many orders.
    pub orders: u64,
    /// How many of them placed and not yet ended.
    pub concurrency: usize,
    /// Which kinds.
    pub mix: Mix,
    /// What fixes customers, products and kinds.
    pub seed: u64,
    /// Where to list what was accepted.
    pub log: Option<PathBuf>,
    /// Whether an order may run out of time.
    pub late_ends: bool,
}

/// How a run went.
#[derive(Clone, Debug)]
pub struct DriveOutcome {
    /// What it came to.
    pub report: DriveReport,
    /// Why it ended early.
    pub gave_up: Option<GaveUp>,
    /// Whether everything is as it must be.
    pub ok: bool,
}

/// Drives a shop to the end.
///
/// # Errors
/// The run could not even begin: there is no server, or nothing to buy, or the log cannot be written.
pub async fn drive(options: &DriveOptions, link: Arc<Link>, bar: &ProgressBar) -> Result<DriveOutcome, GaveUp> {
    let skus = products(&options.url, &link).await?;
    let run = Arc::new(Run::new(options, link.clone(), skus)?);
    let mut tally = Tally::new(options.late_ends).ok_or_else(no_histograms)?;
    let begun = link.now();
    let counted = count(begin(&run), &mut tally, bar, &run).await;
    let took = link.now().saturating_sub(begun);
    let gave_up = match counted {
        Ok(seen) => read_again(&link, &seen, &mut tally).await.err(),
        Err(gave_up) => Some(gave_up),
    };
    let report = tally.report(&run.accepts, took);
    let faults = report.unended + report.lost + report.wrong_end;
    let ok = gave_up.is_none() && faults == 0 && tally.parked_as_asked();
    Ok(DriveOutcome { report, gave_up, ok })
}

/// What a seed is applied to: the shop's products that there is plenty of, in its order.
async fn products(url: &str, link: &Link) -> Result<Vec<String>, GaveUp> {
    #[derive(Deserialize)]
    struct Products {
        products: Vec<Product>,
    }
    #[derive(Deserialize)]
    struct Product {
        sku: String,
    }
    let clock = link.host().clock.clone();
    let found = timeout(&*clock, START, knock(link)).await;
    if found.is_err() {
        return Err(no_server(url));
    }
    let reply = link.ask(|client| client.get("/products")).await?;
    let products: Products = reply.json().map_err(|_| GaveUp(format!("{url} is not a shop: {}", described(&reply))))?;
    let skus = products.products.into_iter().map(|product| product.sku);
    let skus: Vec<String> = skus.filter(|sku| sku != "scarce" && sku != "sold-out").collect();
    if skus.is_empty() { Err(GaveUp(format!("{url} sells nothing"))) } else { Ok(skus) }
}

/// Returns once a server answers, whatever it says.
async fn knock(link: &Link) {
    while link.once(|client| client.get("/products").timeout(START)).await.is_err() {
        link.host().clock.sleep(START_PAUSE).await;
    }
}

/// There is nobody at an address, and how to change that.
pub(crate) fn no_server(url: &str) -> GaveUp {
    let listen = url.trim_start_matches("http://").trim_end_matches('/');
    GaveUp(format!("no server at {url}; start one with: shop --listen {listen} --data ./shop-data"))
}

fn no_histograms() -> GaveUp {
    GaveUp("there is no room for histograms".to_owned())
}

/// What the workers of a run share.
struct Run {
    link: Arc<Link>,
    log: Option<AcceptLog>,
    mix: Mix,
    seed: u64,
    skus: Vec<String>,
    keys: String,
    orders: u64,
    workers: u64,
    next: AtomicU64,
    accepts: Accepts,
}

impl Run {
    fn new(options: &DriveOptions, link: Arc<Link>, skus: Vec<String>) -> Result<Self, GaveUp> {
        let unwritable = |path: &PathBuf, error| GaveUp(format!("{} cannot be written: {error}", path.display()));
        let create = |path: &PathBuf| AcceptLog::create(path).map_err(|error| unwritable(path, error));
        Ok(Self {
            log: options.log.as_ref().map(create).transpose()?,
            keys: format!("drive-{:016x}", link.host().entropy.next_u64()),
            link,
            mix: options.mix.clone(),
            seed: options.seed,
            skus,
            orders: options.orders,
            workers: options.orders.min(u64::try_from(options.concurrency).unwrap_or(u64::MAX)),
            next: AtomicU64::new(0),
            accepts: Accepts::new().ok_or_else(no_histograms)?,
        })
    }

    /// One order after another, until there are none left or nobody listens.
    async fn work(self: Arc<Self>, ends: mpsc::Sender<Result<Outcome, GaveUp>>) {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.orders {
                return;
            }
            let end = self.one(index).await;
            let gave_up = end.is_err();
            if ends.send(end).await.is_err() || gave_up {
                return;
            }
        }
    }

    async fn one(&self, index: u64) -> Result<Outcome, GaveUp> {
        let plan = Plan::new(self.seed, index, &self.mix, &self.skus);
        let key = format!("{}-{index}", self.keys);
        live(&self.link, self.log.as_ref(), &key, &plan, |took| self.accepts.add(took)).await
    }
}

/// Starts the workers. The channel ends when the last of them does.
fn begin(run: &Arc<Run>) -> mpsc::Receiver<Result<Outcome, GaveUp>> {
    let (send, receive) = mpsc::channel(ENDS);
    for _ in 0..run.workers {
        let task: BoxFuture<'static, ()> = Box::pin(run.clone().work(send.clone()));
        run.link.host().spawner.spawn(task);
    }
    receive
}

type Seen = Vec<(Box<str>, End)>;

async fn count(
    mut ends: mpsc::Receiver<Result<Outcome, GaveUp>>,
    tally: &mut Tally,
    bar: &ProgressBar,
    run: &Run,
) -> Result<Seen, GaveUp> {
    let mut seen = vec![];
    let begun = run.link.now();
    while let Some(end) = ends.recv().await {
        let outcome = end?;
        tally.add(&outcome);
        seen.push((outcome.order_id.into_boxed_str(), outcome.end));
        if !bar.is_hidden() {
            bar.set_position(tally.done());
            let (placed, rate) = (run.accepts.placed(), tally.rate(run.link.now().saturating_sub(begun)));
            bar.set_message(format!("{placed} placed, {} ended, {rate:.0}/s", tally.ended()));
        }
    }
    Ok(seen)
}

/// Whatever was accepted must still be there, with the end that was seen.
async fn read_again(link: &Link, seen: &Seen, tally: &mut Tally) -> Result<(), GaveUp> {
    let looks = seen.iter().map(|(order_id, end)| async move {
        let now = look(link, order_id, Duration::ZERO).await?;
        Ok(is_lost(*end, now))
    });
    let mut looks = stream::iter(looks).buffer_unordered(REREAD);
    while let Some(lost) = looks.next().await {
        if lost? {
            tally.lost();
        }
    }
    Ok(())
}

/// An end never changes. What had none may have come to one since, and an operator may have ended what was parked.
fn is_lost(then: End, now: End) -> bool {
    match then {
        End::Missing => true,
        End::Unended | End::Parked => now == End::Missing,
        _ => now != then,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_changed_or_is_gone_is_lost() {
        assert!(is_lost(End::Confirmed, End::Missing));
        assert!(is_lost(End::Confirmed, End::Cancelled));
        assert!(is_lost(End::OutOfStock, End::PaymentDeclined));
        assert!(is_lost(End::Missing, End::Confirmed), "it was gone for a while");
        assert!(!is_lost(End::Confirmed, End::Confirmed));
        assert!(!is_lost(End::Parked, End::Cancelled) && !is_lost(End::Unended, End::Confirmed));
    }

    #[test]
    fn no_server_names_the_command_that_starts_one() {
        let text = no_server("http://127.0.0.1:9000/").0;
        assert!(text.ends_with("start one with: shop --listen 127.0.0.1:9000 --data ./shop-data"), "{text}");
    }
}
