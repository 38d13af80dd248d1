//! What an operation answers.

use serde_json::{Map, Value, json};

/// An answer of one status and media type.
pub(crate) struct Answer {
    pub(super) status: u16,
    text: &'static str,
    content: Option<(&'static str, Value)>,
    headers: Map<String, Value>,
}

impl Answer {
    fn new(status: u16, text: &'static str, content: Option<(&'static str, Value)>) -> Self {
        Self { status, text, content, headers: Map::new() }
    }

    /// A JSON body.
    pub(crate) fn json(status: u16, text: &'static str, schema: Value) -> Self {
        Self::of(status, text, "application/json", schema)
    }

    /// A page.
    pub(crate) fn html(status: u16, text: &'static str) -> Self {
        Self::of(status, text, "text/html; charset=utf-8", json!({"type": "string"}))
    }

    /// A body of any media type.
    pub(crate) fn of(status: u16, text: &'static str, kind: &'static str, schema: Value) -> Self {
        let mut content = json!({});
        content["schema"] = schema;
        Self::new(status, text, Some((kind, content)))
    }

    /// No body, and where to go instead.
    pub(crate) fn redirect(status: u16, text: &'static str) -> Self {
        Self::new(status, text, None).header("Location", "Where to go.", json!({"type": "string"}))
    }

    /// Shows one.
    pub(crate) fn example(mut self, example: Value) -> Self {
        if let Some((_, content)) = &mut self.content {
            content["example"] = example;
        }
        self
    }

    /// A header that it may carry.
    pub(crate) fn header(mut self, name: &str, text: &str, schema: Value) -> Self {
        let mut header = json!({"description": text});
        header["schema"] = schema;
        self.headers.insert(name.to_owned(), header);
        self
    }

    /// Adds it to the response of its status.
    pub(super) fn join(&self, response: &mut Value) {
        describe(response, self.text);
        if let Some((kind, content)) = &self.content {
            response["content"][*kind] = content.clone();
        }
        for (name, header) in &self.headers {
            response["headers"][name] = header.clone();
        }
    }
}

/// Adds a sentence to a response's description.
pub(super) fn describe(response: &mut Value, text: &str) {
    let before = response["description"].as_str().map(|before| format!("{before} ")).unwrap_or_default();
    response["description"] = Value::String(before + text);
}
