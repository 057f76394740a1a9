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
orders opens p0 partition 0 from 1
orders opens p1 partition 1 from 1
orders opens p2 partition 2 from 1
orders opens p3 partition 3 from 1
orders offers p0 1 2 3
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1
orders offers p1 1 2
orders offers p2 1
orders offers p3 1
metric bridge_function_buffered_events is 7
orders opens p4 partition 4 from 1
orders offers p4 1
orders opens p5 partition 5 from 1
orders offers p5 1 is wait
function settles p0/1 done
- function gets p0/3 at /orders attempt 1
- orders commits p0 through 1
function settles p0/2 done
- orders resumes
- function gets p1/1 at /orders attempt 1
- orders commits p0 through 2

story "bytes count as well"
connector orders prefix
buffer 64 8192
subscription orders t /orders order none
begin
capacity 1
- orders subscribes 1
orders opens p0 partition 0 from 1
orders opens p1 partition 1 from 1
orders opens p2 partition 2 from 1
orders offers p0 1 size 2000
- function gets p0/1 at /orders attempt 1
orders offers p0 2 size 2000 is wait
orders offers p1 1 size 3000
orders offers p2 1 size 3000 is wait
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

story "one window may have half of what it leaves free; when its events fail it alone is held"
connector orders prefix
buffer 12
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 partition 0 from 1
orders opens p1 partition 1 from 1
orders offers p0 1 2 3 4 5
- function gets p0/1 at /orders attempt 1
function settles p0/1 retry after 60000
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
function settles p0/3 done
- function gets p0/4 at /orders attempt 1
- orders commits p0 through 3
- orders goes on with p0
orders offers p0 6

story "a long row of one partition, taken before the first of it failed, leaves room for the others"
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
orders offers p0 5 is wait
function settles p0/1 retry after 60000
- orders resumes
- orders holds p0
orders offers p0 5 is held
function settles p0/2 retry after 60000
function settles p0/3 retry after 60000
function settles p0/4 retry after 60000
orders offers p1 1
- function gets p1/1 at /orders attempt 1

story "a window that is held goes on when others have left room, though nothing of its own moved"
connector orders prefix
buffer 10
subscription orders t /orders order none
begin
capacity 8
- orders subscribes 1
orders opens p0 partition 0 from 1
orders opens p1 partition 1 from 1
orders opens p2 partition 2 from 1
orders offers p1 1 2 3 4
- function gets p1/1 at /orders attempt 1
- function gets p1/2 at /orders attempt 1
- function gets p1/3 at /orders attempt 1
- function gets p1/4 at /orders attempt 1
orders offers p2 1
- function gets p2/1 at /orders attempt 1
orders offers p0 1 2
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1
function settles p0/1 retry after 60000
function settles p0/2 retry after 60000
orders offers p0 3 is held
- orders holds p0
function settles p1/1 done
- orders commits p1 through 1
function settles p1/2 done
- orders commits p1 through 2
function settles p1/3 done
- orders commits p1 through 3
function settles p1/4 done
- orders commits p1 through 4
function settles p2/1 done
- orders goes on with p0
- orders commits p2 through 1
orders offers p0 3
- function gets p0/3 at /orders attempt 1

story "a window that crowds behind a moving head only waits"
connector orders prefix
buffer 8
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1 2 3 4 5
- function gets p0/1 at /orders attempt 1
orders offers p0 6 is wait
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

story "a source waits only so long for one window: then it is held, so that others get their turn meanwhile"
connector orders prefix
buffer 8
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 partition 0 from 1
orders offers p0 1 2 3 4 5
- function gets p0/1 at /orders attempt 1
orders offers p0 6 is wait
after 15
function settles p0/1 done
- function gets p0/2 at /orders attempt 1
- orders commits p0 through 1
after 5
- orders resumes
- orders holds p0
orders offers p0 6 is held
orders opens p1 partition 1 from 1
orders offers p1 1
- function gets p1/1 at /orders attempt 1
function settles p0/2 done
- function gets p0/3 at /orders attempt 1
- orders commits p0 through 2
function settles p0/3 done
- function gets p0/4 at /orders attempt 1
- orders commits p0 through 3
function settles p0/4 done
- function gets p0/5 at /orders attempt 1
- orders commits p0 through 4
- orders goes on with p0

story "a source waits for one window, however long, while the function has all it can take"
connector orders prefix
buffer 8
subscription orders t /orders order none
begin
capacity 1
- orders subscribes 1
orders opens p0 partition 0 from 1
orders offers p0 1 2 3 4 5
- function gets p0/1 at /orders attempt 1
orders offers p0 6 is wait
after 5000
function settles p0/1 done
- function gets p0/2 at /orders attempt 1
- orders commits p0 through 1
after 5000
function settles p0/2 done
- function gets p0/3 at /orders attempt 1
- orders commits p0 through 2
function settles p0/3 done
- orders resumes
- function gets p0/4 at /orders attempt 1
- orders commits p0 through 3

story "what is stuck may leave less than a quarter of the credit: reading goes on nevertheless"
connector orders prefix
buffer 9
subscription orders t /orders order none
begin
capacity 16
- orders subscribes 1
orders opens p0 partition 0 from 1
orders opens p1 partition 1 from 1
orders opens p2 partition 2 from 1
orders offers p0 1 2 3 4
- function gets p0/1 at /orders attempt 1
- function gets p0/2 at /orders attempt 1
- function gets p0/3 at /orders attempt 1
- function gets p0/4 at /orders attempt 1
orders offers p1 1 2
- function gets p1/1 at /orders attempt 1
- function gets p1/2 at /orders attempt 1
orders offers p2 1 2
- function gets p2/1 at /orders attempt 1
- function gets p2/2 at /orders attempt 1
orders opens p3 partition 3 from 1
orders offers p3 1
- function gets p3/1 at /orders attempt 1
orders opens p4 partition 4 from 1
orders offers p4 1 is wait
function settles p0/1 retry after 60000
function settles p0/2 retry after 60000
function settles p0/3 retry after 60000
function settles p0/4 retry after 60000
function settles p1/1 retry after 60000
function settles p1/2 retry after 60000
function settles p2/1 retry after 60000
function settles p2/2 retry after 60000
after 20
function settles p3/1 done
- orders resumes
- orders commits p3 through 1
orders offers p4 1
- function gets p4/1 at /orders attempt 1

story "an event that does not fit beside one that is held is let in when nothing moves"
connector orders prefix
buffer 64 8192
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 partition 0 from 1
orders opens p1 partition 1 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
orders offers p1 1 size 9000 is wait
- orders resumes
function settles p0/1 reject
orders offers p1 1 size 9000
- function gets p1/1 at /orders attempt 1
function settles p1/1 done
- orders commits p1 through 1

story "a subscription that may not send more just now does not make the others wait"
connector slow prefix
connector orders prefix
buffer 16
subscription slow t /slow order none inflight 1
subscription orders t /orders order partition
begin
capacity 8
- slow subscribes 1
- orders subscribes 1
slow opens s0 partition 0 from 1
slow offers s0 1 2
- function gets s0/1 at /slow attempt 1
orders opens p0 partition 0 from 1
orders opens p1 partition 1 from 1
orders offers p0 1 2 3 4 5
- function gets p0/1 at /orders attempt 1
orders offers p0 6 is wait
after 20
- orders resumes
- orders holds p0
orders offers p1 1
- function gets p1/1 at /orders attempt 1
