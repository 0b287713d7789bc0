//! Service tokens under attack and accident, by the clock of the machine: where secrets could
//! leak to, processes that die, and several processes at once.
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
                    let fixture = store_tests::fixture::$backend::tokens(stringify!($name)).await;
                    super::$name(&$crate::support::Installation::of(&fixture).await).await;
                    fixture.finish().await;
                });
            }
        )+
    };
}

mod crash;
mod leaks;
#[cfg(feature = "postgres")]
mod notify;
mod processes;
mod support;
mod trace;
