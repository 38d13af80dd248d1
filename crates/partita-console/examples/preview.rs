//! Serves the pages with sagas that were made up: `cargo run -p partita-console --example preview [some|empty [port]]`.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "a tool for looking")]

#[path = "../tests/fake/mod.rs"]
mod fake;
#[path = "preview/sagas.rs"]
mod sagas;

use partita_console::About;
use partita_time::{Host, Spawner};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const HINT: &str = "curl -sS http://127.0.0.1:8080/orders \\
  -H 'Content-Type: application/json' -H \"Idempotency-Key: $(date +%s%N)\" \\
  -d '{\"customer_id\":\"ada\",\"items\":[{\"sku\":\"tea-green\",\"quantity\":2}],\"payment_method\":\"pm_ok\"}'";

#[tokio::main]
async fn main() {
    let (host, group) = Host::system();
    let (_stop, stopping) = watch::channel(false);
    let fake = fake::Fake::new();
    if std::env::args().nth(1).as_deref() != Some("empty") {
        sagas::fill(&fake, host.clock.now());
        let (fake, clock) = (fake.clone(), host.clock.clone());
        group.spawn(Box::pin(async move {
            for number in 0.. {
                clock.sleep(Duration::from_secs(2)).await;
                fake.put(sagas::live(number, clock.now()));
            }
        }));
    }
    let about = About { system: "shop".into(), empty_hint: HINT.into(), stopping };
    let pages = partita_console::router(Arc::clone(&fake) as _, about, &host);
    let port = std::env::args().nth(2).map_or(0, |port| port.parse::<u16>().unwrap());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    println!("http://{}/console", listener.local_addr().unwrap());
    axum::serve(listener, pages).await.unwrap();
}
