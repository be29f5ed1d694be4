-- When each redirector process was heard of last, so that an audit that begins at a mark can tell one that runs from one
-- that died without a close. Marks of before say 0: not known.
ALTER TABLE audit_marks ADD COLUMN IF NOT EXISTS `sources.heard` Array(UInt32) COMMENT 'When Kafka took the last event of the process, Unix seconds; 0: not known' AFTER `sources.closed`;
