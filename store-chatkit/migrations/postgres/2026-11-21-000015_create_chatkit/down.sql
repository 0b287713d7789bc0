DROP TABLE chatkit_files;
DROP TABLE chatkit_attachments;
DROP TABLE chatkit_items;
DROP TABLE chatkit_threads;
