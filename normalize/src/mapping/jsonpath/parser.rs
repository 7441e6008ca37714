//! The text of a path to its steps.

mod filter;

use super::SyntaxError;
use super::plan::{Slice, Step};

/// Filters in filters: each takes calls, here and in evaluation.
const MAX_FILTERS: usize = 16;

/// Steps of one path: each takes a call in evaluation.
const MAX_STEPS: usize = 256;

type Parsed<T> = Result<T, SyntaxError>;

pub(super) fn parse(text: &str) -> Parsed<Box<[Step]>> {
    let mut parser = Parser {
        text: text.chars().collect(),
        at: 0,
        filters: 0,
    };
    parser.whole()
}

struct Parser {
    text: Vec<char>,
    at: usize,
    /// Filters that are open.
    filters: usize,
}

impl Parser {
    fn whole(&mut self) -> Parsed<Box<[Step]>> {
        self.spaces();
        // A name may begin with a dollar sign.
        if self.peek() == Some('$') && matches!(self.peek_at(1), None | Some('.' | '[' | ' ')) {
            self.at += 1;
        }
        let steps = self.path(false)?;
        self.spaces();
        match self.peek() {
            None => Ok(steps),
            Some(_) => Err(self.unexpected("the end, '.' or '['")),
        }
    }

    fn peek(&self) -> Option<char> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    fn spaces(&mut self) {
        while self.peek() == Some(' ') {
            self.at += 1;
        }
    }

    /// Consumes `word` if it is next.
    fn take(&mut self, word: &str) -> bool {
        let next = self.text.get(self.at..).unwrap_or_default();
        let length = word.chars().count();
        let found = next.len() >= length && word.chars().eq(next.iter().copied().take(length));
        self.at += if found { length } else { 0 };
        found
    }

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError {
            offset: self.at,
            message: message.into(),
        }
    }

    fn unexpected(&self, expected: &str) -> SyntaxError {
        self.error(match self.peek() {
            Some(found) => format!("expected {expected}, found {found:?}"),
            None => format!("expected {expected}, found the end"),
        })
    }

    /// Steps up to the end or, in a filter, to where an operand ends.
    fn path(&mut self, in_filter: bool) -> Parsed<Box<[Step]>> {
        let mut steps = Vec::new();
        // `..` was read and what it applies to was not.
        let mut below = false;
        let mut after_dot = false;
        let mut after_bracket = false;
        loop {
            if steps.len() > MAX_STEPS {
                return Err(self.error(format!("more than {MAX_STEPS} steps")));
            }
            match self.peek() {
                Some(open @ ('[' | '(')) => {
                    self.at += 1;
                    let close = if open == '[' { ']' } else { ')' };
                    steps.push(self.bracket(close, below)?);
                    (below, after_dot, after_bracket) = (false, false, true);
                }
                Some('.') => {
                    self.at += 1;
                    if self.peek() == Some('.') {
                        self.at += 1;
                        below = true;
                    }
                    (after_dot, after_bracket) = (true, false);
                }
                None | Some(']' | ')' | ' ') => break,
                Some('=' | '<' | '>' | '!' | '|' | '&') if in_filter => break,
                Some(_) if after_bracket => {
                    return Err(self.unexpected("'.' or '[' after a bracket"));
                }
                Some(_) => {
                    let name = self.name(in_filter);
                    steps.push(match (name.as_str(), below) {
                        ("*", false) => Step::EveryMember,
                        ("*", true) => Step::SelfAndBelow,
                        (_, false) => Step::Member(name.into()),
                        (_, true) => Step::MembersBelow([name.into()].into()),
                    });
                    (below, after_dot) = (false, false);
                }
            }
        }
        if after_dot {
            return Err(self.unexpected("a name or '[' after '.'"));
        }
        Ok(steps.into())
    }

    /// A name without quotes.
    fn name(&mut self, in_filter: bool) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek() {
            match c {
                '.' | '[' | '(' | ']' | ')' | ' ' => break,
                '=' | '<' | '>' | '!' | '|' | '&' if in_filter => break,
                _ => name.push(c),
            }
            self.at += 1;
        }
        name
    }

    /// What stands in brackets, and the closing one.
    fn bracket(&mut self, close: char, below: bool) -> Parsed<Step> {
        self.spaces();
        match self.peek() {
            Some('\'') => self.quoted_names(close, below),
            Some('?') => {
                self.at += 1;
                let filter = self.filter()?;
                self.close(close, "the bracket that ends the filter")?;
                Ok(if below {
                    Step::SelfAndBelowWhere(filter)
                } else {
                    Step::Where(filter)
                })
            }
            Some('*') => {
                self.at += 1;
                self.close(close, "the closing bracket after '*'")?;
                Ok(Step::EveryItem)
            }
            Some('"') => Err(self.error("names are quoted in single quotes here")),
            _ => self.indexes(close),
        }
    }

    fn close(&mut self, close: char, expected: &str) -> Parsed<()> {
        self.spaces();
        if self.peek() != Some(close) {
            return Err(self.unexpected(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn quoted_names(&mut self, close: char, below: bool) -> Parsed<Step> {
        let mut names: Vec<Box<str>> = Vec::new();
        loop {
            if self.peek() != Some('\'') {
                return Err(self.unexpected("a name in single quotes"));
            }
            names.push(self.quoted()?.into());
            self.spaces();
            if self.peek() != Some(',') {
                break;
            }
            self.at += 1;
            self.spaces();
        }
        self.close(close, "',' or the closing bracket after a name")?;
        Ok(match (names.pop(), names.is_empty(), below) {
            (Some(name), true, false) => Step::Member(name),
            (name, _, below) => {
                names.extend(name);
                let names = names.into();
                if below {
                    Step::MembersBelow(names)
                } else {
                    Step::Members(names)
                }
            }
        })
    }

    /// A string, from its opening quote behind its closing one.
    fn quoted(&mut self) -> Parsed<String> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        while let Some(c) = self.peek() {
            match c {
                '\'' => {
                    self.at += 1;
                    return Ok(text);
                }
                '\\' => {
                    self.at += 1;
                    text.push(match self.peek() {
                        Some('b') => '\u{8}',
                        Some('f') => '\u{c}',
                        Some('n') => '\n',
                        Some('r') => '\r',
                        Some('t') => '\t',
                        Some(same @ ('\\' | '"' | '\'' | '/')) => same,
                        _ => return Err(self.unexpected("one of b f n r t \\ \" ' / after '\\'")),
                    });
                }
                _ => text.push(c),
            }
            self.at += 1;
        }
        self.at = start;
        Err(self.error("a quoted text without an end"))
    }

    /// `0`, `0,2`, `from:to:by`.
    fn indexes(&mut self, close: char) -> Parsed<Step> {
        let start = self.at;
        let first = self.integer()?;
        self.spaces();
        if self.peek() == Some(':') {
            return self.slice(first, close);
        }
        let mut indexes = vec![self.index(first, start)?];
        while self.peek() == Some(',') {
            self.at += 1;
            self.spaces();
            let start = self.at;
            let index = self.integer()?;
            indexes.push(self.index(index, start)?);
            self.spaces();
        }
        self.close(close, "',', ':' or the closing bracket after an index")?;
        Ok(match indexes.as_slice() {
            [index] => Step::Item(*index),
            _ => Step::Items(indexes.into()),
        })
    }

    fn index(&mut self, index: Option<i32>, start: usize) -> Parsed<usize> {
        let Some(index) = index else {
            return Err(self.unexpected("an index, '*', '?' or a name in single quotes"));
        };
        usize::try_from(index).map_err(|_| SyntaxError {
            offset: start,
            message:
                "a negative index selects nothing here; a slice does: [-1:] takes the last item"
                    .to_owned(),
        })
    }

    /// The rest of a slice, from its first colon.
    fn slice(&mut self, from: Option<i32>, close: char) -> Parsed<Step> {
        self.at += 1;
        self.spaces();
        let to = self.integer()?;
        self.spaces();
        let mut by = None;
        if self.peek() == Some(':') {
            self.at += 1;
            self.spaces();
            let start = self.at;
            by = self.integer()?;
            if by == Some(0) {
                self.at = start;
                return Err(self.error("the step of a slice is zero"));
            }
        }
        self.close(close, "the closing bracket after a slice")?;
        Ok(Step::Slice(Slice {
            from,
            to,
            by: by.unwrap_or(1),
        }))
    }

    fn integer(&mut self) -> Parsed<Option<i32>> {
        let start = self.at;
        while let Some('0'..='9' | '-') = self.peek() {
            self.at += 1;
        }
        let text: String = self
            .text
            .get(start..self.at)
            .unwrap_or_default()
            .iter()
            .collect();
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| SyntaxError {
            offset: start,
            message: format!("{text} is no index"),
        })
    }
}
