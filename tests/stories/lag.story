# Promise 6: an outage is not zero: lag that is not known is absent, never 0.

story "lag is what waits and what is in flight, not what only its confirmation is missing of"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
metric bridge_partition_lag is absent
orders lags 10
metric bridge_partition_lag is 10
orders lags 10 settled 4
metric bridge_partition_lag is 6
orders lags 0
metric bridge_partition_lag is 0

story "lag is unknown while the broker cannot be reached"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders lags 0
orders down
metric bridge_partition_lag is absent

story "lag that was not told for long is unknown"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders lags 0
after 15000
metric bridge_partition_lag is 0
after 1
metric bridge_partition_lag is absent

story "lag that the connector does not know is unknown"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders lags 5
orders lags unknown
metric bridge_partition_lag is absent

story "a function's lag is the sum of its subscriptions', and unknown while one of them is"
connector orders prefix
connector bills prefix
subscription orders t /orders
subscription bills b /bills
begin
capacity 4
- orders subscribes 1
- bills subscribes 1
metric bridge_function_lag is absent
orders lags 3
metric bridge_subscription_lag of /orders is 3
metric bridge_function_lag is absent
bills lags 4
metric bridge_function_lag is 7
bills lags unknown
metric bridge_function_lag is absent
metric bridge_subscription_lag of /orders is 3
bills lags 0
metric bridge_function_lag is 3
bills down
metric bridge_function_lag is absent

story "what is in flight counts from the moment it is taken, before the source is asked again"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders lags 0
orders opens w
orders offers w 1 2
- function gets w/1 at /orders attempt 1
metric bridge_function_lag is 2
metric bridge_subscription_backlog is 0
orders lags 5
metric bridge_function_lag is 5
metric bridge_subscription_backlog is 3

story "how long the oldest has waited is told since it was seen to have come"
connector orders prefix
subscription orders t /orders
begin
capacity 4
- orders subscribes 1
orders lags 0 done 10
after 2000
orders lags 2 done 10
metric bridge_subscription_oldest_seconds is 0
after 5000
orders lags 7 done 10
metric bridge_subscription_oldest_seconds is 5
after 5000
orders lags 5 done 12
metric bridge_subscription_oldest_seconds is 5
after 2000
orders lags 0 done 17
metric bridge_subscription_oldest_seconds is 0
