# Promise 1: an event is acknowledged only after the function took it, or its dead-letter place confirmed it.

story "an event is acknowledged only after the function took it"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 5
orders offers p0 5
- function gets p0/5 at /orders attempt 1
after 1000
p0 of orders is not empty
function settles p0/5 done
- orders commits p0 through 5
p0 of orders is empty
metric bridge_subscription_delivered_total is 1

story "only the unbroken prefix is acknowledged"
connector orders prefix
subscription orders t /orders order none
begin
capacity 8
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2 3 4
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1
- function gets p0/3 at /orders attempt 1
- function gets p0/4 at /orders attempt 1
function settles p0/3 done
- orders notes p0
function settles p0/2 done
- orders notes p0
p0 of orders has note 2-3
function settles p0/1 done
- orders commits p0 through 3
p0 of orders has no note
function settles p0/4 done
- orders commits p0 through 4

story "every event by itself where the source acknowledges so"
connector jobs any
subscription jobs t /jobs order none
begin
capacity 8
- jobs subscribes 1
jobs opens s
jobs offers s 1 2 3
- function gets s/1 at /jobs attempt 1
- function gets s/2 at /jobs attempt 1
- function gets s/3 at /jobs attempt 1
function settles s/3 done
- jobs acks s s/3
function settles s/1 done
- jobs acks s s/1
function settles s/2 retry
after 100
- function gets s/2 at /jobs attempt 2
function settles s/2 done
- jobs acks s s/2

story "an event for two routes is acknowledged when both are settled"
connector orders prefix
subscription orders t /a
subscription orders t /b
begin
capacity 8
- orders subscribes 2
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /a attempt 1
- function gets p0/1 at /b attempt 1
function settles p0/1 done
after 10
function settles p0/1 done
- orders commits p0 through 1
metric bridge_subscription_received_total is 2
metric bridge_subscription_delivered_total is 2

story "gaps in the offsets do not hold the prefix up"
connector orders prefix
subscription orders t /orders
begin
capacity 8
- orders subscribes 1
orders opens p0 from 1
orders offers p0 4 9
- function gets p0/4 at /orders attempt 1
function settles p0/4 done
- function gets p0/9 at /orders attempt 1
- orders commits p0 through 4
function settles p0/9 done
- orders commits p0 through 9

story "an event that no subscription wants is acknowledged in its turn"
connector orders prefix
subscription orders t /orders
begin
capacity 8
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
orders offers p0 2 for nobody
function settles p0/1 done
- orders commits p0 through 2
metric bridge_component_unwanted_total is 1

story "at most once sources are acknowledged to nobody"
connector clock none
subscription clock t /tick order none
begin
capacity 8
- clock subscribes 1
clock opens c
clock offers c 1
- function gets c/1 at /tick attempt 1
function settles c/1 done
metric bridge_subscription_delivered_total is 1
