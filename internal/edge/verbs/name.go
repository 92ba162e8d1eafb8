package verbs

import (
	"reflect"
	"strings"
	"unicode"

	"github.com/reeve-platform/reeve/internal/edge"
)

// A name is how an entry is called on the command line.
type name struct{ noun, verb string }

func (n name) String() string { return n.noun + " " + n.verb }

// The rule of names. Of a command, the first word is the verb and the second the
// noun; what follows the noun goes behind the verb: suspendTenant is "tenant
// suspend", requestTenantDeletion "tenant request-deletion". Of a query, a noun
// that another entry has is the noun and the rest the verb: flagOverrides is "flag
// overrides". Any other name is a noun as a whole: in the singular with the verb
// "list" if it answers items, and with "get" if not, so that tenants is "tenant
// list" and tenant is "tenant get".
func nameOf(e edge.Served, nouns map[string]bool) name {
	w := spoken(e.Name)
	switch {
	case e.Writes && len(w) == 1:
		return name{w[0], "run"}
	case e.Writes:
		return name{singular(w[1]), kebab(append(w[:1:1], w[2:]...))}
	case len(w) > 1 && nouns[w[0]]:
		return name{w[0], kebab(w[1:])}
	case len(w) > 1 && nouns[w[1]]:
		return name{w[1], kebab(append(w[:1:1], w[2:]...))}
	}
	if _, list := itemOf(e.Output); list {
		return name{kebab(append(w[:len(w)-1:len(w)-1], singular(w[len(w)-1]))), "list"}
	}
	return name{kebab(w), "get"}
}

// nounsOf are the one-word nouns that commands name, and those that are
// themselves asked for.
func nounsOf(entries []edge.Served) map[string]bool {
	nouns := map[string]bool{}
	for _, e := range entries {
		switch w := spoken(e.Name); {
		case e.Writes && len(w) > 1:
			nouns[singular(w[1])] = true
		case !e.Writes && len(w) == 1:
			nouns[singular(w[0])] = true
		}
	}
	return nouns
}

// itemOf is the type of the items of a list's answer.
func itemOf(answer reflect.Type) (reflect.Type, bool) {
	if answer == nil || answer.Kind() != reflect.Struct {
		return nil, false
	}
	f, ok := answer.FieldByName("Items")
	if !ok || f.Type.Kind() != reflect.Slice {
		return nil, false
	}
	return f.Type.Elem(), true
}

// compounds are nouns of two words, by the first; keys of other kinds are others.
var compounds = map[string]string{"api": "key", "approval": "rule", "change": "request", "feature": "set", "signing": "key"}

// spoken are the words of an entry's name, in which a compound is one word.
func spoken(name string) (out []string) {
	for _, w := range words(name) {
		if n := len(out); n > 0 && compounds[out[n-1]] == singular(w) {
			out[n-1] += "-" + w
			continue
		}
		out = append(out, w)
	}
	return out
}

// words takes a camel-case name apart, in small letters: partnerId is partner
// and id, tenantURL is tenant and url.
func words(camel string) (out []string) {
	runes, start := []rune(camel), 0
	for i := 1; i < len(runes); i++ {
		starts := unicode.IsUpper(runes[i]) && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if starts {
			out = append(out, strings.ToLower(string(runes[start:i])))
			start = i
		}
	}
	return append(out, strings.ToLower(string(runes[start:])))
}

func kebab(words []string) string { return strings.Join(words, "-") }

func singular(word string) string {
	switch {
	case strings.HasSuffix(word, "ies"):
		return strings.TrimSuffix(word, "ies") + "y"
	case strings.HasSuffix(word, "ss"):
		return word
	}
	return strings.TrimSuffix(word, "s")
}
