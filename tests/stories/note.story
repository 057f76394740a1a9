# The note on what is done beyond the prefix: after a crash only what was unfinished comes again.

story "what a note says is done is acknowledged without being delivered again"
connector orders prefix
subscription orders t /orders order none
begin
capacity 8
- orders subscribes 1
orders opens p0 partition 0 from 1
orders offers p0 1 2 3 4 5
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1
- function gets p0/3 at /orders attempt 1
- function gets p0/4 at /orders attempt 1
- function gets p0/5 at /orders attempt 1
function settles p0/2 done
- orders notes p0
function settles p0/4 done
- orders notes p0
p0 of orders has note 2-2,4-4
orders opens p1 partition 1 from 1 note of p0
p1 of orders has note 2-2,4-4
orders offers p1 1 2 3 4
- function gets p1/1 at /orders attempt 1
- function gets p1/3 at /orders attempt 1
function settles p1/1 done
- orders commits p1 through 2
p1 of orders has note 4-4
function settles p1/3 done
- orders commits p1 through 4
metric bridge_subscription_recognised_total is 2

story "a note made for another offset counts for nothing"
connector orders prefix
subscription orders t /orders order none
begin
capacity 8
- orders subscribes 1
orders opens p0 partition 0 from 1
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1
function settles p0/2 done
- orders notes p0
orders opens p1 partition 1 from 2 note of p0
orders offers p1 2
- function gets p1/2 at /orders attempt 1

story "a foreign or damaged note is ignored"
connector orders prefix
subscription orders t /orders order none
begin
capacity 8
- orders subscribes 1
orders opens p0 partition 0 from 1 note sarama
orders offers p0 1
- function gets p0/1 at /orders attempt 1
orders opens p1 partition 1 from 1 note bridge/1_1_AQE_00000000
orders offers p1 2
- function gets p1/2 at /orders attempt 1

story "an event below the start throws the note away"
connector orders prefix
subscription orders t /orders order none
begin
capacity 8
- orders subscribes 1
orders opens p0 partition 0 from 10
orders offers p0 10 11
- function gets p0/10 at /orders attempt 1
- function gets p0/11 at /orders attempt 1
function settles p0/11 done
- orders notes p0
orders opens p1 partition 1 from 10 note of p0
orders offers p1 3
- function gets p1/3 at /orders attempt 1
orders offers p1 11
- function gets p1/11 at /orders attempt 1
