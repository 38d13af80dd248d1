//! What the pages show, and to whom they say no.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "tests")]

mod fake;
mod support;

use axum::http::StatusCode;
use partita_saga::Class;
use std::sync::atomic::Ordering;
use support::{Console, POLICY, entry, saga, step};

const HOSTILE: &str = "<script>alert('1')</script>\"&";

#[tokio::test]
async fn without_sagas_the_overview_shows_the_command_that_starts_one() {
    let page = Console::new().get("/console").await;
    assert_eq!(page.status, StatusCode::OK);
    page.has("curl -d '{&quot;a&quot;:1}' &lt;here&gt;");
    page.has("No saga yet").has("<noscript>").lacks("<table");
}

#[tokio::test]
async fn the_overview_counts_in_words_and_lists_newest_first() {
    let console = Console::new();
    console.fake.put(saga("old", Class::Completed, 1_000));
    console.fake.put(saga("new", Class::Running, 2_000));
    let page = console.get("/console").await;
    for class in Class::ALL {
        page.has(&format!("{}</span>", class.word()));
    }
    assert!(page.at("/sagas/new") < page.at("/sagas/old"));
    page.has("1970-01-01T00:00:02.000Z").has("58 s ago").has("took 5 ms").lacks("No saga yet").lacks("older →");
}

#[tokio::test]
async fn a_state_filters_the_list_and_not_the_counts() {
    let console = Console::new();
    console.fake.put(saga("a", Class::Completed, 1_000));
    console.fake.put(saga("b", Class::Waiting, 2_000));
    let page = console.get("/console?state=waiting").await;
    page.has("/sagas/b").lacks("/sagas/a").has("aria-current=\"page\"").has("next attempt").has("in 30 s");
    page.has("<span class=\"number\">2</span> <span class=\"word\">all");
    console.get("/console?state=parked").await.has("No saga here.").lacks("No saga yet");
}

#[tokio::test]
async fn parked_sagas_raise_a_banner_that_leads_to_them() {
    let console = Console::new();
    console.fake.put(saga("a", Class::Completed, 1_000));
    console.get("/console").await.lacks("need an operator");
    console.fake.put(saga("b", Class::Parked, 2_000));
    console.get("/console").await.has("<a href=\"/console?state=parked\">1 saga needs an operator</a>");
    console.fake.put(saga("c", Class::Parked, 2_000));
    console.get("/console").await.has(">2 sagas need an operator</a>");
    console.get("/console/sagas/b").await.has("This saga needs an operator");
}

#[tokio::test]
async fn pages_of_fifty_meet_without_gap_or_overlap() {
    let console = Console::new();
    for number in 0..120 {
        console.fake.put(saga(&format!("s{number:03}"), Class::Completed, 1_000 + number / 3));
    }
    let (mut href, mut seen, mut pages) = ("/console?state=completed".to_owned(), vec![], 0);
    loop {
        let page = console.get(&href).await;
        pages += 1;
        assert_eq!(page.text.contains("← newest"), pages > 1);
        seen.extend(page.text.split("/console/sagas/").skip(1).map(|rest| rest[..4].to_owned()));
        let Some((_, rest)) = page.text.split_once("rel=\"next\" href=\"") else { break };
        href = rest.split('"').next().unwrap().replace("&amp;", "&");
    }
    let expected: Vec<String> = (0..120).rev().map(|number| format!("s{number:03}")).collect();
    assert_eq!((pages, seen), (3, expected));
}

#[tokio::test]
async fn what_came_from_outside_is_escaped_everywhere() {
    let console = Console::new();
    let mut detail = saga(HOSTILE, Class::Parked, 1_000);
    detail.row.name = HOSTILE.into();
    detail.row.reason = Some(HOSTILE.into());
    detail.waiting_for = Some(HOSTILE.into());
    detail.state = format!("{{{HOSTILE}");
    detail.steps = vec![step(HOSTILE, "undoing")];
    detail.steps[0].note = Some(HOSTILE.into());
    detail.timeline = vec![entry(1_000, Some(HOSTILE), "step.started", Some(HOSTILE))];
    console.fake.put(detail);
    let path = "/console/sagas/%3Cscript%3Ealert%28%271%27%29%3C%2Fscript%3E%22%26";
    let overview = console.get("/console").await;
    overview.has(&format!("href=\"{path}\""));
    let one = console.get(path).await;
    assert_eq!(one.status, StatusCode::OK);
    for page in [overview, one] {
        page.has("&lt;script&gt;alert('1')&lt;/script&gt;&quot;&amp;")
            .lacks("<script>")
            .lacks("\"&\"")
            .lacks(" style=");
    }
}

#[tokio::test]
async fn a_saga_is_shown_with_its_steps_course_timeline_and_state() {
    let console = Console::new();
    let mut detail = saga("a", Class::Unwinding, 1_000);
    detail.row.reason = Some("out_of_stock".into());
    detail.waiting_for = Some("It waits for stock.".into());
    detail.deadline = Some(partita_time::Timestamp::from_millis(61_000));
    detail.steps = vec![step("pay", "undone"), step("ship", "pending")];
    detail.timeline = vec![
        entry(1_000, None, "saga.started", None),
        entry(1_010, Some("pay"), "step.started", None),
        entry(1_045, Some("pay"), "step.done", None),
        entry(1_100, None, "saga.recovered", Some("by a new process")),
        entry(1_150, Some("pay"), "step.undone", None),
    ];
    console.fake.put(detail);
    let page = console.get("/console/sagas/a").await;
    page.has("It waits for stock.").has("out_of_stock").has("1970-01-01T00:01:01.000Z");
    page.has("pay: attempt 1 at +0.010 s: done after 35 ms; undo attempt 1 at +0.100 s: undone after 50 ms");
    page.has("ship: not begun").has("+0.045 s").has("  &quot;total&quot;: 998");
    page.has("class=\"recovered\"").has("recovered</span>").has("by a new process");
}

#[tokio::test]
async fn a_long_timeline_and_a_large_state_are_cut_and_say_so() {
    let console = Console::new();
    let mut detail = saga("a", Class::Running, 1_000);
    detail.timeline = (0..700).map(|at| entry(at, None, "step.retried", None)).collect();
    detail.state = format!("{{\"note\":\"{}\"}}", "ü".repeat(60_000));
    console.fake.put(detail);
    let page = console.get("/console/sagas/a").await;
    page.has("200 older entries are not shown.").has("The first 64 KiB of 120,");
    assert!(page.text.len() < 350_000, "{}", page.text.len());
}

#[tokio::test]
async fn every_answer_carries_the_guards_and_pages_are_not_stored() {
    let console = Console::new();
    let asset = console.get("/console").await.attribute("<link rel=\"stylesheet\" href=\"");
    for path in ["/console", "/console/sagas/none", "/console?state=none", "/console/events", "/console/none", &asset] {
        let page = console.get(path).await;
        assert_eq!(page.header("content-security-policy"), POLICY, "{path}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        if path != asset {
            assert_eq!(page.header("cache-control"), "no-store", "{path}");
            assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
        }
    }
}

#[tokio::test]
async fn assets_are_named_by_their_content_and_kept_for_ever() {
    let console = Console::new();
    let page = console.get("/console").await;
    for (begin, kind) in [
        ("<link rel=\"stylesheet\" href=\"", "text/css; charset=utf-8"),
        ("<script type=\"module\" src=\"", "text/javascript; charset=utf-8"),
        ("type=\"image/svg+xml\" href=\"", "image/svg+xml"),
    ] {
        let asset = console.get(&page.attribute(begin)).await;
        assert_eq!((asset.status, asset.header("content-type")), (StatusCode::OK, kind));
        assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    }
    let stale = console.get("/console/assets/console-0000000000000000.css").await;
    assert_eq!((stale.status, stale.header("cache-control")), (StatusCode::NOT_FOUND, "no-store"));
}

#[tokio::test]
async fn what_is_not_there_or_not_allowed_is_an_html_page() {
    let console = Console::new();
    for (path, status) in [
        ("/console/sagas/none", StatusCode::NOT_FOUND),
        ("/console/sagas/%FF", StatusCode::NOT_FOUND),
        ("/console/none/at/all", StatusCode::NOT_FOUND),
        ("/console?state=none", StatusCode::BAD_REQUEST),
        ("/console?state=", StatusCode::BAD_REQUEST),
        ("/console?state=parked&state=parked", StatusCode::BAD_REQUEST),
        ("/console?after=zz", StatusCode::BAD_REQUEST),
        ("/console/events", StatusCode::BAD_REQUEST),
        ("/console/events?view=saga", StatusCode::BAD_REQUEST),
        ("/console/events?view=overview&state=none", StatusCode::BAD_REQUEST),
        ("/console/events?view=saga&id=none", StatusCode::NOT_FOUND),
    ] {
        let page = console.get(path).await;
        assert_eq!(page.status, status, "{path}");
        page.has("<!DOCTYPE html>").has("<h1>");
    }
    for path in ["/console", "/console/sagas/a", "/console/events", "/console/none"] {
        let page = console.request("POST", path, None).await;
        assert_eq!((page.status, page.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD"), "{path}");
        page.has("<!DOCTYPE html>");
    }
}

#[tokio::test]
async fn sagas_that_cannot_be_read_are_said_to_be_so() {
    let console = Console::new();
    console.fake.broken.store(true, Ordering::SeqCst);
    for path in ["/console", "/console/sagas/a", "/console/events?view=overview"] {
        let page = console.get(path).await;
        assert_eq!((page.status, page.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "5"));
        page.has("the disk &lt;is&gt; gone");
    }
}

#[tokio::test]
async fn it_merges_into_a_router_with_a_fallback_of_its_own() {
    let console = Console::new();
    let app = axum::Router::new().fallback(async || "mine").merge(console.router.clone());
    let console = Console { router: app, ..console };
    console.get("/elsewhere").await.has("mine");
    console.get("/console/elsewhere").await.has("There is no such page.");
    let moved = console.get("/console/").await;
    assert_eq!((moved.status, moved.header("location")), (StatusCode::PERMANENT_REDIRECT, "/console"));
}
