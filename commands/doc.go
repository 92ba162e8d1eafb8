// Package commands is the command side: what can be asked for ([Catalog]) and
// the one way it is done ([Handle]).
//
// A command is folded against its stream, decides, and appends at the exact
// revision it decided on. States are remembered between commands, so a warm
// command costs one append and no read; a stale memory can only make the append
// fail, never succeed wrongly. An idempotency key names the ids of the facts, so
// the proof that a command has had its effect is the log itself: it survives
// restarts, lost databases and any amount of time.
package commands
