//! DKIM signatures (RFC 6376, RFC 8463).
