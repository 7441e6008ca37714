//! Filters: `?( … )`.

use super::{MAX_FILTERS, Parsed, Parser};
use crate::mapping::jsonpath::plan::{Comparison, Filter, Join, Literal, Operand, Test};
use regex::{Regex, RegexBuilder};

/// Bytes of a compiled pattern: its size bounds the time of a match.
const MAX_REGEX: usize = 1 << 20;

/// An operand as it stands: a pattern is none by itself.
enum Side {
    Operand(Operand),
    Pattern(String),
}

impl Parser {
    /// From behind the question mark behind the closing parenthesis.
    pub(super) fn filter(&mut self) -> Parsed<Filter> {
        if self.peek() != Some('(') {
            return Err(self.unexpected("'(' right behind '?'"));
        }
        if self.filters == MAX_FILTERS {
            return Err(self.error(format!("more than {MAX_FILTERS} filters inside each other")));
        }
        self.filters += 1;
        self.at += 1;
        let mut clauses = Vec::new();
        loop {
            let test = self.test()?;
            let join = if self.take("&&") {
                Join::And
            } else if self.take("||") {
                Join::Or
            } else if self.take(")") {
                Join::Last
            } else {
                return Err(self.unexpected("an operator, '&&', '||' or ')'"));
            };
            clauses.push((test, join));
            if join == Join::Last {
                self.filters -= 1;
                return Ok(Filter::new(clauses));
            }
        }
    }

    fn test(&mut self) -> Parsed<Test> {
        self.spaces();
        let start = self.at;
        let Side::Operand(left) = self.side()? else {
            self.at = start;
            return Err(self.error("a pattern stands behind =~"));
        };
        if let None | Some(')' | '|' | '&') = self.peek() {
            return Ok(Test::Exists(left));
        }
        if self.take("=~") {
            return self.pattern(left);
        }
        let Some(comparison) = self.comparison() else {
            return Err(self.unexpected("one of == != <> < <= > >= === !== =~ && || )"));
        };
        self.spaces();
        let start = self.at;
        match self.side()? {
            Side::Operand(right) => Ok(Test::Compare(left, comparison, right)),
            Side::Pattern(_) => {
                self.at = start;
                Err(self.error("a pattern is compared by =~"))
            }
        }
    }

    fn comparison(&mut self) -> Option<Comparison> {
        const OPERATORS: [(&str, Comparison); 9] = [
            ("===", Comparison::StrictlyEqual),
            ("==", Comparison::Equal),
            ("!==", Comparison::StrictlyNotEqual),
            ("!=", Comparison::NotEqual),
            ("<>", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            ("<", Comparison::Less),
            (">=", Comparison::GreaterOrEqual),
            (">", Comparison::Greater),
        ];
        let found = OPERATORS.into_iter().find(|(text, _)| self.take(text));
        found.map(|(_, comparison)| comparison)
    }

    /// A path or a literal, and the spaces around it.
    fn side(&mut self) -> Parsed<Side> {
        self.spaces();
        let operand = match self.peek() {
            Some('@') => {
                self.at += 1;
                Operand::Node(self.path(true)?)
            }
            Some('$') => {
                self.at += 1;
                Operand::Root(self.path(true)?)
            }
            Some('/') => {
                let pattern = self.slashed()?;
                self.spaces();
                return Ok(Side::Pattern(pattern));
            }
            Some('\'') => Operand::Literal(Literal::Text(self.quoted()?.into())),
            Some('0'..='9' | '-') => Operand::Literal(self.number()?),
            Some('"') => return Err(self.error("strings are quoted in single quotes here")),
            Some('!') => return Err(self.error("this dialect has no negation")),
            Some('(') => return Err(self.error("this dialect has no grouping by parentheses")),
            _ if self.take("true") => Operand::Literal(Literal::Bool(true)),
            _ if self.take("false") => Operand::Literal(Literal::Bool(false)),
            _ if self.take("null") => Operand::Literal(Literal::Null),
            _ => return Err(self.unexpected("a path from @ or $, or a literal")),
        };
        self.spaces();
        Ok(Side::Operand(operand))
    }

    fn number(&mut self) -> Parsed<Literal> {
        let start = self.at;
        while let Some('0'..='9' | '-' | '+' | '.' | 'e' | 'E') = self.peek() {
            self.at += 1;
        }
        let text: String = self
            .text
            .get(start..self.at)
            .unwrap_or_default()
            .iter()
            .collect();
        let literal = if text.contains(['.', 'e', 'E']) {
            text.parse().ok().map(Literal::Float)
        } else {
            text.parse().ok().map(Literal::Int)
        };
        literal.ok_or_else(|| {
            self.at = start;
            self.error(format!("{text} is no number, or an integer beyond 64 bits"))
        })
    }

    /// `/pattern/flags` as it stands.
    fn slashed(&mut self) -> Parsed<String> {
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += 1;
            match self.peek() {
                None => {
                    self.at = start;
                    return Err(self.error("a pattern without an end"));
                }
                Some('/') if !escaped => break,
                Some(c) => escaped = c == '\\' && !escaped,
            }
        }
        self.at += 1;
        while self.peek().is_some_and(char::is_alphabetic) {
            self.at += 1;
        }
        Ok(self
            .text
            .get(start..self.at)
            .unwrap_or_default()
            .iter()
            .collect())
    }

    /// What stands behind `=~`.
    fn pattern(&mut self, left: Operand) -> Parsed<Test> {
        self.spaces();
        let start = self.at;
        let text = match self.side()? {
            Side::Pattern(text) => text,
            Side::Operand(Operand::Literal(Literal::Text(text))) => text.into(),
            Side::Operand(_) => String::new(),
        };
        let parts = text
            .strip_prefix('/')
            .and_then(|text| text.rsplit_once('/'));
        let regex = match parts {
            Some((pattern, flags)) => compile(pattern, flags),
            None => Err("=~ wants a pattern as /pattern/ behind it".to_owned()),
        };
        match regex {
            Ok(regex) => Ok(Test::Matches(left, regex)),
            Err(message) => {
                self.at = start;
                Err(self.error(message))
            }
        }
    }
}

fn compile(pattern: &str, flags: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .case_insensitive(flags.contains('i'))
        .multi_line(flags.contains('m'))
        .dot_matches_new_line(flags.contains('s'))
        .size_limit(MAX_REGEX)
        .build()
        .map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            let reason = last.strip_prefix("error: ").unwrap_or(last);
            format!("the pattern cannot be used: {reason}")
        })
}
