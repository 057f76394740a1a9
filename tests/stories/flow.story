# How fast: maxPerSecond, and adaptive concurrency.

story "no more deliveries begin in a second than allowed, a tenth of a second's worth ahead"
connector orders prefix
subscription orders t /orders order none rate 10
begin
capacity 64
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2 3 4
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1
after 100
after 1
- function gets p0/3 at /orders attempt 1
after 99
after 1
- function gets p0/4 at /orders attempt 1

story "a subscription that waits for its pace does not hold up another"
connector orders prefix
subscription orders t /slow order none rate 1
subscription orders t /fast order none
begin
capacity 64
- orders subscribes 2
orders opens p0 from 1
orders offers p0 1 2 3
- function gets p0/1 at /slow attempt 1
- function gets p0/1 at /fast attempt 1
- function gets p0/2 at /fast attempt 1
- function gets p0/3 at /fast attempt 1

story "a function that answers 429 gets fewer deliveries at once, and more again when it is well"
connector orders prefix
adaptive
subscription orders t /orders order none
begin
capacity 8
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2 3 4 5 6 7 8 9
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1
- function gets p0/3 at /orders attempt 1
- function gets p0/4 at /orders attempt 1
metric bridge_function_limit is 4
after 10
function settles p0/1 retry answers busy 429
metric bridge_function_limit is 2
function settles p0/2 retry
function settles p0/3 retry
- function gets p0/5 at /orders attempt 1
metric bridge_function_limit is 2
function settles p0/4 done
- function gets p0/6 at /orders attempt 1
- function gets p0/7 at /orders attempt 1
- orders notes p0
metric bridge_function_limit is 3
