//! Whole orders through a real shop process: five files, HTTP, polling clients, and a driver on the same cores.

use crate::measure::now;
use crate::proc::{Usage, memory, usage};
use crate::raw::Raw;
use crate::row::{Row, Spent, rounded};
use crate::shop_files::{Counts, look};
use crate::shop_process::{Driven, Server, drive, program};
use crate::{Result, machine};
use std::path::Path;
use std::sync::Barrier;

const IN_FLIGHT: u32 = 64;
const WARM_UP_ORDERS: u64 = 300;
/// Seconds of orders to measure, and how many at least and at most.
const SECONDS: f64 = 8.0;
const LEAST_ORDERS: f64 = 300.0;
const MOST_ORDERS: f64 = 20_000.0;
/// Orders that the limit writes.
const LIMIT_ORDERS: u64 = 3_000;
const BARE_ORDERS: u64 = 500;

/// Measures `shop/64`.
pub(crate) fn measure(name: &str, folder: &Path) -> Result<Row> {
    let program = program()?;
    let data = folder.join("shop");
    let server = Server::start(&program, &data)?;
    let (warm, _) = drive(&program, &server.url, WARM_UP_ORDERS, IN_FLIGHT)?;
    let orders = whole((warm.orders_per_s * SECONDS).clamp(LEAST_ORDERS, MOST_ORDERS));
    let (files, used) = (look(&data)?, usage(&server.pid())?);
    let begun = now();
    let (driven, driver) = drive(&program, &server.url, orders, IN_FLIGHT)?;
    let whole_us = begun.elapsed().as_secs_f64() * 1e6;
    let used = usage(&server.pid())?.since(used);
    let memory = memory(&server.pid())?;
    let files: Vec<Counts> = look(&data)?.iter().zip(&files).map(|(after, before)| after.since(before)).collect();
    drop(server);
    let merged = limit(folder, &files, orders, LIMIT_ORDERS, Counts::merged)?;
    let bare = limit(folder, &files, orders, BARE_ORDERS, |_| 1)?;
    // In one file everything that waits in five would share a flush.
    let together: usize = files.iter().map(Counts::merged).sum();
    let one_file = limit(folder, &[Counts::together(&files)], orders, LIMIT_ORDERS, |_| together)?;
    let mut row = figures(name, orders, &driven, &files, used);
    row.limit_per_s = rounded(merged, 1);
    row.ratio = rounded(driven.orders_per_s / merged, 3);
    row.limit = format!("raw rusqlite, {} files at once in as many threads, the same commits and flushes", files.len());
    (row.rss_mb, row.rss_peak_mb) = (Some(rounded(memory.now_mb, 1)), Some(rounded(memory.peak_mb, 1)));
    row.driver_cpu_us_per_op = Some(rounded(driver.cpu_us as f64 / orders as f64, 1));
    let share = |us: u64| us as f64 / whole_us;
    let cores_busy = share(used.cpu_us + driver.cpu_us);
    let writer_cores = share(used.writer_cpu_us);
    row.bound = Spent { cores_busy, writer: writer_cores, writer_cores, cores: machine::cores() as f64 }.bound();
    row.notes.extend(notes(&driven, &files, orders, bare));
    row.notes
        .push(format!("the same commits in one file, {together} to a flush, by raw rusqlite: {one_file:.0} orders/s"));
    row.notes.push(format!(
        "CPU of an order: server {:.0} us, {:.0} of them writing; driver {:.0} us",
        used.cpu_us as f64 / orders as f64,
        used.writer_cpu_us as f64 / orders as f64,
        driver.cpu_us as f64 / orders as f64
    ));
    Ok(row)
}

/// A positive number without its fraction; 0 where it is none.
fn whole(number: f64) -> u64 {
    format!("{number:.0}").parse().unwrap_or(0)
}

fn figures(name: &str, orders: u64, driven: &Driven, files: &[Counts], used: Usage) -> Row {
    let each = |number: u64, digits| Some(rounded(number as f64 / orders as f64, digits));
    let (commits, flushes): (u64, u64) =
        files.iter().fold((0, 0), |(commits, flushes), file| (commits + file.commits, flushes + file.flushes));
    Row {
        name: name.to_owned(),
        rate_per_s: driven.orders_per_s,
        p50_us: Some(rounded(driven.end_ms.p50 * 1_000.0, 0)),
        p99_us: Some(rounded(driven.end_ms.p99 * 1_000.0, 0)),
        flushes_per_op: each(flushes, 3),
        operations: orders,
        commits_per_op: each(commits, 2),
        commits_per_flush: Some(rounded(commits as f64 / flushes.max(1) as f64, 2)),
        cpu_us_per_op: each(used.cpu_us, 1),
        writer_cpu_us_per_op: each(used.writer_cpu_us, 1),
        wal_kib_per_op: each(used.written / 1_024, 2),
        ..Row::default()
    }
}

fn notes(driven: &Driven, files: &[Counts], orders: u64, bare: f64) -> Vec<String> {
    let each = |number: u64| number as f64 / orders as f64;
    let by_file = files.iter().map(|file| {
        let merged = file.commits as f64 / file.flushes.max(1) as f64;
        format!(
            "{} {:.0} commits in {:.2} flushes ({merged:.1} merged)",
            file.file,
            each(file.commits),
            each(file.flushes)
        )
    });
    vec![
        format!("an order: {}", by_file.collect::<Vec<_>>().join(", ")),
        format!("p50 and p99 are from the 202 to the end; the 202 took {:.1} ms (p50)", driven.accept_ms.p50),
        format!("each commit with a flush of its own, the limit is {bare:.0} orders/s"),
        "CPU includes the driver's second look at every order; writer us is not told by a shop, its CPU is in the JSON"
            .to_owned(),
    ]
}

/// Orders a second of raw rusqlite: the commits of each file in a thread of its own.
fn limit(folder: &Path, files: &[Counts], orders: u64, wanted: u64, merged: impl Fn(&Counts) -> usize) -> Result<f64> {
    let begin = Barrier::new(files.len() + 1);
    let parts: Vec<(Raw, usize, u64, &Counts)> = files
        .iter()
        .map(|file| {
            let merged = merged(file);
            let raw = Raw::create(&folder.join(format!("limit-{}-{merged}-{wanted}.db", file.file)))?;
            Ok((raw, merged, file.commits * wanted / orders.max(1), file))
        })
        .collect::<Result<_>>()?;
    std::thread::scope(|scope| {
        let work = |(raw, merged, commits, file): (Raw, usize, u64, &Counts)| {
            let shape = file.shape();
            begin.wait();
            (0..commits.div_ceil(merged as u64)).try_for_each(|_| raw.flush((0..merged).map(|_| (&shape, 0))))
        };
        let threads: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || work(part))).collect();
        begin.wait();
        let begun = now();
        for thread in threads {
            thread.join().map_err(|_| "the limit's thread panicked")??;
        }
        Ok(wanted as f64 / begun.elapsed().as_secs_f64())
    })
}
