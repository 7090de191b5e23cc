//! Ends what does not end with this process by itself, also where this process is killed: a shell of its own process group that
//! waits until its standard input closes.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// The shell. Dropped, it does its work, and is waited for.
pub struct Guard {
    shell: Child,
}

impl Guard {
    /// `ending` is what it runs in the end.
    pub fn new(ending: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("cat >/dev/null; {ending}")]).process_group(0);
        Self { shell: command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap() }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}
