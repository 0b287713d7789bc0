//! The model: the rules of fields, written down a second time.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use store_core::WorkflowId;
use store_core::workflow::{RunnableConfig, Workflow, WorkflowFilter};

use super::operation::Refusal;

/// What an update changes, as its audit says it.
pub(super) fn changes(before: &Workflow, after: &Workflow) -> Map<String, Value> {
    let fields = |one: &Workflow| {
        [
            ("name", json!(one.name)),
            ("handle", json!(one.handle)),
            ("description", json!(one.description)),
            ("tags", json!(one.tags)),
            ("draft_access", json!(one.draft_access.as_str())),
            ("chatkit", json!(one.chatkit)),
        ]
    };
    let pairs = fields(before).into_iter().zip(fields(after));
    pairs
        .filter(|(from, to)| from != to)
        .map(|((field, from), (_, to))| (field.to_owned(), json!({"from": from, "to": to})))
        .collect()
}

pub(super) fn hidden(public: Workflow) -> Workflow {
    Workflow {
        is_public: false,
        published_at: None,
        published_by: None,
        require_login: false,
        share_url: None,
        ..public
    }
}

pub(super) fn matches(one: &Workflow, filter: &WorkflowFilter) -> bool {
    let found_in = |text: &String| {
        let places = [Some(&one.name), one.handle.as_ref(), Some(&one.slug)];
        let mut places = places.into_iter().chain([one.description.as_ref()]).flatten();
        places.any(|place| place.to_lowercase().contains(&text.to_lowercase()))
    };
    filter.archived.is_none_or(|wanted| wanted == one.is_archived)
        && filter.public.is_none_or(|wanted| wanted == one.is_public)
        && filter.draft_access.is_none_or(|wanted| wanted == one.draft_access)
        && filter.tag.as_ref().is_none_or(|wanted| one.tags.contains(wanted))
        && filter.text.as_ref().is_none_or(found_in)
}

pub(super) fn kept_name(name: &str) -> Result<String, Refusal> {
    let kept = name.trim();
    match kept.chars().count() {
        1..=128 if !kept.contains('\0') => Ok(kept.to_owned()),
        _ => Err(Refusal::invalid("name")),
    }
}

pub(super) fn kept_text(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

pub(super) fn kept_handle(handle: &str) -> Result<String, Refusal> {
    let kept = handle.trim().to_ascii_lowercase();
    let sound = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    let is_uuid = kept.parse::<WorkflowId>().is_ok();
    match kept.split('-').all(sound) && kept.len() <= 64 && !is_uuid {
        true => Ok(kept),
        false => Err(Refusal::invalid("handle")),
    }
}

pub(super) fn kept_tags(tags: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    let kept = tags.iter().map(|tag| tag.trim().to_lowercase());
    kept.filter(|tag| !tag.is_empty() && seen.insert(tag.clone())).collect()
}

pub(super) fn slug(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    let mut slug = String::new();
    for c in lower.chars() {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { lower } else { slug.to_owned() }
}

/// Of what can be wrong with a configuration, this is what the sequences contain.
pub(super) fn check_config(config: Option<&RunnableConfig>) -> Result<(), Refusal> {
    let limit = config.and_then(|config| config.recursion_limit).unwrap_or(1);
    match limit {
        1..=250 => Ok(()),
        _ => Err(Refusal::invalid("runnable_config")),
    }
}
