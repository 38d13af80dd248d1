//! Sagas of four steps that do nothing: what the engine and its store cost by themselves.

use crate::measure::{Timings, Turns, now};
use crate::proc::{Usage, memory, usage};
use crate::raw::Raw;
use crate::row::{Row, Spent, rounded};
use crate::saga_rows::Scripts;
use crate::{Result, machine};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use partita::core::{Store, StoreFacts, new_id};
use partita::saga::{Engine, Registered, Retriable, Saga, Settings, Started, Step, StepResult, reject};
use partita::sqlite::{SqliteConfig, SqliteStore};
use partita::time::Host;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

/// Sagas behind which memory is looked at, and how long to wait for them.
const ENDED: u64 = 100_000;
const PATIENCE: Duration = Duration::from_secs(40);
const WARM_UP: Duration = Duration::from_millis(500);

/// A small state that changes with each step, so that each record holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    customer_id: String,
    total_cents: u64,
    refused: bool,
    steps_done: u32,
}

#[allow(clippy::unused_async, reason = "a step that does nothing")]
async fn step(mut order: Order, _: Step) -> StepResult<Order> {
    order.steps_done += 1;
    Ok(order)
}

#[allow(clippy::unused_async, reason = "an undo that does nothing")]
async fn undo(_: Order, _: Step) -> Retriable<()> {
    Ok(())
}

async fn last(order: Order, cx: Step) -> StepResult<Order> {
    if order.refused { Err(reject("refused")) } else { step(order, cx).await }
}

fn four_steps() -> Saga<Order> {
    Saga::named("four steps")
        .step("one", step)
        .undo(undo)
        .step("two", step)
        .undo(undo)
        .step("three", step)
        .undo(undo)
        .pivot("four", last)
        .build()
}

/// A row's load.
struct Load {
    in_flight: usize,
    unwinds: bool,
    turns: Turns,
}

/// Measures `engine/1`, `engine/1/core`, `engine/256` or `engine/256/unwind20`.
pub(crate) fn measure(name: &str, folder: &Path) -> Result<Row> {
    let alone = Load { in_flight: 1, unwinds: false, turns: Turns::new(20, 200, 150) };
    let load = match name {
        "engine/1" => alone,
        "engine/1/core" => {
            machine::stay_on_one_core()?;
            alone
        }
        "engine/256" => Load { in_flight: 256, turns: Turns::new(8, 800, 350), ..alone },
        "engine/256/unwind20" => Load { in_flight: 256, unwinds: true, turns: Turns::new(8, 700, 350) },
        _ => return Err(format!("there is no row {name}").into()),
    };
    // One thread for the tasks and one for the writer: with two cores the fastest there is.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(name, folder, &load))
}

/// The product under test, and who waits for which saga.
struct Sagas {
    store: Arc<SqliteStore>,
    host: Host,
    registered: Registered<Order>,
    ends: broadcast::Receiver<Arc<str>>,
    /// Sagas under way, and since when.
    open: HashMap<String, Instant>,
    started: u64,
    unwinds: bool,
}

/// What the product's turns came to.
struct Product {
    timings: Timings,
    facts: StoreFacts,
    usage: Usage,
}

async fn run(name: &str, folder: &Path, load: &Load) -> Result<Row> {
    let (host, group) = Host::system();
    let file = folder.join("store.db");
    let store = SqliteStore::open(SqliteConfig::at(&file), Engine::spaces(), &host)?;
    let engine = Engine::new(store.clone(), host.clone(), Settings::default());
    let registered = engine.register(&four_steps(), ())?;
    let ends = engine.rests();
    engine.begin();
    let mut sagas = Sagas { store, host, registered, ends, open: HashMap::new(), started: 0, unwinds: load.unwinds };
    sagas.run(load.in_flight, WARM_UP, &mut Timings::new()?).await?;
    let scripts = Scripts::read(&file)?;
    let raw = Raw::create(&folder.join("limit.db"))?;
    let (mut product, mut limit) = (Product::new()?, Timings::new()?);
    for _ in 0..load.turns.count {
        sagas.turn(load, &mut product).await?;
        let merged = if load.in_flight == 1 { 1 } else { product.merged() };
        bare(&scripts, &raw, merged, load.turns.limit, &mut limit)?;
    }
    if load.in_flight > 1 && !load.unwinds {
        sagas.run_until(ENDED, load).await?;
    }
    let ended = sagas.started;
    engine.stop(Duration::from_secs(1)).await;
    let memory = memory("self")?;
    let mut row = product.row(name, &limit);
    row.notes.push(format!("resident memory is that after {ended} ended sagas"));
    (row.rss_mb, row.rss_peak_mb) = (Some(rounded(memory.now_mb, 1)), Some(rounded(memory.peak_mb, 1)));
    row.limit = match load.in_flight {
        1 => format!("raw rusqlite, {} bare commits of the same rows in a loop", scripts.commits()),
        _ => format!("raw rusqlite, one thread, the same rows, {} commits to a flush", product.merged()),
    };
    if load.in_flight == 1 {
        (row.limit_p50_us, row.p50_ratio) =
            (limit.quantile_us(0.5).map(|us| rounded(us, 1)), p50_ratio(&product, &limit));
    }
    sagas.store.close().await;
    group.end().await;
    Ok(row)
}

fn p50_ratio(product: &Product, limit: &Timings) -> Option<f64> {
    Some(rounded(product.timings.quantile_us(0.5)? / limit.quantile_us(0.5)?, 3))
}

/// The limit's turn.
fn bare(scripts: &Scripts, raw: &Raw, merged: usize, wanted: Duration, limit: &mut Timings) -> Result<()> {
    let begun = now();
    while begun.elapsed() < wanted {
        let from = now();
        let wrote = scripts.write(raw, i64::try_from(limit.operations)?, merged)?;
        limit.record(from.elapsed());
        limit.operations += u64::try_from(wrote)?;
    }
    limit.took += begun.elapsed();
    Ok(())
}

impl Sagas {
    /// Keeps so many sagas in flight for a while, then lets the last ones end.
    async fn run(&mut self, in_flight: usize, wanted: Duration, timings: &mut Timings) -> Result<()> {
        let begun = now();
        let mut starts = FuturesUnordered::new();
        let registered = self.registered.clone();
        loop {
            while self.open.len() < in_flight && begun.elapsed() < wanted {
                let (id, order) = self.next();
                self.open.insert(id.clone(), now());
                let registered = registered.clone();
                starts.push(async move { registered.run(&id, &order).await });
            }
            if self.open.is_empty() && starts.is_empty() {
                timings.took += begun.elapsed();
                return Ok(());
            }
            tokio::select! {
                biased;
                Some(started) = starts.next() => match started? {
                    Started::New => {}
                    Started::Already => return Err("an id was drawn twice".into()),
                },
                ended = self.ends.recv() => if let Some(since) = self.open.remove(&*ended?) {
                    timings.record(since.elapsed());
                    timings.operations += 1;
                },
            }
        }
    }

    fn next(&mut self) -> (String, Order) {
        self.started += 1;
        let id = new_id(self.host.clock.now(), &self.host.entropy).to_string();
        let refused = self.unwinds && self.started.is_multiple_of(5);
        let order = Order {
            customer_id: format!("customer-{}", self.started % 1_000),
            total_cents: 12_900,
            refused,
            steps_done: 0,
        };
        (id, order)
    }

    /// Goes on, unmeasured, until so many sagas have been started.
    async fn run_until(&mut self, wanted: u64, load: &Load) -> Result<()> {
        let (mut unmeasured, begun) = (Timings::new()?, now());
        while self.started < wanted && begun.elapsed() < PATIENCE {
            self.run(load.in_flight, load.turns.product, &mut unmeasured).await?;
        }
        Ok(())
    }

    async fn turn(&mut self, load: &Load, product: &mut Product) -> Result<()> {
        let (facts, used) = (self.store.facts(), usage("self")?);
        self.run(load.in_flight, load.turns.product, &mut product.timings).await?;
        product.usage += usage("self")?.since(used);
        add(&mut product.facts, &self.store.facts(), &facts);
        Ok(())
    }
}

/// Adds what a store did between two looks.
pub(crate) fn add(sum: &mut StoreFacts, after: &StoreFacts, before: &StoreFacts) {
    sum.commits += after.commits - before.commits;
    sum.flushes += after.flushes - before.flushes;
    sum.writer_us += after.writer_us - before.writer_us;
}

impl Product {
    fn new() -> Result<Self> {
        Ok(Self { timings: Timings::new()?, facts: StoreFacts::default(), usage: Usage::default() })
    }

    fn merged(&self) -> usize {
        usize::try_from((self.facts.commits + self.facts.flushes / 2) / self.facts.flushes.max(1)).unwrap_or(1).max(1)
    }

    fn row(&self, name: &str, limit: &Timings) -> Row {
        figures(name, &self.timings, &self.facts, self.usage, limit)
    }
}

/// A row of what one store did in this process.
pub(crate) fn figures(name: &str, timings: &Timings, facts: &StoreFacts, usage: Usage, limit: &Timings) -> Row {
    let operations = timings.operations.max(1) as f64;
    let each = |number: u64, digits| Some(rounded(number as f64 / operations, digits));
    let us = timings.took.as_secs_f64() * 1e6;
    let share = |number: u64| number as f64 / us.max(1.0);
    let spent = Spent {
        cores_busy: share(usage.cpu_us),
        writer: share(facts.writer_us),
        writer_cores: share(usage.writer_cpu_us),
        cores: machine::cores() as f64,
    };
    let quantile = |quantile| timings.quantile_us(quantile).map(|us| rounded(us, 1));
    Row {
        name: name.to_owned(),
        rate_per_s: rounded(timings.rate(), 1),
        p50_us: quantile(0.5),
        p99_us: quantile(0.99),
        limit_per_s: rounded(limit.rate(), 1),
        ratio: rounded(timings.rate() / limit.rate(), 3),
        flushes_per_op: each(facts.flushes, 4),
        writer_us_per_op: each(facts.writer_us, 2),
        operations: timings.operations,
        commits_per_op: each(facts.commits, 3),
        commits_per_flush: Some(rounded(facts.commits as f64 / facts.flushes.max(1) as f64, 1)),
        cpu_us_per_op: each(usage.cpu_us, 2),
        writer_cpu_us_per_op: each(usage.writer_cpu_us, 2),
        wal_kib_per_op: each(usage.written / 1_024, 3),
        bound: spent.bound(),
        ..Row::default()
    }
}
