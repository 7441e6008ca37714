//! Text to tokens. Positions are characters, so that a message can point into the mapping document's string.

use super::super::jsonpath::SyntaxError;
use super::literal::Literal;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Quoted(String),
    Number(i64),
    /// JSON between back-ticks, or a raw string.
    Literal(Literal),
    Dot,
    Star,
    /// `[]`
    Flatten,
    /// `[?`
    Filter,
    LeftBracket,
    RightBracket,
    LeftBrace,
    RightBrace,
    LeftParen,
    RightParen,
    Comma,
    Colon,
    Pipe,
    Or,
    And,
    Not,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Current,
    Ampersand,
    End,
}

impl Token {
    /// As a message names it.
    pub(super) fn describe(&self) -> String {
        let text = match self {
            Self::Name(name) => return format!("`{name}`"),
            Self::Quoted(name) => return format!("`\"{name}\"`"),
            Self::Number(number) => return format!("`{number}`"),
            Self::Literal(_) => return "a literal".to_owned(),
            Self::End => return "the end".to_owned(),
            Self::Dot => ".",
            Self::Star => "*",
            Self::Flatten => "[]",
            Self::Filter => "[?",
            Self::LeftBracket => "[",
            Self::RightBracket => "]",
            Self::LeftBrace => "{",
            Self::RightBrace => "}",
            Self::LeftParen => "(",
            Self::RightParen => ")",
            Self::Comma => ",",
            Self::Colon => ":",
            Self::Pipe => "|",
            Self::Or => "||",
            Self::And => "&&",
            Self::Not => "!",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Current => "@",
            Self::Ampersand => "&",
        };
        format!("`{text}`")
    }
}

/// A token and the character it starts at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) at: usize,
}

pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, SyntaxError> {
    let mut lexer = Lexer {
        chars: text.chars().collect(),
        next: 0,
    };
    let mut tokens = Vec::new();
    loop {
        let placed = lexer.token()?;
        let ended = placed.token == Token::End;
        tokens.push(placed);
        if ended {
            return Ok(tokens);
        }
    }
}

pub(super) fn fault<T>(at: usize, message: impl Into<String>) -> Result<T, SyntaxError> {
    Err(SyntaxError {
        offset: at,
        message: message.into(),
    })
}

struct Lexer {
    chars: Vec<char>,
    next: usize,
}

impl Lexer {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.next).copied()
    }

    fn take_if(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.next += usize::from(found);
        found
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> String {
        let start = self.next;
        while self.peek().is_some_and(&keep) {
            self.next += 1;
        }
        self.chars
            .get(start..self.next)
            .unwrap_or_default()
            .iter()
            .collect()
    }

    fn token(&mut self) -> Result<Placed, SyntaxError> {
        self.take_while(|c| matches!(c, ' ' | '\t' | '\r' | '\n'));
        let at = self.next;
        let Some(first) = self.peek() else {
            return Ok(Placed {
                token: Token::End,
                at,
            });
        };
        let token = match first {
            'a'..='z' | 'A'..='Z' | '_' => {
                Token::Name(self.take_while(|c| c.is_ascii_alphanumeric() || c == '_'))
            }
            '0'..='9' | '-' => self.number(at)?,
            '"' => self.quoted(at)?,
            '`' => self.literal(at)?,
            '\'' => self.raw(at)?,
            _ => {
                self.next += 1;
                self.symbol(first, at)?
            }
        };
        Ok(Placed { token, at })
    }

    /// `first` is taken already.
    fn symbol(&mut self, first: char, at: usize) -> Result<Token, SyntaxError> {
        Ok(match first {
            '.' => Token::Dot,
            '*' => Token::Star,
            ']' => Token::RightBracket,
            '{' => Token::LeftBrace,
            '}' => Token::RightBrace,
            '(' => Token::LeftParen,
            ')' => Token::RightParen,
            ',' => Token::Comma,
            ':' => Token::Colon,
            '@' => Token::Current,
            '[' if self.take_if(']') => Token::Flatten,
            '[' if self.take_if('?') => Token::Filter,
            '[' => Token::LeftBracket,
            '|' if self.take_if('|') => Token::Or,
            '|' => Token::Pipe,
            '&' if self.take_if('&') => Token::And,
            '&' => Token::Ampersand,
            '!' if self.take_if('=') => Token::NotEqual,
            '!' => Token::Not,
            '<' if self.take_if('=') => Token::LessOrEqual,
            '<' => Token::Less,
            '>' if self.take_if('=') => Token::GreaterOrEqual,
            '>' => Token::Greater,
            '=' if self.take_if('=') => Token::Equal,
            '=' => return fault(at, "expected `==`, found a single `=`"),
            '$' => {
                return fault(
                    at,
                    "unexpected `$`: JMESPath starts at the event itself, or `@`",
                );
            }
            other => return fault(at, format!("unexpected character `{other}`")),
        })
    }

    fn number(&mut self, at: usize) -> Result<Token, SyntaxError> {
        let minus = self.take_if('-');
        let digits = self.take_while(|c| c.is_ascii_digit());
        if digits.is_empty() {
            return fault(at, "expected digits after `-`");
        }
        let text = if minus { format!("-{digits}") } else { digits };
        match text.parse() {
            Ok(number) => Ok(Token::Number(number)),
            Err(_) => fault(at, format!("the index {text} does not fit 64 bits")),
        }
    }

    /// What stands between two `close`; a backslash keeps the character after it from closing.
    fn enclosed(&mut self, close: char, at: usize, what: &str) -> Result<String, SyntaxError> {
        self.next += 1;
        let mut text = String::new();
        while let Some(c) = self.peek() {
            self.next += 1;
            if c == close {
                return Ok(text);
            }
            text.push(c);
            if c == '\\'
                && let Some(escaped) = self.peek()
            {
                self.next += 1;
                text.push(escaped);
            }
        }
        fault(at, format!("this {what} is not closed"))
    }

    fn quoted(&mut self, at: usize) -> Result<Token, SyntaxError> {
        let inner = self.enclosed('"', at, "quoted name")?;
        match serde_json::from_str(&format!("\"{inner}\"")) {
            Ok(name) => Ok(Token::Quoted(name)),
            Err(_) => fault(at, "this quoted name is no JSON string"),
        }
    }

    fn raw(&mut self, at: usize) -> Result<Token, SyntaxError> {
        let inner = self.enclosed('\'', at, "raw string")?;
        Ok(Token::Literal(Literal::String(unescape_raw(&inner).into())))
    }

    fn literal(&mut self, at: usize) -> Result<Token, SyntaxError> {
        let inner = self.enclosed('`', at, "literal")?;
        match Literal::parse(&inner.replace("\\`", "`")) {
            Ok(literal) => Ok(Token::Literal(literal)),
            Err(error) => fault(
                at,
                format!("this literal is no JSON (a string needs quotes): {error}"),
            ),
        }
    }
}

/// In a raw string a backslash escapes the quote alone; every other one stays.
fn unescape_raw(inner: &str) -> String {
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('\'') => text.push('\''),
            Some(other) => text.extend(['\\', other]),
            None => text.push('\\'),
        }
    }
    text
}
