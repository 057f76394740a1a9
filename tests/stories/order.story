# Promise 3: order within a lane, kept across retries; parallel across lanes.

story "one partition is delivered one at a time, another one beside it"
connector orders prefix
subscription orders t /orders
begin
capacity 8
- orders subscribes 1
orders opens p0 partition 0 from 1
orders opens p1 partition 1 from 1
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
orders offers p1 1 2
- function gets p1/1 at /orders attempt 1
function settles p0/1 done
- function gets p0/2 at /orders attempt 1
- orders commits p0 through 1

story "a retried event keeps the next one of its partition waiting"
connector orders prefix
subscription orders t /orders
begin
capacity 8
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
function settles p0/1 retry
after 100
- function gets p0/1 at /orders attempt 2
function settles p0/1 retry
after 200
- function gets p0/1 at /orders attempt 3
function settles p0/1 done
- function gets p0/2 at /orders attempt 1
- orders commits p0 through 1

story "different keys of one partition run beside each other, equal keys in order, also across retries"
connector orders prefix
subscription orders t /orders order key
begin
capacity 8
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2 key red
- function gets p0/1 at /orders attempt 1
orders offers p0 3 4 key blue
- function gets p0/3 at /orders attempt 1
function settles p0/1 retry
function settles p0/3 done
- function gets p0/4 at /orders attempt 1
- orders notes p0
after 100
- function gets p0/1 at /orders attempt 2
function settles p0/1 done
- function gets p0/2 at /orders attempt 1
- orders commits p0 through 1
p0 of orders has note 3-3
function settles p0/2 done
- orders commits p0 through 3

story "an event without a key waits for nobody when order is by key"
connector orders prefix
subscription orders t /orders order key
begin
capacity 8
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1

story "the same key in two partitions is two lanes"
connector orders prefix
subscription orders t /orders order key
begin
capacity 8
- orders subscribes 1
orders opens p0 partition 0 from 1
orders opens p1 partition 1 from 1
orders offers p0 1 key red
- function gets p0/1 at /orders attempt 1
orders offers p1 1 key red
- function gets p1/1 at /orders attempt 1

story "no more deliveries at once than the subscription allows, and the others go on"
connector orders prefix
subscription orders t /a order none inflight 1
subscription orders t /b order none
begin
capacity 8
- orders subscribes 2
orders opens p0 from 1
orders offers p0 1 2
- function gets p0/1 at /a attempt 1
- function gets p0/1 at /b attempt 1
- function gets p0/2 at /b attempt 1
function settles p0/1 done
- function gets p0/2 at /a attempt 1

story "no more deliveries at once than the endpoint takes, subscriptions in turn"
connector orders prefix
subscription orders t /a order none
subscription orders t /b order none
begin
capacity 2
- orders subscribes 2
orders opens p0 from 1
orders offers p0 1 2 3
- function gets p0/1 at /a attempt 1
- function gets p0/1 at /b attempt 1
function settles p0/1 done
- function gets p0/2 at /a attempt 1
function settles p0/1 done
- function gets p0/2 at /b attempt 1
- orders commits p0 through 1
