//! The edge gateway: devices beside the patient to MQTT
fn main() {}
