//! The typed device mapping document: `CollectionContent` (specification 1.2, 1.3).
