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

/// Checks that status and media type are among those that are described. What is not described is refused: 404 or 405.
#[track_caller]
pub(crate) fn holds(line: &str, answer: &Answer) {
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.strip_prefix("http://").map_or(target, |rest| rest.find('/').map_or("/", |at| &rest[at..]));
    let path = path.split('?').next().unwrap_or_default();
    let Some(operation) = operation(method, path) else {
        assert!(matches!(answer.status, 404 | 405 | 503), "{line} is not described, and answered {answer:?}");
        return;
    };
    let response = &operation["responses"][answer.status.to_string()];
    assert!(response.is_object(), "{line} may not answer {answer:?}");
    let Some(kind) = answer.header("content-type") else { return };
    assert!(response["content"][kind].is_object(), "{line} may not answer {kind}: {answer:?}");
}

#[test]
fn a_status_or_a_media_type_that_is_not_described_is_noticed() {
    let noticed = |status: u16, kind: &str| {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        let answer = Answer { status, headers, body: vec![] };
        std::panic::catch_unwind(|| holds("GET /orders/x?y=1 HTTP/1.1", &answer)).is_err()
    };
    assert!(!noticed(200, "application/json") && !noticed(404, "application/problem+json"));
    assert!(noticed(418, "application/json") && noticed(200, "text/plain"));
}
