-- Labels from logs. Reads events, catalog, settings (one row), query_forms, queries and, from `examined` on, propensities.
-- Each step is one SELECT; sql_steps.py says how it gets its name, label_mining.py in which order steps run and why.
-- Numbers come from `settings`, never from text put together, so the text is the same for every run.

-- view: checked
-- Every event with its fault, null for a sound one. `place` is the position, those past the last place pooled there.
SELECT e.session_id, e.locale, e.product_id, e.action, f.query_id,
       CASE WHEN e.position > s.last_place THEN s.last_place ELSE e.position END AS place,
       CASE
           WHEN e.session_id IS NULL OR TRIM(e.session_id) = '' THEN 'no session'
           WHEN e.locale IS NULL OR TRIM(e.locale) = '' THEN 'no locale'
           WHEN e.action IS NULL OR e.action NOT IN ('search', 'impression', 'click', 'cart', 'purchase')
               THEN 'unknown action'
           WHEN f.query_id IS NULL THEN 'no query'
           WHEN e.position < 1 THEN 'position below 1'
           WHEN e.action <> 'search' AND e.product_id IS NULL THEN 'no product'
           WHEN e.action = 'impression' AND e.position IS NULL THEN 'impression without a position'
       END AS fault
FROM events e
LEFT JOIN query_forms f ON f.typed = e.query
CROSS JOIN settings s

-- table: products
-- A product listed twice in a locale keeps the first of its types, so that no event counts twice.
SELECT product_id, locale, MIN(product_type_id) AS product_type_id, COUNT(DISTINCT product_type_id) AS types,
       CAST(ROW_NUMBER() OVER (ORDER BY locale, product_id) AS INT) AS product_number
FROM catalog
WHERE product_id IS NOT NULL AND locale IS NOT NULL AND product_type_id IS NOT NULL
GROUP BY product_id, locale

-- table: faults
SELECT COALESCE(c.fault, CASE WHEN c.action <> 'search' AND p.product_number IS NULL
                              THEN 'product not in the catalogue' ELSE 'sound' END) AS fault,
       COALESCE(c.action, '') AS action, COUNT(*) AS events
FROM checked c
LEFT JOIN products p ON p.product_id = c.product_id AND p.locale = c.locale
GROUP BY 1, 2

-- view: impressions
SELECT c.session_id, c.query_id, c.place, p.product_number
FROM checked c
INNER JOIN products p ON p.product_id = c.product_id AND p.locale = c.locale
WHERE c.fault IS NULL AND c.action = 'impression'

-- table: acted
-- What a session did to a product after a query, by the place each event names: a page may show a product twice.
-- Each kind of action counts once, however often it was logged.
SELECT c.session_id, c.query_id, p.product_number, c.place,
       MAX(CASE WHEN c.action = 'click' THEN 1 ELSE 0 END) AS click,
       MAX(CASE WHEN c.action = 'cart' THEN 1 ELSE 0 END) AS cart,
       MAX(CASE WHEN c.action = 'purchase' THEN 1 ELSE 0 END) AS purchase
FROM checked c
INNER JOIN products p ON p.product_id = c.product_id AND p.locale = c.locale
WHERE c.fault IS NULL AND c.action IN ('click', 'cart', 'purchase')
GROUP BY c.session_id, c.query_id, p.product_number, c.place

-- table: acted_raw
-- Without correction every action counts, wherever it came from.
SELECT a.session_id, a.query_id, a.product_number, a.place, a.click, a.cart, a.purchase,
       s.click_weight * a.click + s.cart_weight * a.cart + s.purchase_weight * a.purchase AS score
FROM acted a
CROSS JOIN settings s

-- table: found
-- Actions on what the session saw for that query: at the place the event names, else the highest it saw it at.
SELECT a.session_id, a.query_id, a.product_number, a.place AS named_place, a.click, a.cart, a.purchase,
       COALESCE(MIN(CASE WHEN i.place = a.place THEN i.place END), MIN(i.place)) AS place
FROM acted a
INNER JOIN impressions i
    ON i.session_id = a.session_id AND i.query_id = a.query_id AND i.product_number = a.product_number
GROUP BY a.session_id, a.query_id, a.product_number, a.place, a.click, a.cart, a.purchase

-- table: acted_corrected
-- A cart or purchase counts when the session clicked the product or the event itself names a place in the list;
-- anything else was found elsewhere (a complement bought beside it) and has no exposure to be held against.
SELECT g.session_id, g.query_id, g.product_number, g.place, g.click, g.cart, g.purchase,
       s.click_weight * g.click + s.cart_weight * g.cart + s.purchase_weight * g.purchase AS score
FROM (
    SELECT t.session_id, t.query_id, t.product_number,
           CASE WHEN t.named_place IS NULL AND t.clicked_place IS NOT NULL THEN t.clicked_place
                ELSE t.place END AS place,
           MAX(t.click) AS click, MAX(t.cart) AS cart, MAX(t.purchase) AS purchase
    FROM (
        SELECT f.session_id, f.query_id, f.product_number, f.named_place, f.place, f.click, f.cart, f.purchase,
               MIN(CASE WHEN f.click = 1 THEN f.place END)
                   OVER (PARTITION BY f.session_id, f.query_id, f.product_number) AS clicked_place
        FROM found f
    ) t
    WHERE t.named_place IS NOT NULL OR t.clicked_place IS NOT NULL
    GROUP BY t.session_id, t.query_id, t.product_number,
             CASE WHEN t.named_place IS NULL AND t.clicked_place IS NOT NULL THEN t.clicked_place
                  ELSE t.place END
) g
CROSS JOIN settings s

-- table: shown
SELECT i.query_id, i.product_number, i.place, COUNT(*) AS impressions
FROM impressions i
GROUP BY i.query_id, i.product_number, i.place

-- table: cells
SELECT x.query_id, x.product_number, x.place, x.impressions,
       COALESCE(a.clicks, 0) AS clicks, COALESCE(a.score, 0) AS score,
       COALESCE(a.only_clicked, 0) AS only_clicked, COALESCE(a.only_carted, 0) AS only_carted,
       COALESCE(a.bought, 0) AS bought
FROM shown x
LEFT JOIN (
    SELECT query_id, product_number, place, SUM(click) AS clicks, SUM(score) AS score,
           SUM(CASE WHEN cart = 0 AND purchase = 0 THEN 1 ELSE 0 END) AS only_clicked,
           SUM(CASE WHEN cart = 1 AND purchase = 0 THEN 1 ELSE 0 END) AS only_carted,
           SUM(purchase) AS bought
    FROM acted_corrected
    GROUP BY query_id, product_number, place
) a ON a.query_id = x.query_id AND a.product_number = x.product_number AND a.place = x.place

-- table: place_pairs
-- Intervention harvesting: one query and product shown at two places is an experiment on the places alone.
-- Per pair of places, the sums of the Mantel-Haenszel rate ratio over all such experiments (position_bias.py).
SELECT a.place AS upper, b.place AS lower,
       SUM(a.clicks * b.impressions / CAST(a.impressions + b.impressions AS DOUBLE)) AS upper_clicks,
       SUM(b.clicks * a.impressions / CAST(a.impressions + b.impressions AS DOUBLE)) AS lower_clicks,
       SUM((a.clicks + b.clicks) * CAST(a.impressions AS DOUBLE) * b.impressions
           / ((a.impressions + b.impressions) * CAST(a.impressions + b.impressions AS DOUBLE))) AS variation,
       COUNT(*) AS experiments
FROM cells a
INNER JOIN cells b ON b.query_id = a.query_id AND b.product_number = a.product_number
CROSS JOIN settings s
WHERE a.place < b.place AND b.place - a.place <= s.harvest_reach AND a.clicks + b.clicks > 0
GROUP BY a.place, b.place

-- table: type_places
SELECT p.locale, c.query_id, p.product_type_id, c.place, SUM(c.impressions) AS impressions, SUM(c.clicks) AS clicks,
       SUM(c.score) AS score, SUM(c.only_clicked) AS only_clicked, SUM(c.only_carted) AS only_carted,
       SUM(c.bought) AS bought
FROM cells c
INNER JOIN products p ON p.product_number = c.product_number
GROUP BY p.locale, c.query_id, p.product_type_id, c.place

-- table: type_place_pairs
-- The same with a query and type, for places that no product moves between (from one page of results to the next).
SELECT a.place AS upper, b.place AS lower,
       SUM(a.clicks * b.impressions / CAST(a.impressions + b.impressions AS DOUBLE)) AS upper_clicks,
       SUM(b.clicks * a.impressions / CAST(a.impressions + b.impressions AS DOUBLE)) AS lower_clicks,
       SUM((a.clicks + b.clicks) * CAST(a.impressions AS DOUBLE) * b.impressions
           / ((a.impressions + b.impressions) * CAST(a.impressions + b.impressions AS DOUBLE))) AS variation,
       COUNT(*) AS experiments
FROM type_places a
INNER JOIN type_places b ON b.locale = a.locale AND b.query_id = a.query_id AND b.product_type_id = a.product_type_id
CROSS JOIN settings s
WHERE a.place < b.place AND b.place - a.place <= s.harvest_reach AND a.clicks + b.clicks > 0
GROUP BY a.place, b.place

-- table: examined
-- Per query and type: weighted actions, and exposures as if all had been at the first place.
SELECT t.locale, t.query_id, t.product_type_id, SUM(t.impressions) AS impressions,
       SUM(t.impressions * r.propensity) AS exposure, SUM(t.score) AS score
FROM type_places t
INNER JOIN propensities r ON r.place = t.place
GROUP BY t.locale, t.query_id, t.product_type_id

-- table: ranked
-- The types of a query by smoothed action rate; the first is taken as meant while noise is measured on the others.
SELECT e.locale, e.query_id, e.product_type_id, e.exposure, e.score,
       SUM(e.exposure) OVER (PARTITION BY e.locale, e.query_id) AS query_exposure,
       ROW_NUMBER() OVER (
           PARTITION BY e.locale, e.query_id
           ORDER BY (e.score + s.smoothing * o.rate) / (e.exposure + s.smoothing) DESC, e.product_type_id
       ) AS standing
FROM examined e
CROSS JOIN (SELECT SUM(score) / SUM(exposure) AS rate FROM examined) o
CROSS JOIN settings s

-- table: unmeant
-- What types that are not their query's first earned, by place.
SELECT t.place, SUM(t.impressions) AS impressions, SUM(t.score) AS score, SUM(t.only_clicked) AS only_clicked,
       SUM(t.only_carted) AS only_carted, SUM(t.bought) AS bought
FROM type_places t
INNER JOIN ranked k ON k.locale = t.locale AND k.query_id = t.query_id AND k.product_type_id = t.product_type_id
WHERE k.standing > 1
GROUP BY t.place

-- table: noise
-- The same per impression. Places with few such impressions lean on the pooled rate times the propensity; half an
-- action of each kind is added to the pool, so that no kind of action is proof by never having been noise.
SELECT r.place, r.propensity,
       (COALESCE(u.score, 0) + s.noise_prior * o.score * r.propensity)
           / (COALESCE(u.impressions, 0) + s.noise_prior) AS rate,
       (COALESCE(u.only_clicked, 0) + s.noise_prior * o.only_clicked * r.propensity)
           / (COALESCE(u.impressions, 0) + s.noise_prior) AS only_clicked,
       (COALESCE(u.only_carted, 0) + s.noise_prior * o.only_carted * r.propensity)
           / (COALESCE(u.impressions, 0) + s.noise_prior) AS only_carted,
       (COALESCE(u.bought, 0) + s.noise_prior * o.bought * r.propensity)
           / (COALESCE(u.impressions, 0) + s.noise_prior) AS bought
FROM propensities r
LEFT JOIN unmeant u ON u.place = r.place
CROSS JOIN (
    SELECT COALESCE(SUM(u.score), 0) / (COALESCE(SUM(u.impressions * r.propensity), 0) + s.noise_prior) AS score,
           (COALESCE(SUM(u.only_clicked), 0) + 0.5)
               / (COALESCE(SUM(u.impressions * r.propensity), 0) + s.noise_prior) AS only_clicked,
           (COALESCE(SUM(u.only_carted), 0) + 0.5)
               / (COALESCE(SUM(u.impressions * r.propensity), 0) + s.noise_prior) AS only_carted,
           (COALESCE(SUM(u.bought), 0) + 0.5)
               / (COALESCE(SUM(u.impressions * r.propensity), 0) + s.noise_prior) AS bought
    FROM settings s
    LEFT JOIN unmeant u ON 1 = 1
    LEFT JOIN propensities r ON r.place = u.place
    GROUP BY s.noise_prior
) o
CROSS JOIN settings s

-- table: meant
-- What a type that is meant earns beyond noise, per exposure: pooled over first types of queries with enough exposure.
SELECT COALESCE(SUM(t.score - t.impressions * n.rate) / SUM(t.impressions * n.propensity), 0) AS excess_rate,
       GREATEST(COALESCE(SUM(t.only_clicked - t.impressions * n.only_clicked)
                         / SUM(t.impressions * n.propensity), 0), 0) AS only_clicked,
       GREATEST(COALESCE(SUM(t.only_carted - t.impressions * n.only_carted)
                         / SUM(t.impressions * n.propensity), 0), 0) AS only_carted,
       GREATEST(COALESCE(SUM(t.bought - t.impressions * n.bought)
                         / SUM(t.impressions * n.propensity), 0), 0) AS bought
FROM type_places t
INNER JOIN ranked k ON k.locale = t.locale AND k.query_id = t.query_id AND k.product_type_id = t.product_type_id
INNER JOIN noise n ON n.place = t.place
CROSS JOIN settings s
WHERE k.standing = 1 AND k.query_exposure >= s.min_exposure

-- table: evidence
-- Per query and type: the excess of the score over what noise would have earned, its rate per exposure smoothed
-- towards none, and the log likelihood ratio of "this share of shoppers means it" to noise, the best of three shares.
SELECT e.locale, e.query_id, e.product_type_id, e.impressions, e.exposure, e.expected,
       (e.score - e.expected) / (e.exposure + s.smoothing) AS excess_rate,
       GREATEST(e.low - s.min_probability * e.gain, e.middle - 0.5 * e.gain, e.high - e.gain) AS log_ratio
FROM (
    SELECT t.locale, t.query_id, t.product_type_id, SUM(t.impressions) AS impressions,
           SUM(t.impressions * n.propensity) AS exposure, SUM(t.score) AS score, SUM(t.impressions * n.rate) AS expected,
           SUM(t.impressions * n.propensity * (m.only_clicked + m.only_carted + m.bought)) AS gain,
           SUM(t.only_clicked * LN(1 + s.min_probability * n.propensity * m.only_clicked / n.only_clicked)
               + t.only_carted * LN(1 + s.min_probability * n.propensity * m.only_carted / n.only_carted)
               + t.bought * LN(1 + s.min_probability * n.propensity * m.bought / n.bought)) AS low,
           SUM(t.only_clicked * LN(1 + 0.5 * n.propensity * m.only_clicked / n.only_clicked)
               + t.only_carted * LN(1 + 0.5 * n.propensity * m.only_carted / n.only_carted)
               + t.bought * LN(1 + 0.5 * n.propensity * m.bought / n.bought)) AS middle,
           SUM(t.only_clicked * LN(1 + n.propensity * m.only_clicked / n.only_clicked)
               + t.only_carted * LN(1 + n.propensity * m.only_carted / n.only_carted)
               + t.bought * LN(1 + n.propensity * m.bought / n.bought)) AS high
    FROM type_places t
    INNER JOIN noise n ON n.place = t.place
    CROSS JOIN meant m
    CROSS JOIN settings s
    GROUP BY t.locale, t.query_id, t.product_type_id
) e
CROSS JOIN settings s

-- table: type_actions_raw
SELECT p.locale, a.query_id, p.product_type_id, COUNT(DISTINCT a.session_id) AS sessions, SUM(a.click) AS clicks,
       SUM(a.cart) AS carts, SUM(a.purchase) AS purchases, SUM(a.score) AS score
FROM acted_raw a
INNER JOIN products p ON p.product_number = a.product_number
GROUP BY p.locale, a.query_id, p.product_type_id

-- table: type_actions_corrected
SELECT p.locale, a.query_id, p.product_type_id, COUNT(DISTINCT a.session_id) AS sessions, SUM(a.click) AS clicks,
       SUM(a.cart) AS carts, SUM(a.purchase) AS purchases, SUM(a.score) AS score
FROM acted_corrected a
INNER JOIN products p ON p.product_number = a.product_number
GROUP BY p.locale, a.query_id, p.product_type_id

-- table: labels_raw
-- A type's share of the weighted actions.
SELECT q.query, l.locale, l.product_type_id, l.probability, l.sessions, l.clicks, l.carts, l.purchases, l.score,
       CAST(NULL AS BIGINT) AS impressions, CAST(NULL AS DOUBLE) AS exposure, CAST(NULL AS DOUBLE) AS noise
FROM (
    SELECT a.locale, a.query_id, a.product_type_id, a.sessions, a.clicks, a.carts, a.purchases, a.score,
           a.score / SUM(a.score) OVER (PARTITION BY a.locale, a.query_id) AS probability
    FROM type_actions_raw a
) l
INNER JOIN queries q ON q.query_id = l.query_id
CROSS JOIN settings s
WHERE l.probability >= s.min_probability AND l.sessions >= s.min_sessions

-- table: labels_corrected
-- A type's share of the excess rates of the types whose excess is no chance; where they are together far below what
-- a meant type earns, the rest of the share goes to types that were not shown.
SELECT q.query, l.locale, l.product_type_id, l.probability, a.sessions, a.clicks, a.carts, a.purchases, a.score,
       l.impressions, l.exposure, l.expected AS noise
FROM (
    SELECT e.locale, e.query_id, e.product_type_id, e.impressions, e.exposure, e.expected,
           e.excess_rate / GREATEST(SUM(e.excess_rate) OVER (PARTITION BY e.locale, e.query_id),
                                    s.meant_floor * m.excess_rate) AS probability
    FROM evidence e
    CROSS JOIN settings s
    CROSS JOIN meant m
    WHERE e.excess_rate > 0 AND e.log_ratio >= LN(s.likelihood_ratio)
) l
INNER JOIN type_actions_corrected a
    ON a.locale = l.locale AND a.query_id = l.query_id AND a.product_type_id = l.product_type_id
INNER JOIN queries q ON q.query_id = l.query_id
CROSS JOIN settings s
WHERE l.probability >= s.min_probability AND a.sessions >= s.min_sessions
