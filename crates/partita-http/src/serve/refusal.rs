//! What the server itself says, where no handler could: a problem, as the last bytes of a connection.

use super::ServeLimits;
use crate::problem::PROBLEM_JSON;
use crate::{Problem, Slug};
use bytes::Bytes;

/// The head that hyper refused with this status, put into words.
pub(super) fn unreadable(status: &str, limits: &ServeLimits) -> Problem {
    let ServeLimits { headers, head_bytes, .. } = limits;
    match status {
        "431" => {
            let detail = format!("a request line and its headers may be {head_bytes} bytes long and {headers} headers");
            Problem::new(Slug::HeadTooLarge).detail(detail)
        }
        "414" => Problem::new(Slug::UriTooLong),
        _ => {
            let detail =
                "this is no HTTP/1.1 request: see its request line, headers, Content-Length, Transfer-Encoding";
            Problem::new(Slug::BadRequest).detail(detail)
        }
    }
}

/// The head cannot be a request's, and this is why.
pub(super) fn no_request(fault: &'static str) -> Problem {
    Problem::new(Slug::BadRequest).detail(fault)
}

/// The head took too long.
pub(super) fn late(limits: &ServeLimits) -> Problem {
    let seconds = limits.head_and_body.as_secs_f32();
    Problem::new(Slug::RequestTimeout).detail(format!("a request has {seconds} s to arrive, head and body"))
}

/// Another connection needs the room of this one.
pub(super) fn no_room() -> Problem {
    let detail = "there are more connections than this server takes, and this one kept it waiting longest";
    Problem::new(Slug::Overloaded).detail(detail).retry_after(1)
}

/// More requests than can be answered at once.
pub(super) fn too_many(limits: &ServeLimits) -> Problem {
    let detail = format!("{} requests are being answered, which is the limit; try again shortly", limits.requests);
    Problem::new(Slug::Overloaded).detail(detail).retry_after(1)
}

/// The handler did not answer in time.
pub(super) fn unanswered(limits: &ServeLimits) -> Problem {
    let seconds = limits.answer.as_secs_f32();
    let detail =
        format!("there was no answer within {seconds} s; what was asked may still be done: look, or ask again");
    Problem::new(Slug::Timeout).detail(detail)
}

/// A whole response, after which the connection ends.
pub(super) fn last_words(problem: &Problem) -> Bytes {
    let body = serde_json::to_string(problem).unwrap_or_default();
    let retry = if problem.status().is_server_error() { "retry-after: 1\r\n" } else { "" };
    let length = body.len();
    let status = problem.status();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {length}\r\n{retry}connection: close\r\n\r\n"
    );
    Bytes::from(head + &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_is_a_whole_response_that_says_its_limit() {
        let limits = ServeLimits::default();
        let told = [
            (unreadable("431", &limits), "431 Request Header Fields Too Large", "16384 bytes"),
            (unreadable("414", &limits), "414 URI Too Long", "/problems/too-large"),
            (unreadable("400", &limits), "400 Bad Request", "Content-Length"),
            (late(&limits), "408 Request Timeout", "10 s"),
            (no_room(), "503 Service Unavailable", "retry-after: 1"),
        ];
        for (problem, status, part) in told {
            let bytes = last_words(&problem);
            let text = std::str::from_utf8(&bytes).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
            assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
            assert!(text.contains(part), "{text}");
        }
    }
}
