use crate::words::words;

/// What checking an audit came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    /// How many entries are there.
    pub entries: u64,
    /// What is wrong, in the order of the entries: the first 100 faults.
    pub faults: Vec<AuditFault>,
}

impl AuditReport {
    /// Tells whether nothing is wrong.
    #[must_use]
    pub const fn is_intact(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Something that is wrong in an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditFault {
    /// The place of the entry it is about.
    pub sequence: i64,
    /// What is wrong there.
    pub kind: AuditFaultKind,
}

words! {
    /// What is wrong with an entry of an audit.
    pub enum AuditFaultKind of "kind" {
        /// It is not what was written: its hash is not the one that the next entry, or the head of the
        /// chain, has.
        Edited = "edited",
        /// It is not there.
        Missing = "missing",
        /// It is there although the head of the chain does not know of it.
        Unexpected = "unexpected",
        /// The head of the chain, which names the newest entry, is not there.
        HeadMissing = "head_missing",
    }
}
