DROP TABLE vault_audit_heads;
DROP TABLE vault_audit;
DROP TABLE vault_alerts;
DROP TABLE vault_issuances;
DROP TABLE vault_secrets;
DROP TABLE vault_credentials;
DROP TABLE vault_templates;
DROP TABLE vault_keys;
