// @generated automatically by Diesel CLI.

pub mod sql_types {
    #[derive(diesel::query_builder::QueryId, diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "tsvector", schema = "pg_catalog"))]
    pub struct Tsvector;
}

diesel::table! {
    chatkit_attachments (attachment_id) {
        attachment_id -> Text,
        owner -> Text,
        attachment_type -> Text,
        name -> Text,
        mime_type -> Text,
        size -> Nullable<Int8>,
        details -> Jsonb,
        thread_id -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    chatkit_files (storage_path) {
        storage_path -> Text,
        attachment_id -> Nullable<Text>,
        released_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    chatkit_items (thread_id, item_id) {
        thread_id -> Text,
        item_id -> Text,
        ordinal -> Int8,
        item_type -> Text,
        created_at -> Timestamptz,
        content -> Jsonb,
        content_bytes -> Int8,
        search -> Tsvector,
        owner -> Text,
    }
}

diesel::table! {
    chatkit_threads (thread_id) {
        thread_id -> Text,
        owner -> Text,
        workflow_id -> Nullable<Text>,
        title -> Nullable<Text>,
        status -> Text,
        status_reason -> Nullable<Text>,
        allowed_image_domains -> Nullable<Jsonb>,
        metadata -> Jsonb,
        extra -> Jsonb,
        next_ordinal -> Int8,
        revision -> Int8,
        record_bytes -> Int8,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::joinable!(chatkit_attachments -> chatkit_threads (thread_id));
diesel::joinable!(chatkit_files -> chatkit_attachments (attachment_id));
diesel::joinable!(chatkit_items -> chatkit_threads (thread_id));

diesel::allow_tables_to_appear_in_same_query!(
    chatkit_attachments,
    chatkit_files,
    chatkit_items,
    chatkit_threads,
);
