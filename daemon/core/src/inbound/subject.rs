//! Subjects that give a machine away.

/// Whether a subject says that its writer is away or that this is an automatic answer.
pub fn says_away(_subject: &str) -> bool {
    false
}

/// Whether a subject is one that mail systems give to delivery reports.
pub fn says_bounced(_subject: &str) -> bool {
    false
}

/// Whether a subject is one that mail programs give to read receipts.
pub fn says_receipt(_subject: &str) -> bool {
    false
}
