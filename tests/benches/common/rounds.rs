//! Letting the sides take turns.

use std::env;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use super::Result;
use super::args::Rounds;
use super::load::{Figures, median};

/// What a line of the table is about.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) backend: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) callers: usize,
    pub(crate) processes: usize,
}

impl Line {
    /// The callers as they are shown.
    pub(crate) fn callers(&self) -> String {
        match self.processes {
            1 => self.callers.to_string(),
            processes => format!("{processes} x {}", self.callers / processes),
        }
    }
}

/// One line of the table: medians over the rounds, and the median of the ratios of each round.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) line: Line,
    pub(crate) store: Figures,
    pub(crate) raw: Figures,
    pub(crate) ratio: f64,
}

/// Warms both sides up and lets them take turns; each begins every other round.
pub(crate) async fn take_turns<S, R>(
    line: Line,
    rounds: Rounds,
    store: impl Fn(Duration) -> S,
    raw: impl Fn(Duration) -> R,
) -> Result<Outcome>
where
    S: Future<Output = Result<Figures>>,
    R: Future<Output = Result<Figures>>,
{
    let warm_up = rounds.length.min(Duration::from_millis(500));
    store(warm_up).await?;
    raw(warm_up).await?;
    let (mut stores, mut raws) = (Vec::new(), Vec::new());
    for round in 0..rounds.count {
        if round % 2 == 0 {
            stores.push(store(rounds.length).await?);
            raws.push(raw(rounds.length).await?);
        } else {
            raws.push(raw(rounds.length).await?);
            stores.push(store(rounds.length).await?);
        }
    }
    let ratio =
        median(stores.iter().zip(&raws).map(|(store, raw)| store.rate / raw.rate).collect());
    // The single rounds: medians hide a machine that is not quiet.
    let rates = |rounds: &[Figures]| {
        rounds.iter().map(|one| format!("{:.0}", one.rate)).collect::<Vec<_>>().join(" ")
    };
    eprintln!("  ops/s by round: store {}; raw {}", rates(&stores), rates(&raws));
    let (backend, operation, callers) = (line.backend, line.operation, line.callers());
    eprintln!("  {backend} {operation}, callers: {callers}, ratio {ratio:.2}");
    Ok(Outcome { line, store: Figures::median(&stores), raw: Figures::median(&raws), ratio })
}

/// `bench` in the directory Cargo built this in: a real disk, where /tmp may be memory.
pub(crate) fn bench_directory() -> Result<PathBuf> {
    let program = env::current_exe()?;
    let built_in = program.ancestors().find(|directory| directory.join("CACHEDIR.TAG").is_file());
    let directory = built_in.ok_or("this program is in no target directory")?.join("bench");
    std::fs::create_dir_all(&directory)?;
    Ok(directory)
}
