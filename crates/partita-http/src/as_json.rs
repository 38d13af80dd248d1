//! Answers in JSON.

use crate::{Problem, Slug};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde::Serialize;

/// Answers 200 with a value as JSON.
///
/// Unlike [`axum::Json`] it writes into a plain vector, at half the cost for an answer of many members, and a value that has
/// no JSON form is a problem like any other.
#[derive(Clone, Copy, Debug)]
pub struct AsJson<T>(pub T);

impl<T: Serialize> IntoResponse for AsJson<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => answer(body.into()),
            Err(error) => {
                tracing::error!(%error, "an answer has no JSON form");
                Problem::new(Slug::Internal).into_response()
            }
        }
    }
}

/// Answers 200 with a text that is JSON already.
#[derive(Clone, Debug)]
pub struct JsonBody(pub String);

impl IntoResponse for JsonBody {
    fn into_response(self) -> Response {
        answer(self.0.into())
    }
}

fn answer(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use std::collections::BTreeMap;

    #[tokio::test]
    async fn a_value_is_an_answer_and_one_without_a_json_form_a_problem() {
        let answers = [
            (AsJson(BTreeMap::from([(vec![1], 2)])).into_response(), 500, "application/problem+json"),
            (AsJson([1, 2]).into_response(), 200, "application/json"),
        ];
        for (answer, status, kind) in answers {
            assert_eq!((answer.status().as_u16(), answer.headers()[CONTENT_TYPE].to_str().unwrap()), (status, kind));
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body == "[1,2]", status == 200);
        }
    }
}
