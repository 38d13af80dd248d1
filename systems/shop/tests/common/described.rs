//! Holds every answer that a test gets to what `/openapi.json` says of it.

use super::http::Answer;
use serde_json::Value;
use std::sync::LazyLock;

static DOCUMENT: LazyLock<Value> = LazyLock::new(shop::openapi::document);

/// The operation that a request line asks for, as it is described.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let fits = |template: &str| {
        let (named, given) = (template.split('/'), path.split('/'));
        let part =
            |(named, given): (&str, &str)| if named.starts_with('{') { !given.is_empty() } else { named == given };
        named.clone().count() == given.clone().count() && named.zip(given).all(part)
    };
    let paths = DOCUMENT["paths"].as_object()?;
    let exact = paths.get(path).or_else(|| paths.iter().find(|(template, _)| fits(template)).map(|(_, found)| found));
    let method = if method == "HEAD" { "get".to_owned() } else { method.to_ascii_lowercase() };
    exact?.get(method)
}

/// Checks that status and media type are among those that are described.
#[track_caller]
pub(crate) fn holds(line: &str, answer: &Answer) {
    if let Some(wrong) = wrong(line, answer) {
        panic!("{line} answered {answer:?}: {wrong}");
    }
}

/// What is not described about an answer. To what is not described at all, only 404, 405 and 503 may be answered.
fn wrong(line: &str, answer: &Answer) -> Option<&'static str> {
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.strip_prefix("http://").map_or(target, |rest| rest.find('/').map_or("/", |at| &rest[at..]));
    let path = path.split('?').next().unwrap_or_default();
    let Some(operation) = operation(method, path) else {
        return (!matches!(answer.status, 404 | 405 | 503)).then_some("no such operation is described");
    };
    let response = &operation["responses"][answer.status.to_string()];
    let is_described = |kind| response["content"][kind].is_object();
    match answer.header("content-type") {
        _ if !response.is_object() => Some("no such status is described"),
        Some(kind) if !is_described(kind) => Some("no such media type is described"),
        _ => None,
    }
}

#[test]
fn a_status_or_a_media_type_that_is_not_described_is_noticed() {
    let noticed = |line: &str, status: u16, kind: &str| {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        wrong(line, &Answer { status, headers, body: vec![] }).is_some()
    };
    let show = "GET http://shop/orders/x?y=1 HTTP/1.1";
    assert!(!noticed(show, 200, "application/json") && !noticed(show, 404, "application/problem+json"));
    assert!(noticed(show, 418, "application/json") && noticed(show, 200, "text/plain"));
    assert!(noticed("GET /nope HTTP/1.1", 200, "text/plain") && !noticed("GET /nope HTTP/1.1", 404, "text/plain"));
}
