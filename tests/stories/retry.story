# Retries: without end unless a limit is written; what never left counts for nothing.

story "without a limit it is tried without end"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 retry
after 100
- function gets p0/1 at /orders attempt 2
function settles p0/1 unsure
after 200
- function gets p0/1 at /orders attempt 3 unsure
function settles p0/1 retry
after 400
- function gets p0/1 at /orders attempt 4 unsure
function settles p0/1 retry
after 800
- function gets p0/1 at /orders attempt 5 unsure
metric bridge_subscription_retries_total is 4
metric bridge_subscription_unsure_total is 1

story "Retry-After is waited for, and no longer than an hour"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 retry after 5000
after 4999
after 1
- function gets p0/1 at /orders attempt 2
function settles p0/1 retry after 2000000000
after 3599999
after 1
- function gets p0/1 at /orders attempt 3

story "what never left for the function counts no attempt and parks nothing"
connector orders prefix
connector dead prefix
subscription orders t /orders attempts 1 park dlq at dead
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 unsent
capacity 0
after 60000
capacity 4
- function gets p0/1 at /orders attempt 1
function settles p0/1 done
- orders commits p0 through 1
metric bridge_subscription_parked_total is 0
metric bridge_subscription_unsent_total is 1

story "a binding that claims room but sends nothing is not asked in a tight loop"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 unsent
after 99
after 1
- function gets p0/1 at /orders attempt 1

story "a delivery without an answer is taken back at its timeout and counts as unsure"
connector orders prefix
timeout 5000
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
after 4999
after 1
- function loses p0/1
after 100
- function gets p0/1 at /orders attempt 2 unsure
metric bridge_subscription_timeouts_total is 1

story "an event past its expiry is not delivered, and acknowledged"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
orders offers p0 2 expires 50
after 100
function settles p0/1 done
- orders commits p0 through 2
metric bridge_subscription_expired_total is 1

story "an event is not delivered before its time"
connector jobs any
subscription jobs t /jobs order none
begin
capacity 4
- jobs subscribes 1
jobs opens s
jobs offers s 1 delayed 500
after 499
after 1
- function gets s/1 at /jobs attempt 1

story "a limit by age ends the retries"
connector orders prefix
subscription orders t /orders age 1000 exhausted drop
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 retry after 1000
after 1000
- function gets p0/1 at /orders attempt 2
function settles p0/1 retry
- orders commits p0 through 1
metric bridge_subscription_dropped_exhausted_total is 1
