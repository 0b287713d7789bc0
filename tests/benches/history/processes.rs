//! Two processes of 50 callers each on PostgreSQL, on the same 16 executions: what deadlocks, or
//! only works because one process sees all callers, shows here.

use std::env;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::common::Result;
use crate::common::load::Figures;
use crate::operation::Operation;
use crate::rounds;

/// The callers of each of the two.
const CALLERS: usize = 50;
/// How long a process appends before it says that it is ready.
const WARM_UP: Duration = Duration::from_millis(300);

struct Second {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Measures one round of two processes: the sum of their rates, the worse of their latencies.
pub(crate) async fn measure(schema: &str, round: Duration) -> Result<Figures> {
    let mut both = [start(schema)?, start(schema)?];
    for second in &mut both {
        let line = line(second).await?;
        if line != "ready" {
            return Err(format!("a second process said `{line}` instead of `ready`").into());
        }
    }
    let go = format!("{}\n", round.as_secs_f64());
    for second in &mut both {
        second.input.write_all(go.as_bytes()).await?;
    }
    let mut sum = Figures::default();
    for second in &mut both {
        let one = parse(&line(second).await?)?;
        sum = Figures {
            rate: sum.rate + one.rate,
            p50: sum.p50.max(one.p50),
            p95: sum.p95.max(one.p95),
            p99: sum.p99.max(one.p99),
        };
    }
    for second in &mut both {
        let status = second.child.wait().await?;
        if !status.success() {
            return Err(format!("a second process ended with {status}").into());
        }
    }
    Ok(sum)
}

fn start(schema: &str) -> Result<Second> {
    let mut child = Command::new(env::current_exe()?)
        .args(["--child", schema])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let input = child.stdin.take().ok_or("the second process has no input")?;
    let output = child.stdout.take().ok_or("the second process has no output")?;
    Ok(Second { child, input, output: BufReader::new(output) })
}

/// Reads a line; none when the process ended, having said why on stderr.
async fn line(second: &mut Second) -> Result<String> {
    let mut line = String::new();
    if second.output.read_line(&mut line).await? == 0 {
        let status = second.child.wait().await?;
        return Err(format!("a second process ended early: {status}").into());
    }
    Ok(line.trim().to_owned())
}

fn parse(line: &str) -> Result<Figures> {
    let figures = line.split(' ').map(str::parse).collect::<std::result::Result<Vec<f64>, _>>()?;
    let [rate, p50, p95, p99] = figures[..] else {
        return Err(format!("a second process said `{line}` instead of four figures").into());
    };
    Ok(Figures { rate, p50, p95, p99 })
}

/// What such a process does. Any error ends it, and with it the whole run.
pub(crate) async fn child(schema: &str) -> Result<()> {
    let side = rounds::postgres_store(schema).await;
    side.measure(Operation::AppendStep, CALLERS, WARM_UP).await?;
    println!("ready");
    let mut go = String::new();
    // Nothing else is to be done meanwhile, so that waiting may block.
    std::io::stdin().read_line(&mut go)?;
    let round = Duration::try_from_secs_f64(go.trim().parse()?)?;
    let Figures { rate, p50, p95, p99 } =
        side.measure(Operation::AppendStep, CALLERS, round).await?;
    println!("{rate} {p50} {p95} {p99}");
    Ok(())
}
