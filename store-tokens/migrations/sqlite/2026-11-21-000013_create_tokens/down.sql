DROP TABLE service_token_windows;
DROP TABLE service_token_audit_heads;
DROP TABLE service_token_audit;
DROP TABLE service_tokens;
