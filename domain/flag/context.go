package flag

import (
	"encoding/json"

	"github.com/reeve-platform/reeve/domain"
)

// A Context is whom a flag is evaluated for. Its zero value is nobody in
// particular.
type Context struct {
	Key        string // targeting key: what a rollout and a segment know somebody by
	Tenant     domain.TenantID
	Integrator domain.IntegratorID
	User       domain.UserID
	Attributes map[string]any // as encoding/json reads them
}

// attribute finds what a condition asks for. The names key, tenant, integrator
// and user are the context's own: an attribute of the same name never stands in
// for them, or whoever asks could pass for somebody else. Own values come as
// *string, which costs no allocation.
func (c *Context) attribute(name string) (any, bool) {
	if c == nil {
		return nil, false
	}
	var own *string
	switch name {
	case "key":
		own = &c.Key
	case "tenant":
		own = (*string)(&c.Tenant)
	case "integrator":
		own = (*string)(&c.Integrator)
	case "user":
		own = (*string)(&c.User)
	default:
		v, ok := c.Attributes[name]
		return v, ok && v != nil
	}
	return own, *own != ""
}

// textOf reads an attribute that is a text.
func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case *string:
		return *v, true
	}
	return "", false
}

// numberOf reads an attribute that is a number.
func numberOf(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}
