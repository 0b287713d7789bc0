//! The traits of the stores, as they are written: what is forgotten here cannot be forgotten there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Item, TraitItem};

/// Public traits of `store-core` that are not operations of a store.
const OTHER_TRAITS: [(&str, &str); 4] = [
    ("Batch", "what a coalescer runs, inside an operation that is observed"),
    ("Clock", "the time; no input or output"),
    ("DispatchGuard", "the application implements it"),
    ("Rows", "counts rows for the span"),
];

/// Methods that are not observed.
const EXEMPT: [(&str, &str); 6] = [
    ("health", "it is what watches the database, with a deadline and an answer of its own"),
    ("generate_thread_id", "it makes an id and asks no database"),
    ("generate_item_id", "it makes an id and asks no database"),
    ("generate_attachment_id", "it makes an id and asks no database"),
    ("stream_steps", "it is made of pages of `steps`, each of which is observed"),
    ("invalidations", "a subscription: it lasts as long as who listens"),
];

/// A trait of a store.
#[derive(Debug)]
pub(crate) struct StoreTrait {
    /// What its operations are called by in spans and metrics.
    pub(crate) subsystem: &'static str,
    /// The methods that are observed.
    pub(crate) methods: Vec<String>,
}

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Every trait of a store, by name.
pub(crate) fn all() -> BTreeMap<String, StoreTrait> {
    let mut traits = BTreeMap::new();
    let src = root().join("store-core/src");
    for file in sources(&src) {
        for item in parsed(&file).items {
            let Item::Trait(item) = item else { continue };
            let name = item.ident.to_string();
            let is_public = matches!(item.vis, syn::Visibility::Public(_));
            if !is_public || OTHER_TRAITS.iter().any(|(other, _reason)| *other == name) {
                continue;
            }
            let methods: Vec<String> = item.items.iter().filter_map(method).collect();
            // A trait without methods of its own stands for several others.
            if !methods.is_empty() {
                let subsystem = subsystem(file.strip_prefix(&src).unwrap());
                traits.insert(name, StoreTrait { subsystem, methods });
            }
        }
    }
    traits
}

/// The name of a method, unless it is exempt.
fn method(item: &TraitItem) -> Option<String> {
    let TraitItem::Fn(method) = item else { return None };
    let name = method.sig.ident.to_string();
    (!EXEMPT.iter().any(|(exempt, _reason)| *exempt == name)).then_some(name)
}

/// What the traits of a file are called by.
fn subsystem(file: &Path) -> &'static str {
    let known = [
        ("checkpoints/graph", "graph"),
        ("checkpoints", "checkpoints"),
        ("chatkit", "chatkit"),
        ("history", "history"),
        ("queue", "workflow"),
        ("tokens", "tokens"),
        ("vault", "vault"),
        ("workflow", "workflow"),
    ];
    let of_file = known.iter().find(|(folder, _)| file.starts_with(folder));
    of_file.unwrap_or_else(|| panic!("{} belongs to no subsystem", file.display())).1
}

/// The Rust files below a folder.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// A file, parsed.
pub(crate) fn parsed(file: &Path) -> syn::File {
    syn::parse_file(&fs::read_to_string(file).unwrap()).unwrap()
}
