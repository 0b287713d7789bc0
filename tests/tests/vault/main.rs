//! The vault under attack and accident, by the clock of the machine: where secrets could leak to,
//! several processes at once, and processes that die.
#![cfg(any(feature = "sqlite", feature = "postgres"))]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests fail by panicking")]

/// Emits facts as tests on a fresh database of each backend.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        #[cfg(feature = "sqlite")]
        mod sqlite {
            on_both!(@emit sqlite $($name),+);
        }

        #[cfg(feature = "postgres")]
        mod postgres {
            on_both!(@emit postgres $($name),+);
        }
    };
    (@emit $backend:ident $($name:ident),+) => {
        $(
            #[test]
            fn $name() {
                store_tests::run(async {
                    let fixture = store_tests::fixture::vault::$backend(stringify!($name)).await;
                    super::$name(&$crate::support::Installation::of(&fixture).await).await;
                    fixture.finish().await;
                });
            }
        )+
    };
}

mod crash;
mod leaks;
mod processes;
mod recorder;
mod story;
mod support;
#[path = "../tokens/trace.rs"]
mod trace;
