//! `resetd`, the daemon.

fn main() -> std::process::ExitCode {
    resetd::startup::main()
}
