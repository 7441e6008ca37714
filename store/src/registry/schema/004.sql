-- How soon an entry is wanted: 3 high, 2 medium, 1 low; 0 for what calls nobody. The most urgent goes first, and what
-- is before it in its stream is as urgent, for it waits for that.
ALTER TABLE outbox ADD COLUMN urgency INTEGER NOT NULL DEFAULT 0;
UPDATE outbox SET urgency = CASE coalesce(
    (SELECT n.priority FROM notification AS n WHERE n.id = outbox.notification AND n.kind <> 'resolved'),
    (SELECT e.priority FROM alert_event AS e WHERE e.id = outbox.event AND e.page = 1))
  WHEN 'high' THEN 3 WHEN 'medium' THEN 2 WHEN 'low' THEN 1 ELSE 0 END
  WHERE state <> 'delivered';
UPDATE outbox AS o SET urgency = (SELECT max(b.urgency) FROM outbox AS b WHERE b.state = 'pending'
    AND b.destination = o.destination AND b.stream = o.stream AND b.id >= o.id)
  WHERE state = 'pending';
-- In the order in which the first of every stream is found.
DROP INDEX outbox_order;
CREATE INDEX outbox_order ON outbox (destination, stream, id, next_attempt, urgency) WHERE state = 'pending';
