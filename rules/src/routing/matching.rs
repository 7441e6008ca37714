//! Which alerts a route takes.

use super::{Facts, SubjectKind};
use crate::{Class, Priority};

/// Every list that is not empty must have something that fits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) class: Vec<Class>,
    pub(super) priority: Vec<Priority>,
    pub(super) team: Vec<String>,
    pub(super) ward: Vec<String>,
    /// One of them is enough.
    pub(super) tags: Vec<String>,
    /// Rule ids; `*` stands for any characters.
    pub(super) rule: Vec<String>,
    pub(super) subject: Vec<SubjectKind>,
}

impl Match {
    /// A team or ward that is not known fits none.
    pub(super) fn fits(&self, facts: &Facts) -> bool {
        let known = |wanted: &[String], is: Option<&String>| {
            wanted.is_empty() || is.is_some_and(|is| wanted.contains(is))
        };
        among(&self.class, facts.class)
            && among(&self.priority, facts.priority)
            && among(&self.subject, facts.subject)
            && known(&self.team, facts.team.as_ref())
            && known(&self.ward, facts.ward.as_ref())
            && (self.tags.is_empty() || self.tags.iter().any(|tag| facts.tags.contains(tag)))
            && (self.rule.is_empty() || self.rule.iter().any(|glob| globs(glob, &facts.rule)))
    }

    /// Takes every alert.
    pub(super) fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

fn among<T: PartialEq>(wanted: &[T], is: T) -> bool {
    wanted.is_empty() || wanted.contains(&is)
}

/// Whether `text` has the pattern's pieces in order: the first at its start, the last at its end.
fn globs(glob: &str, text: &str) -> bool {
    let mut pieces = glob.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::globs;

    #[test]
    fn patterns() {
        for (glob, text, fits) in [
            ("hf-*", "hf-weight", true),
            ("hf-*", "hf-", true),
            ("hf-*", "copd-hf-", false),
            ("*", "", true),
            ("*-low", "spo2-low", true),
            ("*-low", "spo2-low-2", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("plain", "plain", true),
            ("plain", "plain2", false),
            ("**", "x", true),
        ] {
            assert_eq!(globs(glob, text), fits, "{glob} {text}");
        }
    }
}
