//! What is measured.

use crate::common::args::Measured;
use crate::conversation::{LONG, LONG_ITEMS, SHORT, SHORT_ITEMS};

/// An operation of the store. Reads come first, while the tables are the same for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// 20 items of a thread.
    Load(Place),
    /// 20 of the 100 threads, of 10,000, whose metadata contain something.
    FilterThreads,
    /// The newest 20 of the 10,100 items, of 101,000, that have a word.
    SearchCommon,
    /// All 11 of the 101,000 that have a word.
    SearchRare,
    /// An item of 1 KiB at the end of one of at most 16 threads.
    AddThreadItem,
    /// An item of 1 KiB in the place of the one that is there.
    SaveItem,
}

/// Where a page of items is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    ShortMiddle,
    ShortEnd,
    LongMiddle,
    LongEnd,
}

impl Place {
    /// All of them, by their number.
    pub(crate) const ALL: [Self; 4] =
        [Self::ShortMiddle, Self::ShortEnd, Self::LongMiddle, Self::LongEnd];

    /// The thread.
    pub(crate) const fn thread(self) -> &'static str {
        match self {
            Self::ShortMiddle | Self::ShortEnd => SHORT,
            Self::LongMiddle | Self::LongEnd => LONG,
        }
    }

    /// The place of the item before the page.
    pub(crate) const fn after(self) -> u32 {
        match self {
            Self::ShortMiddle => SHORT_ITEMS / 2,
            Self::ShortEnd => SHORT_ITEMS - 1 - PAGE,
            Self::LongMiddle => LONG_ITEMS / 2,
            Self::LongEnd => LONG_ITEMS - 1 - PAGE,
        }
    }
}

impl Measured for Operation {
    const ALL: &'static [Self] = &[
        Self::Load(Place::ShortMiddle),
        Self::Load(Place::ShortEnd),
        Self::Load(Place::LongMiddle),
        Self::Load(Place::LongEnd),
        Self::FilterThreads,
        Self::SearchCommon,
        Self::SearchRare,
        Self::AddThreadItem,
        Self::SaveItem,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Load(Place::ShortMiddle) => "load 1k middle",
            Self::Load(Place::ShortEnd) => "load 1k end",
            Self::Load(Place::LongMiddle) => "load 100k middle",
            Self::Load(Place::LongEnd) => "load 100k end",
            Self::FilterThreads => "filter_threads",
            Self::SearchCommon => "search common",
            Self::SearchRare => "search rare",
            Self::AddThreadItem => "add_thread_item",
            Self::SaveItem => "save_item",
        }
    }
}

/// The rows of a page.
pub(crate) const PAGE: u32 = 20;
