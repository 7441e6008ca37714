//! Own messages in the shapes of real monitors.
