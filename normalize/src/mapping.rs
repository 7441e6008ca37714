//! The mapping engine: any vendor's JSON through Azure MedTech (`iomt-fhir`) device and FHIR mapping documents.
//!
//! ```text
//! event text ──parse──> Value (borrowed tree in an arena) ──device──> Measurement ──fhir──> Observation
//!                          │   └ jsonpath, jmespath: compiled expressions        └─rows──> crate::measurement
//! mapping text ──document──> typed templates + faults ──> device::DeviceMapping, fhir::FhirMapping (plans)
//! ```
//!
//! * [`value`], [`parse`]: an event as a tree of borrowed values in an arena; numbers keep their text.
//! * [`jsonpath`], [`jmespath`]: the two expression languages, compiled once, evaluated under a step budget.
//! * [`document`]: mapping documents to typed templates, every fault with line and column.
//! * [`device`]: the compiled device mapping: event in, measurements out, all or nothing.
//! * [`fhir`]: the compiled FHIR mapping: measurements in, Observations out.
//! * [`rows`]: measurements as rows of the `observation` table, and back.
//! * [`route`]: both mappings of a route, and the envelope its messages are given.
//! * [`ticks`]: times of 100 ns, the resolution of mapping documents.

pub mod device;
pub mod document;
pub mod fhir;
pub mod jmespath;
pub mod jsonpath;
pub mod measurement;
pub mod parse;
pub mod route;
pub mod rows;
pub mod ticks;
pub mod value;

/// Where this engine differs from the original on purpose, `Strict` restores the original's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compat {
    #[default]
    Default,
    Strict,
}

/// How much work one event may cost: every step of an expression, every node visited, takes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    left: u64,
}

/// An expression took more steps than an event is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event needs more steps than one event is allowed")]
pub struct OutOfBudget;

impl Budget {
    /// Steps for one event: a few times what a full pass over the largest payload (16 MiB) needs.
    pub const DEFAULT: u64 = 20_000_000;

    #[must_use]
    pub const fn new(steps: u64) -> Self {
        Self { left: steps }
    }

    /// Takes `steps`, or says that they are not there.
    ///
    /// # Errors
    /// [`OutOfBudget`] when fewer are left.
    pub const fn take(&mut self, steps: u64) -> Result<(), OutOfBudget> {
        match self.left.checked_sub(steps) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(OutOfBudget),
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Self::DEFAULT)
    }
}
