.PHONY: help check fmt lint vet test race fuzz bench demo
.DEFAULT_GOAL := help

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-6s %s\n", $$1, $$2 }' Makefile

check: ## Everything that CI checks
	@.ci/run

fmt: ## Format the Go files
	@.ci/tool golangci-lint fmt

lint: ## Run the linters over every module
	@.ci/run format modernize lint

vet: ## Run go vet over every module
	@go vet work

test: ## Run the tests of every module
	@go test work

race: ## Run the tests under the race detector
	@CGO_ENABLED=1 go test -race work

fuzz: ## Fuzz each target for FUZZTIME (default 5s)
	@.ci/run fuzz

bench: ## Run the benchmarks
	@go test -run '^$$' -bench . -benchmem work

demo: ## Run the demo: the whole story, offline
	@go run ./cmd/tokenkeep demo
