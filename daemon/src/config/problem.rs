//! What is wrong with a configuration: one line for a person per problem, all of a file's at once.

use std::fmt;
use std::path::PathBuf;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; `None` where a whole section is missing.
    pub line: Option<usize>,
    /// The key, what it was and what it must be: `portal.shop.color = "red": must be …`.
    pub text: String,
}

/// All that is wrong with one file, in line order. Its `Display` is one line per problem, `FILE:LINE: KEY = VALUE: must be …`,
/// and never holds a secret's content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it; at least one.
    pub problems: Vec<Problem>,
}

impl ConfigErrors {
    pub(super) fn new(file: PathBuf, mut problems: Vec<Problem>) -> Self {
        // What is missing as a whole has no line and comes last.
        problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        Self { file, problems }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        for (index, Problem { line, text }) in self.problems.iter().enumerate() {
            let end_of_last = if index == 0 { "" } else { "\n" };
            match line {
                Some(line) => write!(f, "{end_of_last}{file}:{line}: {text}")?,
                None => write!(f, "{end_of_last}{file}: {text}")?,
            }
        }
        Ok(())
    }
}
