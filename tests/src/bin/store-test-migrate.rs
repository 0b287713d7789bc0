//! The command `store-migrate`, as a process that tests can kill.

use std::process::ExitCode;

fn main() -> ExitCode {
    store_migrate::cli::main()
}
