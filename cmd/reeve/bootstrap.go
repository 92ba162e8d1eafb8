package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/verbs"
)

// bootstrapPath is where the first administrator is appointed.
const bootstrapPath = "/v1/bootstrap"

// bootstrapFor is how long a bootstrap token is good for.
const bootstrapFor = 15 * time.Minute

// A bootstrap appoints the first administrator for whoever holds a token, which is
// told to the operator of this machine and to nobody else. It is good once, for a
// quarter of an hour, and only as long as the log has never had an administrator.
type bootstrap struct {
	*server
	mu     sync.Mutex
	digest [sha256.Size]byte
	until  time.Time // the zero time once it is used up
}

var (
	errBootstrapToken = &domain.Error{Kind: domain.Unauthenticated, Code: "invalid-bootstrap-token", Detail: "the bootstrap token is wrong, used or expired; a restart makes a new one"}
	errAppointment    = &domain.Error{Kind: domain.Invalid, Code: "invalid-appointment", Detail: "an appointment needs a token, a client id, a name and a secret as clients have"}
)

// offer appoints whoever starts the server, or writes a token where the operator finds it, if nobody was appointed yet.
func (s *server) offer() error {
	b := s.bootstrap
	closed, err := commands.Appointed(s.ctx, s.founding)
	if closed || err != nil {
		return err
	}
	if s.selfAppointed {
		return s.appointSelf()
	}
	token := "rvb_" + rand.Text() + rand.Text()
	b.mu.Lock()
	b.digest, b.until = sha256.Sum256([]byte(token)), time.Now().Add(bootstrapFor)
	b.mu.Unlock()
	path := bootstrapFile(b.DataDir)
	if err := os.MkdirAll(b.DataDir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return err
	}
	b.closing(func() error { return removed(path) })
	b.log.Warn("no administrator yet: run reeve bootstrap on this machine within 15 minutes", "token", path)
	return nil
}

// appointSelf makes whoever runs this the first administrator. The file with the
// credentials is theirs alone, and is written first.
func (s *server) appointSelf() error {
	who, err := newCredentials(credentialsFile(s.DataDir))
	if err != nil {
		return err
	}
	receipt, err := commands.Appoint(s.ctx, s.founding, domain.ClientID(who.ClientID), "whoever runs reeve dev", who.ClientSecret, commands.SystemRequest("first start of reeve dev").Meta)
	if err != nil {
		return err
	}
	return s.mirror.Await(s.ctx, receipt.Position)
}

func bootstrapFile(dataDir string) string { return filepath.Join(dataDir, "bootstrap-token") }

func removed(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// An appointment is the body of POST /v1/bootstrap. Its sender makes up id and
// secret and keeps them first, so that a lost answer loses nothing.
type appointment struct {
	Token  string          `json:"token"`
	Client domain.ClientID `json:"client"`
	Secret string          `json:"secret"`
	Name   string          `json:"name"`
}

// ServeHTTP appoints.
func (b *bootstrap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	receipt, err := b.appoint(w, r)
	if domain.KindOf(err) == domain.Unauthenticated && edge.Suspect(r) > 0 {
		err = edge.ErrRateLimited.Because(err)
	}
	if err != nil {
		edge.Refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(receipt)
}

func (b *bootstrap) appoint(w http.ResponseWriter, r *http.Request) (domain.Receipt, error) {
	var a appointment
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return domain.Receipt{}, edge.ErrMalformedJSON.Because(err)
	}
	if err := b.together(); err != nil {
		return domain.Receipt{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.holds(a.Token); err != nil {
		return domain.Receipt{}, err
	}
	if a.Client == "" || a.Name == "" || !domain.IsClientSecret(a.Secret) {
		return domain.Receipt{}, errAppointment
	}
	m := commands.SystemRequest("bootstrap").Meta
	m.Actor = domain.Actor{ID: "bootstrap", Type: "system"}
	receipt, err := commands.Appoint(r.Context(), b.ledger, a.Client, a.Name, a.Secret, m)
	if err != nil && !errors.Is(err, commands.ErrAppointed) {
		return domain.Receipt{}, err
	}
	b.until = time.Time{}
	if err == nil {
		receipt.ID = string(a.Client)
		err = b.mirror.Await(r.Context(), receipt.Position)
	}
	return receipt, errors.Join(err, removed(bootstrapFile(b.DataDir)))
}

// holds tells the token from any other. Who is too late is told like who guesses.
func (b *bootstrap) holds(token string) error {
	digest := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(digest[:], b.digest[:]) != 1 || time.Now().After(b.until) {
		return errBootstrapToken
	}
	return nil
}

type bootstrapCommand struct {
	verbs.Where
	DataDir string `name:"data-dir" env:"REEVE_DATA_DIR" default:".reeve" help:"Where the server keeps its files, and the bootstrap token while there is one."`
	Token   string `name:"token-file" placeholder:"FILE" help:"File with the bootstrap token, - for standard input; the one in the data directory if left out."`
	Name    string `default:"first administrator" help:"Name of the client that becomes administrator."`
}

// Run appoints a new client the first administrator, and keeps its credentials in
// a file before anybody is asked.
func (c bootstrapCommand) Run(ctx context.Context, t *terminal) error {
	token, err := c.token(t)
	if err != nil {
		return err
	}
	path := c.Credentials
	if path == "" {
		path = filepath.Join(c.DataDir, "credentials.json")
	}
	who, err := newCredentials(path)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	body := appointment{Token: token, Client: domain.ClientID(who.ClientID), Secret: who.ClientSecret, Name: c.Name}
	if _, err := verbs.NewClient(c.Server).Send(ctx, verbs.Call{Method: http.MethodPost, Path: bootstrapPath, Body: body}); err != nil {
		return err
	}
	fmt.Fprintf(t.err, "the first administrator is the client %s; its credentials are in %s\n", who.ClientID, path)
	return nil
}

func (c bootstrapCommand) token(t *terminal) (string, error) {
	var text []byte
	var err error
	switch c.Token {
	case "-":
		text, err = io.ReadAll(io.LimitReader(t.in, 4<<10))
	case "":
		text, err = os.ReadFile(bootstrapFile(c.DataDir))
	default:
		text, err = os.ReadFile(c.Token)
	}
	if err != nil {
		return "", errConfig{"--token-file", err.Error()}
	}
	return strings.TrimSpace(string(text)), nil
}

// newCredentials makes up a client and keeps it. A file that is there already is
// used again: it may be what is left of an attempt whose answer was lost.
func newCredentials(path string) (verbs.Credentials, error) {
	who, err := verbs.ReadCredentials(path)
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return who, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return who, err
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	who = verbs.Credentials{ClientID: uuid.NewString(), ClientSecret: domain.ClientSecret(domain.Base62(secret, domain.SecretDigits))}
	return who, who.Write(path)
}
