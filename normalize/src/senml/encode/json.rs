//! JSON text.

use super::{Form, quoted};
use crate::decimal::Decimal;

#[derive(Debug, Default)]
pub(super) struct Json {
    text: String,
}

impl Json {
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.text.is_empty() {
            self.text.push('[');
        }
        self.text.push(']');
        self.text.into_bytes()
    }

    fn label(&mut self, label: &str) {
        if !self.text.ends_with('{') {
            self.text.push(',');
        }
        // Labels are ours: nothing to escape.
        self.text.push('"');
        self.text.push_str(label);
        self.text.push_str("\":");
    }
}

impl Form for Json {
    fn open(&mut self) {
        self.text.push(if self.text.is_empty() { '[' } else { ',' });
        self.text.push('{');
    }

    fn close(&mut self) {
        self.text.push('}');
    }

    fn text(&mut self, label: &'static str, text: &str) {
        self.label(label);
        self.text.push_str(&quoted(text));
    }

    fn number(&mut self, label: &'static str, number: Decimal) {
        self.label(label);
        self.text.push_str(&number.to_string());
    }

    fn truth(&mut self, label: &'static str, truth: bool) {
        self.label(label);
        self.text.push_str(if truth { "true" } else { "false" });
    }

    fn list(&mut self, label: &'static str, texts: &[String]) {
        self.label(label);
        self.text.push('[');
        for (index, text) in texts.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.text.push_str(&quoted(text));
        }
        self.text.push(']');
    }

    fn map(&mut self, label: &'static str) {
        self.label(label);
        self.text.push('{');
    }
}
