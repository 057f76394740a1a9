# A session whose connection was replaced: what runs goes on, what is brought again is not delivered twice, and nothing
# is acknowledged that was not brought again.

story "an event brought again while it runs is not delivered twice and is acknowledged once"
connector orders prefix
subscription orders t /orders order none
begin
capacity 4
- orders subscribes 1
orders opens p0
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1
orders reconnects p0
orders offers p0 1 2 again
function settles p0/2 done
- orders notes p0
function settles p0/1 done
- orders commits p0 through 2
metric bridge_subscription_received_total is 2
metric bridge_subscription_taken_over_total is 2

story "what was finished over the old connection is acknowledged over the new one only when it is brought again"
connector orders prefix
subscription orders t /orders order none
begin
capacity 4
- orders subscribes 1
orders opens p0
orders offers p0 1
- function gets p0/1 at /orders attempt 1
orders reconnects p0
function settles p0/1 done
after 60000
orders offers p0 1 again
- orders commits p0 through 1
metric bridge_component_known_total is 1
metric bridge_subscription_received_total is 1

story "what waited for an unfinished one before it is known, too, and the order of receipt is the new one"
connector orders prefix
subscription orders t /orders order none
begin
capacity 4
- orders subscribes 1
orders opens p0
orders offers p0 1 2 3
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1
- function gets p0/3 at /orders attempt 1
function settles p0/2 done
- orders notes p0
orders reconnects p0
function settles p0/3 done
orders offers p0 2 3 1 again
- orders commits p0 through 3
function settles p0/1 done
- orders commits p0 through 1
metric bridge_subscription_received_total is 3

story "an event that failed goes on with its attempts when it is brought again"
connector orders prefix
subscription orders t /orders order none
begin
capacity 4
- orders subscribes 1
orders opens p0
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 retry after 5000
orders reconnects p0
orders offers p0 1 again
after 5000
- function gets p0/1 at /orders attempt 2
function settles p0/1 done
- orders commits p0 through 1
metric bridge_subscription_received_total is 1

story "after a session that is new nothing is brought again: what runs is finished, without acknowledgement"
connector orders prefix
subscription orders t /orders order none
begin
capacity 4
- orders subscribes 1
orders opens p0
orders offers p0 1
- function gets p0/1 at /orders attempt 1
orders reconnects p0
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 done
function settles p0/1 done
- orders commits p0 through 1
metric bridge_subscription_delivered_total is 2

story "a broker that sends an event again over the same connection gets one acknowledgement"
connector orders prefix
subscription orders t /orders order none
begin
capacity 4
- orders subscribes 1
orders opens p0
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1
function settles p0/2 done
- orders notes p0
orders offers p0 2 1 again
function settles p0/1 done
- orders commits p0 through 2
metric bridge_subscription_received_total is 2
