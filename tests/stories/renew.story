# A component opened anew with other rows: nothing in flight is lost or run twice, the others go on.

story "what runs is finished and acknowledged before the component is opened anew"
connector orders prefix
connector jobs any
subscription orders t /orders
subscription jobs t /jobs
begin
capacity 4
- orders subscribes 1
- jobs subscribes 1
orders opens p0 from 1
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
orders renews within 5000
- orders stops
orders offers p0 3 is gone
jobs opens j0
jobs offers j0 7
- function gets j0/7 at /jobs attempt 1
function settles p0/1 done
- orders commits p0 through 1
- orders drains
- orders closes
- orders is filled anew
- orders subscribes 1
function settles j0/7 done
- jobs acks j0 j0/7
orders opens p0 from 2
orders offers p0 2
- function gets p0/2 at /orders attempt 1
function settles p0/2 done
- orders commits p0 through 2
metric bridge_subscription_delivered_total of /orders is 2
metric bridge_subscription_returned_total of /orders is 1

story "what does not finish in time is given up and comes again"
connector orders any
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0
orders offers p0 1
- function gets p0/1 at /orders attempt 1
orders renews within 5000
- orders stops
after 5000
- function loses p0/1
- orders drains
- orders closes
- orders is filled anew
- orders subscribes 1
orders opens p0
orders offers p0 1 again
- function gets p0/1 at /orders attempt 1
function settles p0/1 done
- orders acks p0 p0/1

story "a park into it waits until it is there again"
connector orders prefix
connector dead prefix
subscription orders t /orders attempts 1 park dlq at dead
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
dead renews within 5000
- dead closes
- dead is filled anew
function settles p0/1 retry
- dead is asked to keep p0/1 for dlq: because 1
dead renews within 5000
after 100
dead answers p0/1 done
- orders commits p0 through 1
- dead closes
- dead is filled anew

story "a drain in the middle of it ends all"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
orders renews within 5000
- orders stops
drain within 5000
function settles p0/1 done
- orders commits p0 through 1
- orders drains
- function closes
- orders closes
- drained

story "asked for twice it is done once"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
orders renews within 5000
- orders stops
orders renews within 5000
function settles p0/1 done
- orders commits p0 through 1
- orders drains
- orders closes
- orders is filled anew
- orders subscribes 1
