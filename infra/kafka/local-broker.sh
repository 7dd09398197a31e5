#!/bin/bash
# A Kafka broker on this machine's loopback, without Docker: for development and tests, not for production.
# Needs Java 17 or newer and Maven, which fetches Kafka's jars once.
#
#   local-broker.sh run FOLDER [PORT]     in the foreground, until SIGTERM or SIGINT
#   local-broker.sh start FOLDER [PORT]   in the background; returns once it answers
#   local-broker.sh stop FOLDER           stops what `start` started; its data stay
#   local-broker.sh fetch                 only fetches the jars
#
# FOLDER keeps the data, the log (broker.log) and the pid. Clients connect to 127.0.0.1:PORT (9092); PORT+1
# is the controller's. Settings in FOLDER/extra.properties, where it is there, replace ours; each line of
# FOLDER/scram-users (a file `NAME=[name=…,password=…]` a line, as kafka-storage takes them) makes a user
# when the folder is new.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
version="$(sed -n '/kafka_2.13/,/version/s|.*<version>\(.*\)</version>.*|\1|p' "$here/pom.xml")"
jars="${XDG_CACHE_HOME:-$HOME/.cache}/griffie/kafka-$version"

fail() {
  echo "local-broker.sh: $*" >&2
  exit 64
}

# Atomically: two runs may fetch at the same time, and one that was cut short leaves nothing behind.
fetch() {
  [ ! -d "$jars" ] || return 0
  local partial="$jars.$$"
  mkdir -p "$(dirname "$jars")"
  mvn --quiet --batch-mode --file "$here/pom.xml" \
    org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
    -DincludeScope=runtime "-DoutputDirectory=$partial" >&2 ||
    { rm -rf "$partial"; fail "Maven did not bring Kafka's jars"; }
  mv -T "$partial" "$jars" 2>/dev/null || rm -rf "$partial"
}

# Writes FOLDER/server.properties, and formats the folder where it is new.
prepare() {
  local port="$1"
  mkdir -p "$folder"
  {
    cat "$here/server.properties"
    echo "listeners=CLIENT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))"
    echo "advertised.listeners=CLIENT://127.0.0.1:$port"
    echo "controller.quorum.bootstrap.servers=127.0.0.1:$((port + 1))"
    echo "log.dirs=$folder/data"
    [ ! -f "$folder/extra.properties" ] || cat "$folder/extra.properties"
  } >"$folder/server.properties"
  if [ ! -f "$folder/data/meta.properties" ]; then
    local users=()
    if [ -f "$folder/scram-users" ]; then
      while read -r user; do users+=(--add-scram "$user"); done <"$folder/scram-users"
    fi
    java -cp "$jars/*" kafka.tools.StorageTool format --standalone "${users[@]}" \
      --cluster-id griffie-local-broker-1 --config "$folder/server.properties" >"$folder/format.log" 2>&1 ||
      { cat "$folder/format.log" >&2; exit 1; }
  fi
}

# Becomes the broker: its pid is this script's.
run() {
  prepare "$1"
  exec java -Xms128m -Xmx512m -XX:+UseSerialGC -cp "$jars/*" \
    -Dorg.slf4j.simpleLogger.logFile="$folder/broker.log" \
    -Dorg.slf4j.simpleLogger.showDateTime=true \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info \
    kafka.Kafka "$folder/server.properties"
}

running() {
  [ -f "$folder/pid" ] && kill -0 "$(cat "$folder/pid")" 2>/dev/null
}

command="${1:-}"
case "$command" in
  fetch)
    fetch
    exit
    ;;
  run | start | stop) ;;
  *) fail "run|start FOLDER [PORT], stop FOLDER, or fetch" ;;
esac
[ -n "${2:-}" ] || fail "which folder?"
folder="$(realpath -m "$2")"
port="${3:-9092}"
[[ "$port" =~ ^[0-9]{1,5}$ ]] || fail "the port is a number"

case "$command" in
  run)
    fetch
    run "$port"
    ;;
  start)
    ! running || fail "it runs already, as process $(cat "$folder/pid")"
    fetch
    mkdir -p "$folder"
    rm -f "$folder/broker.log"
    (run "$port") </dev/null >/dev/null 2>"$folder/start.log" &
    echo $! >"$folder/pid"
    for _ in $(seq 300); do
      running || { cat "$folder/start.log" >&2; fail "the broker ended; see $folder/broker.log"; }
      grep -qs 'Kafka Server started' "$folder/broker.log" && exit 0
      sleep 0.2
    done
    fail "no answer within a minute; see $folder/broker.log"
    ;;
  stop)
    running || exit 0
    kill "$(cat "$folder/pid")"
    while running; do sleep 0.1; done
    rm -f "$folder/pid"
    ;;
esac
