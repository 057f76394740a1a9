# Promise 4: bounded memory; one held lane or partition never stands in front of others.

story "without a reachable function nothing is taken"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
capacity 0
orders offers p0 1 is wait
after 60000
metric bridge_function_buffered_events is 0
capacity 4
- orders resumes
orders offers p0 1
- function gets p0/1 at /orders attempt 1

story "no more events are taken than there is credit, and reading goes on when a quarter is free"
connector orders prefix
buffer 8
subscription orders t /orders order none
begin
capacity 2
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2 3 4 5 6 7 8
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1
orders offers p0 9 is wait
function settles p0/1 done
- function gets p0/3 at /orders attempt 1
- orders commits p0 through 1
function settles p0/2 done
- orders resumes
- function gets p0/4 at /orders attempt 1
- orders commits p0 through 2

story "bytes count as well"
connector orders prefix
buffer 64 8192
subscription orders t /orders order none
begin
capacity 1
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 size 2000
- function gets p0/1 at /orders attempt 1
orders offers p0 2 size 3000
orders offers p0 3 size 3000 is wait
metric bridge_function_buffered_bytes is 8192

story "an event larger than the whole credit is taken when nothing else is there"
connector orders prefix
buffer 64 8192
subscription orders t /orders order none
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 size 100000
- function gets p0/1 at /orders attempt 1
orders offers p0 2 size 1 is wait
function settles p0/1 done
- orders resumes
- orders commits p0 through 1
orders offers p0 2 size 100000
- function gets p0/2 at /orders attempt 1

story "events behind a failing head hold their fair part of the credit, then their window alone is held"
connector orders prefix
buffer 12
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 partition 0 from 1
orders opens p1 partition 1 from 1
orders offers p0 1 2 3 4
- function gets p0/1 at /orders attempt 1
function settles p0/1 retry after 60000
orders offers p0 5
orders offers p0 6 is held
- orders holds p0
orders offers p1 1
- function gets p1/1 at /orders attempt 1
function settles p1/1 done
- orders commits p1 through 1
after 60000
- function gets p0/1 at /orders attempt 2
function settles p0/1 done
- function gets p0/2 at /orders attempt 1
- orders commits p0 through 1
function settles p0/2 done
- function gets p0/3 at /orders attempt 1
- orders commits p0 through 2
- orders goes on with p0
orders offers p0 6

story "a window that crowds behind a moving head only waits"
connector orders prefix
buffer 8
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2 3 4 5 6
- function gets p0/1 at /orders attempt 1
orders offers p0 7 is wait
function settles p0/1 done
- function gets p0/2 at /orders attempt 1
- orders commits p0 through 1
function settles p0/2 done
- function gets p0/3 at /orders attempt 1
- orders commits p0 through 2
function settles p0/3 done
- orders resumes
- function gets p0/4 at /orders attempt 1
- orders commits p0 through 3

story "a head that hangs is found out, so that its window is held instead of everybody waiting"
connector orders prefix
buffer 8
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2 3 4 5 6
- function gets p0/1 at /orders attempt 1
orders offers p0 7 is wait
after 1000
- orders resumes
orders offers p0 7 is held
- orders holds p0

story "one partition that fails with parallel deliveries does not eat the credit of the other"
connector orders prefix
buffer 9
subscription orders t /orders order none
begin
capacity 8
- orders subscribes 1
orders opens p0 partition 0 from 1
orders opens p1 partition 1 from 1
orders offers p0 1 2 3 4
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1
- function gets p0/3 at /orders attempt 1
- function gets p0/4 at /orders attempt 1
function settles p0/1 retry after 60000
function settles p0/2 retry after 60000
function settles p0/3 retry after 60000
function settles p0/4 retry after 60000
orders offers p0 5 is held
- orders holds p0
orders offers p1 1
- function gets p1/1 at /orders attempt 1

story "a head that hangs after others moved is found out as well"
connector orders prefix
buffer 8
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2 3 4 5 6
- function gets p0/1 at /orders attempt 1
orders offers p0 7 is wait
after 900
function settles p0/1 done
- function gets p0/2 at /orders attempt 1
- orders commits p0 through 1
after 1100
- orders resumes
orders offers p0 7
orders offers p0 8 is held
- orders holds p0
