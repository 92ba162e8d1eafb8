package logserver

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Managing persistent subscriptions is refused before their service is asked,
// and so is whatever an unknown caller wants of a service added later.
func TestWhoMayEnter(t *testing.T) {
	path := t.TempDir() + "/users"
	for name, groups := range map[string][]string{"root": {groupAdmins}, "op": {groupOps}, "ann": nil} {
		if err := SetUser(path, name, []byte(name), groups); err != nil {
			t.Fatal(err)
		}
	}
	v, err := newVerifier(path)
	if err != nil {
		t.Fatal(err)
	}
	as := func(name string) context.Context {
		if name == "" {
			return t.Context()
		}
		return context.WithValue(t.Context(), callerKey{}, v.roll.Load().users[name])
	}
	for method, refused := range map[string]map[string]codes.Code{
		"/" + serviceFeatures + "/GetSupportedMethods": {},
		"/" + serviceGossip + "/Read":                  {},
		"/" + serviceHealth + "/Check":                 {},
		"/" + serviceGroups + "/Read":                  {"": codes.PermissionDenied},
		"/" + serviceGroups + "/Create":                {"": codes.PermissionDenied, "ann": codes.PermissionDenied},
		"/" + serviceGroups + "/ReplayParked":          {"": codes.PermissionDenied, "ann": codes.PermissionDenied},
		"/event_store.client.later.Later/Do":           {"": codes.PermissionDenied},
	} {
		for _, name := range []string{"", "ann", "op", "root"} {
			_, err := (&gate{verifier: v}).enter(as(name), method)
			if status.Code(err) != refused[name] {
				t.Errorf("%q %s: %v", name, method, err)
			}
		}
	}
}

// What was verified stays verified when the file changes for somebody else.
func TestVerifiedIsInherited(t *testing.T) {
	path := t.TempDir() + "/users"
	for _, name := range []string{"ann", "bob", "eve"} {
		if err := SetUser(path, name, []byte(name+name), nil); err != nil {
			t.Fatal(err)
		}
	}
	v, err := newVerifier(path)
	if err != nil {
		t.Fatal(err)
	}
	known := func(name string) bool {
		r := v.roll.Load()
		_, ok := r.known(r.digest(credential{name, name + name}))
		return ok
	}
	for _, name := range []string{"ann", "bob", "eve"} {
		if _, ok := v.verify(t.Context(), credential{name, name + name}, "here"); !ok || !known(name) {
			t.Fatal(name)
		}
	}
	if err := errors.Join(SetUser(path, "bob", []byte("another word"), nil), RemoveUser(path, "eve"), v.read()); err != nil {
		t.Fatal(err)
	}
	if !known("ann") || known("bob") || known("eve") {
		t.Errorf("ann %v, bob with the old password %v, eve, who is gone, %v", known("ann"), known("bob"), known("eve"))
	}
}

func TestAnEmptyPrefixIsRefused(t *testing.T) {
	o := Options{Security: Security{AppendOnly: true, Truncatable: []string{"", "snap-"}}}
	if o.check() == nil {
		t.Error("it would make every stream truncatable")
	}
}
