//! Conversations on a grand scale and by accident: every query compared with reading every item,
//! the shapes that ChatKit servers store, and several processes, some of which die.
#![cfg(any(feature = "sqlite", feature = "postgres"))]
#![expect(clippy::expect_used, reason = "tests fail by panicking")]

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
                    let t = store_tests::fixture::chatkit::$backend(stringify!($name)).await;
                    super::$name(&t).await;
                    t.finish().await;
                });
            }
        )+
    };
}

mod outbox;
mod search;
mod shapes;
mod support;
mod walk;
mod writers;
