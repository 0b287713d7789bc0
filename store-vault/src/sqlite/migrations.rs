//! The migrations of this backend and where they are recorded.

use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use store_core::migrations::Schema;

/// The migrations, for applications that run them in a journal of their own.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// The schema of credentials.
pub static SCHEMA: Schema = Schema {
    crate_name: "store-vault",
    journal: "store_vault_migrations",
    backend: "sqlite",
    migrations: MIGRATIONS,
    checksums: include_str!("../../migrations/migrations.lock"),
};
