//! One line that says what is being done now, on a terminal; it is wiped when there is something to print.

use std::io::{IsTerminal, Write, stderr};

/// The line.
pub struct Progress {
    shown: bool,
}

impl Progress {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { shown: stderr().is_terminal() }
    }

    /// In place of what was said before.
    pub fn say(&self, what: &str) {
        if self.shown {
            let _ = write!(stderr(), "\r\x1b[K  … {what}");
            let _ = stderr().flush();
        }
    }

    /// Before something else is printed.
    pub fn wipe(&self) {
        if self.shown {
            let _ = write!(stderr(), "\r\x1b[K");
            let _ = stderr().flush();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.wipe();
    }
}
