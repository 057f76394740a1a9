# Promise 8: stop reading, finish what runs, have the last acknowledgements confirmed, leave.

story "a drain lets what runs finish and starts nothing else"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
drain within 5000
- orders stops
orders offers p0 3 is gone
function settles p0/1 done
- orders commits p0 through 1
- orders drains
- function closes
- orders closes
- drained
metric bridge_subscription_returned_total is 1

story "what does not finish in time is given up and not acknowledged"
connector orders prefix
subscription orders t /orders order none
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1
drain within 5000
- orders stops
function settles p0/2 done
- orders notes p0
after 5000
- function loses p0/1
- orders drains
- function closes
- orders closes
- drained
metric bridge_subscription_delivered_total is 1
metric bridge_subscription_returned_total is 1

story "a drain waits for a park under way"
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
drain within 5000
- orders stops
after 100
dead answers p0/1 done
- orders commits p0 through 1
- orders drains
- function closes
- orders closes
- dead closes
- drained
metric bridge_subscription_parked_total is 1

story "with nothing in flight the end comes at once"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
drain within 5000
- orders stops
- orders drains
- function closes
- orders closes
- drained

story "the last acknowledgements are asked to be confirmed also while the connection is down"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
orders down
drain within 5000
- orders stops
function settles p0/1 done
- orders commits p0 through 1
- orders drains
- function closes
- orders closes
- drained
