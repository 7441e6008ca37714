//! Clinical rules, alert life cycle and windows: pure, time is an argument
