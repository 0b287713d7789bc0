//! Every method of every store is observed, once, under its own name: by its source, so that none is
//! forgotten.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, ExprLit, ImplItem, Item, Lit, Macro, Token};

use crate::traits;

/// Where a trait is implemented, and the names each of its methods is observed by.
type Implementation = (PathBuf, BTreeMap<String, Vec<[String; 3]>>);

/// The folders of the implementations on one backend.
fn sides(backend: &str) -> Vec<PathBuf> {
    // Neither of them implements a store.
    let others = ["store-core", "store-migrate"];
    let entries = fs::read_dir(traits::root()).unwrap().map(|entry| entry.unwrap());
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    let crates = names.filter(|name| name.starts_with("store-") && !others.contains(&&name[..]));
    crates.map(|name| traits::root().join(name).join("src").join(backend)).collect()
}

/// The implementations on one backend, by the trait's name.
fn implementations(backend: &str) -> BTreeMap<String, Implementation> {
    let mut found = BTreeMap::new();
    for file in sides(backend).iter().flat_map(|side| traits::sources(side)) {
        for item in traits::parsed(&file).items {
            let Item::Impl(item) = item else { continue };
            let Some((_, path, _)) = &item.trait_ else { continue };
            let name = path.segments.last().unwrap().ident.to_string();
            let methods = item.items.iter().filter_map(method).collect();
            found.insert(name, (file.clone(), methods));
        }
    }
    found
}

fn method(item: &ImplItem) -> Option<(String, Vec<[String; 3]>)> {
    let ImplItem::Fn(method) = item else { return None };
    let mut observed = Observed::default();
    observed.visit_block(&method.block);
    Some((method.sig.ident.to_string(), observed.0))
}

/// The names in each `observed!` or `observed_read!` of a method.
#[derive(Default)]
struct Observed(Vec<[String; 3]>);

impl<'a> Visit<'a> for Observed {
    fn visit_macro(&mut self, found: &'a Macro) {
        if found.path.is_ident("observed") || found.path.is_ident("observed_read") {
            let parse = Punctuated::<Expr, Token![,]>::parse_terminated;
            let arguments = found.parse_body_with(parse).unwrap();
            self.0.push([text(&arguments[0]), text(&arguments[1]), text(&arguments[2])]);
        }
        visit::visit_macro(self, found);
    }
}

fn text(expression: &Expr) -> String {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.value(),
        other => panic!("not a text: {other:?}"),
    }
}

/// What is wrong with the implementations on one backend.
fn problems(backend: &str) -> Vec<String> {
    let implementations = implementations(backend);
    let mut problems = Vec::new();
    for (name, store) in traits::all() {
        let Some((file, methods)) = implementations.get(&name) else {
            problems.push(format!("{name} is not implemented on {backend}"));
            continue;
        };
        for method in store.methods {
            let expected = [store.subsystem.to_owned(), method.clone(), backend.to_owned()];
            let observed = methods.get(&method).cloned().unwrap_or_default();
            if observed != [expected.clone()] {
                let at = file.display();
                problems.push(format!("{at}: {name}::{method}: {observed:?}, not {expected:?}"));
            }
        }
    }
    problems
}

#[test]
fn every_method_of_every_store_is_observed_once_under_its_own_name() {
    let found: usize = traits::all().values().map(|store| store.methods.len()).sum();
    assert!(found > 190, "the traits were read: {found} methods");
    let problems: Vec<String> = ["sqlite", "postgres"].into_iter().flat_map(problems).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
