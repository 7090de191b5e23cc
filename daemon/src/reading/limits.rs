//! How far a message is read. No input of 10 MiB may cost more than 50 ms or 64 MiB, whatever it is made of.

/// Bytes of one header block that are looked at; the rest of the block is skipped.
pub const HEADER_BYTES: usize = 256 * 1024;
/// Fields of one header block.
pub const HEADERS: usize = 1_000;
/// Bytes of one field's value that are decoded. RFC 5322 §2.1.1 allows 998 a line; real `References` reach some 8 KiB.
pub const VALUE_BYTES: usize = 16 * 1024;
/// Addresses and ids taken from one message.
pub const ADDRESSES: usize = 200;
/// How deep parts may lie in each other.
pub const DEPTH: usize = 12;
/// Parts in all.
pub const PARTS: usize = 256;
/// Bytes that the search for boundaries may walk over in all, however the parts nest.
pub const SCAN_BYTES: usize = 48 * 1024 * 1024;
/// Bytes of text decoded in all.
pub const TEXT_BYTES: usize = 384 * 1024;
/// Bytes of a quote's end that are kept where nothing was typed above it.
pub const QUOTE_END: usize = 8 * 1024;
/// Opaque signatures that are opened, one in another or beside each other.
pub const SEALS: usize = 4;
/// Places in one multipart that are looked at for a boundary.
pub const BOUNDARIES: usize = 50_000;
