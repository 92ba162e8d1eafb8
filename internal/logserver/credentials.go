package logserver

import (
	"encoding/base64"
	"errors"
	"strings"
)

// credentialBytes is the longest authorization header that is looked at.
const credentialBytes = 1024

var errBadCredentials = errors.New("the credentials cannot be read")

// A credential is what a caller claims to be and to know.
type credential struct{ name, password string }

// readBasic takes the header of RFC 7617 apart. A name or password that cannot
// be in a users file is no credential.
func readBasic(header string) (credential, error) {
	scheme, encoded, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Basic") || len(header) > credentialBytes {
		return credential{}, errBadCredentials
	}
	text, err := base64.StdEncoding.Strict().DecodeString(strings.TrimLeft(encoded, " "))
	if err != nil {
		return credential{}, errBadCredentials
	}
	name, password, ok := strings.Cut(string(text), ":")
	if !ok || name == "" || password == "" || len(password) > passwordLimit {
		return credential{}, errBadCredentials
	}
	return credential{name, password}, nil
}
