//! The segmented log: write-ahead log of the server, spool of the gateway
