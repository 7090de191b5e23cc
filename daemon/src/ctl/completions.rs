//! `resetctl completions`

use clap_complete::Shell;

use super::cli;
use super::failure::Failure;
use super::screen::Screen;

/// Prints the completions of a shell.
pub(super) fn print(shell: Shell, screen: Screen) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "resetctl", &mut script);
    screen.print(&String::from_utf8_lossy(&script))
}
