//! The tree to a plan: chains of names and indexes are one step, constant parts are computed once, functions and the
//! reach of `let` are settled.

use bumpalo::Bump;

use super::super::value::Value;
use super::super::{Budget, Compat};
use super::Scope;
use super::ast::{Argument, Comparator, How, Kind, Node};
use super::eval::Run;
use super::functions::{Body, Function, Referring};
use super::literal::Literal;

/// A step of the plan; each takes a current value and gives one.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Current,
    Constant(Literal),
    /// An array or object, laid out once per evaluation in this slot.
    Composite(usize, Literal),
    /// A chain of names and indexes, from the current value or from what another step gives.
    Path(Option<Box<Op>>, Box<[Step]>),
    /// A name inside `let`: a member of the current value, else of the nearest binding that has it.
    Scoped(Box<str>),
    /// The second on what the first gives; if `null_stays`, only on a value.
    Then {
        first: Box<Op>,
        second: Box<Op>,
        null_stays: bool,
    },
    Or(Box<[Op]>),
    And(Box<[Op]>),
    Not(Box<Op>),
    Compare(Comparator, Box<Op>, Box<Op>),
    List(Box<[Op]>),
    Hash(Box<[(Box<str>, Op)]>),
    Call(&'static Function, super::functions::Plain, Box<[Op]>),
    /// The argument that is a value, the one that is an expression.
    CallOn(&'static Function, Referring, Box<Op>, Box<Op>),
    Project(How<Box<Op>>, Box<Op>, Option<Box<Op>>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Field(Box<str>),
    /// From the end if negative.
    Index(i64),
}

/// A plan and how many slots for arrays and objects it has.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) op: Op,
    pub(super) slots: usize,
}

impl Plan {
    pub(super) fn of(node: Node) -> Self {
        let mut compiler = Compiler { slots: 0, lets: 0 };
        let op = compiler.compile(node).op;
        Self {
            op,
            slots: compiler.slots,
        }
    }
}

/// A step, and what its value depends on.
struct Compiled {
    op: Op,
    /// Neither on the current value nor on a binding.
    constant: bool,
    /// On a binding of a `let` around it.
    scoped: bool,
}

struct Compiler {
    slots: usize,
    /// How many `let` the part stands in.
    lets: usize,
}

/// Steps that computing a constant part may take; what needs more is left to the event.
const FOLD_BUDGET: u64 = 10_000;

impl Compiler {
    fn compile(&mut self, node: Node) -> Compiled {
        match node.kind {
            Kind::Current => Compiled {
                op: Op::Current,
                constant: false,
                scoped: false,
            },
            Kind::Literal(literal) => Compiled {
                op: self.constant(literal),
                constant: true,
                scoped: false,
            },
            Kind::Field(name) if self.lets > 0 => Compiled {
                op: Op::Scoped(name.into()),
                constant: false,
                scoped: true,
            },
            Kind::Field(name) => path(Step::Field(name.into())),
            Kind::Index(index) => path(Step::Index(index)),
            Kind::Sub(left, right) => self.then(*left, *right, true),
            Kind::Pipe(left, right) => self.then(*left, *right, false),
            Kind::Or(parts) => {
                let (ops, constant, scoped) = self.all(parts);
                self.settle(Op::Or(ops), constant, scoped)
            }
            Kind::And(parts) => {
                let (ops, constant, scoped) = self.all(parts);
                self.settle(Op::And(ops), constant, scoped)
            }
            Kind::Not(inner) => {
                let Compiled {
                    op,
                    constant,
                    scoped,
                } = self.compile(*inner);
                self.settle(Op::Not(op.into()), constant, scoped)
            }
            Kind::Compare(comparator, left, right) => self.pair(*left, *right, |left, right| {
                Op::Compare(comparator, left, right)
            }),
            Kind::List(items) => {
                let (ops, _, scoped) = self.all(items);
                Compiled {
                    op: Op::List(ops),
                    constant: false,
                    scoped,
                }
            }
            Kind::Hash(members) => {
                let (names, values): (Vec<String>, Vec<Node>) = members.into_iter().unzip();
                let (ops, _, scoped) = self.all(values);
                let members = names
                    .into_iter()
                    .map(String::into_boxed_str)
                    .zip(ops)
                    .collect();
                Compiled {
                    op: Op::Hash(members),
                    constant: false,
                    scoped,
                }
            }
            Kind::Call(function, arguments) => self.call(function, arguments),
            Kind::Project(how, source, each) => self.project(how, *source, each),
        }
    }

    fn constant(&mut self, literal: Literal) -> Op {
        if !literal.is_composite() {
            return Op::Constant(literal);
        }
        self.slots += 1;
        Op::Composite(self.slots - 1, literal)
    }

    fn all(&mut self, nodes: Vec<Node>) -> (Box<[Op]>, bool, bool) {
        let (mut constant, mut scoped) = (true, false);
        let ops = nodes.into_iter().map(|node| {
            let compiled = self.compile(node);
            constant &= compiled.constant;
            scoped |= compiled.scoped;
            compiled.op
        });
        let ops: Box<[Op]> = ops.collect();
        (ops, constant, scoped)
    }

    fn pair(
        &mut self,
        left: Node,
        right: Node,
        make: impl FnOnce(Box<Op>, Box<Op>) -> Op,
    ) -> Compiled {
        let (left, right) = (self.compile(left), self.compile(right));
        let op = make(left.op.into(), right.op.into());
        self.settle(
            op,
            left.constant && right.constant,
            left.scoped || right.scoped,
        )
    }

    fn then(&mut self, left: Node, right: Node, null_stays: bool) -> Compiled {
        let (left, right) = (self.compile(left), self.compile(right));
        let constant = left.constant && !right.scoped;
        let scoped = left.scoped || right.scoped;
        let op = match (left.op, right.op) {
            // A pipe ends a projection, so what may be one keeps it.
            (first, Op::Current)
                if !matches!(
                    first,
                    Op::Project(..) | Op::Or(..) | Op::And(..) | Op::Then { .. }
                ) =>
            {
                first
            }
            (Op::Current, second) if !null_stays => second,
            // Names and indexes give null for null, so a pipe before them is as good as a dot.
            (Op::Current, second @ Op::Path(None, _)) => second,
            (Op::Path(from, steps), Op::Path(None, more)) => {
                Op::Path(from, steps.into_vec().into_iter().chain(more).collect())
            }
            (first, Op::Path(None, steps)) => Op::Path(Some(first.into()), steps),
            (first, second) => Op::Then {
                first: first.into(),
                second: second.into(),
                null_stays,
            },
        };
        self.settle(op, constant, scoped)
    }

    fn call(&mut self, function: &'static Function, arguments: Vec<Argument>) -> Compiled {
        match function.body {
            Body::Plain(body) => {
                let values = arguments.into_iter().map(Argument::into_node).collect();
                let (ops, constant, scoped) = self.all(values);
                self.settle(Op::Call(function, body, ops), constant, scoped)
            }
            Body::Referring(body) => {
                let binds = function.name == "let";
                let (mut argument, mut reference) = (None, None);
                for each in arguments {
                    match each {
                        Argument::Value(node) => argument = Some(self.compile(node)),
                        Argument::Expression(node) => {
                            self.lets += usize::from(binds);
                            reference = Some(self.compile(node));
                            self.lets -= usize::from(binds);
                        }
                    }
                }
                let argument = argument.expect("the parser checked that one argument is a value");
                let reference =
                    reference.expect("the parser checked that one argument is a reference");
                let constant = argument.constant && !reference.scoped && !binds;
                let scoped = argument.scoped || (reference.scoped && (!binds || self.lets > 0));
                let op = Op::CallOn(function, body, argument.op.into(), reference.op.into());
                self.settle(op, constant, scoped)
            }
        }
    }

    /// Never computed beforehand, so that an evaluation sees that its result is a projection.
    fn project(&mut self, how: How, source: Node, each: Option<Box<Node>>) -> Compiled {
        let source = self.compile(source);
        let mut scoped = source.scoped;
        let mut inner = |compiled: Compiled| {
            scoped |= compiled.scoped;
            Box::new(compiled.op)
        };
        let how = match how {
            How::Filter(condition) => How::Filter(inner(self.compile(*condition))),
            How::Each => How::Each,
            How::Values => How::Values,
            How::Flatten => How::Flatten,
            How::Slice(slice) => How::Slice(slice),
        };
        let each = each.map(|each| inner(self.compile(*each)));
        let each = each.filter(|each| !matches!(**each, Op::Current));
        Compiled {
            op: Op::Project(how, source.op.into(), each),
            constant: false,
            scoped,
        }
    }

    /// Computes a constant step, if it has a value and the same under both rules; an error in it is the event's.
    fn settle(&mut self, op: Op, constant: bool, scoped: bool) -> Compiled {
        let folded = constant.then(|| self.fold(&op)).flatten();
        Compiled {
            op: folded.map_or(op, |literal| self.constant(literal)),
            constant,
            scoped,
        }
    }

    fn fold(&self, op: &Op) -> Option<Literal> {
        let compute = |compat| {
            let arena = Bump::new();
            let mut budget = Budget::new(FOLD_BUDGET);
            let scope = Scope {
                arena: &arena,
                compat,
            };
            let mut run = Run::new(&scope, &mut budget, self.slots);
            let value = run.eval(op, Value::Null).ok()?;
            Literal::of(value, &mut budget).ok()
        };
        compute(Compat::Default).filter(|literal| compute(Compat::Strict).as_ref() == Some(literal))
    }
}

fn path(step: Step) -> Compiled {
    Compiled {
        op: Op::Path(None, Box::new([step])),
        constant: false,
        scoped: false,
    }
}

impl Argument {
    fn into_node(self) -> Node {
        match self {
            Self::Value(node) | Self::Expression(node) => node,
        }
    }
}
