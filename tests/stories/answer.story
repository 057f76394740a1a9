# responseTopic: what the function answers is published and confirmed before the event is acknowledged.

story "an event is acknowledged only when the answer to it is confirmed"
connector orders prefix
connector replies prefix
subscription orders t /orders answers out in replies
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
function settles p0/1 done answers hello
- replies is asked to keep p0/1 for out: "hello"
after 1000
metric bridge_subscription_answering is 1
replies answers p0/1 done
- function gets p0/2 at /orders attempt 1
- orders commits p0 through 1
metric bridge_subscription_answers_total is 1
metric bridge_subscription_delivered_total is 1

story "only the publishing is repeated, never the function"
connector orders prefix
connector replies prefix
subscription orders t /orders answers out in replies
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 done answers hello
- replies is asked to keep p0/1 for out: "hello"
replies answers p0/1 retry
metric bridge_subscription_held is 1
after 200
- replies is asked to keep p0/1 for out: "hello"
replies answers p0/1 unsure
after 400
- replies is asked to keep p0/1 for out: "hello"
replies answers p0/1 done
- orders commits p0 through 1
metric bridge_subscription_answer_failures_total is 2
metric bridge_subscription_attempts_total is 1

story "an empty answer is no answer"
connector orders prefix
subscription orders t /orders answers out
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 done
- orders commits p0 through 1
metric bridge_subscription_answers_total is 0

story "a failed delivery publishes nothing"
connector orders prefix
subscription orders t /orders answers out
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 retry answers broken 500
after 100
- function gets p0/1 at /orders attempt 2

story "an answer counts in the byte credit until it is confirmed"
connector orders prefix
connector replies prefix
subscription orders t /orders answers out in replies
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
metric bridge_function_buffered_bytes is 512
function settles p0/1 done answers hello
- replies is asked to keep p0/1 for out: "hello"
metric bridge_function_buffered_bytes is 576
replies answers p0/1 done
- orders commits p0 through 1
metric bridge_function_buffered_bytes is 0

story "an answer that is not confirmed when its partition is revoked goes with the event"
connector orders prefix
connector replies prefix
subscription orders t /orders answers out in replies
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
function settles p0/1 done answers hello
- replies is asked to keep p0/1 for out: "hello"
replies answers p0/1 retry
orders revokes p0 within 5000
- orders released p0
after 60000
metric bridge_subscription_returned_total is 1
metric bridge_function_buffered_bytes is 0

story "an answer that comes during a drain is published before its event is acknowledged"
connector orders prefix
connector replies prefix
subscription orders t /orders answers out in replies
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
drain within 5000
- orders stops
function settles p0/1 done answers hello
- replies is asked to keep p0/1 for out: "hello"
replies answers p0/1 done
- orders commits p0 through 1
- orders drains
- function closes
- orders closes
- replies closes
- drained

story "an answer that comes after a revoke is published before its event is acknowledged"
connector orders prefix
connector replies prefix
subscription orders t /orders answers out in replies
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
orders revokes p0 within 5000
function settles p0/1 done answers hello
- replies is asked to keep p0/1 for out: "hello"
replies answers p0/1 done
- orders commits p0 through 1
- orders released p0

story "answers that fill the credit keep further deliveries back until one is confirmed"
connector orders prefix
connector replies prefix
buffer 64 1050
subscription orders t /orders order none answers out in replies
begin
capacity 1
- orders subscribes 1
orders opens p0 partition 0 from 1
orders opens p1 partition 1 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
orders offers p1 1
function settles p0/1 done answers hello
- replies is asked to keep p0/1 for out: "hello"
after 1000
replies answers p0/1 done
- function gets p1/1 at /orders attempt 1
- orders commits p0 through 1

story "an event that names where its answer is wanted gets it there, on its own component"
connector orders prefix
subscription orders t /orders answers out
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 reply asker
- function gets p0/1 at /orders attempt 1
function settles p0/1 done answers hello
- orders is asked to keep p0/1 for asker: "hello"
orders answers p0/1 retry
after 500
- orders is asked to keep p0/1 for asker: "hello"
orders answers p0/1 done
- orders commits p0 through 1
metric bridge_subscription_answers_total is 1

story "an answer that can never be written where its event says is given up, and holds nothing"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 reply $no
- function gets p0/1 at /orders attempt 1
function settles p0/1 done answers hello
- orders is asked to keep p0/1 for $no: "hello"
orders answers p0/1 reject
- orders commits p0 through 1
metric bridge_subscription_delivered_total is 1
metric bridge_subscription_answer_failures_total is 1
