//! One operation: a method on a path, what it takes and what it answers.

use super::answer::{Answer, describe};
use super::schema;
use partita::http::{Problem, Slug};
use serde_json::{Value, json};

/// What any operation may be refused with: by the server before a handler is asked, or because the shop cannot work.
const ANYWHERE: [Slug; 9] = [
    Slug::BadRequest,
    Slug::RequestTimeout,
    Slug::UriTooLong,
    Slug::HeadTooLarge,
    Slug::Internal,
    Slug::Overloaded,
    Slug::StorageFull,
    Slug::NotReady,
    Slug::Timeout,
];

/// A method on a path.
pub(crate) struct Operation {
    method: &'static str,
    path: &'static str,
    about: Value,
    answers: Vec<Answer>,
    problems: Vec<Slug>,
}

/// Something that a request says beside its body.
pub(crate) struct Parameter(Value);

impl Parameter {
    /// A part of the path.
    pub(crate) fn path(name: &str, text: &str, schema: Value) -> Self {
        Self::new("path", name, text, schema).required()
    }

    /// Behind the question mark; optional.
    pub(crate) fn query(name: &str, text: &str, schema: Value) -> Self {
        Self::new("query", name, text, schema)
    }

    /// A header; optional.
    pub(crate) fn header(name: &str, text: &str, schema: Value) -> Self {
        Self::new("header", name, text, schema)
    }

    /// `Idempotency-Key`; optional.
    pub(crate) fn idempotency_key(text: &str) -> Self {
        let characters = json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"});
        Self::header("Idempotency-Key", text, characters).example("order-4711")
    }

    fn new(place: &str, name: &str, text: &str, schema: Value) -> Self {
        let mut parameter = json!({"name": name, "in": place, "description": text});
        parameter["schema"] = schema;
        Self(parameter)
    }

    /// Makes it required.
    pub(crate) fn required(mut self) -> Self {
        self.0["required"] = true.into();
        self
    }

    /// Shows one.
    pub(crate) fn example(mut self, example: &str) -> Self {
        self.0["example"] = example.into();
        self
    }
}

impl Operation {
    /// A `GET`; `id` is its name for generated clients.
    pub(crate) fn get(path: &'static str, tag: &str, id: &str, summary: &str) -> Self {
        Self::new("get", path, json!({"operationId": id, "tags": [tag], "summary": summary}))
    }

    /// A `POST`.
    pub(crate) fn post(path: &'static str, tag: &str, id: &str, summary: &str) -> Self {
        Self::new("post", path, json!({"operationId": id, "tags": [tag], "summary": summary}))
    }

    fn new(method: &'static str, path: &'static str, about: Value) -> Self {
        Self { method, path, about, answers: vec![], problems: ANYWHERE.to_vec() }
    }

    pub(super) fn path(&self) -> String {
        self.path.to_owned()
    }

    pub(super) fn method(&self) -> &'static str {
        self.method
    }

    /// Says more about it.
    pub(crate) fn text(mut self, text: &str) -> Self {
        self.about["description"] = text.into();
        self
    }

    /// Takes a parameter.
    pub(crate) fn takes(mut self, parameter: Parameter) -> Self {
        match self.about["parameters"].as_array_mut() {
            Some(parameters) => parameters.push(parameter.0),
            None => self.about["parameters"] = json!([parameter.0]),
        }
        self
    }

    /// Takes a JSON body.
    pub(crate) fn body(mut self, required: bool, schema: &Value, example: &Value) -> Self {
        let content = json!({"application/json": {"schema": schema, "example": example}});
        self.about["requestBody"] = json!({"required": required, "content": content});
        self
    }

    /// Gives an answer.
    pub(crate) fn answers(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// Is refused with these problems too.
    pub(crate) fn refuses(mut self, problems: &[Slug]) -> Self {
        self.problems.extend(problems);
        self
    }

    /// As the document has it.
    pub(super) fn to_value(&self) -> Value {
        let mut value = self.about.clone();
        let mut responses = json!({});
        for answer in &self.answers {
            answer.join(&mut responses[answer.status.to_string()]);
        }
        for slug in &self.problems {
            let status = slug.status().as_u16();
            let same = self.problems.iter().copied().filter(|other| other.status().as_u16() == status);
            refuse(&mut responses[status.to_string()], *slug, &same.collect::<Vec<_>>());
        }
        value["responses"] = responses;
        value
    }
}

/// Adds a problem to the response of its status; `same` are all that have this status.
fn refuse(response: &mut Value, slug: Slug, same: &[Slug]) {
    describe(response, &format!("{}.", slug.title()));
    let types: Vec<String> = same.iter().map(|slug| format!("/problems/{}", slug.as_str())).collect();
    let status = slug.status().as_u16();
    let content = &mut response["content"]["application/problem+json"];
    let narrowed = json!({"properties": {"type": {"enum": types}, "status": {"const": status}}});
    content["schema"] = json!({"allOf": [schema("Problem"), narrowed]});
    content["examples"][slug.as_str()] = json!({"value": Problem::new(slug)});
    if status == 503 {
        let seconds = json!({"type": "integer", "minimum": 0});
        response["headers"]["Retry-After"] = json!({"description": "Seconds to wait.", "schema": seconds});
    }
}
