//! How a database and its replica are doing.

use std::time::{Duration, Instant};

use diesel::prelude::QueryableByName;
use diesel::sql_types::{Bool, Double, Nullable, Text};

use super::pool::Conn;
use super::replica::Replica;
use super::{Database, db_error};
use crate::health::{Health, MigrationStatus, ReplicaHealth};
use crate::migrations::Schema;
use crate::observe::{or_of_database, within};
use crate::{Error, Result};

const TOO_LATE: &str = "no answer before the deadline";

impl Database {
    /// Tells how the database and the schemas in it are doing, and the replica if the settings have
    /// one. Never fails, and takes no longer than `deadline`.
    pub async fn health(&self, deadline: Duration, schemas: &[&'static Schema]) -> Health {
        let replica = async {
            match &self.inner.replica {
                Some(replica) => Some(replica_health(replica, deadline).await),
                None => None,
            }
        };
        let (health, replica) = tokio::join!(self.own_health(deadline, schemas), replica);
        Health { replica, ..health }
    }

    async fn own_health(&self, deadline: Duration, schemas: &[&'static Schema]) -> Health {
        let unreachable =
            |problem: String| Health::unreachable("postgres", problem, self.pool_status());
        let vitals = within(or_of_database("health", "postgres"), self.vitals(schemas));
        match tokio::time::timeout(deadline, vitals).await {
            Ok(Ok((vitals, round_trip, migrations))) => Health {
                reachable: true,
                problem: None,
                replica_lag: vitals.lag(),
                server_version: Some(vitals.server_version),
                round_trip: Some(round_trip),
                writable: Some(!vitals.read_only),
                migrations,
                ..unreachable(String::new())
            },
            Ok(Err(error)) => unreachable(error.to_string()),
            Err(_elapsed) => unreachable(TOO_LATE.into()),
        }
    }

    async fn vitals(
        &self,
        schemas: &[&'static Schema],
    ) -> Result<(Vitals, Duration, Vec<MigrationStatus>)> {
        let mut conn = self.conn("health").await?;
        let started = Instant::now();
        let vitals = vitals(&mut conn).await?;
        let round_trip = started.elapsed();
        drop(conn);
        let mut migrations = Vec::with_capacity(schemas.len());
        for schema in schemas {
            migrations.push(self.migration_status(schema).await?);
        }
        Ok((vitals, round_trip, migrations))
    }
}

async fn replica_health(replica: &Replica, deadline: Duration) -> ReplicaHealth {
    let asked = async {
        let mut conn = replica.pool().get("replica_health").await?;
        within(or_of_database("replica_health", "postgres"), vitals(&mut conn)).await
    };
    match tokio::time::timeout(deadline, asked).await {
        Ok(Ok(vitals)) => {
            replica.answers();
            let problem = vitals.problem_of_a_replica();
            ReplicaHealth { reachable: true, lag: vitals.lag(), problem }
        }
        Ok(Err(error)) => ReplicaHealth::unreachable(error.to_string()),
        Err(_elapsed) => ReplicaHealth::unreachable(TOO_LATE),
    }
}

#[derive(QueryableByName)]
struct Vitals {
    #[diesel(sql_type = Text)]
    server_version: String,
    #[diesel(sql_type = Bool)]
    read_only: bool,
    #[diesel(sql_type = Bool)]
    in_recovery: bool,
    #[diesel(sql_type = Bool)]
    receives: bool,
    #[diesel(sql_type = Nullable<Double>)]
    lag_seconds: Option<f64>,
}

impl Vitals {
    fn lag(&self) -> Option<Duration> {
        self.lag_seconds
            .map(|lag| Duration::try_from_secs_f64(lag.max(0.0)).unwrap_or(Duration::MAX))
    }

    fn problem_of_a_replica(&self) -> Option<String> {
        let problem = match (self.in_recovery, self.receives) {
            (true, true) => return None,
            (true, false) => "it receives nothing from a primary: what it has gets older",
            (false, _) => "it is a primary itself, and follows none",
        };
        Some(problem.to_owned())
    }
}

/// A replica that has replayed everything it received is not behind, however old that is, as long as
/// it receives. Without the stream of a primary it may have missed what came since.
const VITALS: &str = "SELECT current_setting('server_version') AS server_version, \
     current_setting('transaction_read_only') = 'on' AS read_only, \
     pg_is_in_recovery() AS in_recovery, receives, \
     CASE WHEN NOT pg_is_in_recovery() THEN NULL \
          WHEN receives AND pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() THEN 0 \
          ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) \
     END::float8 AS lag_seconds \
     FROM (SELECT EXISTS (SELECT FROM pg_stat_wal_receiver) AS receives) AS stream";

async fn vitals(conn: &mut Conn) -> Result<Vitals, Error> {
    use diesel_async::RunQueryDsl as _;
    diesel::sql_query(VITALS).get_result(&mut **conn).await.map_err(db_error("health"))
}
