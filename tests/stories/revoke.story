# Revoke and loss: nothing is started any more, what runs may finish, stale verdicts acknowledge nothing.

story "a revoked window finishes what runs, commits, and only then is released"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
orders revokes p0 within 5000
orders offers p0 3 is gone
after 1000
function settles p0/1 done
- orders commits p0 through 1
- orders released p0
metric bridge_subscription_returned_total is 1

story "a revoked window with nothing running is released at once, but not in the same call"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders revokes p0 within 5000
- orders released p0

story "no retry starts after a revoke"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
orders revokes p0 within 5000
function settles p0/1 retry
- orders released p0
after 60000
metric bridge_subscription_returned_total is 1

story "an event in backoff is given back at once"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
function settles p0/1 retry
orders revokes p0 within 5000
- orders released p0
after 60000
metric bridge_subscription_returned_total is 2

story "past its deadline a revoked window is released; a late verdict only frees the event"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
orders revokes p0 within 5000
after 4999
after 1
- orders released p0
function settles p0/1 done
metric bridge_subscription_delivered_total is 1
metric bridge_subscription_inflight is 0

story "a park under way is finished before the release"
connector orders prefix
connector dead prefix
subscription orders t /orders attempts 1 park dlq at dead
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 retry
- dead is asked to keep p0/1 for dlq: because 1
orders revokes p0 within 5000
after 100
dead answers p0/1 done
- orders commits p0 through 1
- orders released p0

story "a lost window acknowledges nothing"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
orders loses p0
function settles p0/1 done
after 1000
metric bridge_subscription_delivered_total is 1
metric bridge_subscription_returned_total is 1

story "an event brought again while it still runs joins the running delivery"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
orders loses p0
orders opens p0 from 1
orders offers p0 1 again
orders offers p0 2 again
function settles p0/1 done
- function gets p0/2 at /orders attempt 1
- orders commits p0 through 1
metric bridge_subscription_taken_over_total is 1
metric bridge_subscription_received_total is 3

story "a verdict of an older window does not acknowledge for the new one"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
orders loses p0
orders opens p0 from 1
function settles p0/1 done
orders offers p0 1 again
- function gets p0/1 at /orders attempt 1
function settles p0/1 done
- orders commits p0 through 1
