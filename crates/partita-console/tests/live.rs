//! What a live page is sent, in virtual time.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "tests")]

mod fake;
mod support;

use axum::http::StatusCode;
use partita_saga::Class;
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::{Console, entry, id, kinds, saga};

const OVERVIEW: &str = "view=overview";
const SOON: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_client_that_knows_nothing_gets_everything_first() {
    let console = Console::new();
    console.fake.put(saga("a", Class::Parked, 1_000));
    let first = console.events(OVERVIEW, None).await.chunk().await.unwrap();
    assert!(first.starts_with("retry: 1000\n\n"));
    assert_eq!(kinds(&first), ["banner", "counts", "list"]);
    id(&first);
    let first = console.events("view=saga&id=a", None).await.chunk().await.unwrap();
    assert_eq!(kinds(&first), ["saga"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_was_just_read_is_sent_nothing_until_something_changes() {
    let console = Console::new();
    console.fake.put(saga("a", Class::Running, 1_000));
    let page = console.get("/console").await;
    let query = format!("{OVERVIEW}&last={}", page.attribute("data-last=\""));
    let mut events = console.events(&query, None).await;
    assert_eq!(events.chunk().await.unwrap(), "retry: 1000\n\n");
    assert_eq!(events.within(SOON).await, None);
    console.fake.put(saga("a", Class::Completed, 1_000));
    let chunk = events.within(SOON).await.unwrap();
    assert_eq!(kinds(&chunk), ["counts", "row"]);
    assert!(chunk.contains("data: <tr id=\"row-a\"") && !chunk.contains("event: list"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_resumes_where_it_was_and_catches_up_where_it_was_not() {
    let console = Console::new();
    console.fake.put(saga("a", Class::Running, 1_000));
    let last = id(&console.events(OVERVIEW, None).await.chunk().await.unwrap());
    let same = console.events(OVERVIEW, Some(&last)).await.chunk().await.unwrap();
    assert_eq!(same, "retry: 1000\n\n", "nothing moved");

    let restarted = Console::over(console.fake.clone(), 2);
    let other_run = restarted.events(OVERVIEW, Some(&last)).await.chunk().await.unwrap();
    assert_eq!(kinds(&other_run), ["banner", "counts", "list"]);

    console.fake.put(saga("a", Class::Waiting, 1_000));
    let moved = console.events(OVERVIEW, Some(&last)).await.chunk().await.unwrap();
    assert_eq!(kinds(&moved), ["banner", "counts", "list"]);
    assert_ne!(id(&moved), last);
}

#[tokio::test(start_paused = true)]
async fn rows_come_to_their_place_and_leave() {
    let console = Console::new();
    for (name, at) in [("a", 1_000), ("c", 3_000)] {
        console.fake.put(saga(name, Class::Waiting, at));
    }
    let mut events = console.events("view=overview&state=waiting", None).await;
    events.chunk().await.unwrap();
    console.fake.put(saga("b", Class::Waiting, 2_000));
    console.fake.put(saga("c", Class::Parked, 3_000));
    let chunk = events.within(SOON).await.unwrap();
    assert_eq!(kinds(&chunk), ["banner", "counts", "gone", "row"]);
    assert!(chunk.contains("event: gone\ndata: row-c\n"));
    assert!(chunk.contains("<tr id=\"row-b\" class=\"is-waiting\" data-after=\"\">"), "{chunk}");
    console.fake.put(saga("aa", Class::Waiting, 1_500));
    let chunk = events.within(SOON).await.unwrap();
    assert!(chunk.contains("<tr id=\"row-aa\" class=\"is-waiting\" data-after=\"row-b\">"), "{chunk}");
}

#[tokio::test(start_paused = true)]
async fn the_first_and_the_last_row_bring_the_whole_list() {
    let console = Console::new();
    let mut events = console.events(OVERVIEW, None).await;
    assert!(events.chunk().await.unwrap().contains("class=\"untouched\""));
    console.fake.put(saga("a", Class::Running, 1_000));
    let chunk = events.within(SOON).await.unwrap();
    assert_eq!(kinds(&chunk), ["counts", "list"]);
    assert!(chunk.contains("<table") && !chunk.contains("untouched"));
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_changes_is_at_most_four_looks_a_second() {
    let console = Console::new();
    let mut events = console.events(OVERVIEW, None).await;
    events.chunk().await.unwrap();
    let (clock, start) = (console.host.clock.clone(), console.host.clock.elapsed());
    let before = console.fake.looks.load(Ordering::SeqCst);
    let mut number = 0;
    let storm = async {
        while clock.elapsed() - start < Duration::from_secs(5) {
            number += 1;
            console.fake.put(saga(&format!("s{number:05}"), Class::Running, number));
            clock.sleep(Duration::from_millis(5)).await;
        }
    };
    let mut chunks = vec![];
    let reading = async {
        while let Some(chunk) = events.within(SOON).await {
            chunks.push(chunk);
        }
    };
    futures_util::future::join(storm, reading).await;
    let looks = console.fake.looks.load(Ordering::SeqCst) - before;
    assert!((19..=22).contains(&looks) && chunks.len() == looks, "{looks} looks, {} chunks", chunks.len());
    let shown = chunks.last().unwrap();
    assert!(shown.contains("event: list") && shown.contains(&format!("s{number:05}")), "the last change is shown");
}

#[tokio::test(start_paused = true)]
async fn a_saga_page_hears_of_its_own_saga_only() {
    let console = Console::new();
    console.fake.put(saga("a", Class::Running, 1_000));
    console.fake.put(saga("b", Class::Running, 1_000));
    let mut events = console.events("view=saga&id=a", None).await;
    events.chunk().await.unwrap();
    console.fake.put(saga("b", Class::Completed, 1_000));
    assert_eq!(events.within(SOON).await, None);
    let mut changed = saga("a", Class::Running, 1_000);
    changed.timeline.push(entry(1_001, None, "saga.recovered", Some("<b>")));
    console.fake.put(changed);
    let chunk = events.within(SOON).await.unwrap();
    assert_eq!(kinds(&chunk), ["saga"]);
    assert!(chunk.contains("saga.recovered") && chunk.contains("&lt;b&gt;") && !chunk.contains("<b>"));
}

#[tokio::test(start_paused = true)]
async fn a_lag_behind_the_changes_is_made_good() {
    let console = Console::new();
    console.fake.put(saga("a", Class::Running, 1_000));
    let mut events = console.events("view=saga&id=a", None).await;
    events.chunk().await.unwrap();
    console.fake.put(saga("a", Class::Completed, 1_000));
    for _ in 0..40 {
        console.fake.put(saga("b", Class::Running, 1_000));
    }
    assert!(events.within(SOON).await.unwrap().contains("completed"), "its own change was dropped from the channel");
}

#[tokio::test(start_paused = true)]
async fn a_change_without_a_difference_sends_nothing() {
    let console = Console::new();
    console.fake.put(saga("a", Class::Running, 1_000));
    let mut events = console.events(OVERVIEW, None).await;
    events.chunk().await.unwrap();
    console.fake.put(saga("a", Class::Running, 1_000));
    assert_eq!(events.within(SOON).await, None);
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_every_fifteen_seconds_even_while_others_change() {
    let console = Console::new();
    console.fake.put(saga("a", Class::Running, 1_000));
    let mut events = console.events("view=saga&id=a", None).await;
    events.chunk().await.unwrap();
    let clock = console.host.clock.clone();
    for round in 1..=2 {
        let others = async {
            for _ in 0..14 {
                clock.sleep(SOON).await;
                console.fake.put(saga("b", Class::Running, 1_000));
            }
        };
        let (_, chunk) = futures_util::future::join(others, events.chunk()).await;
        assert_eq!(chunk.as_deref(), Some(": still here\n\n"));
        assert_eq!(clock.elapsed(), Duration::from_secs(15 * round));
    }
}

#[tokio::test(start_paused = true)]
async fn streams_end_when_the_process_stops_and_none_begins_then() {
    let console = Console::new();
    console.fake.put(saga("b", Class::Running, 1_000));
    let mut quiet = console.events("view=saga&id=b", None).await;
    let mut busy = console.events(OVERVIEW, None).await;
    quiet.chunk().await.unwrap();
    busy.chunk().await.unwrap();
    console.fake.put(saga("a", Class::Running, 1_000));
    assert_eq!(busy.within(Duration::from_millis(100)).await, None, "it waits for its next look");
    let before = console.host.clock.elapsed();
    console.stop.send(true).unwrap();
    assert_eq!((quiet.chunk().await, busy.chunk().await), (None, None));
    assert_eq!(console.host.clock.elapsed(), before);
    let refused = console.get("/console/events?view=overview").await;
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "5"));
    assert_eq!(console.get("/console").await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_its_sagas_cannot_be_read() {
    let console = Console::new();
    let mut events = console.events(OVERVIEW, None).await;
    events.chunk().await.unwrap();
    console.fake.broken.store(true, Ordering::SeqCst);
    console.fake.put(saga("a", Class::Running, 1_000));
    assert_eq!(events.chunk().await, None);
}

#[tokio::test(start_paused = true)]
async fn there_are_at_most_sixty_four_streams() {
    let console = Console::new();
    let mut open = vec![];
    for _ in 0..64 {
        open.push(console.events(OVERVIEW, None).await);
    }
    let refused = console.get("/console/events?view=overview").await;
    assert_eq!((refused.status, refused.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "5"));
    open.pop();
    console.events(OVERVIEW, None).await;
}
