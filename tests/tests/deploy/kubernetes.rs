//! `deploy/kubernetes/`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{at, text, variables, yaml};

/// What is made, and by which version of its interface.
const KINDS: [(&str, &str); 8] = [
    ("ConfigMap", "v1"),
    ("Deployment", "apps/v1"),
    ("Job", "batch/v1"),
    ("PodDisruptionBudget", "policy/v1"),
    ("Secret", "v1"),
    ("Service", "v1"),
    ("StatefulSet", "apps/v1"),
    ("Namespace", "v1"),
];

/// Every object of every file.
fn objects() -> Vec<Value> {
    let folder = crate::file("deploy/kubernetes");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let documents = |file: &String| yaml::documents(&format!("deploy/kubernetes/{file}"));
    files.iter().flat_map(documents).collect()
}

/// The object of a kind and a name.
fn object(kind: &str, name: &str) -> Value {
    let is_it = |object: &Value| {
        object["kind"] == kind && object.pointer("/metadata/name") == Some(&name.into())
    };
    objects().into_iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// The containers of what makes pods, those that run first included.
fn containers(object: &Value) -> Vec<&Value> {
    let of = |list: &str| object.pointer(&format!("/spec/template/spec/{list}"));
    let lists = ["initContainers", "containers"].into_iter().filter_map(of);
    lists.flat_map(|list| list.as_array().unwrap()).collect()
}

/// The variables of a container, as its process gets them; a secret is its key.
fn environment(container: &Value) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for from in container.get("envFrom").and_then(Value::as_array).into_iter().flatten() {
        let map = object("ConfigMap", text(from, "/configMapRef/name"));
        let data = at(&map, "/data").as_object().unwrap().clone();
        variables.extend(
            data.into_iter().map(|(name, value)| (name, value.as_str().unwrap().to_owned())),
        );
    }
    for variable in at(container, "/env").as_array().unwrap() {
        let value = match variable.get("value") {
            Some(value) => value.as_str().unwrap().to_owned(),
            None => text(variable, "/valueFrom/secretKeyRef/key").to_owned(),
        };
        variables.push((text(variable, "/name").to_owned(), value));
    }
    variables
}

#[test]
fn every_object_is_of_a_known_kind_and_made_once() {
    let mut names = BTreeSet::new();
    for object in objects() {
        let (kind, version) = (text(&object, "/kind"), text(&object, "/apiVersion"));
        assert!(KINDS.contains(&(kind, version)), "{kind} {version}");
        let name = text(&object, "/metadata/name");
        assert!(names.insert(format!("{kind} {name}")), "{kind} {name} is there twice");
    }
}

#[test]
fn services_and_budgets_select_pods_that_are_there() {
    let objects = objects();
    let pods: Vec<&Value> = objects
        .iter()
        .filter_map(|object| object.pointer("/spec/template/metadata/labels"))
        .collect();
    for object in &objects {
        let kind = text(object, "/kind");
        let selector = match kind {
            "Service" => at(object, "/spec/selector"),
            "Deployment" | "StatefulSet" | "PodDisruptionBudget" => {
                at(object, "/spec/selector/matchLabels")
            }
            _ => continue,
        };
        assert!(pods.contains(&selector), "{kind}: {selector}");
    }
}

#[test]
fn ports_are_called_by_names_that_containers_have() {
    for (service, kind, name) in
        [("postgres", "StatefulSet", "postgres"), ("app", "Deployment", "app")]
    {
        let pods = object(kind, name);
        let ports: Vec<&str> = containers(&pods)
            .iter()
            .filter_map(|container| container.get("ports")?.as_array())
            .flatten()
            .map(|port| text(port, "/name"))
            .collect();
        let service = object("Service", service);
        assert!(ports.contains(&text(&service, "/spec/ports/0/targetPort")), "{ports:?}");
        for container in containers(&pods) {
            for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
                let port = container.pointer(&format!("/{probe}/httpGet/port"));
                let port = port.map(|port| port.as_str().unwrap());
                assert!(port.is_none_or(|port| ports.contains(&port)), "{probe}");
            }
        }
    }
}

#[test]
fn what_serves_says_when_it_is_ready() {
    let (postgres, app) = (object("StatefulSet", "postgres"), object("Deployment", "app"));
    let ready = at(&postgres, "/spec/template/spec/containers/0/readinessProbe/exec/command");
    assert_eq!(ready[0], "pg_isready");
    assert!(ready.as_array().unwrap().contains(&"--host=127.0.0.1".into()), "{ready}");
    at(&app, "/spec/template/spec/containers/0/readinessProbe/httpGet/path");
    let data = at(&postgres, "/spec/volumeClaimTemplates/0/metadata/name");
    let mounts = at(&postgres, "/spec/template/spec/containers/0/volumeMounts");
    assert!(mounts.as_array().unwrap().iter().any(|mount| mount["name"] == *data));
}

#[test]
fn the_job_migrates_and_the_application_waits_for_it() {
    let (job, app) = (object("Job", "stores-migrate"), object("Deployment", "app"));
    let migrate = containers(&job)[0];
    assert_eq!(at(migrate, "/args"), &serde_json::json!(["schema"]));
    assert_eq!(text(&job, "/spec/template/spec/restartPolicy"), "OnFailure");
    let [waiting, serving] = containers(&app)[..] else { panic!("two containers") };
    assert_eq!(at(waiting, "/args"), &serde_json::json!(["schema", "--check"]));
    assert_eq!(text(waiting, "/image"), text(migrate, "/image"));
    for container in [waiting, serving] {
        variables::assert_same_database(environment(migrate), "migrator", environment(container));
    }
    let off = ("STORE_AUTO_MIGRATE".to_owned(), "off".to_owned());
    assert!(environment(serving).contains(&off));
}

#[test]
fn every_secret_and_map_that_is_mentioned_is_there() {
    let secret = object("Secret", "stores");
    let keys = at(&secret, "/stringData").as_object().unwrap();
    assert!(keys.values().all(|value| value == "replace-me"), "nothing real is in an example");
    for pods in objects().iter().filter(|object| object.pointer("/spec/template").is_some()) {
        for container in containers(pods) {
            for variable in at(container, "/env").as_array().unwrap() {
                let Some(key) = variable.pointer("/valueFrom/secretKeyRef") else { continue };
                assert_eq!(text(key, "/name"), "stores");
                assert!(keys.contains_key(text(key, "/key")), "{key}");
            }
            environment(container);
        }
        for volume in pods
            .pointer("/spec/template/spec/volumes")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            object("ConfigMap", text(volume, "/configMap/name"));
        }
    }
}

#[test]
fn the_script_of_the_roles_is_the_one_beside() {
    let map = object("ConfigMap", "postgres-init");
    assert_eq!(text(&map, "/data/10-roles.sh"), crate::read("deploy/postgres/roles.sh"));
}
