//! `wardline-gateway simulate`: a ward of simulated monitors, a recording, or both, published in the order
//! of time through the real publish path.

mod encode;
mod fleet;
mod noise;
mod physiology;
mod plan;
mod reading;
mod recording;
mod run;
mod scenario;
mod spooled;

pub(crate) use run::run;
pub(crate) use scenario::Assignments;

use wardline_normalize::time::Micros;

pub(crate) const MICROS_PER_SECOND: Micros = 1_000_000;
