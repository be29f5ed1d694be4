-- All keys, the revoked ones too, by the time they were made.
SELECT key_id, name, digest, scopes, domains, created_at, expires_at, revoked_at
FROM api_keys FINAL
ORDER BY created_at, key_id
