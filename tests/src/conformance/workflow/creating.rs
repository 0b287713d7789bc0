//! Creating and resolving workflows: fields, defaults, names, slugs.

use store_core::workflow::{DraftAccess, NewWorkflow, Workflow};
use store_core::{Error, WorkflowId};

use super::{assert_invalid, assert_not_found};
use crate::behaviours;
use crate::fixture::{Workflows, noon};
use crate::samples::{ada, chat, created, full_workflow, handled};

/// Creates a workflow with a name and, if given, something to make the slug of.
async fn slug(t: &Workflows, name: &str, slug: Option<&str>) -> String {
    let new = NewWorkflow { slug: slug.map(str::to_owned), ..NewWorkflow::named(name) };
    t.store.create_workflow(&ada(), new).await.unwrap().slug
}

behaviours! {
    emits workflow_creating_tests from workflow::creating;

    /// Every field of a workflow comes back as it was given.
    async fn every_field_of_a_workflow_round_trips(t: &Workflows) {
        let workflow = t.store.create_workflow(&ada(), full_workflow()).await.unwrap();
        let new = full_workflow();
        let expected = Workflow {
            id: workflow.id,
            name: new.name,
            handle: new.handle,
            slug: "the-slug".into(),
            description: new.description,
            tags: new.tags,
            is_archived: false,
            draft_access: DraftAccess::Workspace,
            is_public: false,
            published_at: None,
            published_by: None,
            require_login: false,
            share_url: None,
            chatkit: Some(chat()),
            row_version: 1,
            created_at: noon(),
            updated_at: noon(),
        };
        assert_eq!(workflow, expected);
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), expected);
        assert_eq!(t.store.find_workflow(workflow.id).await.unwrap(), Some(expected));
    }

    /// A workflow with nothing but a name has no handle, no tags, and drafts for its author.
    async fn a_bare_workflow_has_defaults(t: &Workflows) {
        let workflow = created(t).await;
        let read = t.store.fetch_workflow(workflow.id).await.unwrap();
        assert_eq!(read, workflow);
        assert_eq!((read.handle, read.description, read.chatkit), (None, None, None));
        assert!(read.tags.is_empty());
        assert_eq!(read.draft_access, DraftAccess::Personal);
        assert!(!read.is_public && !read.is_archived && !read.require_login);
        assert_eq!(read.slug, "workflow");
        assert_eq!(read.row_version, 1);
    }

    /// An absent workflow is nothing to `find` and `NotFound` to everything else.
    async fn an_absent_workflow_is_not_found(t: &Workflows) {
        let (store, id, ada) = (&t.store, WorkflowId::mint(), ada());
        assert_eq!(store.find_workflow(id).await.unwrap(), None);
        let error = store.fetch_workflow(id).await.unwrap_err();
        assert!(matches!(&error, Error::NotFound { entity: "workflow", id: text }
            if *text == id.to_string()), "{error}");
        assert_not_found(store.update_workflow(&ada, id, Default::default()).await);
        assert_not_found(store.archive_workflow(&ada, id).await);
        assert_not_found(store.unarchive_workflow(&ada, id).await);
        assert_not_found(store.publish_workflow(&ada, id, Default::default()).await);
        assert_not_found(store.unpublish_workflow(&ada, id).await);
        assert_not_found(store.delete_workflow(&ada, id).await);
    }

    /// Name and description are trimmed; a description of nothing but space is none.
    async fn names_and_descriptions_are_trimmed(t: &Workflows) {
        let new = NewWorkflow {
            description: Some(" \n why \t".into()),
            ..NewWorkflow::named("\u{3000} A  Name \n")
        };
        let workflow = t.store.create_workflow(&ada(), new).await.unwrap();
        assert_eq!(workflow.name, "A  Name");
        assert_eq!(workflow.description.as_deref(), Some("why"));
        let new = NewWorkflow { description: Some(" \n ".into()), ..NewWorkflow::named("x") };
        assert_eq!(t.store.create_workflow(&ada(), new).await.unwrap().description, None);
    }

    /// Lengths are characters, counted after trimming: 128 for a name, 1024 for a description.
    async fn names_and_descriptions_are_measured_in_characters(t: &Workflows) {
        let new = NewWorkflow {
            description: Some(format!(" {} ", "🎉".repeat(1024))),
            ..NewWorkflow::named(format!(" {} ", "ä".repeat(128)))
        };
        let workflow = t.store.create_workflow(&ada(), new).await.unwrap();
        assert_eq!(workflow.name.chars().count(), 128);
        assert_eq!(workflow.description.unwrap().chars().count(), 1024);
    }

    /// Tags are trimmed, lower-cased and kept in order; repeats and empty ones are dropped.
    async fn tags_are_trimmed_lowered_and_kept_once(t: &Workflows) {
        let tags = [" Red ", "", "blue", "RED", "  ", "ÄRGER", "ärger", "a b", "red"];
        let new = NewWorkflow {
            tags: tags.map(str::to_owned).to_vec(),
            ..NewWorkflow::named("x")
        };
        let workflow = t.store.create_workflow(&ada(), new).await.unwrap();
        assert_eq!(workflow.tags, ["red", "blue", "ärger", "a b"]);
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), workflow);
    }

    /// A thousand tags are kept, one more is `Invalid`.
    async fn a_workflow_has_up_to_a_thousand_tags(t: &Workflows) {
        let tags = |count: u32| (0..count).map(|n| format!("tag{n}")).collect::<Vec<_>>();
        let named = |tags| NewWorkflow { tags, ..NewWorkflow::named("x") };
        let workflow = t.store.create_workflow(&ada(), named(tags(1000))).await.unwrap();
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap().tags, tags(1000));
        assert_invalid(t.store.create_workflow(&ada(), named(tags(1001))).await, "tags");
        assert_eq!(t.count("SELECT count(*) FROM workflows").await, 1);
    }

    /// A slug is lower case with hyphens for all but letters and digits.
    async fn slugs_are_made_of_the_slug_or_the_name(t: &Workflows) {
        let cases = [
            ("My First Workflow", None, "my-first-workflow"),
            ("  --A__b!!  c--  ", None, "a-b-c"),
            ("Name", Some("Given Slug"), "given-slug"),
            ("Größe 12", None, "gr-e-12"),
            ("v1.0", None, "v1-0"),
        ];
        for (name, given, expected) in cases {
            assert_eq!(slug(t, name, given).await, expected, "{name} {given:?}");
        }
    }

    /// What has no Latin letter and no digit is its own slug, in lower case.
    async fn a_slug_without_latin_letters_is_the_lowered_text(t: &Workflows) {
        assert_eq!(slug(t, "日本語", None).await, "日本語");
        assert_eq!(slug(t, "ÄÖÜ", None).await, "äöü");
        assert_eq!(slug(t, "x", Some("ΣΑΣ")).await, "σας");
    }

    /// A slug that is given and made of nothing is a UUID, another one each time.
    async fn a_slug_of_nothing_is_a_uuid(t: &Workflows) {
        let (first, second) = (slug(t, "Name", Some("")).await, slug(t, "Name", Some("  ")).await);
        assert!(first.parse::<WorkflowId>().is_ok(), "{first}");
        assert!(second.parse::<WorkflowId>().is_ok(), "{second}");
        assert_ne!(first, second);
    }

    /// Two workflows may have the same slug.
    async fn slugs_are_not_unique(t: &Workflows) {
        assert_eq!(slug(t, "Same", None).await, "same");
        assert_eq!(slug(t, "same", None).await, "same");
    }

    /// A workflow is resolved by handle or id, in any case and with space around.
    async fn a_workflow_is_resolved_by_handle_and_id(t: &Workflows) {
        let workflow = t.store.create_workflow(&ada(), handled("my-flow")).await.unwrap();
        let id = workflow.id.to_string();
        let simple = id.replace('-', "");
        let texts =
            ["my-flow", " My-FLOW \n", &id, &format!(" {} ", id.to_uppercase()), &simple];
        for text in texts {
            assert_eq!(t.store.resolve_workflow(text, false).await.unwrap(), workflow, "{text}");
        }
    }

    /// What means no workflow is `NotFound`: unknown, empty, a slug, a name.
    async fn what_means_no_workflow_is_not_resolved(t: &Workflows) {
        t.store.create_workflow(&ada(), full_workflow()).await.unwrap();
        let unknown = WorkflowId::mint().to_string();
        for text in ["", "  ", "nobody", "the-slug", "Späße & more 🎉", "%", "a\0b", &unknown] {
            assert_not_found(t.store.resolve_workflow(text, true).await);
        }
    }

    /// An archived workflow is resolved when those are included, and not otherwise.
    async fn archived_workflows_are_resolved_when_included(t: &Workflows) {
        let workflow = t.store.create_workflow(&ada(), handled("old")).await.unwrap();
        let workflow = t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
        for text in ["old", &workflow.id.to_string()] {
            assert_not_found(t.store.resolve_workflow(text, false).await);
            assert_eq!(t.store.resolve_workflow(text, true).await.unwrap(), workflow);
        }
    }

    /// Of several archived workflows with one handle the latest is meant.
    async fn of_archived_workflows_the_latest_is_resolved(t: &Workflows) {
        let mut ids = Vec::new();
        for _ in 0..3 {
            let workflow = created(t).await;
            t.store.archive_workflow(&ada(), workflow.id).await.unwrap();
            let update = store_core::workflow::WorkflowUpdate {
                handle: store_core::workflow::Patch::Set("shared".into()),
                ..Default::default()
            };
            t.store.update_workflow(&ada(), workflow.id, update).await.unwrap();
            ids.push(workflow.id);
        }
        let found = t.store.resolve_workflow("shared", true).await.unwrap();
        assert_eq!(Some(&found.id), ids.last());
    }

    /// Two databases have nothing to do with each other.
    async fn two_repositories_do_not_see_each_others_workflows(t: &Workflows) {
        let other = t.other().await;
        let ours = t.store.create_workflow(&ada(), handled("same")).await.unwrap();
        let theirs = other.create_workflow(&ada(), handled("same")).await.unwrap();
        assert_not_found(t.store.fetch_workflow(theirs.id).await);
        assert_not_found(other.fetch_workflow(ours.id).await);
        let found = other.resolve_workflow("same", true).await.unwrap();
        assert_eq!(found.id, theirs.id);
    }

    /// What one process wrote another one reads.
    async fn a_second_process_sees_what_was_created(t: &Workflows) {
        let workflow = t.store.create_workflow(&ada(), full_workflow()).await.unwrap();
        assert_eq!(t.reopened().await.fetch_workflow(workflow.id).await.unwrap(), workflow);
    }
}
