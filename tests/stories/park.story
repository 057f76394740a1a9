# Promise 1: parked means confirmed; no place or no confirmation means held, never skipped.

story "an exhausted event is acknowledged only when its dead-letter place confirmed it"
connector orders prefix
connector dead prefix
subscription orders t /orders attempts 2 park dlq at dead
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
function settles p0/1 retry
after 100
- function gets p0/1 at /orders attempt 2
function settles p0/1 retry
- dead is asked to keep p0/1 for dlq: because 2
after 1000
dead answers p0/1 done
- function gets p0/2 at /orders attempt 1
- orders commits p0 through 1
metric bridge_subscription_parked_total is 1

story "a place that does not confirm is asked again, and the lane waits"
connector orders prefix
connector dead prefix
subscription orders t /orders attempts 1 park dlq at dead
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
function settles p0/1 retry
- dead is asked to keep p0/1 for dlq: because 1
dead answers p0/1 retry
metric bridge_subscription_held is 1
after 200
- dead is asked to keep p0/1 for dlq: because 1
after 31000
- dead forgets p0/1
- dead is asked to keep p0/1 for dlq: because 1
dead answers p0/1 done
- function gets p0/2 at /orders attempt 1
- orders commits p0 through 1
metric bridge_subscription_park_failures_total is 2
metric bridge_subscription_parked_total is 1

story "without a place an exhausted event is held, and other partitions go on"
connector orders prefix
subscription orders t /orders attempts 1
begin
capacity 4
- orders subscribes 1
orders opens p0 partition 0 from 1
orders opens p1 partition 1 from 1
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
function settles p0/1 retry
orders offers p1 1
- function gets p1/1 at /orders attempt 1
function settles p1/1 done
- orders commits p1 through 1
after 3600000
metric bridge_subscription_held is 1
metric bridge_subscription_inflight is 2

story "a rejected event is parked at once"
connector orders prefix
subscription orders t /orders park dlq
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 reject
- orders is asked to keep p0/1 for dlq: because 1
orders answers p0/1 done
- orders commits p0 through 1

story "a rejected event without a place is held"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 reject
after 3600000
metric bridge_subscription_held is 1

story "what the function does not want goes to the dead-letter topic if there is one"
connector orders prefix
subscription orders t /orders park dlq
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 drop
- orders is asked to keep p0/1 for dlq: because 1
orders answers p0/1 done
- orders commits p0 through 1
metric bridge_subscription_parked_total is 1

story "what the function does not want is acknowledged and counted if there is none"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 drop
- orders commits p0 through 1
metric bridge_subscription_dropped_function_total is 1

story "an exhausted event is dropped only if that was written"
connector orders prefix
subscription orders t /orders attempts 1 exhausted drop
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 retry
- orders commits p0 through 1
metric bridge_subscription_dropped_exhausted_total is 1

story "hold is hold, also with a dead-letter topic"
connector orders prefix
subscription orders t /orders attempts 1 park dlq exhausted hold
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 retry
after 3600000
metric bridge_subscription_held is 1
