# Discovery and reconnects.

story "a binding is read only if the function says it wants it"
connector orders prefix
connector other prefix
subscription orders t /orders probe
subscription other t /other probe
begin
capacity 4
- function is asked for /orders
- function is asked for /other
wants /orders
- orders subscribes 1
metric bridge_function_ready is 1

story "what needs no asking does not wait for the answer"
connector orders prefix
connector sure prefix
subscription orders t /orders probe
subscription sure t /sure
begin
capacity 4
- function is asked for /orders
- sure subscribes 1

story "a connector that went down is opened again after a pause, and subscribed again"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders opens p0 from 1
orders offers p0 1
- function gets p0/1 at /orders attempt 1
orders down
metric bridge_function_ready is 0
metric bridge_component_up is 0
after 200
- orders subscribes 1
function settles p0/1 done
- orders commits p0 through 1
metric bridge_component_reconnects_total is 1
