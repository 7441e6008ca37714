//! The MQTT edge: our own listener, a broker as source, routes and acknowledgement
