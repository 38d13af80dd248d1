//! A shop that is killed with many orders unfinished: how soon the next one is ready, and how soon all of them have ended.

use crate::Result;
use crate::measure::now;
use crate::proc::{memory, usage};
use crate::raw::look_at;
use crate::row::{Row, rounded};
use crate::shop_process::{Server, program};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Orders to be unfinished at the start.
const UNFINISHED: u64 = 10_000;
/// Connections that place them.
const CUSTOMERS: u64 = 400;
/// Whatever takes longer than this does not happen at all.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(20);

/// Measures `shop/recover`.
pub(crate) fn measure(name: &str, folder: &Path) -> Result<Row> {
    let (program, data) = (program()?, folder.join("shop"));
    let left = leave_unfinished(&program, &data)?;
    let begun = now();
    let server = Server::start(&program, &data)?;
    ready(&server, begun)?;
    let ready = begun.elapsed();
    while pending(&data)? > 0 {
        wait(begun, "not all orders had ended")?;
    }
    let ended = begun.elapsed();
    let (used, memory) = (usage(&server.pid())?, memory(&server.pid())?);
    let operations = u64::try_from(left)?;
    Ok(Row {
        name: name.to_owned(),
        rate_per_s: rounded(operations as f64 / ended.as_secs_f64(), 1),
        limit: "none: a restart has no counterpart in raw rusqlite".to_owned(),
        operations,
        cpu_us_per_op: Some(rounded(used.cpu_us as f64 / operations as f64, 1)),
        writer_cpu_us_per_op: Some(rounded(used.writer_cpu_us as f64 / operations as f64, 1)),
        rss_mb: Some(rounded(memory.now_mb, 1)),
        rss_peak_mb: Some(rounded(memory.peak_mb, 1)),
        bound: "CPU, as orders that are placed anew; no client asks meanwhile".to_owned(),
        notes: vec![format!(
            "{left} orders unfinished at the start: ready after {:.2} s, all ended after {:.1} s",
            ready.as_secs_f64(),
            ended.as_secs_f64()
        )],
        ..Row::default()
    })
}

/// Places orders faster than they end, and kills the shop as soon as enough are open.
fn leave_unfinished(program: &Path, data: &Path) -> Result<i64> {
    let server = Server::start_with(program, data, &["--max-unfinished", "100000"])?;
    let address = server.url.trim_start_matches("http://").to_owned();
    let (next, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let begun = now();
    thread::scope(|scope| {
        for _ in 0..CUSTOMERS {
            // A connection that breaks because the shop was killed is what is wanted.
            scope.spawn(|| place(&address, &next, &over));
        }
        let watched = loop {
            match pending(data) {
                Ok(open) if open < i64::try_from(UNFINISHED)? => {}
                other => break other.map(drop),
            }
            if let Err(error) = wait(begun, "orders end as fast as they are placed") {
                break Err(error);
            }
        };
        over.store(true, Ordering::Relaxed);
        drop(server);
        watched
    })?;
    pending(data)
}

fn place(address: &str, next: &AtomicU64, over: &AtomicBool) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut answers = BufReader::new(stream.try_clone()?);
    while !over.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let body = format!(
            r#"{{"customer_id":"customer-{}","items":[{{"sku":"desk-lamp","quantity":1}}],"payment_method":"pm_ok"}}"#,
            number % 1_000
        );
        let head = format!(
            "POST /orders HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\nidempotency-key: recover-{number}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes())?;
        read_answer(&mut answers)?;
    }
    Ok(())
}

/// Reads one answer away; its status.
fn read_answer(answers: &mut BufReader<TcpStream>) -> Result<String> {
    let (mut status, mut line, mut length) = (String::new(), String::new(), 0);
    answers.read_line(&mut status)?;
    loop {
        line.clear();
        if answers.read_line(&mut line)? <= 2 {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
    answers.read_exact(&mut vec![0; length])?;
    Ok(status)
}

fn ready(server: &Server, begun: Instant) -> Result<()> {
    let address = server.url.trim_start_matches("http://");
    loop {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n")?;
        if read_answer(&mut BufReader::new(stream))?.contains(" 200 ") {
            return Ok(());
        }
        wait(begun, "the shop was not ready")?;
    }
}

/// Orders that are accepted and have not ended, by the shop's own count of them.
fn pending(data: &Path) -> Result<i64> {
    let connection = look_at(&data.join("ordering.db"))?;
    let sql = "SELECT ifnull(sum(value), 0) FROM partita_counters WHERE space = 'orders' AND name = 'PENDING'";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

#[allow(clippy::disallowed_methods, reason = "a bench watches a process in real time")]
fn wait(begun: Instant, why: &str) -> Result<()> {
    if begun.elapsed() > PATIENCE {
        return Err(format!("{why} within {} s", PATIENCE.as_secs()).into());
    }
    thread::sleep(LOOK);
    Ok(())
}
