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
