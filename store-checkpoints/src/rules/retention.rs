//! Which checkpoints go, and in which order.

use std::collections::{HashMap, VecDeque};

use store_core::checkpoints::{CheckpointPrune, CheckpointPruneReport};
use store_core::{CheckpointId, Error, Result};

use super::text::checked_workflow;

/// The most checkpoints one transaction of a prune deletes.
const PRUNE_BATCH: u32 = 1000;

/// A prune that may be carried out.
#[derive(Debug, Clone)]
pub(crate) struct ReadyPrune {
    pub(crate) request: CheckpointPrune,
    /// How many checkpoints a transaction deletes.
    pub(crate) batch: usize,
}

impl ReadyPrune {
    /// Checks what is to be pruned.
    pub(crate) fn new(request: &CheckpointPrune) -> Result<Self> {
        checked_workflow(&request.workflow_id)?;
        if !(1..=PRUNE_BATCH).contains(&request.batch) {
            let reason = format!("is {}, allowed is 1 to {PRUNE_BATCH}", request.batch);
            return Err(Error::invalid("batch", reason));
        }
        let batch = usize::try_from(request.batch).unwrap_or(1);
        Ok(Self { request: request.clone(), batch })
    }

    /// Decides what of a whole workflow goes. The highest versions come first in `kin`.
    pub(crate) fn doomed(&self, kin: &[Kin]) -> Vec<Doomed> {
        self.of(kin, usize::try_from(self.request.keep_last).unwrap_or(usize::MAX))
    }

    /// Decides what of a batch still goes: by now one may be the best, or have a child outside.
    pub(crate) fn still_doomed(&self, batch: &[Kin]) -> Vec<Doomed> {
        self.of(batch, 0)
    }

    fn of(&self, kin: &[Kin], keep_first: usize) -> Vec<Doomed> {
        let places: HashMap<_, _> = kin.iter().enumerate().map(|(at, one)| (one.id, at)).collect();
        let parent_of = |at: usize| places.get(&kin[at].parent_id?).copied();
        let mut kept: Vec<bool> =
            kin.iter().enumerate().map(|(at, one)| at < keep_first || self.keeps(one)).collect();
        if self.request.keep_referenced {
            for at in 0..kin.len() {
                // Up the line, until somebody else came by here.
                let mut next = if kept[at] { parent_of(at) } else { None };
                while let Some(parent) = next.filter(|parent| !kept[*parent]) {
                    kept[parent] = true;
                    next = parent_of(parent);
                }
            }
        }
        children_first(kin, &kept, parent_of)
    }

    fn keeps(&self, one: &Kin) -> bool {
        one.is_latest
            || (self.request.keep_best && one.is_best)
            || (self.request.keep_referenced && one.has_other_children)
    }
}

/// A checkpoint as far as it matters for what goes.
#[derive(Debug, Clone)]
pub(crate) struct Kin {
    pub(crate) id: CheckpointId,
    pub(crate) parent_id: Option<CheckpointId>,
    pub(crate) is_best: bool,
    pub(crate) is_latest: bool,
    /// Whether it has children that are not among those that are looked at.
    pub(crate) has_other_children: bool,
    pub(crate) bytes: i64,
}

/// A checkpoint that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Doomed {
    pub(crate) id: CheckpointId,
    pub(crate) bytes: i64,
}

/// Orders what is not kept: the oldest first, but each after all of its children.
fn children_first(
    kin: &[Kin],
    kept: &[bool],
    parent_of: impl Fn(usize) -> Option<usize>,
) -> Vec<Doomed> {
    let goes = |at: &usize| !kept[*at];
    let mut children = vec![0_u32; kin.len()];
    for parent in (0..kin.len()).filter(goes).filter_map(&parent_of) {
        children[parent] += 1;
    }
    let childless = |at: &usize| !kept[*at] && children[*at] == 0;
    let mut ready: VecDeque<usize> = (0..kin.len()).rev().filter(childless).collect();
    let mut doomed = Vec::new();
    while let Some(at) = ready.pop_front() {
        doomed.push(Doomed { id: kin[at].id, bytes: kin[at].bytes });
        if let Some(parent) = parent_of(at) {
            children[parent] -= 1;
            if children[parent] == 0 && !kept[parent] {
                ready.push_back(parent);
            }
        }
    }
    doomed
}

/// Says what a checkpoint is needed as, if it is.
pub(crate) const fn need(
    is_best: bool,
    is_latest: bool,
    has_children: bool,
) -> Option<&'static str> {
    match (is_best, is_latest, has_children) {
        (true, _, _) => Some("the best of its workflow"),
        (_, true, _) => Some("the latest of its workflow"),
        (_, _, true) => Some("the parent of others"),
        _ => None,
    }
}

/// Counts what goes. The sums of the schema are never negative.
pub(crate) fn counted(doomed: &[Doomed]) -> CheckpointPruneReport {
    let one = |doomed: &Doomed| CheckpointPruneReport {
        checkpoints: 1,
        bytes: u64::try_from(doomed.bytes).unwrap_or(0),
    };
    doomed.iter().map(one).fold(CheckpointPruneReport::default(), CheckpointPruneReport::plus)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checkpoints of versions `n` down to 1, each the child of the version that `parents` gives.
    fn family(count: usize, parents: &[(usize, usize)]) -> Vec<Kin> {
        let ids: Vec<_> = (0..=count).map(|_| CheckpointId::mint()).collect();
        let parent_of = |v: usize| {
            parents.iter().find(|(child, _)| *child == v).map(|(_, parent)| ids[*parent])
        };
        let one = |version: usize| Kin {
            id: ids[version],
            parent_id: parent_of(version),
            is_best: false,
            is_latest: version == count,
            has_other_children: false,
            bytes: 10,
        };
        (1..=count).rev().map(one).collect()
    }

    fn versions(kin: &[Kin], doomed: &[Doomed]) -> Vec<usize> {
        let version = |d: &Doomed| kin.len() - kin.iter().position(|one| one.id == d.id).unwrap();
        doomed.iter().map(version).collect()
    }

    fn prune(keep_last: u32) -> CheckpointPrune {
        CheckpointPrune::new("w", keep_last)
    }

    fn doomed(kin: &[Kin], request: &CheckpointPrune) -> Vec<usize> {
        versions(kin, &ReadyPrune::new(request).unwrap().doomed(kin))
    }

    #[test]
    fn the_last_ones_and_the_best_are_kept() {
        let mut kin = family(6, &[]);
        assert_eq!(doomed(&kin, &prune(2)), [1, 2, 3, 4]);
        assert_eq!(doomed(&kin, &prune(0)), [1, 2, 3, 4, 5]);
        assert!(doomed(&kin, &prune(u32::MAX)).is_empty());
        kin[3].is_best = true;
        assert_eq!(doomed(&kin, &prune(2)), [1, 2, 4]);
        assert_eq!(doomed(&kin, &CheckpointPrune { keep_best: false, ..prune(2) }), [1, 2, 3, 4]);
    }

    #[test]
    fn what_descends_from_nothing_that_stays_goes_with_its_line() {
        // 6 descends from 3 and 1; 5 from 2, and 4 from 2.
        let parents = [(6, 3), (3, 1), (5, 2), (4, 2)];
        let mut kin = family(6, &parents);
        assert_eq!(doomed(&kin, &prune(1)), [4, 5, 2]);
        let all = CheckpointPrune { keep_referenced: false, ..prune(1) };
        assert_eq!(doomed(&kin, &all), [3, 4, 5, 1, 2]);
        kin[2].has_other_children = true; // version 4
        assert_eq!(doomed(&kin, &prune(1)), [5]);
    }

    #[test]
    fn a_batch_spares_what_has_changed_meanwhile() {
        let mut kin = family(4, &[(3, 2), (2, 1)]);
        kin[0].is_latest = false;
        let ready = ReadyPrune::new(&prune(0)).unwrap();
        assert_eq!(versions(&kin, &ready.still_doomed(&kin)), [3, 4, 2, 1]);
        kin[1].is_best = true; // version 3
        assert_eq!(versions(&kin, &ready.still_doomed(&kin)), [4]);
        assert_eq!(counted(&ready.still_doomed(&kin)).bytes, 10);
    }
}
