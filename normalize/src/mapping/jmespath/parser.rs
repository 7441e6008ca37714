//! Tokens to the tree: operator precedence and the reach of projections as the JMESPath specification has them.

use super::super::jsonpath::SyntaxError;
use super::MAX_DEPTH;
use super::ast::{Argument, Comparator, How, Kind, Node, Slice};
use super::functions::{self, Function, Param};
use super::lexer::{Placed, Token, fault, tokens};

pub(super) fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        depth: 0,
    };
    if *parser.peek() == Token::End {
        return fault(0, "expected an expression, found nothing");
    }
    let node = parser.expression(0)?;
    match parser.peek() {
        Token::End => Ok(node),
        _ => parser.unexpected("an operator or the end"),
    }
}

/// How tightly what follows a complete expression binds to it. What binds looser than [`STAR`] takes the result of a
/// projection, what binds tighter each element.
const PIPE: u8 = 1;
const OR: u8 = 2;
const AND: u8 = 3;
const COMPARE: u8 = 5;
/// The original's: tighter than comparisons, looser than all that makes a path.
const NOT: u8 = 8;
const FLATTEN: u8 = 9;
const STAR: u8 = 20;
const FILTER: u8 = 21;
const DOT: u8 = 40;
const BRACKET: u8 = 55;

const fn power(token: &Token) -> u8 {
    match token {
        Token::Pipe => PIPE,
        Token::Or => OR,
        Token::And => AND,
        Token::Equal
        | Token::NotEqual
        | Token::Less
        | Token::LessOrEqual
        | Token::Greater
        | Token::GreaterOrEqual => COMPARE,
        Token::Flatten => FLATTEN,
        Token::Filter => FILTER,
        Token::Dot => DOT,
        Token::LeftBracket => BRACKET,
        _ => 0,
    }
}

const fn comparator(token: &Token) -> Option<Comparator> {
    Some(match token {
        Token::Equal => Comparator::Equal,
        Token::NotEqual => Comparator::NotEqual,
        Token::Less => Comparator::Less,
        Token::LessOrEqual => Comparator::LessOrEqual,
        Token::Greater => Comparator::Greater,
        Token::GreaterOrEqual => Comparator::GreaterOrEqual,
        _ => return None,
    })
}

struct Parser {
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn look(&self, ahead: usize) -> &Token {
        self.tokens
            .get(self.next + ahead)
            .map_or(&Token::End, |placed| &placed.token)
    }

    fn peek(&self) -> &Token {
        self.look(0)
    }

    /// Where the next token starts.
    fn at(&self) -> usize {
        self.tokens
            .get(self.next)
            .or(self.tokens.last())
            .map_or(0, |placed| placed.at)
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn take_if(&mut self, wanted: &Token) -> bool {
        let found = self.peek() == wanted;
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: &Token) -> Result<(), SyntaxError> {
        if self.take_if(wanted) {
            Ok(())
        } else {
            self.unexpected(&wanted.describe())
        }
    }

    fn unexpected<T>(&self, wanted: &str) -> Result<T, SyntaxError> {
        fault(
            self.at(),
            format!("expected {wanted}, found {}", self.peek().describe()),
        )
    }

    /// A node over the depths of its parts, refused when it nests too deep to evaluate on a stack.
    fn node(&self, kind: Kind, below: usize) -> Result<Node, SyntaxError> {
        if below >= MAX_DEPTH {
            return fault(
                self.at(),
                format!("the expression nests deeper than {MAX_DEPTH} levels"),
            );
        }
        Ok(Node {
            kind,
            depth: below + 1,
        })
    }

    fn pair(
        &self,
        make: impl FnOnce(Box<Node>, Box<Node>) -> Kind,
        left: Node,
        right: Node,
    ) -> Result<Node, SyntaxError> {
        let below = left.depth.max(right.depth);
        self.node(make(left.into(), right.into()), below)
    }

    fn expression(&mut self, bound: u8) -> Result<Node, SyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return fault(
                self.at(),
                format!("the expression nests deeper than {MAX_DEPTH} levels"),
            );
        }
        let first = self.prefix()?;
        let node = self.rest(first, bound)?;
        self.depth -= 1;
        Ok(node)
    }

    /// What follows `left` and binds tighter than `bound`.
    fn rest(&mut self, mut left: Node, bound: u8) -> Result<Node, SyntaxError> {
        while power(self.peek()) > bound {
            left = self.infix(left)?;
        }
        Ok(left)
    }

    fn prefix(&mut self) -> Result<Node, SyntaxError> {
        match self.peek() {
            Token::LeftBracket => return self.opening_bracket(),
            Token::LeftBrace => return self.hash(),
            Token::Flatten | Token::Filter => {
                let current = self.node(Kind::Current, 0)?;
                return self.infix(current);
            }
            _ => {}
        }
        let at = self.at();
        match self.advance() {
            Token::Name(name) if *self.peek() == Token::LeftParen => self.call(&name, at),
            Token::Name(name) => self.node(Kind::Field(name), 0),
            Token::Quoted(name) if *self.peek() == Token::LeftParen => fault(
                at,
                format!("the function {name} must be named without quotes"),
            ),
            Token::Quoted(name) => self.node(Kind::Field(name), 0),
            Token::Literal(literal) => self.node(Kind::Literal(literal), 0),
            Token::Current => self.node(Kind::Current, 0),
            Token::Star => {
                let current = self.node(Kind::Current, 0)?;
                self.project(How::Values, current, STAR)
            }
            Token::Not => {
                let inner = self.expression(NOT)?;
                let below = inner.depth;
                self.node(Kind::Not(inner.into()), below)
            }
            Token::LeftParen => {
                let inner = self.expression(0)?;
                self.expect(&Token::RightParen)?;
                Ok(inner)
            }
            Token::Ampersand => fault(
                at,
                "`&` makes an expression reference: only a function takes one",
            ),
            _ => {
                self.next -= 1;
                self.unexpected("an expression")
            }
        }
    }

    fn infix(&mut self, left: Node) -> Result<Node, SyntaxError> {
        let operator = self.advance();
        if let Some(comparator) = comparator(&operator) {
            let right = self.expression(COMPARE)?;
            return self.pair(
                |left, right| Kind::Compare(comparator, left, right),
                left,
                right,
            );
        }
        match operator {
            Token::Pipe => {
                let right = self.expression(PIPE)?;
                self.pair(Kind::Pipe, left, right)
            }
            Token::Or => self.chain(Kind::Or, left, &Token::Or, OR),
            Token::And => self.chain(Kind::And, left, &Token::And, AND),
            Token::Flatten => self.project(How::Flatten, left, FLATTEN),
            Token::Filter => {
                let condition = self.expression(0)?;
                self.expect(&Token::RightBracket)?;
                self.project(How::Filter(condition.into()), left, FILTER)
            }
            Token::Dot if self.take_if(&Token::Star) => self.project(How::Values, left, STAR),
            Token::Dot => {
                let right = self.after_dot(DOT)?;
                self.pair(Kind::Sub, left, right)
            }
            Token::LeftBracket => self.bracket(left),
            _ => {
                self.next -= 1;
                self.unexpected("an operator or the end")
            }
        }
    }

    /// `left` and what else the operator joins, however many, as one level.
    fn chain(
        &mut self,
        make: impl FnOnce(Vec<Node>) -> Kind,
        left: Node,
        operator: &Token,
        bound: u8,
    ) -> Result<Node, SyntaxError> {
        let mut parts = vec![left, self.expression(bound)?];
        while self.take_if(operator) {
            parts.push(self.expression(bound)?);
        }
        let below = parts.iter().map(|part| part.depth).max().unwrap_or(0);
        self.node(make(parts), below)
    }

    /// A projection of `source`; the parts that bind tighter than the stop are for each element.
    fn project(&mut self, how: How, source: Node, bound: u8) -> Result<Node, SyntaxError> {
        let each = match self.peek() {
            Token::LeftBracket | Token::Filter => Some(self.expression(bound)?),
            Token::Dot => {
                self.next += 1;
                Some(self.after_dot(bound)?)
            }
            _ => None,
        };
        let condition = if let How::Filter(condition) = &how {
            condition.depth
        } else {
            0
        };
        let below = source
            .depth
            .max(condition)
            .max(each.as_ref().map_or(0, |each| each.depth));
        self.node(Kind::Project(how, source.into(), each.map(Box::new)), below)
    }

    fn after_dot(&mut self, bound: u8) -> Result<Node, SyntaxError> {
        match self.peek() {
            Token::Name(_) | Token::Quoted(_) | Token::Star => self.expression(bound),
            Token::LeftBracket => {
                self.next += 1;
                let list = self.list()?;
                self.rest(list, bound)
            }
            Token::LeftBrace => {
                let hash = self.hash()?;
                self.rest(hash, bound)
            }
            _ => self.unexpected("a name, `*`, `[` or `{` after the dot"),
        }
    }

    /// `[` that starts an expression: an index, a slice, `[*]` or a list of expressions.
    fn opening_bracket(&mut self) -> Result<Node, SyntaxError> {
        let specifier = match self.look(1) {
            Token::Number(_) | Token::Colon => true,
            Token::Star => *self.look(2) == Token::RightBracket,
            _ => false,
        };
        self.next += 1;
        if !specifier {
            return self.list();
        }
        let current = self.node(Kind::Current, 0)?;
        self.bracket(current)
    }

    /// `[` is taken already: an index, a slice or `*`.
    fn bracket(&mut self, left: Node) -> Result<Node, SyntaxError> {
        match self.peek() {
            Token::Star => {
                self.next += 1;
                self.expect(&Token::RightBracket)?;
                self.project(How::Each, left, STAR)
            }
            Token::Number(index) if *self.look(1) == Token::RightBracket => {
                let index = *index;
                self.next += 2;
                let right = self.node(Kind::Index(index), 0)?;
                self.pair(Kind::Sub, left, right)
            }
            Token::Number(_) | Token::Colon => {
                let slice = self.slice()?;
                self.project(How::Slice(slice), left, STAR)
            }
            _ => self.unexpected("an index, a slice or `*`"),
        }
    }

    fn slice(&mut self) -> Result<Slice, SyntaxError> {
        let mut parts = [None; 3];
        let mut part = 0;
        loop {
            let at = self.at();
            match self.advance() {
                Token::RightBracket => break,
                Token::Colon if part < 2 => part += 1,
                Token::Number(0) if part == 2 => {
                    return fault(at, "the step of a slice cannot be 0");
                }
                Token::Number(number) if parts.get(part) == Some(&None) => {
                    if let Some(place) = parts.get_mut(part) {
                        *place = Some(number);
                    }
                }
                _ => {
                    self.next -= 1;
                    return self.unexpected("`:`, a number or `]` in the slice");
                }
            }
        }
        let [start, stop, step] = parts;
        Ok(Slice {
            start,
            stop,
            step: step.unwrap_or(1),
        })
    }

    /// `[` is taken already.
    fn list(&mut self) -> Result<Node, SyntaxError> {
        let mut items = Vec::new();
        loop {
            items.push(self.expression(0)?);
            if self.take_if(&Token::RightBracket) {
                let below = items.iter().map(|item| item.depth).max().unwrap_or(0);
                return self.node(Kind::List(items), below);
            }
            if !self.take_if(&Token::Comma) {
                return self.unexpected("`,` or `]`");
            }
        }
    }

    fn hash(&mut self) -> Result<Node, SyntaxError> {
        self.expect(&Token::LeftBrace)?;
        let mut members: Vec<(String, Node)> = Vec::new();
        loop {
            let name = match self.advance() {
                Token::Name(name) | Token::Quoted(name) => name,
                _ => {
                    self.next -= 1;
                    return self.unexpected("the name of a member");
                }
            };
            self.expect(&Token::Colon)?;
            let value = self.expression(0)?;
            match members.iter_mut().find(|(known, _)| *known == name) {
                Some(known) => known.1 = value,
                None => members.push((name, value)),
            }
            if self.take_if(&Token::RightBrace) {
                let below = members
                    .iter()
                    .map(|(_, value)| value.depth)
                    .max()
                    .unwrap_or(0);
                return self.node(Kind::Hash(members), below);
            }
            if !self.take_if(&Token::Comma) {
                return self.unexpected("`,` or `}`");
            }
        }
    }

    /// The name is taken already.
    fn call(&mut self, name: &str, at: usize) -> Result<Node, SyntaxError> {
        let Some(function) = functions::named(name) else {
            let nearest = functions::nearest(name);
            let hint =
                nearest.map_or_else(String::new, |nearest| format!(", did you mean {nearest}?"));
            return fault(at, format!("there is no function {name}{hint}"));
        };
        self.expect(&Token::LeftParen)?;
        let mut arguments = Vec::new();
        let mut places = Vec::new();
        while !self.take_if(&Token::RightParen) {
            if !arguments.is_empty() && !self.take_if(&Token::Comma) {
                return self.unexpected("`,` or `)`");
            }
            places.push(self.at());
            arguments.push(if self.take_if(&Token::Ampersand) {
                Argument::Expression(self.expression(0)?)
            } else {
                Argument::Value(self.expression(0)?)
            });
        }
        function
            .check_arity(arguments.len())
            .or_else(|message| fault(at, message))?;
        check_references(function, &arguments, &places)?;
        let below = arguments.iter().map(Argument::depth).max().unwrap_or(0);
        self.node(Kind::Call(function, arguments), below)
    }
}

impl Argument {
    const fn depth(&self) -> usize {
        match self {
            Self::Value(node) | Self::Expression(node) => node.depth,
        }
    }
}

/// An expression reference stands where the function takes one, and nowhere else.
fn check_references(
    function: &Function,
    arguments: &[Argument],
    places: &[usize],
) -> Result<(), SyntaxError> {
    for (index, (argument, at)) in arguments.iter().zip(places).enumerate() {
        let wanted = function.param(index) == Param::Expression;
        let message = match argument {
            Argument::Value(_) if wanted => "must be an expression reference: put `&` before it",
            Argument::Expression(_) if !wanted => "must be a value: take away the `&`",
            _ => continue,
        };
        return fault(
            *at,
            format!("{}: argument {} {message}", function.name, index + 1),
        );
    }
    Ok(())
}
