//! What a request's head must be, beyond what the parser looks at.

use http::header::{HOST, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{HeaderMap, Version};

/// What is wrong with a head, if anything is.
pub(super) fn fault(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    not_one_host(version, headers).or_else(|| unknown_coding(headers))
}

/// RFC 9112, section 3.2: one host, which may be empty; HTTP/1.0 need not say it.
fn not_one_host(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version < Version::HTTP_11 => None,
        (Some(host), None) => (!is_host(host.as_bytes())).then_some("the Host header names no host"),
        _ => Some("an HTTP/1.1 request has one Host header"),
    }
}

fn is_host(text: &[u8]) -> bool {
    text.is_empty() || Authority::try_from(text).is_ok_and(|_| !text.contains(&b'@'))
}

/// RFC 9112, section 6.1: a coding that is not undone leaves another body than was meant, and `chunked` is said once.
fn unknown_coding(headers: &HeaderMap) -> Option<&'static str> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let first = codings.next()?;
    let plain = first.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
    (!plain).then_some("the only Transfer-Encoding that is taken is chunked, once")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn is_fine(version: Version, headers: &[(HeaderName, &str)]) -> bool {
        let map = headers.iter().fold(HeaderMap::new(), |mut map, (name, value)| {
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            map
        });
        fault(version, &map).is_none()
    }

    #[test]
    fn a_request_names_one_host_that_could_be_one() {
        for good in ["", "x", "x:80", "127.0.0.1:8080", "[::1]", "[::1]:80", "my_service:80", "xn--p1ai"] {
            assert!(is_fine(Version::HTTP_11, &[(HOST, good)]), "{good}");
        }
        for bad in ["a b", "a/b", "user@x", "x:y:z", "a, b", "http://x", "x\u{e4}"] {
            assert!(!is_fine(Version::HTTP_11, &[(HOST, bad)]), "{bad}");
            assert!(!is_fine(Version::HTTP_10, &[(HOST, bad)]), "{bad}");
        }
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert!(!is_fine(version, &[(HOST, "x"), (HOST, "x")]));
            assert_eq!(is_fine(version, &[]), version == Version::HTTP_10);
        }
    }

    #[test]
    fn a_body_is_chunked_once_and_nothing_else() {
        let coded = |codings: &[&str]| {
            let codings = codings.iter().map(|coding| (TRANSFER_ENCODING, *coding));
            is_fine(Version::HTTP_11, &[(HOST, "x")].into_iter().chain(codings).collect::<Vec<_>>())
        };
        assert!(coded(&[]) && coded(&["chunked"]) && coded(&["Chunked "]));
        for bad in [&["gzip, chunked"][..], &["chunked, chunked"], &["gzip", "chunked"], &["chunked", "chunked"]] {
            assert!(!coded(bad), "{bad:?}");
        }
    }
}
