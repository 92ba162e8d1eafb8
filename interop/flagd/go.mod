module github.com/reeve-platform/reeve/interop/flagd

go 1.26.0

require (
	github.com/open-feature/go-sdk v1.17.0 // indirect
	github.com/open-feature/go-sdk-contrib/providers/flagd v0.3.2 // indirect
)
