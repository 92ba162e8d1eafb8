# Reeve: one file of everything that is run by hand or by CI. `make help` lists it.
SHELL   := /bin/bash
GO      ?= go
BIN     := bin/reeve
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
TOOL    := $(GO) tool -modfile=tools/go.mod
SEED    ?=
export GOFLAGS := -mod=readonly -buildvcs=false $(GOFLAGS)

.DEFAULT_GOAL := help
.PHONY: help run build test check generate lint race crash teeth example interop bench soak fuzz postgres node clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | sort | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

run: postgres build ## start Reeve here with a demo estate; Ctrl-C stops it, a second run finds its data
	@exec $(BIN) dev --demo

build: ## build bin/reeve
	@mkdir -p bin
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/reeve

test: postgres ## every test of the product; needs no running service and leaves none behind
	$(GO) test -timeout 20m ./...

check: ## what CI runs: generated files, lint, tests, race detector, other languages, dependencies
	$(MAKE) test generate-check lint race crash teeth example interop deps-check

generate: ## contracts, GraphQL execution and reference pages from the catalogues
	$(GO) run -tags generate ./cmd/reeve generate
	cd tools && $(GO) build -o ../bin/graphgen ./graphgen
	bin/graphgen
	gofmt -l -w internal/edge/graph

.PHONY: generate-check deps-check
generate-check: generate ## fail if a generated file is not current
	@git diff --exit-code -- api docs internal/edge/graph || { echo "generated files are not current: run make generate and commit"; exit 1; }

deps-check: ## fail if go.mod or go.sum would change
	$(GO) mod verify
	GOFLAGS=-buildvcs=false $(GO) mod tidy -diff

lint: ## bugs and layering
	$(GO) vet ./...
	$(TOOL) golangci-lint run ./...

race: postgres ## the packages where goroutines meet, under the race detector
	$(GO) test -race -short -timeout 20m ./commands ./domain/access ./domain/flag ./eventstore ./internal/auth ./internal/edge/... ./internal/live ./internal/logserver ./internal/logserver/conformance ./projections ./readapi

crash: ## kill the log 200 times under load and damage it 1,500 times; nothing acknowledged is missed
	REEVE_CRASH_ROUNDS=200 $(GO) test -timeout 20m -run 'TestKilledUnderLoad|TestPowerLoss' -v ./internal/logserver
	REEVE_CRASH_ROUNDS=500 $(GO) test -timeout 20m -run 'TestEveryCutOfTheJournal|TestZeroedTails|TestFlippedBits' -v ./internal/logserver

teeth: ## build bugs and deaths into the log on purpose; its tests must notice each of them
	$(GO) test -timeout 20m -tags planted -run 'TestPlantedBugsAreNoticed|TestKilledAtEachPoint' -v ./internal/logserver

example: postgres ## do what the guide tells, on a copy, and run its tests
	scripts/check-example.sh

interop: postgres node build ## official clients of other languages against a running Reeve
	scripts/interop.sh

bench: postgres build ## speed as ratios to baselines measured in the same run
	$(GO) run ./internal/bench

soak: postgres build ## the long profile of the crash, fault and load tests
	REEVE_SOAK=1 $(GO) test -timeout 30m ./internal/logserver/conformance
	REEVE_SOAK=1 $(GO) test -timeout 170m -run 'Crash|Kill|Away|Fault|Conservation|PowerLoss|Cut|Zeroed|Flipped' -v ./...

fuzz: ## each fuzz target for a while (FUZZTIME=30s)
	scripts/fuzz.sh

postgres:
	@scripts/ensure-postgres.sh

node:
	@scripts/ensure-node.sh

clean: ## remove what was built (never data)
	rm -rf bin
