//! The schema of both backends: processes that start at once, migrations, alignment with the
//! code, query plans, and random operations compared with a model.
#![cfg(any(feature = "sqlite", feature = "postgres"))]
#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests fail by panicking")]

/// Emits facts as tests on a fixture of each backend.
macro_rules! on_both {
    ($fixture:ident: $($name:ident),+ $(,)?) => {
        #[cfg(feature = "sqlite")]
        mod sqlite {
            $(
                #[test]
                fn $name() {
                    store_tests::run(async {
                        let t = $crate::bare::sqlite::$fixture().await;
                        super::$name(&t).await;
                        t.finish().await;
                    });
                }
            )+
        }

        #[cfg(feature = "postgres")]
        mod postgres {
            $(
                #[test]
                fn $name() {
                    store_tests::run(async {
                        let t = $crate::bare::postgres::$fixture().await;
                        super::$name(&t).await;
                        t.finish().await;
                    });
                }
            )+
        }
    };
}

mod alignment;
#[cfg(feature = "postgres")]
mod alone;
mod bare;
mod chatkit_plans;
mod checkpoint_plans;
mod columns;
mod crates;
mod graph_plans;
mod migrations;
mod names;
mod nul;
mod opening;
mod plans;
mod processes;
mod properties;
mod queue_plans;
mod vault_plans;
mod workflow_plans;
mod workflow_properties;
mod workflow_sequences;
