//! JSON objects whose elements are read by name, each only when it is asked for.
//!
//! An element that nobody asks for is skipped by serde_json without recursion, and the reader descends only into
//! elements it knows: no nesting of the input reaches the stack. Numbers keep their digits.

use crate::decimal::Decimal;
use crate::measurement::Reason;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Why something is not taken, and the element it is about: `valueQuantity.value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) reason: Reason,
    at: String,
    what: Cow<'static, str>,
}

impl Fault {
    pub(super) fn new(reason: Reason, what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            reason,
            at: String::new(),
            what: what.into(),
        }
    }

    /// The same fault, seen from the element that holds the one it is about.
    pub(super) fn at(mut self, element: &str) -> Self {
        let dot = if self.at.is_empty() || self.at.starts_with('[') {
            ""
        } else {
            "."
        };
        self.at = format!("{element}{dot}{}", self.at);
        self
    }

    /// The same fault, seen from the list that holds the item it is about.
    pub(super) fn in_item(self, index: usize) -> Self {
        self.at(&format!("[{index}]"))
    }

    pub(super) fn detail(&self) -> String {
        format!("{} {}", self.at, self.what)
    }
}

/// `.at(element)` on the error of a result.
pub(super) trait At: Sized {
    fn at(self, element: &str) -> Self;
    fn in_item(self, index: usize) -> Self;
}

impl<T> At for Result<T, Fault> {
    fn at(self, element: &str) -> Self {
        self.map_err(|fault| fault.at(element))
    }

    fn in_item(self, index: usize) -> Self {
        self.map_err(|fault| fault.in_item(index))
    }
}

fn shape(what: &'static str) -> Fault {
    Fault::new(Reason::Undecodable, what)
}

/// The elements of an object, in their order.
#[derive(Debug, Clone)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Fault> {
        serde_json::from_str(text).map_err(|_| shape("is no JSON object"))
    }

    /// The names of the elements that are `{choice}[x]`: `valueString`, not `value` or `valued`.
    pub(super) fn choices(&self, choice: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(|(_, raw)| raw.get() != "null")
            .map(|(name, _)| name.as_ref())
            .filter(move |name| {
                name.strip_prefix(choice)
                    .is_some_and(|kind| kind.starts_with(|c: char| c.is_ascii_uppercase()))
            })
    }

    /// An element; `null` is none. One that is there twice could mean either.
    pub(super) fn raw(&self, name: &str) -> Result<Option<&'a RawValue>, Fault> {
        let mut found = self
            .0
            .iter()
            .filter(|(known, raw)| known == name && raw.get() != "null");
        let first = found.next();
        if found.next().is_some() {
            return Err(shape("is there twice").at(name));
        }
        Ok(first.map(|(_, raw)| *raw))
    }

    pub(super) fn has(&self, name: &str) -> Result<bool, Fault> {
        Ok(self.raw(name)?.is_some())
    }

    /// A text; a blank one, which FHIR does not know, is none.
    pub(super) fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Fault> {
        let Some(raw) = self.raw(name)? else {
            return Ok(None);
        };
        let text = text(raw).at(name)?;
        Ok(Some(text).filter(|text| !text.trim().is_empty()))
    }

    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Fault> {
        match self.raw(name)?.map(RawValue::get) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(shape("is neither true nor false").at(name)),
        }
    }

    /// A number with its digits.
    pub(super) fn decimal(&self, name: &str) -> Result<Option<Decimal>, Fault> {
        let Some(raw) = self.raw(name)?.map(RawValue::get) else {
            return Ok(None);
        };
        if !raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            return Err(shape("is no number").at(name));
        }
        let decimal = Decimal::parse(raw).ok_or_else(|| {
            Fault::new(Reason::BadValue, "has more digits than can be kept").at(name)
        })?;
        Ok(Some(decimal))
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, Fault> {
        match self.raw(name)? {
            None => Ok(None),
            Some(raw) => Self::parse(raw.get()).map(Some).at(name),
        }
    }

    pub(super) fn list(&self, name: &str) -> Result<Vec<&'a RawValue>, Fault> {
        match self.raw(name)? {
            None => Ok(Vec::new()),
            Some(raw) => serde_json::from_str(raw.get()).map_err(|_| shape("is no list").at(name)),
        }
    }

    pub(super) fn objects(&self, name: &str) -> Result<Vec<Self>, Fault> {
        let items = self.list(name)?;
        let objects = items
            .into_iter()
            .enumerate()
            .map(|(index, raw)| Self::parse(raw.get()).in_item(index).at(name));
        objects.collect()
    }

    /// Refuses what changes the meaning of the rest in a way this reader does not know.
    pub(super) fn refuse_modifiers(&self) -> Result<(), Fault> {
        for name in ["modifierExtension", "implicitRules"] {
            if self.has(name)? {
                let fault = Fault::new(Reason::UnsupportedField, "may change the meaning");
                return Err(fault.at(name));
            }
        }
        Ok(())
    }
}

/// A JSON string.
fn text(raw: &RawValue) -> Result<Cow<'_, str>, Fault> {
    if let Ok(text) = serde_json::from_str::<&str>(raw.get()) {
        return Ok(Cow::Borrowed(text));
    }
    serde_json::from_str::<String>(raw.get())
        .map(Cow::Owned)
        .map_err(|_| shape("is no text"))
}

struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Names)
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    elements.push((name, map.next_value()?));
                }
                Ok(Object(elements))
            }
        }
        deserializer.deserialize_map(Elements)
    }
}
