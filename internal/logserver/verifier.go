package logserver

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/semaphore"
)

// verifiedHeld is how many credentials are remembered as right.
const verifiedHeld = 1024

// A verifier knows the users file. Comparing a password is slow on purpose, so
// it is done once for each credential, by few callers at a time, and not at all
// for those who failed too often.
type verifier struct {
	path    string
	roll    atomic.Pointer[roll]
	slow    *semaphore.Weighted
	failing *failures
}

// A roll is the users file as it was read once, and what was verified against
// it.
type roll struct {
	users  map[string]User
	decoy  []byte // compared for unknown names, at the price of a known one
	key    [32]byte
	mu     sync.Mutex
	proven *simplelru.LRU[[32]byte, string] // keyed hash of name and password -> name
}

func newVerifier(path string) (*verifier, error) {
	v := &verifier{
		path: path, failing: newFailures(),
		slow: semaphore.NewWeighted(int64(max(1, runtime.GOMAXPROCS(0)/2))),
	}
	return v, v.read()
}

// read takes over the file, or leaves everything as it was and says why.
func (v *verifier) read() error {
	users, err := ReadUsers(v.path)
	if err != nil {
		return err
	}
	r, err := newRoll(users)
	if err == nil {
		r.inherit(v.roll.Load())
		v.roll.Store(r)
	}
	return err
}

// inherit keeps what was verified of users whose password is the same, so that
// somebody who guesses cannot stop clients at work whenever the file changes.
func (r *roll) inherit(old *roll) {
	if old == nil {
		return
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	r.key = old.key
	for _, key := range old.proven.Keys() {
		if name, ok := old.proven.Peek(key); ok && r.users[name].hash == old.users[name].hash && r.users[name].Name != "" {
			r.proven.Add(key, name)
		}
	}
}

// reread is read while serving: a file that is wrong leaves the last good one
// in force, because its writer may be half way through.
func (v *verifier) reread(logger *slog.Logger) {
	if err := v.read(); err != nil {
		logger.Error("the users file cannot be read; the users are those of before", "error", err)
		return
	}
	logger.Info("users file read again", "users", len(v.roll.Load().users))
}

func newRoll(all []User) (*roll, error) {
	r := &roll{users: map[string]User{}}
	cost := bcrypt.MinCost
	for _, u := range all {
		r.users[u.Name] = u
		c, _ := bcrypt.Cost([]byte(u.hash)) // was checked when parsed
		cost = max(cost, c)
	}
	rand.Read(r.key[:])
	var err error
	if r.decoy, err = bcrypt.GenerateFromPassword([]byte(rand.Text()), cost); err != nil {
		return nil, err
	}
	r.proven, err = simplelru.NewLRU[[32]byte, string](verifiedHeld, nil)
	return r, err
}

// verify returns the user whose credential it is. from is where the caller
// comes from; failures are counted for each such place.
func (v *verifier) verify(ctx context.Context, c credential, from string) (User, bool) {
	r := v.roll.Load()
	key := r.digest(c)
	if u, ok := r.known(key); ok {
		return u, true
	}
	if v.slow.Acquire(ctx, 1) != nil {
		return User{}, false
	}
	defer v.slow.Release(1)
	if u, ok := r.known(key); ok { // somebody else was first
		return u, true
	}
	if !v.failing.admit(from) {
		return User{}, false
	}
	u, ok := r.compare(c)
	if !ok {
		return User{}, false
	}
	v.failing.forgive(from)
	r.remember(key, u.Name)
	return u, true
}

// digest stands for a credential in memory. Its key is drawn with the roll.
func (r *roll) digest(c credential) (key [32]byte) {
	h := hmac.New(sha256.New, r.key[:])
	h.Write([]byte(c.name + "\x00" + c.password))
	return [32]byte(h.Sum(nil))
}

func (r *roll) known(key [32]byte) (User, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name, ok := r.proven.Get(key)
	return r.users[name], ok
}

func (r *roll) remember(key [32]byte, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.proven.Add(key, name)
}

// compare takes as long for a name that is unknown.
func (r *roll) compare(c credential) (User, bool) {
	u, ok := r.users[c.name]
	hash := []byte(u.hash)
	if !ok {
		hash = r.decoy
	}
	err := bcrypt.CompareHashAndPassword(hash, []byte(c.password))
	return u, ok && err == nil
}
