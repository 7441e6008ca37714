//! Delta tables, hot rows, queries and the registry
