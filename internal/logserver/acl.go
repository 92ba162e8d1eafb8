package logserver

import (
	"encoding/json"
	"errors"
	"strings"
)

// everybody as a role is every caller that the gate lets in at all.
const everybody = "$all"

// Names under which metadata and the $settings stream speak of the defaults.
const (
	settingsStream = "$settings"
	userDefault    = "$userStreamAcl"
	systemDefault  = "$systemStreamAcl"
)

var errBadACL = errors.New("the ACL cannot be read")

// An acl gives each right to users and groups. A right that is not in it is
// left to the default, one with an empty list is nobody's.
type acl map[right][]string

var aclKeys = map[string]right{"$r": toRead, "$w": toWrite, "$d": toDelete, "$mr": toReadMeta, "$mw": toWriteMeta}

// builtIn are the defaults unless $settings says otherwise.
var builtIn = map[string]acl{
	userDefault:   evenly(everybody),
	systemDefault: evenly(groupAdmins),
}

// evenly gives every right to the same roles.
func evenly(roles ...string) acl {
	a := acl{}
	for _, r := range aclKeys {
		a[r] = roles
	}
	return a
}

// orNobody closes what has an ACL that cannot be read.
func orNobody(a acl, err error) acl {
	if err != nil {
		return evenly()
	}
	return a
}

// roles are those who have a right to a stream. Administrators have it always
// and are not asked here, so what is nobody's is theirs alone.
func (g *gate) roles(stream string, r right) ([]string, error) {
	metadata, err := g.log.metadata(stream, g.log.head.Load())
	if err != nil {
		return nil, err
	}
	a, borrowed, err := streamACL(metadata)
	if roles, ok := orNobody(a, err)[r]; ok {
		return roles, nil
	}
	if borrowed == "" {
		borrowed = defaultFor(stream)
	}
	return g.defaultRoles(borrowed, r)
}

func defaultFor(stream string) string {
	if strings.HasPrefix(stream, "$") {
		return systemDefault
	}
	return userDefault
}

// defaultRoles looks into the newest event of $settings, unless it is deleted.
func (g *gate) defaultRoles(name string, r right) ([]string, error) {
	v, err := g.log.view(settingsStream)
	if err != nil {
		return nil, err
	}
	if v.gone() {
		return builtIn[name][r], nil
	}
	settings, err := g.log.newest(settingsStream, g.log.head.Load())
	if err != nil {
		return nil, err
	}
	a, err := settingsACL(settings, name)
	if roles, ok := orNobody(a, err)[r]; ok {
		return roles, nil
	}
	return builtIn[name][r], nil
}

// settingsACL is one of the two defaults in $settings; nil when it is not there.
func settingsACL(settings []byte, name string) (acl, error) {
	fields, err := exactFields(settings)
	if err != nil || fields[name] == nil {
		return nil, err
	}
	return parseACL(fields[name])
}

// streamACL finds the ACL in a stream's metadata, or the name of the default
// that it borrows.
func streamACL(metadata []byte) (a acl, borrowed string, err error) {
	fields, err := exactFields(metadata)
	if err != nil || fields["$acl"] == nil {
		return nil, "", err
	}
	if json.Unmarshal(fields["$acl"], &borrowed) == nil {
		if borrowed != userDefault && borrowed != systemDefault {
			return nil, "", errBadACL
		}
		return nil, borrowed, nil
	}
	a, err = parseACL(fields["$acl"])
	return a, "", err
}

func parseACL(text []byte) (acl, error) {
	fields, err := exactFields(text)
	if err != nil {
		return nil, err
	}
	a := acl{}
	for key, value := range fields {
		r, known := aclKeys[key]
		if !known {
			continue
		}
		if a[r], err = parseRoles(value); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// parseRoles reads one role or a list of them.
func parseRoles(text []byte) ([]string, error) {
	var one *string
	if json.Unmarshal(text, &one) == nil && one != nil {
		return []string{*one}, nil
	}
	var many []*string
	if json.Unmarshal(text, &many) != nil || many == nil {
		return nil, errBadACL
	}
	roles := make([]string, 0, len(many))
	for _, role := range many {
		if role == nil {
			return nil, errBadACL
		}
		roles = append(roles, *role)
	}
	return roles, nil
}

// exactFields reads an object without letting "$ACL" stand for "$acl". No text
// at all is an empty object.
func exactFields(text []byte) (map[string]json.RawMessage, error) {
	if len(text) == 0 {
		return nil, nil
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) != nil || fields == nil {
		return nil, errBadACL
	}
	return fields, nil
}
