// Package live keeps a local copy of what models in memory are made of, so that a
// server can answer from them when it starts and can reach nothing: neither the
// log nor a database.
package live
