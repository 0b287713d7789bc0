//! How the chat of a workflow looks.

use store_core::workflow::{
    ChatModel, ChatSettings, NewWorkflow, Patch, StartPrompt, WorkflowUpdate,
};

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{ada, chat, created, prompt};

fn model(id: &str) -> ChatModel {
    ChatModel { id: id.to_owned(), label: None, description: None, disabled: false, default: false }
}

fn prompts(prompts: Vec<StartPrompt>) -> ChatSettings {
    ChatSettings { start_screen_prompts: Some(prompts), supported_models: None }
}

fn models(models: Vec<ChatModel>) -> ChatSettings {
    ChatSettings { start_screen_prompts: None, supported_models: Some(models) }
}

fn with_chat(chatkit: ChatSettings) -> NewWorkflow {
    NewWorkflow { chatkit: Some(chatkit), ..NewWorkflow::named("x") }
}

/// Settings that break a rule.
fn bad() -> Vec<ChatSettings> {
    let text = |length| "ä".repeat(length);
    let ask = |prompt: &str| StartPrompt { prompt: prompt.to_owned(), ..self::prompt("l", None) };
    let default = |id| ChatModel { default: true, ..model(id) };
    vec![
        prompts(vec![prompt("", None)]),
        prompts(vec![prompt("  ", None)]),
        prompts(vec![prompt("ok", None), prompt(&text(121), None)]),
        prompts(vec![ask("")]),
        prompts(vec![ask(&text(2001))]),
        prompts(vec![prompt("l", Some(&text(65)))]),
        prompts(vec![prompt("a\0b", None)]),
        models(vec![model("")]),
        models(vec![model(&text(201))]),
        models(vec![ChatModel { label: Some(text(121)), ..model("m") }]),
        models(vec![ChatModel { description: Some(text(241)), ..model("m") }]),
        models(vec![model("same"), model("same")]),
        models(vec![default("a"), model("b"), default("c")]),
    ]
}

behaviours! {
    emits workflow_chat_tests from workflow::chat;

    /// Texts of the longest length round trip.
    async fn chat_texts_of_the_longest_length_round_trip(t: &Workflows) {
        let text = |length| "ä".repeat(length);
        let longest = ChatSettings {
            start_screen_prompts: Some(vec![StartPrompt {
                label: text(120),
                prompt: text(2000),
                icon: Some(text(64)),
            }]),
            supported_models: Some(vec![ChatModel {
                label: Some(text(120)),
                description: Some(text(240)),
                ..model(&text(200))
            }]),
        };
        let workflow = t.store.create_workflow(&ada(), with_chat(longest.clone())).await.unwrap();
        assert_eq!(workflow.chatkit, Some(longest));
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), workflow);
    }

    /// Chat settings with neither part are none.
    async fn chat_settings_without_parts_are_none(t: &Workflows) {
        let empty = with_chat(ChatSettings::default());
        let workflow = t.store.create_workflow(&ada(), empty).await.unwrap();
        assert_eq!(workflow.chatkit, None);
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap().chatkit, None);
    }

    /// One part alone is kept.
    async fn one_part_of_chat_settings_is_kept_alone(t: &Workflows) {
        for one in [prompts(vec![prompt("l", None)]), models(vec![model("m")])] {
            let workflow = t.store.create_workflow(&ada(), with_chat(one.clone())).await.unwrap();
            assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap().chatkit, Some(one));
        }
    }

    /// Chat settings that break a rule are `Invalid`, and nothing is created.
    async fn bad_chat_settings_create_nothing(t: &Workflows) {
        for chat in bad() {
            assert_invalid(t.store.create_workflow(&ada(), with_chat(chat)).await, "chatkit");
        }
        assert_eq!(t.count("SELECT count(*) FROM workflows").await, 0);
    }

    /// Chat settings that break a rule are `Invalid`, and nothing is changed.
    async fn bad_chat_settings_change_nothing(t: &Workflows) {
        let workflow = created(t).await;
        for chat in bad() {
            let update = WorkflowUpdate { chatkit: Patch::Set(chat), ..Default::default() };
            let answer = t.store.update_workflow(&ada(), workflow.id, update).await;
            assert_invalid(answer, "chatkit");
        }
        assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap(), workflow);
    }

    /// Model ids that differ in case are two models.
    async fn model_ids_are_compared_exactly(t: &Workflows) {
        let new = with_chat(models(vec![model("m"), model("M")]));
        let workflow = t.store.create_workflow(&ada(), new).await.unwrap();
        assert_eq!(workflow.chatkit, Some(models(vec![model("m"), model("M")])));
    }

    /// Chat settings are kept, cleared and set by an update.
    async fn chat_settings_are_kept_cleared_and_set(t: &Workflows) {
        let workflow = t.store.create_workflow(&ada(), with_chat(chat())).await.unwrap();
        let update = |chatkit| WorkflowUpdate { chatkit, ..Default::default() };
        let patches = [
            (Patch::Keep, Some(chat())),
            (Patch::Clear, None),
            (Patch::Keep, None),
            (Patch::Set(models(vec![model("m")])), Some(models(vec![model("m")]))),
            (Patch::Set(ChatSettings::default()), None),
        ];
        for (patch, expected) in patches {
            let changed = t.store.update_workflow(&ada(), workflow.id, update(patch)).await;
            assert_eq!(changed.unwrap().chatkit, expected);
            assert_eq!(t.store.fetch_workflow(workflow.id).await.unwrap().chatkit, expected);
        }
    }
}
