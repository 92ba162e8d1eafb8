//go:build tools

// Package relay names another flag server, so that the benchmark can build it at a
// version of its own without anything of it in the product.
package relay

import _ "github.com/thomaspoignant/go-feature-flag/cmd/relayproxy"
