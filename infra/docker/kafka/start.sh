#!/bin/bash
# Formats the data folder where it is new, then becomes the broker.
set -euo pipefail
config=/etc/griffie/server.properties
/opt/kafka/bin/kafka-storage.sh format --ignore-formatted --standalone \
  --cluster-id griffie-compose-cluster --config "$config"
exec /opt/kafka/bin/kafka-server-start.sh "$config"
