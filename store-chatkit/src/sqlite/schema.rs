// @generated automatically by Diesel CLI.

diesel::table! {
    chatkit_attachments (attachment_id) {
        attachment_id -> Text,
        owner -> Text,
        attachment_type -> Text,
        name -> Text,
        mime_type -> Text,
        size -> Nullable<BigInt>,
        details -> Text,
        thread_id -> Nullable<Text>,
        created_at -> Text,
    }
}

diesel::table! {
    chatkit_files (storage_path) {
        storage_path -> Text,
        attachment_id -> Nullable<Text>,
        released_at -> Nullable<Text>,
    }
}

diesel::table! {
    chatkit_items (item_key) {
        item_key -> BigInt,
        thread_id -> Text,
        item_id -> Text,
        ordinal -> BigInt,
        item_type -> Text,
        created_at -> Text,
        content -> Text,
        content_bytes -> BigInt,
        search -> Text,
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
        allowed_image_domains -> Nullable<Text>,
        metadata -> Text,
        extra -> Text,
        next_ordinal -> BigInt,
        revision -> BigInt,
        record_bytes -> BigInt,
        created_at -> Text,
        updated_at -> Text,
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
