//! Answers: pages, error pages, and the headers that all of them carry.

use crate::console::Console;
use crate::pages;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use maud::Markup;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const GUARDS: [(HeaderName, &str); 3] =
    [(CONTENT_SECURITY_POLICY, POLICY), (X_CONTENT_TYPE_OPTIONS, "nosniff"), (REFERRER_POLICY, "no-referrer")];

/// A request that gets an error page.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The address has a part that means nothing.
    Bad(&'static str),
    /// There is no such page or saga.
    NotFound(&'static str),
    /// Only looking is possible.
    Method,
    /// The sagas could not be read.
    Unreadable(partita_core::Error),
    /// There are too many live streams, or the process is stopping.
    NoStream,
}

impl From<partita_core::Error> for Refusal {
    fn from(error: partita_core::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl Refusal {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unreadable(_) | Self::NoStream => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Bad(text) | Self::NotFound(text) => (*text).to_owned(),
            Self::Method => "These pages can only be looked at: use GET.".to_owned(),
            Self::Unreadable(error) => format!("The sagas cannot be read at the moment: {error}."),
            Self::NoStream => "There are too many live pages, or the process is stopping. Refresh by hand.".to_owned(),
        }
    }

    /// The error page.
    pub(crate) fn answer(&self, console: &Console) -> Response {
        let status = self.status();
        let mut answer = page(status, &pages::error(console, status, &self.text()));
        match self {
            Self::Method => drop(answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET,HEAD"))),
            Self::Unreadable(_) | Self::NoStream => {
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
            Self::Bad(_) | Self::NotFound(_) => {}
        }
        answer
    }
}

/// An HTML page that no cache keeps.
pub(crate) fn page(status: StatusCode, markup: &Markup) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Html(markup.0.clone())).into_response()
}

/// Adds the headers that every answer carries.
pub(crate) async fn guard(mut answer: Response) -> Response {
    let headers: &mut HeaderMap = answer.headers_mut();
    for (name, value) in GUARDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
