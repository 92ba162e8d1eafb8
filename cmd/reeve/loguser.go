package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"golang.org/x/term"

	"github.com/reeve-platform/reeve/internal/logserver"
)

type logUserCommands struct {
	Add    logUserAdd    `cmd:"" help:"Add a user, or give one a new password, which is read from the standard input."`
	Remove logUserRemove `cmd:"" help:"Remove a user. A running log closes what the user has open."`
	List   logUserList   `cmd:"" help:"List users and their groups."`
}

type usersFile struct {
	File string `name:"log-users-file" env:"REEVE_LOG_USERS_FILE" required:"" help:"The users file; a running log reads it again within a second."`
}

type logUserAdd struct {
	usersFile
	Name   string   `arg:"" help:"The user's name."`
	Groups []string `name:"group" help:"Groups, such as $$admins or $$ops; without any, those of before stay."`
}

// Run never takes a password from the command line, where others can see it.
func (c logUserAdd) Run(t *terminal) error {
	password, err := t.password(c.Name)
	if err != nil {
		return err
	}
	return logserver.SetUser(c.File, c.Name, password, c.Groups)
}

// password asks twice on a terminal, and otherwise takes the first line.
func (t *terminal) password(name string) ([]byte, error) {
	in, ok := t.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		line, err := bufio.NewReader(t.in).ReadString('\n')
		if line == "" && err != nil {
			return nil, errors.New("no password on the standard input")
		}
		return []byte(strings.TrimRight(line, "\r\n")), nil
	}
	var said [2][]byte
	for i, prompt := range []string{"Password for " + name + ": ", "Again: "} {
		fmt.Fprint(t.err, prompt)
		var err error
		if said[i], err = term.ReadPassword(int(in.Fd())); err != nil {
			return nil, err
		}
		fmt.Fprintln(t.err)
	}
	if !bytes.Equal(said[0], said[1]) {
		return nil, errors.New("the two are not the same")
	}
	return said[0], nil
}

type logUserRemove struct {
	usersFile
	Name string `arg:"" help:"The user's name."`
}

// Run fails for a user who is not there.
func (c logUserRemove) Run() error { return logserver.RemoveUser(c.File, c.Name) }

type logUserList struct {
	usersFile
	JSON bool `name:"json" help:"Print JSON."`
}

// Run shows no hashes.
func (c logUserList) Run(t *terminal) error {
	all, err := logserver.ReadUsers(c.File)
	if err != nil {
		return err
	}
	if c.JSON {
		return t.json(all)
	}
	rows := table.NewWriter()
	rows.AppendHeader(table.Row{"NAME", "GROUPS"})
	for _, u := range all {
		rows.AppendRow(table.Row{u.Name, strings.Join(u.Groups, ", ")})
	}
	_, err = fmt.Fprintln(t.out, rows.Render())
	return err
}
