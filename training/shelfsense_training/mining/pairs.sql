-- Pairs of queries from logs. Reads events, settings (one row), query_forms and queries (folded_queries.py).
-- Each step is one SELECT; sql_steps.py says how it gets its name, pair_mining.py in which order steps run and why.
-- A query_id belongs to one locale. Items are products of a locale.

-- view: checked
-- Every event with its fault, null for a sound one.
SELECT e.session_id, e.locale, e.product_id, e.action, e.position, f.query_id,
       CASE
           WHEN e.session_id IS NULL OR TRIM(e.session_id) = '' THEN 'no session'
           WHEN e.locale IS NULL OR TRIM(e.locale) = '' THEN 'no locale'
           WHEN e.action IS NULL OR e.action NOT IN ('search', 'impression', 'click', 'cart', 'purchase')
               THEN 'unknown action'
           WHEN f.typed IS NULL THEN 'no query'
           WHEN f.query_id IS NULL THEN 'personal data in the query'
           WHEN e.action <> 'search' AND e.product_id IS NULL THEN 'no product'
       END AS fault
FROM events e
LEFT JOIN query_forms f ON f.typed = e.query AND f.locale = e.locale

-- table: faults
SELECT COALESCE(c.fault, 'sound') AS fault, COUNT(*) AS events
FROM checked c
GROUP BY COALESCE(c.fault, 'sound')

-- table: exposures
-- A session that searched, or did anything else after a query, was exposed to it once.
SELECT c.query_id, COUNT(DISTINCT c.session_id) AS exposure
FROM checked c
WHERE c.fault IS NULL
GROUP BY c.query_id

-- table: acted
-- What a session did to a product after a query. `found` says that it clicked it, or that an event names its place.
SELECT c.session_id, c.query_id, c.locale, c.product_id,
       MAX(CASE WHEN c.action = 'click' THEN 1 ELSE 0 END) AS click,
       MAX(CASE WHEN c.action = 'cart' THEN 1 ELSE 0 END) AS cart,
       MAX(CASE WHEN c.action = 'purchase' THEN 1 ELSE 0 END) AS purchase,
       MAX(CASE WHEN c.action = 'click' OR c.position IS NOT NULL THEN 1 ELSE 0 END) AS found
FROM checked c
WHERE c.fault IS NULL AND c.action IN ('click', 'cart', 'purchase')
GROUP BY c.session_id, c.query_id, c.locale, c.product_id

-- table: acquired
-- The items of a query, by weight: sessions count as much as the furthest they went with the item.
SELECT g.query_id, g.locale, g.product_id, g.weight, g.weight / SUM(g.weight) OVER (PARTITION BY g.query_id) AS share
FROM (
    SELECT a.query_id, a.locale, a.product_id,
           SUM(GREATEST(s.purchase_weight * a.purchase, s.cart_weight * a.cart, s.click_weight * a.click)) AS weight
    FROM acted a
    CROSS JOIN settings s
    WHERE a.found = 1 OR s.only_found = 0
    GROUP BY a.query_id, a.locale, a.product_id
) g
WHERE g.weight > 0

-- table: items
-- A hub is acquired after too large a share of the locale's queries to say what any of them means.
SELECT t.locale, t.product_id, t.queries,
       CAST(ROW_NUMBER() OVER (ORDER BY t.locale, t.product_id) AS BIGINT) AS item,
       CASE WHEN t.queries > GREATEST(s.hub_least, s.hub_share * n.queries) THEN 1 ELSE 0 END AS hub
FROM (
    SELECT locale, product_id, COUNT(*) AS queries
    FROM acquired
    GROUP BY locale, product_id
) t
INNER JOIN (
    SELECT locale, COUNT(DISTINCT query_id) AS queries
    FROM acquired
    GROUP BY locale
) n ON n.locale = t.locale
CROSS JOIN settings s

-- table: baskets
-- Items as members of their query's set, a full member from one purchase's weight on. Items that are a smaller part
-- of what their query's shoppers took are accidents.
SELECT a.query_id, i.item, LEAST(a.weight / s.purchase_weight, 1) AS member
FROM acquired a
INNER JOIN items i ON i.locale = a.locale AND i.product_id = a.product_id
CROSS JOIN settings s
WHERE i.hub = 0 AND a.share >= s.min_share

-- table: sizes
SELECT query_id, SUM(member) AS size
FROM baskets
GROUP BY query_id

-- table: shared
-- Set operations on partial members: of both sets is the lesser membership, of either the greater.
SELECT a.query_id AS one, b.query_id AS other, COUNT(*) AS common, SUM(LEAST(a.member, b.member)) AS shared
FROM baskets a
INNER JOIN baskets b ON b.item = a.item
CROSS JOIN settings s
WHERE a.query_id < b.query_id
GROUP BY a.query_id, b.query_id, s.min_common
HAVING COUNT(*) >= s.min_common

-- table: compared
-- Overlap coefficient and Jaccard index of the two sets, and the exposure of the query that was searched less.
SELECT h.one, h.other, h.common, h.shared, x.exposure AS exposure_one, y.exposure AS exposure_other,
       LEAST(x.exposure, y.exposure) AS exposure,
       v.size + w.size - h.shared AS either,
       h.shared / LEAST(v.size, w.size) AS overlap,
       h.shared / (v.size + w.size - h.shared) AS jaccard
FROM shared h
INNER JOIN sizes v ON v.query_id = h.one
INNER JOIN sizes w ON w.query_id = h.other
INNER JOIN exposures x ON x.query_id = h.one
INNER JOIN exposures y ON y.query_id = h.other

-- table: weighed
-- Wilson's lower bound of the share of items of either query that are of both; times the logarithm of exposure, 1 at
-- most.
SELECT c.one, c.other, c.common, c.exposure_one, c.exposure_other, 0.5 * (c.overlap + c.jaccard) AS similarity,
       GREATEST(
           (c.jaccard + s.deviations * s.deviations / (2 * c.either)
            - s.deviations * SQRT(GREATEST(c.jaccard * (1 - c.jaccard), 0) / c.either
                                  + s.deviations * s.deviations / (4 * c.either * c.either)))
           / (1 + s.deviations * s.deviations / c.either), 0)
       * LEAST(LN(c.exposure) / LN(s.full_exposure), 1) AS evidence
FROM compared c
CROSS JOIN settings s
WHERE 0.5 * (c.overlap + c.jaccard) >= s.min_similarity

-- table: pairs
-- The query that was searched less comes first. Evidence becomes importance by a mean of 1 over all pairs.
SELECT CASE WHEN o.turned = 0 THEN o.first_query ELSE o.second_query END AS query_a,
       CASE WHEN o.turned = 0 THEN o.second_query ELSE o.first_query END AS query_b,
       o.locale, o.similarity, o.evidence / AVG(o.evidence) OVER () AS importance, o.common,
       LEAST(o.exposure_one, o.exposure_other) AS exposure_a, GREATEST(o.exposure_one, o.exposure_other) AS exposure_b
FROM (
    SELECT p.query AS first_query, q.query AS second_query, p.locale, w.similarity, w.evidence, w.common,
           w.exposure_one, w.exposure_other,
           CASE WHEN w.exposure_one < w.exposure_other THEN 0
                WHEN w.exposure_one = w.exposure_other AND p.query < q.query THEN 0
                ELSE 1 END AS turned
    FROM weighed w
    INNER JOIN queries p ON p.query_id = w.one
    INNER JOIN queries q ON q.query_id = w.other
    WHERE w.evidence > 0
) o
