//! `resetctl`, the administrator's tool.

fn main() -> std::process::ExitCode {
    resetd::ctl::main()
}
