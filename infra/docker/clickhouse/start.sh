#!/bin/bash
# Gives the server what infra/clickhouse takes from its environment, out of the secrets, and becomes it. Of the
# users' passwords it has the hashes only.
# SECRETS and SERVER replace folder and program, for tests.
set -euo pipefail
secrets="${SECRETS:-/run/secrets}"

for user in ingest disclosure retention owner; do
  hash="$(cat "$secrets/clickhouse-$user.sha256")"
  export "GRIFFIE_${user^^}_PASSWORD_SHA256=$hash"
done
GRIFFIE_CLUSTER_SECRET="$(cat "$secrets/clickhouse-cluster")"
GRIFFIE_INTERSERVER_PASSWORD="$(cat "$secrets/clickhouse-interserver")"
export GRIFFIE_CLUSTER_SECRET GRIFFIE_INTERSERVER_PASSWORD
exec "${SERVER:-/usr/bin/clickhouse-server}" --config-file=/etc/clickhouse-server/config.xml
