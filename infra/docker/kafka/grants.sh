#!/bin/bash
# What each service may do in Kafka, and nothing else. Adding what is there already changes nothing.
# KAFKA_TOPIC_PREFIX goes before every name. ACLS replaces Kafka's tool, for tests.
set -euo pipefail
if [ -n "${ACLS:-}" ]; then
  acls=("$ACLS")
else
  acls=(/opt/kafka/bin/kafka-acls.sh --bootstrap-server kafka:9093 --command-config /etc/griffie/client.properties)
fi
prefix="${KAFKA_TOPIC_PREFIX:-}"

# allow USER ARGUMENTS…
allow() {
  local user="$1"
  shift
  "${acls[@]}" --add --allow-principal "User:$user" "$@" >/dev/null
}

allow kafka-collector --operation Write --operation Describe --topic "${prefix}mail.traffic.v1"
allow kafka-ingester --operation Read --operation Describe --topic "${prefix}mail.traffic.v1" --topic "${prefix}mail.traffic.rejected.v1"
allow kafka-ingester --operation Write --topic "${prefix}mail.traffic.rejected.v1"
allow kafka-ingester --operation Read --group "${prefix}griffie.mail." --resource-pattern-type prefixed
# Several replicas of the disclosure service, where they are (docs/operations.md). Nobody else writes there.
allow kafka-disclosure --operation Write --operation Read --operation Describe --topic "${prefix}griffie.ledger.v1"
allow kafka-disclosure --operation Read --operation Delete --group "${prefix}griffie.ledger." --resource-pattern-type prefixed
