//! Scenarios and properties of the rule engine, through its public interface.

mod again;
mod bounds;
mod calm;
mod device;
mod device_clock;
mod devices;
mod glucose;
mod inhibition;
mod language;
mod life;
mod limits;
mod marked;
mod matrix;
mod off_scale;
mod packs;
mod people;
mod properties;
mod replay;
mod routed;
mod scores;
mod signals;
mod standing;
mod told;
mod upgrade;
mod values;
