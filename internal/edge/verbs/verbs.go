package verbs

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/reeve-platform/reeve/internal/edge"
)

// Grammar makes a verb of every entry, gathered under their nouns. It fails if
// two entries have the same name.
func Grammar(entries []edge.Served) ([]kong.Option, error) {
	nouns, byNoun := nounsOf(entries), map[string]map[string]*verb{}
	for _, e := range entries {
		n := nameOf(e, nouns)
		if byNoun[n.noun] == nil {
			byNoun[n.noun] = map[string]*verb{}
		}
		if other := byNoun[n.noun][n.verb]; other != nil {
			return nil, fmt.Errorf("%s and %s are both %q on the command line", other.entry.Name, e.Name, n)
		}
		byNoun[n.noun][n.verb] = newVerb(e)
	}
	var options []kong.Option
	for _, noun := range slices.Sorted(maps.Keys(byNoun)) {
		options = append(options, kong.DynamicCommand(noun, helpOn(byNoun[noun]), "Ask", group(byNoun[noun])))
	}
	return options, nil
}

// group is a struct with one command for each verb.
func group(all map[string]*verb) any {
	names := slices.Sorted(maps.Keys(all))
	var fields []reflect.StructField
	for i, name := range names {
		tag := fmt.Sprintf(`cmd:"" name:%q help:%q`, name, all[name].entry.Summary)
		fields = append(fields, reflect.StructField{Name: "V" + strconv.Itoa(i), Type: reflect.TypeFor[verb](), Tag: reflect.StructTag(tag)})
	}
	g := reflect.New(reflect.StructOf(fields))
	for i, name := range names {
		g.Elem().Field(i).Set(reflect.ValueOf(all[name]).Elem())
	}
	return g.Interface()
}

// helpOn lists the verbs of a noun.
func helpOn(all map[string]*verb) string {
	return strings.Join(slices.Sorted(maps.Keys(all)), ", ")
}

// Names lists what every entry is called on the command line, by its name in the
// catalogue.
func Names(entries []edge.Served) map[string]string {
	nouns, names := nounsOf(entries), map[string]string{}
	for _, e := range entries {
		names[e.Name] = nameOf(e, nouns).String()
	}
	return names
}
