//! What kinds of problems there are.

use http::StatusCode;

/// What went wrong, as clients tell it apart: `type` is `/problems/{slug}`. What is too large has one slug, and a status for
/// each part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slug {
    /// 400: not a request that can be read.
    BadRequest,
    /// 404: no such thing, or no such route.
    NotFound,
    /// 405: the route exists, not with this method. Comes with `Allow`.
    MethodNotAllowed,
    /// 408: the request took too long to arrive.
    RequestTimeout,
    /// 414: the request line is over its limit.
    UriTooLong,
    /// 431: request line and headers are over their limits.
    HeadTooLarge,
    /// 415: not `application/json`, or encoded.
    UnsupportedMediaType,
    /// 413: the body is over its limit.
    TooLarge,
    /// 400: no usable `Idempotency-Key`.
    KeyMissing,
    /// 422: the key was used with another body.
    KeyReused,
    /// 409: the first request with this key is still being answered. Goes with `Retry-After`.
    KeyInFlight,
    /// 422: fields of an order are wrong; goes with `errors`.
    InvalidOrder,
    /// 409: too late to cancel.
    CannotCancel,
    /// 503: too much at once. Goes with `Retry-After`.
    Overloaded,
    /// 503: storage is full, or fails. Goes with `Retry-After`.
    StorageFull,
    /// 503: opening or stopping. Goes with `Retry-After`.
    NotReady,
    /// 409: a participant was asked to do what was already undone.
    Undone,
    /// 422: a participant refuses for a reason of its business.
    Refused,
    /// 500: a defect, or a failure that the caller can do nothing about.
    Internal,
    /// 504: a service behind this one did not answer in time.
    Timeout,
    /// 502: a service behind this one could not be reached or answered nonsense.
    Upstream,
}

impl Slug {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::BadRequest,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::UriTooLong,
        Self::HeadTooLarge,
        Self::UnsupportedMediaType,
        Self::TooLarge,
        Self::KeyMissing,
        Self::KeyReused,
        Self::KeyInFlight,
        Self::InvalidOrder,
        Self::CannotCancel,
        Self::Overloaded,
        Self::StorageFull,
        Self::NotReady,
        Self::Undone,
        Self::Refused,
        Self::Internal,
        Self::Timeout,
        Self::Upstream,
    ];

    /// Name, title, and the detail when none is given.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::BadRequest => ("bad-request", "Bad request", "the request cannot be read"),
            Self::NotFound => ("not-found", "Not found", "there is no such thing"),
            Self::MethodNotAllowed => ("method-not-allowed", "Method not allowed", "see the Allow header"),
            Self::RequestTimeout => ("request-timeout", "Request timeout", "the request took too long to arrive"),
            Self::UriTooLong => ("too-large", "Too large", "the request line is over its limit"),
            Self::HeadTooLarge => ("too-large", "Too large", "request line and headers are over their limits"),
            Self::UnsupportedMediaType => ("unsupported-media-type", "Unsupported media type", "send application/json"),
            Self::TooLarge => ("too-large", "Too large", "the body is over its limit"),
            Self::KeyMissing => {
                ("key-missing", "No usable Idempotency-Key", "send one of 1 to 255 visible ASCII characters")
            }
            Self::KeyReused => ("key-reused", "Idempotency-Key reused", "the key was used with another request"),
            Self::KeyInFlight => {
                ("key-in-flight", "Idempotency-Key in flight", "the first request with it is still being answered")
            }
            Self::InvalidOrder => ("invalid-order", "Invalid order", "see errors"),
            Self::CannotCancel => ("cannot-cancel", "Cannot cancel", "it is too late to cancel"),
            Self::Overloaded => ("overloaded", "Overloaded", "too much at once; try again later"),
            Self::StorageFull => {
                ("storage-full", "Storage unavailable", "the storage is full or failing; try again later")
            }
            Self::NotReady => ("not-ready", "Not ready", "starting or stopping; try again later"),
            Self::Undone => ("undone", "Undone", "this action was already undone"),
            Self::Refused => ("refused", "Refused", "the service refuses"),
            Self::Internal => ("internal", "Internal error", "the service failed"),
            Self::Timeout => ("timeout", "Timeout", "a service did not answer in time"),
            Self::Upstream => ("upstream", "Upstream failed", "a service behind this one failed"),
        }
    }

    /// As it stands behind `/problems/`.
    pub const fn as_str(self) -> &'static str {
        self.words().0
    }

    /// The kind of problem, for people.
    pub const fn title(self) -> &'static str {
        self.words().1
    }

    /// The detail when none is given.
    pub(crate) const fn standing_detail(self) -> &'static str {
        self.words().2
    }

    /// The status that goes with it.
    pub const fn status(self) -> StatusCode {
        use StatusCode as S;
        match self {
            Self::BadRequest | Self::KeyMissing => S::BAD_REQUEST,
            Self::NotFound => S::NOT_FOUND,
            Self::MethodNotAllowed => S::METHOD_NOT_ALLOWED,
            Self::RequestTimeout => S::REQUEST_TIMEOUT,
            Self::KeyInFlight | Self::CannotCancel | Self::Undone => S::CONFLICT,
            Self::TooLarge => S::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => S::URI_TOO_LONG,
            Self::UnsupportedMediaType => S::UNSUPPORTED_MEDIA_TYPE,
            Self::KeyReused | Self::InvalidOrder | Self::Refused => S::UNPROCESSABLE_ENTITY,
            Self::HeadTooLarge => S::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Internal => S::INTERNAL_SERVER_ERROR,
            Self::Upstream => S::BAD_GATEWAY,
            Self::Overloaded | Self::StorageFull | Self::NotReady => S::SERVICE_UNAVAILABLE,
            Self::Timeout => S::GATEWAY_TIMEOUT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_name_and_an_error_status_of_its_own_and_one_name_has_one_title() {
        let all = |of: fn(&Slug) -> String| Slug::ALL.iter().map(of).collect::<std::collections::BTreeSet<_>>().len();
        assert_eq!(all(|slug| format!("{} {}", slug.as_str(), slug.status())), Slug::ALL.len());
        assert_eq!(all(|slug| format!("{} {}", slug.as_str(), slug.title())), all(|slug| slug.as_str().to_owned()));
        assert!(Slug::ALL.iter().all(|slug| slug.status().as_u16() >= 400 && !slug.title().is_empty()));
    }
}
