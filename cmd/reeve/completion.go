package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints the script. It is a table of what may follow what; nothing is asked
// when a key is pressed.
func (c completionCommand) Run(k *kong.Kong, t *terminal) error {
	follow := map[string][]string{}
	var paths []string
	walk(k.Model.Node, "", func(path string, words []string) {
		paths = append(paths, path)
		follow[path] = words
	})
	if c.Shell == "fish" {
		return fish(t.out, paths, follow)
	}
	if c.Shell == "zsh" {
		fmt.Fprintln(t.out, "autoload -U +X bashcompinit && bashcompinit")
	}
	return bash(t.out, paths, follow)
}

// walk visits a command and those below it with the words that may follow each.
func walk(n *kong.Node, path string, visit func(path string, words []string)) {
	var words []string
	for _, child := range n.Children {
		if !child.Hidden {
			words = append(words, child.Name)
		}
	}
	slices.Sort(words)
	for _, f := range n.Flags {
		words = append(words, "--"+f.Name)
	}
	visit(path, words)
	for _, child := range n.Children {
		if !child.Hidden {
			walk(child, strings.TrimSpace(path+" "+child.Name), visit)
		}
	}
}

func bash(w io.Writer, paths []string, follow map[string][]string) error {
	fmt.Fprint(w, bashHead)
	for _, path := range paths {
		fmt.Fprintf(w, "    %q) echo %q ;;\n", path, strings.Join(follow[path], " "))
	}
	_, err := fmt.Fprint(w, bashTail)
	return err
}

const bashHead = `_reeve_follow() {
  case "$1" in
`

const bashTail = `    *) return 1 ;;
  esac
}
_reeve() {
  local at="" word next
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    next="${at:+$at }$word"
    _reeve_follow "$next" >/dev/null && at="$next"
  done
  COMPREPLY=($(compgen -W "$(_reeve_follow "$at")" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _reeve reeve
`

func fish(w io.Writer, paths []string, follow map[string][]string) error {
	fmt.Fprint(w, fishHead)
	for _, path := range paths {
		fmt.Fprintf(w, "        case %q\n            printf '%%s\\n' %s\n", path, strings.Join(follow[path], " "))
	}
	_, err := fmt.Fprint(w, fishTail)
	return err
}

const fishHead = `function __reeve_follow
    switch "$argv[1]"
`

const fishTail = `        case '*'
            return 1
    end
end
function __reeve
    set -l at ""
    for word in (commandline -opc)[2..]
        set -l next (string trim "$at $word")
        __reeve_follow $next >/dev/null; and set at $next
    end
    __reeve_follow $at
end
complete -c reeve -f -a '(__reeve)'
`
