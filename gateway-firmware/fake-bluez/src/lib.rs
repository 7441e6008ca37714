//! An `org.bluez` for tests: adapters, devices, services and characteristics on a private bus, with scripted faults.
