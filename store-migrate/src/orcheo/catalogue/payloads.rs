//! The fields of payloads that become nothing.

/// A field of a payload that is known and becomes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The field.
    pub field: &'static str,
    /// Why.
    pub reason: &'static str,
}

const fn field(
    (table, column): (&'static str, &'static str),
    field: &'static str,
    reason: &'static str,
) -> Payload {
    Payload { table, column, field, reason }
}

const WORKFLOWS: (&str, &str) = ("workflows", "payload");
const LISTENERS: (&str, &str) = ("listener_subscriptions", "payload");
const ALERTS: (&str, &str) = ("governance_alerts", "payload");

const REMOVED: &str = "a field of older releases that Orcheo itself removes when it reads it";

/// Fields of payloads that become nothing. All others that Orcheo writes become columns.
pub static PAYLOADS: &[Payload] = &[
    field(WORKFLOWS, "publish_token_hash", REMOVED),
    field(WORKFLOWS, "publish_token_rotated_at", REMOVED),
    field(
        LISTENERS,
        "audit_log",
        "the audit of the stores is about workflows and runs: what became of a subscription is in \
         its row",
    ),
    field(
        ALERTS,
        "audit_log",
        "the audit of the stores is about credentials and templates: who acknowledged an alert is \
         in its row",
    ),
];

/// Finds out why a field of a payload becomes nothing.
pub(in crate::orcheo) fn reason(table: &str, column: &str, field: &str) -> Option<&'static str> {
    let found = PAYLOADS
        .iter()
        .find(|one| one.table == table && one.column == column && one.field == field);
    found.map(|one| one.reason)
}
