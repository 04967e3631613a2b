-- Head queries from logs. Reads events, settings (one row), query_forms and queries (folded_queries.py).
-- Each step is one SELECT; sql_steps.py says how it gets its name, head_mining.py in which order steps run.

-- view: checked
-- Every event with its fault, null for a sound one. Only searches make heads, so only they are looked at.
SELECT e.session_id, e.locale, f.query_id,
       CASE
           WHEN e.session_id IS NULL OR TRIM(e.session_id) = '' THEN 'no session'
           WHEN e.locale IS NULL OR TRIM(e.locale) = '' THEN 'no locale'
           WHEN f.typed IS NULL THEN 'no query'
           WHEN f.query_id IS NULL THEN 'personal data in the query'
       END AS fault
FROM events e
LEFT JOIN query_forms f ON f.typed = e.query AND f.locale = e.locale
WHERE e.action = 'search'

-- table: faults
SELECT COALESCE(c.fault, 'sound') AS fault, COUNT(*) AS events
FROM checked c
GROUP BY COALESCE(c.fault, 'sound')

-- table: volumes
SELECT c.query_id, COUNT(*) AS volume, COUNT(DISTINCT c.session_id) AS sessions
FROM checked c
WHERE c.fault IS NULL
GROUP BY c.query_id

-- table: heads
SELECT q.written AS query, q.locale, v.volume, v.sessions
FROM volumes v
INNER JOIN queries q ON q.query_id = v.query_id
CROSS JOIN settings s
WHERE v.sessions >= s.min_sessions
