//! The promises of the registry.
