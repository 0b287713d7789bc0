//! The command `store-migrate`.

use std::process::ExitCode;

fn main() -> ExitCode {
    store_migrate::cli::main()
}
