//! YAML as JSON: the same values, with merged keys carried out.

use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::{Map, Value};

/// Reads the documents of a file.
pub(crate) fn documents(path: &str) -> Vec<Value> {
    let documents = Yaml::load_from_str(&crate::read(path));
    documents.unwrap_or_else(|error| panic!("{path}: {error}")).iter().map(value).collect()
}

/// Reads the only document of a file.
pub(crate) fn document(path: &str) -> Value {
    let mut documents = documents(path);
    assert_eq!(documents.len(), 1, "{path}");
    documents.remove(0)
}

fn value(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => (*value).into(),
        Yaml::Value(Scalar::Integer(value)) => (*value).into(),
        Yaml::Value(Scalar::FloatingPoint(value)) => value.into_inner().into(),
        Yaml::Value(Scalar::String(value)) => value.as_ref().into(),
        Yaml::Sequence(values) => values.iter().map(value).collect(),
        Yaml::Mapping(pairs) => {
            let mut map = Map::new();
            for (key, of_key) in pairs {
                let key = key.as_str().unwrap_or_else(|| panic!("not a text: {key:?}"));
                match (key, value(of_key)) {
                    ("<<", Value::Object(merged)) => map.extend(merged),
                    (key, own) => drop(map.insert(key.to_owned(), own)),
                }
            }
            map.into()
        }
        other => panic!("what this project does not use: {other:?}"),
    }
}
