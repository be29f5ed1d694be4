-- When an edition was taken out of the answers last; NULL: it never was in them.
SELECT minOrNull(switched_at)
FROM editions
WHERE version > (SELECT maxOrNull(version) FROM editions WHERE has(stack, {edition:UInt32}))
