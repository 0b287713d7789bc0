//! Every behaviour of every protocol, on every backend that is compiled in.
//!
//! Names are `<subsystem>::<backend>::<fact>`.

mod history {
    #[cfg(feature = "sqlite")]
    mod sqlite {
        store_tests::history_tests!(store_tests::fixture::sqlite::history);
    }

    #[cfg(feature = "postgres")]
    mod postgres {
        store_tests::history_tests!(store_tests::fixture::postgres::history);
    }
}

mod queue {
    #[cfg(feature = "sqlite")]
    mod sqlite {
        store_tests::queue_tests!(store_tests::fixture::sqlite::workflows);
    }

    #[cfg(feature = "postgres")]
    mod postgres {
        store_tests::queue_tests!(store_tests::fixture::postgres::workflows);
    }
}

mod workflow {
    #[cfg(feature = "sqlite")]
    mod sqlite {
        store_tests::workflow_tests!(store_tests::fixture::sqlite::workflows);
    }

    #[cfg(feature = "postgres")]
    mod postgres {
        store_tests::workflow_tests!(store_tests::fixture::postgres::workflows);
    }
}
