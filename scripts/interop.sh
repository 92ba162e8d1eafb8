#!/usr/bin/env bash
# Drives a running Reeve, and its log alone, with official clients of other
# languages, and in a browser. The servers are started by the tests on free loopback ports and end
# with them.
set -euo pipefail
cd "$(dirname "$0")/../interop"
npm ci --no-audit --no-fund --silent
certs=$(mktemp -d)
trap 'rm -rf "$certs"' EXIT
(cd "$certs" && GOFLAGS= go run "$(go env GOROOT)/src/crypto/tls/generate_cert.go" --host localhost,127.0.0.1 --ca --ecdsa-curve P256 2>/dev/null)
REEVE_INTEROP_CERTS=$certs CHROMIUM=$(../scripts/ensure-browser.sh) node --test
(cd flagd && go test -count=1 -timeout 5m .)
