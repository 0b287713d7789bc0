//! The items of a source file, by kind and name, in order.

use std::fmt;

use syn::{Attribute, ImplItem, TraitItem};

use super::names;

/// The comment that takes the item below it out of the comparison.
const MARKER: &str = "// parity:";

/// What stands in for the comment while parsing: `syn` keeps attributes, not comments.
const MARKER_ATTRIBUTE: &str = "#[parity_marker]";

/// An item, equal to its counterpart for the other backend.
#[derive(Clone)]
pub(super) struct Item {
    kind: &'static str,
    /// With the path of the modules, traits and `impl` blocks it is in.
    name: String,
}

impl Item {
    /// Kind and name without what names the backend.
    fn key(&self) -> (&'static str, String) {
        (self.kind, names::without_backend(&self.name))
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Item) -> bool {
        self.key() == other.key()
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// The items in `all` beyond those that `others` have too.
pub(super) fn without(all: &[Item], others: &[Item]) -> Vec<Item> {
    let mut others = others.to_vec();
    let mut rest = all.to_vec();
    rest.retain(|item| match others.iter().position(|other| other == item) {
        Some(at) => {
            others.remove(at);
            false
        }
        None => true,
    });
    rest
}

/// The items of a file, except marked ones and imports, which differ by nature.
pub(super) fn of(text: &str) -> syn::Result<Vec<Item>> {
    let marked: String = text
        .lines()
        .map(|line| if line.trim().starts_with(MARKER) { MARKER_ATTRIBUTE } else { line })
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut items = Vec::new();
    collect(&syn::parse_file(&marked)?.items, "", &mut items);
    Ok(items)
}

fn collect(all: &[syn::Item], path: &str, items: &mut Vec<Item>) {
    for item in all {
        let (attributes, kind, name): (&[Attribute], _, String) = match item {
            syn::Item::Const(i) => (&i.attrs, "const", i.ident.to_string()),
            syn::Item::Enum(i) => (&i.attrs, "enum", i.ident.to_string()),
            syn::Item::Fn(i) => (&i.attrs, "fn", i.sig.ident.to_string()),
            syn::Item::Impl(i) => (&i.attrs, "impl", names::of_impl(i)),
            syn::Item::Macro(i) => (&i.attrs, "macro", names::of_macro(i)),
            syn::Item::Mod(i) => (&i.attrs, "mod", i.ident.to_string()),
            syn::Item::Static(i) => (&i.attrs, "static", i.ident.to_string()),
            syn::Item::Struct(i) => (&i.attrs, "struct", i.ident.to_string()),
            syn::Item::Trait(i) => (&i.attrs, "trait", i.ident.to_string()),
            syn::Item::Type(i) => (&i.attrs, "type", i.ident.to_string()),
            syn::Item::Union(i) => (&i.attrs, "union", i.ident.to_string()),
            _ => continue,
        };
        if is_marked(attributes) {
            continue;
        }
        let name = format!("{path}{name}");
        let inner = format!("{name}::");
        items.push(Item { kind, name });
        match item {
            syn::Item::Impl(i) => items.extend(i.items.iter().filter_map(|i| member(i, &inner))),
            syn::Item::Trait(i) => {
                items.extend(i.items.iter().filter_map(|i| trait_member(i, &inner)));
            }
            syn::Item::Mod(i) => {
                let content = i.content.as_ref().map(|(_, content)| content.as_slice());
                collect(content.unwrap_or_default(), &inner, items);
            }
            _ => {}
        }
    }
}

fn member(item: &ImplItem, path: &str) -> Option<Item> {
    let (attributes, kind, name) = match item {
        ImplItem::Const(i) => (&i.attrs, "const", &i.ident),
        ImplItem::Fn(i) => (&i.attrs, "fn", &i.sig.ident),
        ImplItem::Type(i) => (&i.attrs, "type", &i.ident),
        _ => return None,
    };
    (!is_marked(attributes)).then(|| Item { kind, name: format!("{path}{name}") })
}

fn trait_member(item: &TraitItem, path: &str) -> Option<Item> {
    let (attributes, kind, name) = match item {
        TraitItem::Const(i) => (&i.attrs, "const", &i.ident),
        TraitItem::Fn(i) => (&i.attrs, "fn", &i.sig.ident),
        TraitItem::Type(i) => (&i.attrs, "type", &i.ident),
        _ => return None,
    };
    (!is_marked(attributes)).then(|| Item { kind, name: format!("{path}{name}") })
}

fn is_marked(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident("parity_marker"))
}
