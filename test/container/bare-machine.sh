#!/usr/bin/env bash
# Proves that Firn's two commands work on a machine that has only Node 20 and npm: makes an image of
# debian:bookworm-slim and those two, copies HEAD in, and runs the commands inside, as root.
#
#   test/container/bare-machine.sh [demo] [test] [missing]     default: all three
#
#   demo      npm run demo
#   test      npm test, or the part of it that TEST_FILES names
#   missing   what is missing and cannot be installed is named, with what to do about it
#
# Needs an engine that answers `docker info`. DOCKER_RUN_ARGS holds more arguments for `docker run`.
set -euo pipefail

root=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
image=firn-bare-machine
say() { printf 'bare-machine: %s\n' "$*"; }

docker info >/dev/null 2>&1 || {
  say 'no Docker engine answers: start one (or set DOCKER_HOST), then run this again' >&2
  exit 1
}

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

# The machine's own Node 20 if it has one, else npm's package of it.
if [ "$(node --version | cut -d. -f1)" = v20 ]; then
  cp -L "$(node -p process.execPath)" "$context/node"
  cp -RL "$(dirname "$(readlink -f "$(command -v npm)")")/.." "$context/npm"
else
  (cd "$context" && npm init -y && npm install --no-audit --no-fund node@20 npm@10) >/dev/null
  cp -L "$context/node_modules/node/bin/node" "$context/node"
  cp -RL "$context/node_modules/npm" "$context/npm"
fi
git -C "$root" archive HEAD -o "$context/firn.tar"
printf '%s\n' '*' '!node' '!npm' '!firn.tar' >"$context/.dockerignore"
cat >"$context/Dockerfile" <<'D'
FROM debian:bookworm-slim
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
ADD firn.tar /firn
WORKDIR /firn
D
say 'building the image: debian:bookworm-slim, Node 20, npm, the checkout'
docker build -q -t "$image" "$context" >/dev/null

# What lets this machine reach its registries lets the container reach them, too.
arguments=()
for name in HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
  [ -z "${!name:-}" ] || arguments+=(--env "$name")
done
registry=$(npm config get registry)
[ "$registry" = https://registry.npmjs.org/ ] || arguments+=(--env "npm_config_registry=$registry")
authorities=${NODE_EXTRA_CA_CERTS:-}
[ -z "$authorities" ] || arguments+=(
  --volume "$(readlink -f "$authorities"):/authorities.crt:ro"
  --env NODE_EXTRA_CA_CERTS=/authorities.crt
)

# run <docker arguments…> -- <command>
run() {
  local more=()
  while [ "$1" != -- ]; do more+=("$1"); shift; done
  shift
  # shellcheck disable=SC2086 # DOCKER_RUN_ARGS is a list of words.
  docker run --rm --init "${arguments[@]}" "${more[@]}" ${DOCKER_RUN_ARGS:-} "$image" bash -c "$1"
}

expect() { # expect <name> <pattern> <output>
  grep -qE -- "$2" <<<"$3" || { say "FAILED: $1: no line matches: $2"; printf '%s\n' "$3"; exit 1; }
  say "ok: $1"
}

for part in "${@:-demo test missing}"; do
  for name in $part; do
    say "── $name"
    case "$name" in
      demo)
        run -- 'node --version && ! command -v redis-server && npm run demo && echo "── second run" && time npm run demo -- --size 1B'
        ;;
      test)
        run -- "npm test${TEST_FILES:+ -- $TEST_FILES}"
        ;;
      missing)
        output=$(run --network none -- 'npm run demo 2>&1' && echo unexpected) || true
        expect 'no network, no dependencies' 'cannot be reached. Check the network' "$output"
        output=$(run --read-only -- 'npm run demo 2>&1' && echo unexpected) || true
        expect 'a read-only checkout' 'cannot write to /firn' "$output"
        output=$(run --user 1000 -- 'cp -R /firn /tmp/firn && cd /tmp/firn && HOME=/tmp npm run demo 2>&1' && echo unexpected) || true
        expect 'no Redis, and no right to install one' 'sudo apt-get install redis-server' "$output"
        ;;
      *)
        say "there is no part \"$name\": demo, test, missing" >&2
        exit 2
        ;;
    esac
  done
done
say 'all passed'
