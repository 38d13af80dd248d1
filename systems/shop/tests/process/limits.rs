//! What one client may take from the others.

use crate::common::{Shop, Watch, shared};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

fn connect(shop: &Shop, patience: f64) -> TcpStream {
    let stream = TcpStream::connect(shop.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs_f64(patience))).unwrap();
    stream
}

/// Sends these bytes and no more; what comes back until the server hangs up, and when that is.
fn cut(shop: &Shop, bytes: &str) -> (String, f64) {
    let watch = Watch::start();
    let mut stream = connect(shop, 20.0);
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = vec![];
    let _ = stream.read_to_end(&mut answer);
    (String::from_utf8_lossy(&answer).into_owned(), watch.secs())
}

pub(crate) fn a_client_has_10_s_for_head_and_body() {
    let shop = shared();
    let head = "POST /orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nidempotency-key: k\r\ncontent-length: 9\r\n\r\n{";
    std::thread::scope(|scope| {
        let sent = ["", "GET /rea", "GET /readyz HTTP/1.1\r\nhost: x\r\n", head];
        let cuts: Vec<_> = sent.into_iter().map(|bytes| (bytes, scope.spawn(|| cut(&shop, bytes)))).collect();
        for (bytes, cut) in cuts {
            let (answer, took) = cut.join().unwrap();
            assert!((9.0..13.0).contains(&took), "{bytes:?} was cut after {took} s: {answer}");
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
        assert_eq!(shop.get("/readyz").status, 200);
    });
}

pub(crate) fn over_1024_connections_new_ones_wait_until_others_leave() {
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum.or(files.current);
    setrlimit(Resource::Nofile, files).unwrap();
    let shop = Shop::start();
    let watch = Watch::start();
    let mut idle: Vec<TcpStream> = (0..1_100).map(|_| connect(&shop, 1.0)).collect();
    assert!(watch.secs() < 0.9, "a burst finds room in the backlog: {} s", watch.secs());
    let mut stream = connect(&shop, 1.0);
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let silent = stream.read(&mut [0; 1]).unwrap_err();
    assert!(matches!(silent.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silent}");
    idle.truncate(900);
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(shop.process.errors(), "");
}
