/// What `maintain` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaintenanceRequest {
    /// For how many months after this one partitions are made, where steps are partitioned: 1 to
    /// 120; 3 unless said otherwise. It may fail to run for that long before steps of new executions
    /// gather in the partition for the rest.
    pub months_ahead: u32,
}

impl Default for MaintenanceRequest {
    fn default() -> Self {
        Self { months_ahead: 3 }
    }
}

/// What was maintained.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MaintenanceReport {
    /// The partitions that were made, by name, oldest first. None on SQLite, and none where steps
    /// are not partitioned.
    pub partitions: Vec<String>,
    /// Steps that were moved out of the partition for the rest into one of these.
    pub steps_moved: u64,
}
