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
