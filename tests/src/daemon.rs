//! The real binary as a child process, and systemd's part in its life: a notify socket, and perhaps the API socket.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Where a program of the workspace is: beside this one, or, for a test, in the folder above.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.exists());
    path.unwrap_or_else(|| panic!("{name} is missing: `cargo build --workspace` makes it"))
}

/// A running `resetd`. Dropped, it is killed.
pub struct Daemon {
    child: Child,
    notify: UnixDatagram,
    log: PathBuf,
}

/// It ended before it was ready.
#[derive(Debug)]
pub struct NotReady {
    /// How it ended.
    pub status: ExitStatus,
    /// Its log.
    pub log: String,
}

impl Daemon {
    /// Starts it on `dir/resetd.toml` and waits until it says that it is ready.
    pub fn start(dir: &Path, activated: Option<&UnixListener>, env: &[(&str, &str)]) -> Result<Self, NotReady> {
        Self::start_with(dir, activated, env, &[])
    }

    /// The same with more arguments.
    pub fn start_with(dir: &Path, activated: Option<&UnixListener>, env: &[(&str, &str)], more: &[&str]) -> Result<Self, NotReady> {
        let path = dir.join("notify");
        let _ = std::fs::remove_file(&path);
        let notify = UnixDatagram::bind(&path).unwrap();
        // Not a limit: between two looks at the socket it is asked whether the child still lives.
        notify.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let log = dir.join("log");
        let mut command = match activated {
            Some(_) => activation(),
            None => Command::new(program("resetd")),
        };
        command.arg("--config").arg(dir.join("resetd.toml")).args(more);
        command.env("NOTIFY_SOCKET", &path).env_remove("JOURNAL_STREAM").envs(env.iter().copied());
        if std::env::var_os("RESETD_LOG").is_none() {
            command.env("RESETD_LOG", "debug");
        }
        command.stdin(activated.map_or_else(Stdio::null, |listener| Stdio::from(OwnedFd::from(listener.try_clone().unwrap()))));
        command.stdout(Stdio::null()).stderr(File::options().create(true).append(true).open(&log).unwrap());
        let mut daemon = Self { child: command.spawn().unwrap(), notify, log };
        match daemon.until_says("READY=1") {
            Ok(_) => Ok(daemon),
            Err(status) => Err(NotReady { status, log: daemon.log() }),
        }
    }

    /// Waits until it tells systemd this line; gives the status line that came with it. `Err`: it ended instead.
    pub fn until_says(&mut self, wanted: &str) -> Result<String, ExitStatus> {
        let mut buffer = [0; 4096];
        loop {
            if let Ok(length) = self.notify.recv(&mut buffer) {
                let said = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if said.lines().any(|line| line == wanted) {
                    return Ok(said.lines().find_map(|line| line.strip_prefix("STATUS=")).unwrap_or_default().to_owned());
                }
            } else if let Some(status) = self.child.try_wait().unwrap() {
                return Err(status);
            }
        }
    }

    /// Whether it runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill9(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, without waiting.
    pub fn term(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Waits until it has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// SIGTERM, and waits until it is gone: it must have ended well.
    #[track_caller]
    pub fn stop(mut self) {
        self.term();
        let status = self.ended();
        assert!(status.success(), "{status} (signal {:?})\n{}", status.signal(), self.log());
    }

    /// SIGHUP, and waits until it says that it is done; gives what it said.
    pub fn hup(&mut self) -> String {
        self.signal(Signal::SIGHUP);
        self.until_says("READY=1").unwrap_or_else(|status| panic!("it ended with {status}\n{}", self.log()))
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }
}

/// Hands the socket at descriptor 0 over as systemd does. `exec` keeps the process number that LISTEN_PID names.
fn activation() -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\" 3<&0 </dev/null", "sh"]).arg(program("resetd"));
    command
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            let panics = log.lines().skip_while(|line| !line.contains("panicked at")).take(30);
            panics.for_each(|line| println!("--- {line}"));
            println!("--- the end of resetd's log");
            tail.into_iter().rev().for_each(|line| println!("{line}"));
        }
    }
}
