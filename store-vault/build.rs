//! Embedded migrations are read by a macro, so Cargo has to be told about the directory.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
