# Functions that share a loop leave each other alone.

story "between two deliveries of a function that waits, another sends at most one quantum"
connector flood prefix
connector calm prefix of g
subscription flood t /flood order none
subscription calm t /calm order none
buffer 64 100000000
begin
capacity 64
- flood subscribes 1
capacity 64 of g
- calm subscribes 1
flood opens p0 from 1
calm opens q0 from 1
flood offers p0 1 2 3 4 5 6 7 8 size 100000 delayed 10
calm offers q0 1 2 3 4 size 100000 delayed 10
after 10
- function gets p0/1 at /flood attempt 1
- function gets p0/2 at /flood attempt 1
- function gets p0/3 at /flood attempt 1
- function gets q0/1 at /calm attempt 1
- function gets q0/2 at /calm attempt 1
- function gets q0/3 at /calm attempt 1
- function gets p0/4 at /flood attempt 1
- function gets p0/5 at /flood attempt 1
- function gets p0/6 at /flood attempt 1
- function gets q0/4 at /calm attempt 1
- function gets p0/7 at /flood attempt 1
- function gets p0/8 at /flood attempt 1

story "what a large event takes too much of a quantum is missing in the turns after"
connector flood prefix
connector calm prefix of g
subscription flood t /flood order none
subscription calm t /calm order none
buffer 64 100000000
begin
capacity 64
- flood subscribes 1
capacity 64 of g
- calm subscribes 1
flood opens p0 from 1
calm opens q0 from 1
flood offers p0 1 2 size 1000000 delayed 10
calm offers q0 1 2 3 4 5 6 7 8 9 10 size 250000 delayed 10
after 10
- function gets p0/1 at /flood attempt 1
- function gets q0/1 at /calm attempt 1
- function gets q0/2 at /calm attempt 1
- function gets q0/3 at /calm attempt 1
- function gets q0/4 at /calm attempt 1
- function gets p0/2 at /flood attempt 1
- function gets q0/5 at /calm attempt 1
- function gets q0/6 at /calm attempt 1
- function gets q0/7 at /calm attempt 1
- function gets q0/8 at /calm attempt 1
- function gets q0/9 at /calm attempt 1
- function gets q0/10 at /calm attempt 1

story "a function that hangs takes neither the credit nor the turn of another"
connector stuck prefix
connector calm prefix of g
subscription stuck t /stuck order none
subscription calm t /calm order none
buffer 4
timeout 60000
begin
capacity 2
- stuck subscribes 1
capacity 2 of g
- calm subscribes 1
stuck opens p0 from 1
calm opens q0 from 1
stuck offers p0 1 2 3
- function gets p0/1 at /stuck attempt 1
- function gets p0/2 at /stuck attempt 1
stuck offers p0 4 is wait
calm offers q0 1 2
- function gets q0/1 at /calm attempt 1
- function gets q0/2 at /calm attempt 1
function settles q0/1 done
- calm commits q0 through 1
calm offers q0 3
- function gets q0/3 at /calm attempt 1
function settles q0/2 done
- calm commits q0 through 2
function settles q0/3 done
- calm commits q0 through 3
metric bridge_function_sending is 2

story "functions drain beside each other, and the last one ends it"
connector stuck prefix
connector calm prefix of g
subscription stuck t /stuck order none
subscription calm t /calm order none
begin
capacity 2
- stuck subscribes 1
capacity 2 of g
- calm subscribes 1
stuck opens p0 from 1
calm opens q0 from 1
stuck offers p0 1
- function gets p0/1 at /stuck attempt 1
calm offers q0 1
- function gets q0/1 at /calm attempt 1
drain within 1000
- stuck stops
- calm stops
function settles q0/1 done
- calm commits q0 through 1
- calm drains
- function closes
- calm closes
after 1000
- function loses p0/1
- stuck drains
- function closes
- stuck closes
- drained

story "a function whose deliveries never leave does not spin before the others"
connector gone prefix
connector calm prefix of g
subscription gone t /gone order none
subscription calm t /calm order none
begin
capacity 64
- gone subscribes 1
capacity 64 of g
- calm subscribes 1
gone opens p0 from 1
calm opens q0 from 1
gone offers p0 1
- function gets p0/1 at /gone attempt 1
function settles p0/1 unsent
calm offers q0 1
- function gets q0/1 at /calm attempt 1
after 99
after 1
- function gets p0/1 at /gone attempt 1
