#!/bin/bash
# Makes the keys, certificates and passwords that docker-compose.yml mounts, in FOLDER (./secrets beside
# docker-compose.yml). Run again, it makes what is missing and touches nothing else: to renew one, delete its
# files and run it again.
#
#   sudo infra/docker/make-secrets.sh [FOLDER]
#
# Run it as root: each file belongs to the user of the one container that reads it, and nobody else may.
# ca.key signs whom Kafka and ClickHouse trust; move it off the machine once the certificates are made.
set -euo pipefail
umask 077

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
folder="${1:-$root/secrets}"
# Users in the containers: Griffie's image, apache/kafka, clickhouse/clickhouse-server.
readonly griffie=10001 kafka=1000 clickhouse=101
readonly ca_days=3650 days=397

mkdir -p "$folder"
chmod 0700 "$folder"
cd "$folder"
work="$(mktemp -d "$folder/.making.XXXXXX")"
trap 'rm -rf "$work"' EXIT

# put NAME UID MODE: moves a finished file from the work folder to its place, whole or not at all.
put() {
  chmod "$3" "$work/$1"
  [ "$(id -u)" != 0 ] || chown "$2:$2" "$work/$1"
  mv "$work/$1" "$1"
  echo "made $folder/$1"
}

new_key() {
  openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/$1"
}

authority() {
  [ ! -e ca.pem ] || return 0
  new_key ca.key
  openssl req -x509 -new -key "$work/ca.key" -days "$ca_days" -subj '/CN=Griffie compose authority' \
    -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' -addext 'keyUsage=critical,keyCertSign,cRLSign' \
    -out "$work/ca.pem"
  put ca.key 0 0400
  # Public: every container reads it.
  put ca.pem 0 0444
}

# certificate NAME UID USAGE [SAN]: NAME.key and NAME.pem. Kafka knows its clients by the name.
certificate() {
  local name="$1" uid="$2" usage="$3" san="${4:-}"
  [ ! -e "$name.pem" ] || return 0
  [ -e ca.key ] || { echo "ca.key is away; bring it back to make $name.pem" >&2; exit 1; }
  {
    echo 'basicConstraints=critical,CA:FALSE'
    echo 'keyUsage=critical,digitalSignature'
    echo "extendedKeyUsage=$usage"
    [ -z "$san" ] || echo "subjectAltName=$san"
  } >"$work/extensions"
  new_key "$name.key"
  openssl req -new -key "$work/$name.key" -subj "/CN=$name" -out "$work/request"
  openssl x509 -req -in "$work/request" -CA ca.pem -CAkey ca.key -days "$days" \
    -extfile "$work/extensions" -out "$work/$name.pem" 2>/dev/null
  if [ "$name" = kafka ]; then
    # Kafka takes key and certificate from one file.
    cat "$work/kafka.key" "$work/kafka.pem" >"$work/kafka-both"
    mv "$work/kafka-both" "$work/kafka.pem"
  else
    put "$name.key" "$uid" 0400
  fi
  put "$name.pem" "$uid" 0400
}

# random NAME UID: 32 random bytes in hex digits.
random() {
  [ ! -e "$1" ] || return 0
  openssl rand -hex 32 >"$work/$1"
  put "$1" "$2" 0400
}

# user NAME UID: a ClickHouse user's password for the service that runs as UID, and its hash for the server.
user() {
  local name="clickhouse-$1"
  random "$name" "$2"
  [ ! -e "$name.sha256" ] || return 0
  tr -d '\n' <"$name" | sha256sum | cut -d ' ' -f 1 >"$work/$name.sha256"
  put "$name.sha256" "$clickhouse" 0400
}

authority
certificate kafka "$kafka" serverAuth,clientAuth DNS:kafka,DNS:localhost
for client in operator collector ingester; do
  certificate "kafka-$client" "$griffie" clientAuth
done
certificate clickhouse "$clickhouse" serverAuth,clientAuth DNS:clickhouse,DNS:localhost
for name in owner ingest disclosure; do user "$name" "$griffie"; done
# It looks after the disk's keys, and so runs as the server's user.
user retention "$clickhouse"
for name in cluster interserver; do random "clickhouse-$name" "$clickhouse"; done
certificate disclosure "$griffie" serverAuth "DNS:disclosure,DNS:${DISCLOSURE_HOST:-localhost}"
