# What the live view shows: the same numbers as everywhere, and what is not known as not known (promise 6).

story "lag that is not known is null in the live view, now and in its history"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
live looks
live lag is null
after 1000
orders lags 10
live looks
live lag is 10
after 1000
orders lags unknown
live looks
live lag is null
after 1000
orders lags 0
live looks
live lag is 0
after 1000
orders down
live looks
live lag is null
live history is [null,10,null,0,null]

story "seconds in which nobody looked are not known"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders lags 3
live looks
after 3000
orders lags 4
live looks
live history is [3,null,null,4]

story "lag is never less than what is in flight here"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders lags 0
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
live looks
live lag is 1
function settles p0/1 done
- orders commits p0 through 1
live lag is 0

story "a partition that is not told of any more is another member's"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders lags 5
live looks
after 15001
live lag is null

story "what is in flight is told by where it is"
connector orders prefix
subscription orders t /orders order none inflight 2
begin
capacity 4
- orders subscribes 1
live looks
orders opens p0 from 1
orders offers p0 1 2 3
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1
live sending of subscriptions is 2
live waiting is 1
function settles p0/1 retry
- function gets p0/3 at /orders attempt 1
live inflight is 3
live sending of subscriptions is 2
live backoff is 1
live waiting is 0
live received is 3
live delivered is 0
live drift is 0

story "a second's events are told as a rate when two looks were taken"
connector orders prefix
subscription orders t /orders order none
begin
capacity 8
- orders subscribes 1
live looks
live rate_in is null
orders opens p0 from 1
orders offers p0 1 2 3
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1
- function gets p0/3 at /orders attempt 1
function settles p0/1 done
- orders commits p0 through 1
after 2000
live looks
live rate_in is 1.5
live rate_out is 0.5

story "the reasons of what failed, was held and was parked are kept, each once with how often"
connector orders prefix
subscription orders t /orders attempts 2
begin
capacity 4
- orders subscribes 1
live looks
live reasons is []
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 unsent
live kind of reasons is "not sent"
after 100
- function gets p0/1 at /orders attempt 1
function settles p0/1 unsent
live count of reasons is 2
live why of reasons is "because"
live id of reasons is "p0/1"
after 100
- function gets p0/1 at /orders attempt 1
function settles p0/1 reject
live held is 1
live kind of at is "held"

story "a component tells that it is down, why, and when it is tried again"
connector orders prefix
subscription orders t /orders
begin
live error is null
capacity 4
- orders subscribes 1
live state is "ready"
live state of components is "up"
orders down
live state is "not ready"
live state of components is "down"
live error is "no broker"
live for_ms is 0
after 50
live for_ms is 50
live trouble is null
capacity 0
live trouble is "not reachable: nothing more is read until it is"
