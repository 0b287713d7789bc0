//! The job queue under several processes, by the clock of the machine: workers that are stopped,
//! killed or cut off, limits that hold across processes, and how much goes through.
#![cfg(any(feature = "sqlite", feature = "postgres"))]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests fail by panicking")]

/// Emits facts as tests on a fresh database of each backend: of a `Queue`, or of the `fixture`.
macro_rules! on_both {
    (fixture: $($name:ident),+ $(,)?) => {
        on_both!(@both |t| t; $($name),+);
    };
    ($($name:ident),+ $(,)?) => {
        on_both!(@both |t| &$crate::support::Queue::of(t).await; $($name),+);
    };
    (@both |$t:ident| $argument:expr; $($name:ident),+) => {
        #[cfg(feature = "sqlite")]
        mod sqlite {
            on_both!(@emit sqlite |$t| $argument; $($name),+);
        }

        #[cfg(feature = "postgres")]
        mod postgres {
            on_both!(@emit postgres |$t| $argument; $($name),+);
        }
    };
    (@emit $backend:ident |$t:ident| $argument:expr; $($name:ident),+) => {
        $(
            #[test]
            fn $name() {
                store_tests::run(async {
                    let fixture =
                        store_tests::fixture::$backend::workflows(stringify!($name)).await;
                    let $t = &fixture;
                    super::$name($argument).await;
                    fixture.finish().await;
                });
            }
        )+
    };
}

mod crash;
mod fencing;
mod joining;
mod locks;
#[cfg(feature = "postgres")]
mod notify;
mod processes;
#[cfg(feature = "postgres")]
mod restart;
mod support;
mod throughput;
