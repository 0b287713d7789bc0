//! Every behaviour of every protocol, on every backend that is compiled in.
//!
//! Names are `<subsystem>::<backend>::<fact>`.

mod chatkit {
    #[cfg(feature = "sqlite")]
    mod sqlite {
        store_tests::chatkit_tests!(store_tests::fixture::chatkit::sqlite);
    }

    #[cfg(feature = "postgres")]
    mod postgres {
        store_tests::chatkit_tests!(store_tests::fixture::chatkit::postgres);
    }
}

mod checkpoints {
    #[cfg(feature = "sqlite")]
    mod sqlite {
        store_tests::checkpoints_tests!(store_tests::fixture::checkpoints::sqlite);
    }

    #[cfg(feature = "postgres")]
    mod postgres {
        store_tests::checkpoints_tests!(store_tests::fixture::checkpoints::postgres);
    }
}

mod graph {
    #[cfg(feature = "sqlite")]
    mod sqlite {
        store_tests::graph_tests!(store_tests::fixture::graph::sqlite);
        store_tests::graph_unsealed_tests!(store_tests::fixture::graph::sqlite);
    }

    #[cfg(feature = "postgres")]
    mod postgres {
        store_tests::graph_tests!(store_tests::fixture::graph::postgres);
        store_tests::graph_unsealed_tests!(store_tests::fixture::graph::postgres);
    }
}

/// The same contract with a key ring, and what the ring adds.
mod sealed_graph {
    #[cfg(feature = "sqlite")]
    mod sqlite {
        store_tests::graph_tests!(store_tests::fixture::graph::sealed_sqlite);
        store_tests::graph_sealing_suite!(store_tests::fixture::graph::sealed_sqlite);
    }

    #[cfg(feature = "postgres")]
    mod postgres {
        store_tests::graph_tests!(store_tests::fixture::graph::sealed_postgres);
        store_tests::graph_sealing_suite!(store_tests::fixture::graph::sealed_postgres);
    }
}

mod history {
    #[cfg(feature = "sqlite")]
    mod sqlite {
        store_tests::history_tests!(store_tests::fixture::sqlite::history);
    }

    #[cfg(feature = "postgres")]
    mod postgres {
        store_tests::history_tests!(store_tests::fixture::postgres::history);
    }

    /// The same contract with steps in partitions.
    #[cfg(feature = "postgres")]
    mod partitioned {
        store_tests::history_tests!(store_tests::fixture::postgres::partitioned_history);
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

mod tokens {
    #[cfg(feature = "sqlite")]
    mod sqlite {
        store_tests::tokens_tests!(store_tests::fixture::sqlite::tokens);
    }

    #[cfg(feature = "postgres")]
    mod postgres {
        store_tests::tokens_tests!(store_tests::fixture::postgres::tokens);
    }
}

mod vault {
    #[cfg(feature = "sqlite")]
    mod sqlite {
        store_tests::vault_tests!(store_tests::fixture::vault::sqlite);
        store_tests::vault_governance_suite!(store_tests::fixture::vault::sqlite);
    }

    #[cfg(feature = "postgres")]
    mod postgres {
        store_tests::vault_tests!(store_tests::fixture::vault::postgres);
        store_tests::vault_governance_suite!(store_tests::fixture::vault::postgres);
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
