//! How items are named in the comparison of two files.

use syn::{GenericArgument, Path, PathArguments, Type};

/// The name without what names the backend.
pub(super) fn without_backend(name: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    name.split_inclusive(|c| !is_word(c)).map(neutral).collect()
}

fn neutral(word: &str) -> &str {
    let prefixes = ["Sqlite", "Postgres", "AsyncPg", "Pg"];
    let stripped = prefixes.iter().find_map(|prefix| word.strip_prefix(prefix));
    // `Pgp` is not a backend: what follows the prefix starts a new word.
    stripped.filter(|rest| !rest.starts_with(|c: char| c.is_lowercase())).unwrap_or(word)
}

pub(super) fn of_macro(item: &syn::ItemMacro) -> String {
    item.ident.as_ref().map_or_else(|| of_path(&item.mac.path), ToString::to_string)
}

pub(super) fn of_impl(item: &syn::ItemImpl) -> String {
    let target = of_type(&item.self_ty);
    match &item.trait_ {
        Some((_, path, _)) => format!("<{} for {target}>", of_path(path)),
        None => target,
    }
}

fn of_type(ty: &Type) -> String {
    match ty {
        Type::Path(ty) => of_path(&ty.path),
        Type::Reference(ty) => format!("&{}", of_type(&ty.elem)),
        Type::Tuple(ty) => {
            let elements: Vec<String> = ty.elems.iter().map(of_type).collect();
            format!("({})", elements.join(","))
        }
        // Enough to tell apart what the stores implement things for.
        _ => "_".to_owned(),
    }
}

/// The last segment with its type arguments: how a path is imported may differ.
fn of_path(path: &Path) -> String {
    let Some(last) = path.segments.last() else { return String::new() };
    let name = last.ident.to_string();
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return name };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(of_type(ty)),
        _ => None,
    });
    let types: Vec<String> = types.collect();
    if types.is_empty() { name } else { format!("{name}<{}>", types.join(",")) }
}
