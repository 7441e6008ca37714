pub(crate) const MICROS_PER_SECOND: wardline_normalize::time::Micros = 1_000_000;
mod fleet;
mod noise;
mod physiology;
mod reading;
mod recording;
mod scenario;
