//! `deploy/docker-compose.yml`.

use serde_json::Value;

use crate::{at, text, variables, yaml};

fn compose() -> Value {
    yaml::document("deploy/docker-compose.yml")
}

/// The variables of a service, as its process gets them.
fn environment(service: &Value) -> Vec<(String, String)> {
    let variables = at(service, "/environment").as_object().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    variables.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

#[test]
fn every_service_has_an_image_and_waits_for_services_that_are_there() {
    let compose = compose();
    let services = at(&compose, "/services").as_object().unwrap();
    for (name, service) in services {
        assert!(!text(service, "/image").is_empty(), "{name}");
        let Some(waits) = service.get("depends_on") else { continue };
        let others: Vec<&str> = match waits {
            Value::Array(others) => others.iter().map(|other| other.as_str().unwrap()).collect(),
            others => others.as_object().unwrap().keys().map(String::as_str).collect(),
        };
        assert!(others.iter().all(|other| services.contains_key(*other)), "{name}: {others:?}");
    }
}

#[test]
fn postgresql_16_keeps_its_data_in_a_volume_and_says_when_it_is_ready() {
    let compose = compose();
    let postgres = at(&compose, "/services/postgres");
    assert!(text(postgres, "/image").starts_with("postgres:16"));
    let check = at(postgres, "/healthcheck/test").as_array().unwrap();
    assert_eq!((check[0].as_str(), check[1].as_str()), (Some("CMD"), Some("pg_isready")));
    // While the volume is made, a server without TCP runs the scripts.
    assert!(check.contains(&"--host=127.0.0.1".into()), "{check:?}");
    let user = format!("--username={}", text(postgres, "/environment/POSTGRES_USER"));
    let database = format!("--dbname={}", text(postgres, "/environment/POSTGRES_DB"));
    assert!(check.contains(&user.into()) && check.contains(&database.into()), "{check:?}");

    let volumes = at(postgres, "/volumes").as_array().unwrap();
    let mounts: Vec<(&str, &str)> =
        volumes.iter().filter_map(|volume| volume.as_str()?.split_once(':')).collect();
    let (data, _) = mounts.iter().find(|(_, to)| *to == "/var/lib/postgresql/data").unwrap();
    assert!(at(&compose, "/volumes").get(*data).is_some(), "{data} is declared");
    let (script, _) = mounts.iter().find(|(_, to)| to.contains("initdb.d/")).unwrap();
    assert!(crate::file("deploy").join(script).exists(), "{script}");
}

#[test]
fn the_migration_runs_once_when_the_server_is_healthy_and_the_application_after_both() {
    let compose = compose();
    let migrate = at(&compose, "/services/migrate");
    assert_eq!(at(migrate, "/command"), &serde_json::json!(["schema"]));
    assert_eq!(text(migrate, "/restart"), "no");
    assert_eq!(text(migrate, "/depends_on/postgres/condition"), "service_healthy");
    let dockerfile = text(migrate, "/build/dockerfile");
    assert!(crate::file("deploy").join(text(migrate, "/build/context")).join(dockerfile).exists());

    let app = at(&compose, "/services/app");
    assert_eq!(text(app, "/depends_on/postgres/condition"), "service_healthy");
    assert_eq!(text(app, "/depends_on/migrate/condition"), "service_completed_successfully");
    // What the migration does, the application's role may not.
    assert_eq!(text(app, "/environment/STORE_AUTO_MIGRATE"), "off");
}

#[test]
fn the_variables_of_the_services_are_understood_and_name_one_database() {
    let compose = compose();
    let of = |service: &str| environment(at(&compose, &format!("/services/{service}")));
    variables::assert_same_database(of("migrate"), "migrator", of("app"));
    let server = of("postgres");
    let role = |name: &str| server.iter().any(|(other, _)| other == name);
    assert!(role("MIGRATOR_PASSWORD") && role("APP_PASSWORD"));
}

#[test]
fn no_password_is_written_down_and_no_port_is_open_to_others() {
    let compose = compose();
    for (name, service) in at(&compose, "/services").as_object().unwrap() {
        if service.get("environment").is_some() {
            for (variable, value) in environment(service) {
                let is_secret = variable.contains("PASSWORD") || variable == "STORE_VAULT_KEY";
                assert!(!is_secret || value.starts_with("${"), "{name} {variable}");
            }
        }
        let ports = service.get("ports").and_then(Value::as_array).into_iter().flatten();
        for port in ports {
            assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name} {port}");
        }
    }
}
