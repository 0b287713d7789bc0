//! What deriving a key costs, and how much of it is allowed.

/// 1 GiB: a row of the database cannot make a process ask for more.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 64;
const MAX_LANES: u32 = 16;

/// Argon2 needs eight blocks of 1 KiB for each lane.
const MIN_MEMORY_KIB_PER_LANE: u32 = 8;

/// What deriving a key by Argon2id costs; each guess at the passphrase costs the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Parameters {
    /// Memory in KiB, at least 8 for each lane, at most 1 GiB. 64 MiB by default.
    pub memory_kib: u32,
    /// How often the memory is passed over, 1 to 64. 3 by default.
    pub passes: u32,
    /// Lanes, 1 to 16; they are filled one after the other. 1 by default.
    pub lanes: u32,
}

impl Default for Argon2Parameters {
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 }
    }
}

impl Argon2Parameters {
    pub(super) fn check(self) -> Result<(), String> {
        let Self { memory_kib, passes, lanes } = self;
        if !(1..=MAX_LANES).contains(&lanes) {
            return Err(format!("{lanes} lanes are out of bounds: 1 to {MAX_LANES}"));
        }
        if !(1..=MAX_PASSES).contains(&passes) {
            return Err(format!("{passes} passes are out of bounds: 1 to {MAX_PASSES}"));
        }
        let least = MIN_MEMORY_KIB_PER_LANE * lanes;
        if !(least..=MAX_MEMORY_KIB).contains(&memory_kib) {
            let bounds = format!("{least} to {MAX_MEMORY_KIB}");
            return Err(format!("{memory_kib} KiB of memory are out of bounds: {bounds}"));
        }
        Ok(())
    }
}
