package verbs

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/reeve-platform/reeve/domain"
)

// Credentials are the client that the command line signs in as. The file that
// holds them is its owner's alone; nothing of it is ever taken from a command line.
type Credentials struct {
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
}

var (
	// ErrCredentials: the file with the credentials cannot be used.
	ErrCredentials = &domain.Error{Kind: domain.Unauthenticated, Code: "unusable-credentials", Detail: "the credentials cannot be used"}
	// ErrSignIn: the server does not accept the credentials.
	ErrSignIn = &domain.Error{Kind: domain.Unauthenticated, Code: "sign-in-refused", Detail: "the server does not accept the credentials"}
)

// ReadCredentials reads a file of credentials. It refuses one that others can read.
func ReadCredentials(path string) (c Credentials, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return c, ErrCredentials.With("no file of credentials at " + path).Because(err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return c, ErrCredentials.With(path + " can be read by others; its mode must be 0600")
	}
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil || c.ClientID == "" || c.ClientSecret == "" {
		return c, ErrCredentials.With(path + " holds no clientId and clientSecret").Because(err)
	}
	return c, nil
}

// Write keeps credentials in a file that only its owner can read, in place of the
// one that may be there.
func (c Credentials) Write(path string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	beside := path + ".new"
	if err := os.WriteFile(beside, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(beside, path)
}

// Client is a client of the server, signed in by the token in REEVE_TOKEN, or else
// as the client in the file of credentials. Without either it asks as nobody,
// unless a file was named.
func (w Where) Client() (*Client, error) { return w.ClientFor() }

// ClientFor asks as Client does, with tokens that are good for some scopes and nothing
// else; for all that the client may without any. A token from the environment is sent
// as it is.
func (w Where) ClientFor(scopes ...string) (*Client, error) {
	c := NewClient(w.Server)
	if token := os.Getenv("REEVE_TOKEN"); token != "" {
		return c.As(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token})), nil
	}
	path := w.Credentials
	if path == "" {
		path = defaultCredentials
	}
	who, err := ReadCredentials(path)
	if w.Credentials == "" && errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	return c.As(c.source(who, scopes)), nil
}

// defaultCredentials is where reeve dev leaves those of the machine it runs on.
const defaultCredentials = ".reeve/credentials.json"

// As makes a client send the tokens of a source.
func (c *Client) As(s oauth2.TokenSource) *Client {
	c.tokens = s
	return c
}

// SignIn makes a client ask for tokens with credentials, anew when one expires.
func (c *Client) SignIn(who Credentials) *Client { return c.As(c.source(who, nil)) }

func (c *Client) source(who Credentials, scopes []string) oauth2.TokenSource {
	config := clientcredentials.Config{Scopes: scopes, ClientID: who.ClientID, ClientSecret: who.ClientSecret,
		TokenURL: c.server + "/oauth2/token", AuthStyle: oauth2.AuthStyleInHeader}
	return config.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, c.http))
}

// Token is an access token for the server, empty for a client that is nobody.
func (c *Client) Token(ctx context.Context) (string, error) {
	if c.tokens == nil {
		return "", nil
	}
	token, err := c.tokens.Token()
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		if refused.Response.StatusCode >= 500 {
			return "", ErrUnreachable.With("the server cannot sign anybody in now").Because(err)
		}
		return "", ErrSignIn.Because(err)
	}
	if err != nil {
		return "", c.failure(ctx, err)
	}
	return token.AccessToken, nil
}

// authorize says who makes a request.
func (c *Client) authorize(ctx context.Context, r *http.Request) error {
	token, err := c.Token(ctx)
	if err != nil || token == "" {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}
