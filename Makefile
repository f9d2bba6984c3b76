# Longtail. Every target with two # behind it is in make help.

SHELL := /bin/bash
MODULES := ./shared/... ./redirector/... ./worker/...
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GO_FILES = $(shell git ls-files --cached --others --exclude-standard '*.go' | grep -v '\.pb\.go$$')

FUZZTIME ?= 30s

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## static binaries of allinone, redirector and worker in bin/
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -o bin/ ./redirector/cmd/allinone ./redirector/cmd/redirector ./worker/cmd/worker

.PHONY: run
run: build ## everything in one process, nothing to install but Go; its data in ./data
	@exec bin/allinone

.PHONY: test
test: ## everything: format, vet, all tests, the stories on real processes; installs and starts what is missing
	@$(MAKE) --no-print-directory format vet build
	go run ./e2e/cmd/cluster install
	@status=0; \
	go test -timeout 10m $(MODULES) || status=1; \
	go test -count=1 -timeout 12m -p 2 ./e2e/... || status=1; \
	exit $$status

.PHONY: check
check: format vet lint ## before every push: format, vet, lint, race detector, fast tests
	@command -v $${CC:-cc} >/dev/null || { echo "the race detector needs a C compiler (Debian: apt-get install gcc)"; exit 1; }
	go test -race -short -timeout 10m $(MODULES)

.PHONY: format
format: ## no file that gofmt would change
	@changed=$$(gofmt -l $(GO_FILES)); [ -z "$$changed" ] || { echo "gofmt would change:"; echo "$$changed"; exit 1; }

.PHONY: vet
vet: ## go vet in every module, and each module builds without the others
	go vet work
	go vet -tags compose ./e2e/compose
	@for m in shared redirector worker e2e; do (cd $$m && GOWORK=off go build ./...) || exit 1; done

.PHONY: lint
lint: ## golangci-lint with .golangci.yml (built from source the first time)
	go run $(GOLANGCI) run $(MODULES) ./e2e/...

.PHONY: cluster
cluster: build ## private MariaDB, Redis, RabbitMQ, HAProxy, 2 redirectors, 3 workers; .cluster/env tells where; until Ctrl-C
	@go build -o bin/cluster ./e2e/cmd/cluster && exec bin/cluster

.PHONY: cluster-stop
cluster-stop: ## NAME=worker-1: end one process of the cluster with TERM; it stays away
	@[ -n "$(NAME)" ] || { echo "usage: make cluster-stop NAME=worker-1"; exit 2; }
	@bin/cluster stop $(NAME)

.PHONY: cluster-start
cluster-start: ## NAME=worker-1: start it again, on the same ports and folder
	@[ -n "$(NAME)" ] || { echo "usage: make cluster-start NAME=worker-1"; exit 2; }
	@bin/cluster start $(NAME)

.PHONY: demo
demo: build ## everything in one process, and a simulated campaign at a rate that can be watched
	go run ./e2e/cmd/demo

.PHONY: faults
faults: build ## SEED=7 ONLY=D1,C7: kill, freeze and cut everything, at full size; the oracle counts; one table
	@go run ./e2e/cmd/faults $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

BENCH_FLAGS = $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(ONLY),--only $(ONLY)) \
	$(if $(PROFILE),--profile $(PROFILE)) $(if $(AGAINST),--against $(AGAINST)) $(if $(NICE),--nice=$(NICE))

.PHONY: bench
bench: build ## ROUNDS=3 SECONDS=8 ONLY=front|ingest|pipeline: ours beside nginx, gin, LOAD DATA and the naive design; one table
	@go build -o bin/ ./e2e/cmd/bench ./e2e/cmd/campaign
	@bin/bench $(BENCH_FLAGS)

.PHONY: bench-results
bench-results: build ## SIZES=1000000,10000000: latency of figures at both sizes, an export of the first; loads a database of its own, half an hour
	@go build -o bin/ ./e2e/cmd/bench
	@bin/bench results $(if $(SIZES),--sizes $(SIZES)) $(if $(REQUESTS),--requests $(REQUESTS))

.PHONY: bench-go
bench-go: ## benchmarks of the rooms on the click's way, and of ingest on MariaDB
	go test -run '^$$' -bench . -benchmem -p 1 $(MODULES)
	go test -run '^$$' -bench . -benchmem -p 1 ./e2e/conformance

.PHONY: client
client: ## generate the types of redirector/client from the OpenAPI document that the code makes
	cd redirector && go test -count=1 -run TestClientDocument ./internal/api -update
	cd tools && GOWORK=off go build -o ../bin/oapi-codegen github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen
	cd redirector/client && ../../bin/oapi-codegen -config generate.yaml openapi.json && gofmt -w types.gen.go

.PHONY: client-npm
client-npm: build ## a TypeScript client from another generator (npm) creates, rewrites and reads figures
	e2e/npm/run

.PHONY: fuzz
fuzz: ## 30 s for each fuzz target, two at once: rules of URLs, codes, tokens, paths, lines, rewriting
	@grep -rHoE '^func Fuzz[A-Za-z0-9_]*' --include=*_test.go shared redirector worker | sed -E 's|/[^/]*:func | |' | \
		xargs -P 2 -L 1 sh -c 'out=$$(cd $$0 && go test -run "^$$" -fuzz "^$$1$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x -parallel 1 . 2>&1); \
			status=$$?; echo "$$1 ($$0): $$(echo "$$out" | tail -2 | head -1)"; [ $$status -eq 0 ] || { echo "$$out"; exit 255; }'

.PHONY: secrets
secrets: ## .env for docker compose, with new random secrets; an existing one is never changed
	@deploy/secrets

.PHONY: compose-check
compose-check: ## docker-compose.yml through Compose v2 (built from source the first time, about 3 minutes)
	cd deploy/compose && GOWORK=off go tool cmd -f ../../docker-compose.yml --project-directory ../.. config -q

.PHONY: test-compose
test-compose: ## docker-compose.yml for real, containers killed and scaled while people click; without a Docker daemon it starts one (root)
	go test -tags compose -count=1 -v -timeout 90m ./e2e/compose

.PHONY: clean
clean: ## remove what make build and make cluster made; ./data stays
	rm -rf bin .cluster
