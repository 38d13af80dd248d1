//! Watches a shop for the first order that ends after a moment.

use partita::http::Client;
use partita::time::{Host, Timestamp, timeout};
use serde::Deserialize;
use std::time::Duration;

/// Nothing ended for this long: then nothing goes on.
const NOTHING: Duration = Duration::from_secs(60);

/// Between two looks at the same orders.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Deserialize)]
struct View {
    ended_at: Option<String>,
}

/// When the first of some orders ended after a moment; `None` when all of them had ended before.
pub(crate) async fn first_end(
    url: &str,
    orders: &[String],
    after: Timestamp,
    host: &Host,
) -> Result<Option<Timestamp>, String> {
    let client = Client::network(url, host).map_err(|error| error.to_string())?;
    let watching = async {
        loop {
            let (mut first, mut open): (Option<Timestamp>, bool) = (None, false);
            for order in orders {
                let ended = ended_at(&client, order).await;
                open |= ended.is_none();
                first = first.into_iter().chain(ended.filter(|ended| *ended >= after)).min();
            }
            if first.is_some() || !open {
                return first;
            }
            host.clock.sleep(LOOK).await;
        }
    };
    timeout(&*host.clock, NOTHING, watching).await.map_err(|_| format!("no order ended for {} s", NOTHING.as_secs()))
}

async fn ended_at(client: &Client, order: &str) -> Option<Timestamp> {
    let reply = client.get(&format!("/orders/{order}")).send().await.ok()?;
    Timestamp::parse(&reply.json::<View>().ok()?.ended_at?).ok()
}
