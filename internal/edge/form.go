package edge

import (
	"path"
	"reflect"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// A Form is what may be said in an input struct, read off its tags once.
type Form struct {
	Members []Member     // in the order of the struct; those of embedded structs in place
	Schema  *huma.Schema // of the whole struct, parameters included
	types   huma.Registry
	byName  map[string]*Member
}

// A Member is one thing an input struct asks for.
type Member struct {
	Name     string // in JSON, in paths and in query strings
	In       string // "path", "query" or "body"
	Required bool
	Doc      string       // one sentence
	Type     reflect.Type // of the Go field
	Schema   *huma.Schema // of the value; see [Form.Resolve]
}

// Formats of strings that JSON Schema does not know, or knows less strictly.
const (
	formatID   = "uuid"    // version 4 only
	formatNode = "node-id" // "platform" or a UUIDv4
)

var forms sync.Map // of *Form by reflect.Type

// FormOf reads the form of struct t. The result is shared and must not be changed.
func FormOf(t reflect.Type) *Form {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if f, ok := forms.Load(t); ok {
		return f.(*Form)
	}
	f, _ := forms.LoadOrStore(t, newForm(t, newTypes()))
	return f.(*Form)
}

func newForm(t reflect.Type, types huma.Registry) *Form {
	f := &Form{types: types, Schema: huma.SchemaFromType(types, t), byName: map[string]*Member{}}
	arraysHold(f.Schema)
	for _, field := range reflect.VisibleFields(t) {
		if m, ok := f.member(field); ok {
			f.Members = append(f.Members, m)
		}
	}
	for i, m := range f.Members {
		f.byName[m.Name] = &f.Members[i]
	}
	return f
}

// arraysHold takes null out of the arrays of an input: what is not to be changed
// is left out, what is to be empty is sent empty. Nested structs are left as they
// are, for answers may share them.
func arraysHold(s *huma.Schema) {
	for _, p := range s.Properties {
		if p.Type == huma.TypeArray {
			p.Nullable = false
		}
	}
}

func (f *Form) member(field reflect.StructField) (Member, bool) {
	name := jsonName(field)
	s := f.Schema.Properties[name]
	if !field.IsExported() || s == nil || (field.Anonymous && field.Tag.Get("json") == "") {
		return Member{}, false
	}
	m := Member{Name: name, In: "body", Doc: field.Tag.Get("doc"), Type: field.Type, Schema: s}
	for _, in := range []string{"path", "query"} {
		if _, ok := field.Tag.Lookup(in); ok {
			m.In = in
		}
	}
	for _, r := range f.Schema.Required {
		m.Required = m.Required || r == name
	}
	return m, true
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		return f.Name
	}
	return name
}

// Member finds a member by its name, exactly as it is spelled.
func (f *Form) Member(name string) (Member, bool) {
	if m, ok := f.byName[name]; ok {
		return *m, true
	}
	return Member{}, false
}

// Resolve follows a reference to the schema of a nested struct.
func (f *Form) Resolve(s *huma.Schema) *huma.Schema {
	for s.Ref != "" {
		s = f.types.SchemaFromRef(s.Ref)
	}
	return s
}

// newTypes is a registry that knows our ids.
func newTypes() huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", namer())
	r.RegisterTypeAlias(reflect.TypeFor[domain.NodeID](), reflect.TypeFor[nodeID]())
	for _, id := range []reflect.Type{
		reflect.TypeFor[domain.TenantID](), reflect.TypeFor[domain.IntegratorID](), reflect.TypeFor[domain.UserID](), reflect.TypeFor[uuid.UUID](),
		reflect.TypeFor[domain.ClientID](), reflect.TypeFor[domain.APIKeyID](), reflect.TypeFor[domain.ChangeID](),
	} {
		r.RegisterTypeAlias(id, reflect.TypeFor[nodeUUID]())
	}
	return r
}

type nodeUUID struct{}

// Schema of an id that is a UUIDv4.
func (nodeUUID) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: formatID}
}

type nodeID struct{}

// Schema of the id of any node.
func (nodeID) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: formatNode, Pattern: "^(platform|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$"}
}

// namer names the schemas of structs. Nouns have their package before them,
// because many of them are called alike (tenant.Profile is TenantProfile); a name
// that is taken gets it too.
func namer() func(reflect.Type, string) string {
	taken := map[string]reflect.Type{}
	return func(t reflect.Type, hint string) string {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		name := huma.DefaultSchemaNamer(t, hint)
		if t.Kind() != reflect.Struct {
			return name
		}
		noun := strings.Contains(t.PkgPath(), "/domain/")
		if owner, ok := taken[name]; noun || (ok && owner != t) {
			name = withPackage(t, name)
		}
		taken[name] = t
		return name
	}
}

func withPackage(t reflect.Type, name string) string {
	pkg := path.Base(t.PkgPath())
	pkg = strings.ToUpper(pkg[:1]) + pkg[1:]
	if strings.HasPrefix(name, pkg) {
		return name
	}
	return pkg + name
}
