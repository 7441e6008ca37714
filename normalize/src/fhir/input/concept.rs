//! CodeableConcepts: codings, and the words for people.

use super::json::{At as _, Fault, Object};
use crate::measurement::Reason;
use crate::senml::MAX_TEXT;
use std::borrow::Cow;

#[derive(Debug, Clone)]
pub(super) struct Coding<'a> {
    pub(super) system: Option<Cow<'a, str>>,
    pub(super) code: Option<Cow<'a, str>>,
    pub(super) display: Option<Cow<'a, str>>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Concept<'a> {
    pub(super) codings: Vec<Coding<'a>>,
    pub(super) text: Option<Cow<'a, str>>,
}

impl<'a> Concept<'a> {
    pub(super) fn read(object: &Object<'a>) -> Result<Self, Fault> {
        let mut codings = Vec::new();
        for (index, coding) in object.objects("coding")?.iter().enumerate() {
            codings.push(self::coding(coding).in_item(index).at("coding")?);
        }
        Ok(Self {
            codings,
            text: object.text("text")?,
        })
    }

    /// The concept in element `name` of `holder`.
    pub(super) fn of(holder: &Object<'a>, name: &str) -> Result<Option<Self>, Fault> {
        match holder.object(name)? {
            None => Ok(None),
            Some(object) => Self::read(&object).map(Some).at(name),
        }
    }

    /// Codes of a system.
    pub(super) fn codes(&self, system: &str) -> impl Iterator<Item = &str> {
        self.codings
            .iter()
            .filter(move |coding| coding.system.as_deref() == Some(system))
            .filter_map(|coding| coding.code.as_deref())
    }

    /// What people call it: the text, else the first display.
    pub(super) fn name(&self) -> Option<&str> {
        let displays = || self.codings.iter().find_map(|c| c.display.as_deref());
        self.text.as_deref().or_else(displays).map(str::trim)
    }

    fn first_code(&self) -> Option<&str> {
        self.codings.iter().find_map(|c| c.code.as_deref())
    }

    /// Name and code in one text: `Positive (10828004)`.
    pub(super) fn words(&self) -> Option<String> {
        match (self.name(), self.first_code()) {
            (Some(name), Some(code)) if name != code => Some(format!("{name} ({code})")),
            (Some(text), _) | (None, Some(text)) => Some(text.to_owned()),
            (None, None) => None,
        }
    }

    /// The name, else the code, for a column that holds words.
    pub(super) fn label(&self) -> Result<Option<String>, Fault> {
        match self.name().or_else(|| self.first_code()) {
            Some(text) if text.len() > MAX_TEXT => {
                let what = format!("has more than {MAX_TEXT} bytes");
                Err(Fault::new(Reason::BadValue, what))
            }
            text => Ok(text.map(str::to_owned)),
        }
    }
}

fn coding<'a>(object: &Object<'a>) -> Result<Coding<'a>, Fault> {
    Ok(Coding {
        system: object.text("system")?,
        code: object.text("code")?,
        display: object.text("display")?,
    })
}
