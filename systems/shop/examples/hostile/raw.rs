//! Sockets that are not bound to behave.

use super::attacks::{Seen, Target};
use partita::time::{Clock, TokioClock, timeout};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Nothing that is waited for takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A connection, or why there is none.
pub(crate) async fn connect(target: &Target, clock: &TokioClock) -> Result<TcpStream, &'static str> {
    match timeout(clock, PATIENCE, TcpStream::connect(target.address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(_)) => Err("no connection"),
        Err(_) => Err("no connection in time"),
    }
}

/// What is read until the other side ends it, 1 MiB at most.
pub(crate) async fn rest(stream: &mut TcpStream, clock: &TokioClock, patience: Duration) -> Vec<u8> {
    let mut bytes = vec![];
    let mut taken = stream.take(1 << 20);
    let _ = timeout(clock, patience, taken.read_to_end(&mut bytes)).await;
    bytes
}

/// Statuses of the answers in these bytes; `closed` where there is none.
pub(crate) fn statuses(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let is_status = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
    let words = text.split("HTTP/1.1 ").skip(1).filter_map(|one| one.get(..3)).filter(is_status);
    let found: Vec<_> = words.map(str::to_owned).collect();
    if found.is_empty() { vec!["closed".to_owned()] } else { found }
}

/// Sends the same bytes on one connection after another, 32 at once, and notes what comes back.
pub(crate) async fn again_and_again(target: Target, bytes: Vec<u8>) -> Seen {
    let clock = TokioClock::system();
    let one = async || {
        let mut seen = Seen::default();
        while clock.elapsed() < target.lasts {
            match connect(&target, &clock).await {
                Err(why) => seen.note(why),
                Ok(mut stream) => {
                    // The server may refuse before it has heard all.
                    let _ = timeout(&clock, PATIENCE, stream.write_all(&bytes)).await;
                    let answer = rest(&mut stream, &clock, PATIENCE).await;
                    statuses(&answer).iter().for_each(|status| seen.note(status));
                }
            }
        }
        seen
    };
    Seen::sum(futures_util::future::join_all((0..32).map(|_| one())).await)
}

/// Makes as many connections as it may, then holds them: `head` at once, `drop` once a second; a closed one is made anew.
pub(crate) async fn drip(target: Target, head: &'static [u8], drop: &'static [u8]) -> Seen {
    let clock = TokioClock::system();
    let connected = futures_util::future::join_all((0..target.connections).map(|_| connect(&target, &clock))).await;
    let target = Target { lasts: clock.elapsed() + target.lasts, ..target };
    let one = async |first| {
        let (mut seen, mut stream) = (Seen::default(), first);
        while clock.elapsed() < target.lasts {
            match stream {
                Err(why) => seen.note(why),
                Ok(stream) => seen.note(&hold(stream, &clock, &target, head, drop).await),
            }
            stream = connect(&target, &clock).await;
        }
        seen
    };
    Seen::sum(futures_util::future::join_all(connected.into_iter().map(one)).await)
}

async fn hold(mut stream: TcpStream, clock: &TokioClock, target: &Target, head: &[u8], drop: &[u8]) -> String {
    if stream.write_all(head).await.is_err() {
        return "closed".to_owned();
    }
    let mut bytes = [0; 512];
    while clock.elapsed() < target.lasts {
        match timeout(clock, Duration::from_secs(1), stream.read(&mut bytes)).await {
            Ok(Ok(read)) => return statuses(&bytes[..read]).swap_remove(0),
            Ok(Err(_)) => return "closed".to_owned(),
            Err(_) if !drop.is_empty() && stream.write_all(drop).await.is_err() => return "closed".to_owned(),
            Err(_) => {}
        }
    }
    "still held".to_owned()
}
