//! A JSON object whose members stay as they are written until they are replaced.

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::fmt;

#[derive(Debug, Clone)]
pub(super) struct Members(Vec<(String, Box<RawValue>)>);

pub(super) fn raw(value: &(impl Serialize + ?Sized)) -> Box<RawValue> {
    to_raw_value(value).expect("texts, lists and members are JSON")
}

impl Members {
    pub(super) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    pub(super) fn get(&self, name: &str) -> Option<&RawValue> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| &**value)
    }

    /// A member that is a string.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    /// A member that is a number.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    pub(super) fn set(&mut self, name: &str, value: Box<RawValue>) {
        self.replace(name, name, value);
    }

    /// Puts a member in the place of `old`, or at the end.
    pub(super) fn replace(&mut self, old: &str, name: &str, value: Box<RawValue>) {
        match self.0.iter_mut().find(|(known, _)| known == old) {
            Some(member) => *member = (name.to_owned(), value),
            None => self.0.push((name.to_owned(), value)),
        }
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    pub(super) fn first_with_prefix(&self, prefix: &str) -> Option<String> {
        let found = self.0.iter().find(|(known, _)| known.starts_with(prefix));
        found.map(|(known, _)| known.clone())
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("members are JSON")
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// Whether two objects say the same: order of members and writing of numbers and texts do not count.
pub(super) fn same(one: &Members, other: &Members) -> bool {
    let value = |members: &Members| serde_json::from_str::<Value>(&members.to_json()).ok();
    match (value(one), value(other)) {
        (Some(one), Some(other)) => equal(&one, &other),
        _ => false,
    }
}

/// The depth is that of what `serde_json` reads, 128.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, one)| other.get(name).is_some_and(|other| equal(one, other)))
        }
        _ => one == other,
    }
}
