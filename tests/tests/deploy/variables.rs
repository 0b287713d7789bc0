//! Variables: those of `.env.example`, and those that services get.

use std::collections::BTreeSet;

use store_core::settings::variables;
use store_core::{Backend, Settings, Subsystem};

/// A name, and its value.
type Variable = (String, String);

/// The variables of `.env.example`: those that are set, and those that are commented out.
fn example() -> (Vec<Variable>, Vec<Variable>) {
    let text = crate::read(".env.example");
    let pair = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        is_name.then(|| (name.to_owned(), value.to_owned()))
    };
    let set = text.lines().filter(|line| !line.starts_with('#')).filter_map(pair);
    let unset = text.lines().filter_map(|line| line.strip_prefix('#')).filter_map(pair);
    (set.collect(), unset.collect())
}

fn read(variables: impl IntoIterator<Item = Variable>) -> Settings {
    Settings::from_vars("STORE", variables).unwrap()
}

#[test]
fn the_example_has_every_variable_once() {
    let (set, unset) = example();
    let names: Vec<String> = set.into_iter().chain(unset).map(|(name, _)| name).collect();
    let once: BTreeSet<&String> = names.iter().collect();
    assert_eq!(once.len(), names.len(), "{names:?}");
    let known = variables("STORE");
    assert_eq!(once, known.iter().collect());
}

#[test]
fn what_the_example_sets_is_the_default() {
    let (set, _) = example();
    assert_eq!(format!("{:?}", read(set)), format!("{:?}", read([])));
}

#[test]
fn what_the_example_comments_out_is_understood() {
    let (_, unset) = example();
    let five = |name: &str| name.starts_with("POSTGRES_");
    for (name, value) in unset.iter().filter(|(name, _)| !five(name)) {
        let mut variables = vec![(name.clone(), value.clone())];
        if value == "postgres" || name == "DB_TYPE" {
            let dsn = unset.iter().find(|(name, _)| name == "STORE_POSTGRES_DSN").unwrap();
            variables.push(dsn.clone());
        }
        read(variables);
    }
    let five = read(unset.into_iter().filter(|(name, _)| five(name)));
    assert_eq!(five.backend(Subsystem::History), Backend::Postgres);
}

/// Asserts that the migration and the application are in one schema of one database, each by its own
/// role, and that nothing they get is unknown.
#[track_caller]
pub(crate) fn assert_same_database(
    migrate: Vec<Variable>,
    migrator: &str,
    application: Vec<Variable>,
) {
    let known: BTreeSet<String> = variables("STORE").into_iter().collect();
    let seen = [migrate, application].map(|variables| {
        for (name, _) in &variables {
            assert!(known.contains(name), "{name} is no variable of the stores");
        }
        let settings = read(variables);
        for subsystem in Subsystem::ALL {
            assert_eq!(settings.backend(subsystem), Backend::Postgres, "{subsystem}");
        }
        let dsn = settings.postgres_dsn().unwrap().to_string();
        (dsn, settings.postgres().schema.clone())
    });
    let [(migrating, schema), (applying, other)] = &seen;
    assert_eq!((schema.as_str(), other.as_str()), ("stores", "stores"));
    let (role, place) = migrating.split_once("://").unwrap().1.split_once(':').unwrap();
    let (other_role, other_place) = applying.split_once("://").unwrap().1.split_once(':').unwrap();
    assert_eq!((role, other_role), (migrator, "app"));
    let host = |place: &str| place.split_once('@').unwrap().1.to_owned();
    assert_eq!(host(place), host(other_place));
}
