#!/usr/bin/env bash
# Does what docs/guide/adding-a-thing.md tells, on a copy of this tree, and runs
# the tests that the guide promises. Fails when the guide no longer fits the code.
set -euo pipefail
cd "$(dirname "$0")/.."

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -zco --exclude-standard |
  while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
  tar -cf - --null -T - | tar -xf - -C "$copy"

cd "$copy"
awk '/^```diff$/ { inside = 1; next } /^```$/ { inside = 0 } inside' docs/guide/adding-a-thing.md >example.diff
new=$(grep -c '^new file mode' example.diff || true)
edited=$(($(grep -c '^diff --git' example.diff) - new))
if [ "$new" -gt 3 ] || [ "$edited" -gt 4 ]; then
  echo "the guide promises 4 edited and 3 new files; it shows $edited and $new" >&2
  exit 1
fi
git apply -C1 example.diff

make --no-print-directory generate
unformatted=$(gofmt -l commands domain projections)
if [ -n "$unformatted" ]; then
  echo "not formatted: $unformatted" >&2
  exit 1
fi
go vet ./domain/tenant ./projections ./commands
go test -timeout 300s ./domain/tenant
go test -timeout 300s -run 'TestTenant' ./projections
go test -timeout 300s -run 'TestEvery|TestGeneratedFilesAreCurrent' ./cmd/reeve
